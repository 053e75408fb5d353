/// What a server has promised: one record, written atomically, so that no crash can tear its parts from each other
/// (ZOOKEEPER-1653, 4643).
public struct EpochRecord: Sendable, Equatable {
    /// The newest epoch for which this server has agreed to follow a leader.
    public var accepted: Int64
    /// The epoch whose leader's history this server has, durable as a whole.
    public var current: Int64
    /// Everything up to here was known committed when the record was written. A lower bound: recovery that ends below
    /// it has lost acknowledged transactions, and must not vote.
    public var committedZxid: Int64

    public init(accepted: Int64 = 0, current: Int64 = 0, committedZxid: Int64 = 0) {
        self.accepted = accepted
        self.current = current
        self.committedZxid = committedZxid
    }
}
