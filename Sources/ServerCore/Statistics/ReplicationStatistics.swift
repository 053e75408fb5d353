/// What a replicated server counted since its start, under Apache's names: plain counters, changed by the core's
/// thread alone.
public struct ReplicationStatistics: Sendable {
    // Elections

    /// Times this server began to look for a leader.
    public var lookingCount: UInt64 = 0
    /// From beginning to look to having found or become a leader; followers and leaders only.
    public var electionTime = LatencySummary()
    /// From losing the quorum to serving again.
    public var unavailableTime = LatencySummary()
    /// The same, when this server came to lead.
    public var leaderUnavailableTime = LatencySummary()
    /// Times a leader stepped down because a voter that it counted on followed another.
    public var disloyalVoterQuits: UInt64 = 0

    // Leading

    public var proposals: UInt64 = 0
    public var commits: UInt64 = 0
    /// Learners brought up to date by transactions, or by truncating and transactions.
    public var diffSyncs: UInt64 = 0
    /// Learners brought up to date by a snapshot.
    public var snapshotSyncs: UInt64 = 0
    /// Sessions that learners asked about.
    public var revalidations: UInt64 = 0
    /// Snapshots being sent, at the beginning and at the end of each.
    public var snapshotsInFlight = NumberSummary()
    /// The same for transactions.
    public var diffsInFlight = NumberSummary()
    /// From a proposal to its quorum of acknowledgements.
    public private(set) var quorumAckLatency = LatencySummary()
    public private(set) var quorumAckHistogram = LatencyHistogram()

    // Following and observing

    public var proposalsReceived: UInt64 = 0
    public var commitsReceived: UInt64 = 0
    /// From having found a leader to being up to date.
    public var followerSyncTime = LatencySummary()
    public var observerSyncTime = LatencySummary()

    public init() {}

    /// A learner is up to date, so long after it had found its leader.
    mutating func synchronized(isObserver: Bool, millis: Int64) {
        let nanos = UInt64(max(0, millis)) * 1_000_000
        if isObserver { observerSyncTime.record(nanos: nanos) } else { followerSyncTime.record(nanos: nanos) }
    }

    /// `count` proposals that took `nanos` to be acknowledged by a quorum.
    public mutating func recordQuorumAcks(nanos: UInt64, count: UInt64 = 1) {
        quorumAckLatency.record(nanos: nanos, count: count)
        quorumAckHistogram.record(micros: nanos / 1000, count: count)
    }
}
