/// A mistake of a real implementation that a run can be told to make, to prove that the checkers find it.
///
/// Those of the protocol are `Zab.Mutations` of the same name; those of the disk are made by the simulated disk.
public enum Mutation: String, CaseIterable, Sendable {
    case zk2872, zk4882, zk3144, noSync

    /// What the mistake is, in one sentence.
    public var summary: String {
        switch self {
        case .zk2872: "a snapshot has its name before its bytes are synced"
        case .zk4882: "a failed write is passed over, and what it held reported durable"
        case .zk3144: "a fuzzy snapshot is named by what was applied at its end, though its beginning is older"
        case .noSync: "a write is reported durable before it is"
        }
    }
}
