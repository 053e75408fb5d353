/// The two epochs a server keeps on disk. Both change together, in one record (ZOOKEEPER-1653).
public struct Promises: Sendable, Equatable {
    /// The newest epoch for which this server has agreed to follow a leader.
    public var acceptedEpoch: Int64
    /// The epoch whose leader's history this server holds as a whole.
    public var currentEpoch: Int64

    public init(acceptedEpoch: Int64, currentEpoch: Int64) {
        self.acceptedEpoch = acceptedEpoch
        self.currentEpoch = currentEpoch
    }
}
