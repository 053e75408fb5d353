import Zab

/// A mistake of a real implementation that a run can be told to make, to prove that the checkers find it.
public enum Mutation: Sendable, Equatable, CustomStringConvertible {
    /// The protocol's or the replica's, made by production code that is told to.
    case ofProtocol(name: String)
    /// The disk's, made by the simulated one.
    case ofDisk(DiskMutation)

    public static var all: [Mutation] {
        Mutations.named.map { .ofProtocol(name: $0.name) } + DiskMutation.allCases.map { .ofDisk($0) }
    }

    public init?(name: String) {
        guard let found = Self.all.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    public var name: String {
        switch self {
        case .ofProtocol(let name): name
        case .ofDisk(let mutation): mutation.rawValue
        }
    }

    public var description: String { name }

    var protocolPart: Mutations {
        guard case .ofProtocol(let name) = self else { return [] }
        let one = Mutations.named.first { $0.name == name }?.mutation ?? []
        // Some mistakes are harmless here because a second check stands behind the first. The servers that made them
        // had none, so both are left out.
        switch one {
        case .zk962: return [.zk962, .proposalGap]
        case .zk2845: return [.zk2845, .newerFollower]
        case .epochFromSelf: return [.epochFromSelf, .staleEpochFollowed]
        case .newerFollower: return [.newerFollower, .electionZxidIgnored]
        case .zk1264: return [.zk1264, .zk1291]
        default: return one
        }
    }

    var diskPart: DiskMutation? {
        if case .ofDisk(let mutation) = self { mutation } else { nil }
    }
}

/// Mistakes that the simulated disk makes.
public enum DiskMutation: String, CaseIterable, Sendable {
    case zk2872, zk4882, zk3144, zk4837, noSync

    /// What the mistake is, in one sentence.
    public var summary: String {
        switch self {
        case .zk2872: "A snapshot has its name before its bytes are synced."
        case .zk4882: "A failed write is passed over, and what it held reported durable."
        case .zk3144: "A fuzzy snapshot is named by what was applied at its end, though its beginning is older."
        case .zk4837: "The log is cut, and snapshots that hold more than it are left."
        case .noSync: "A write is reported durable before it is."
        }
    }
}
