import Zab

/// What a server must know of its ensemble.
public struct ReplicaConfiguration: Sendable {
    public var myId: ServerID
    public var quorum: QuorumRule
    public var isObserver: Bool
    public var limits: ZabLimits
    /// Whether the leader takes clients (`leaderServes`).
    public var leaderServes = true
    /// The member list as the servers' own notifications carry it, its last line `version=0`.
    public var memberListText: [UInt8]
    /// The same, to be compared with others'.
    public var members: EnsembleConfiguration?
    /// Memory for transactions kept for learners that are a little behind, in bytes.
    public var recentTxnBytesMax = 16 << 20
    /// How long a client that comes during an election may wait for its end.
    public var heldHandshakeMillis: Int64 = 1000
    public var election = ElectionOptions()
    public var mutations: Mutations = []

    public init(
        myId: ServerID, quorum: QuorumRule, isObserver: Bool, limits: ZabLimits, members: EnsembleConfiguration?
    ) {
        self.myId = myId
        self.quorum = quorum
        self.isObserver = isObserver
        self.limits = limits
        self.members = members
        memberListText = members?.text ?? Array("version=0".utf8)
    }
}

/// Bounds of replication that no configuration key moves.
enum ReplicaLimits {
    /// Bytes read ahead for a learner that catches up.
    static let feedBytes = 256 << 10
    /// Unsent bytes above which a learner that catches up is fed no more.
    static let feedUnsentBytesMax = 1 << 20
    /// Unsent bytes at which a learner that follows has fallen out of step: it is better off synchronizing anew.
    static let liveUnsentBytesMax = 256 << 20
    /// Received and not yet handed to the log: above this, no more is read from the leader.
    static let unloggedBytesMax = 8 << 20
    /// Counters above this end a leader's term before the epoch runs out of zxids.
    static let counterMax: Int64 = 0xf000_0000
}
