/// Known mistakes of real implementations that the simulator can switch on, to prove that its checkers find them.
///
/// Always empty in a server: only the simulator's own command sets it. `zk` names a row of ZooKeeper's bug tracker.
public struct Mutations: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// A leader does not send a learner what was proposed while it synchronized.
    public static let zk962 = Mutations(rawValue: 1 << 0)
    /// A learner with more history than the leader keeps it.
    public static let zk1154 = Mutations(rawValue: 1 << 1)
    /// TRUNC cuts one transaction too many.
    public static let zk1156 = Mutations(rawValue: 1 << 2)
    /// A learner further behind than memory gets only what is in memory.
    public static let zk1319 = Mutations(rawValue: 1 << 3)
    /// A learner whose last transaction the leader does not have gets a DIFF without TRUNC.
    public static let zk2832 = Mutations(rawValue: 1 << 4)
    /// A synchronizing learner is told COMMIT for what is not committed.
    public static let zk2846 = Mutations(rawValue: 1 << 5)
    /// What a learner takes between NEWLEADER and UPTODATE is missing from what it keeps for others.
    public static let zk4925 = Mutations(rawValue: 1 << 6)
    /// A learner forgets COMMITs between NEWLEADER and UPTODATE.
    public static let zk4394 = Mutations(rawValue: 1 << 7)
    /// NEWLEADER is acknowledged before the history is durable.
    public static let zk3023 = Mutations(rawValue: 1 << 8)
    /// The epoch is stored before the history is durable.
    public static let zk4643 = Mutations(rawValue: 1 << 9)
    /// The epoch is stored only at UPTODATE.
    public static let zk1291 = Mutations(rawValue: 1 << 10)
    /// A leader names an epoch that it has not stored.
    public static let zk1282 = Mutations(rawValue: 1 << 11)
    /// A learner acknowledges an epoch that it has not stored.
    public static let zk1264 = Mutations(rawValue: 1 << 12)
    /// A proposal is acknowledged when received.
    public static let zk4646 = Mutations(rawValue: 1 << 13)
    /// A leader counts itself when it proposes.
    public static let etcd14370 = Mutations(rawValue: 1 << 14)
    /// The future state of a term survives into the next.
    public static let zk4541 = Mutations(rawValue: 1 << 15)
    /// A server votes with what it has applied, not with what it has logged.
    public static let zk2845 = Mutations(rawValue: 1 << 16)
    /// A leader takes office without the tail of its log.
    public static let zk2845b = Mutations(rawValue: 1 << 17)
    /// A learner applies what is logged.
    public static let zk1549 = Mutations(rawValue: 1 << 18)
    /// A learner that loses its leader within a snapshot believes to have it.
    public static let zk3642 = Mutations(rawValue: 1 << 19)
    /// A leader forgets the sessions of others when it takes office.
    public static let zk1367 = Mutations(rawValue: 1 << 20)
    /// A learner follows an older epoch than it promised.
    public static let staleEpochFollowed = Mutations(rawValue: 1 << 21)
    /// A leader's epoch follows its own promise only.
    public static let epochFromSelf = Mutations(rawValue: 1 << 22)
    /// A leader proposes once a quorum has promised, before one has its history.
    public static let earlyOffice = Mutations(rawValue: 1 << 23)
    /// A leader goes on though a follower knows more.
    public static let newerFollower = Mutations(rawValue: 1 << 24)
    /// Any one acknowledgement beside the leader's commits.
    public static let commitOfOne = Mutations(rawValue: 1 << 25)
    /// A learner takes a proposal that does not follow the last.
    public static let proposalGap = Mutations(rawValue: 1 << 26)
    /// A server takes a client that has seen more than it has.
    public static let zxidBehindClient = Mutations(rawValue: 1 << 27)
    /// A learner answers sync by itself.
    public static let localSync = Mutations(rawValue: 1 << 28)
    /// A learner does not tell which sessions it has heard of.
    public static let touchLost = Mutations(rawValue: 1 << 29)
    /// An expired session is forgotten and not closed.
    public static let expiredNotClosed = Mutations(rawValue: 1 << 30)
    /// A leader confirms sessions that have ended.
    public static let revalidateAny = Mutations(rawValue: 1 << 31)
    /// Votes are ordered without their epochs.
    public static let electionEpochIgnored = Mutations(rawValue: 1 << 32)
    /// Half of the voters are a quorum.
    public static let electionHalf = Mutations(rawValue: 1 << 33)
    /// Votes of older rounds count.
    public static let electionStaleRound = Mutations(rawValue: 1 << 34)
    /// Votes are ordered without their zxids.
    public static let electionZxidIgnored = Mutations(rawValue: 1 << 35)
    /// A leader announces commits before it answers the syncs that stand before them.
    public static let syncBehindCommit = Mutations(rawValue: 1 << 36)
    /// A learner answers a sync only when all it has to apply has been applied.
    public static let syncLate = Mutations(rawValue: 1 << 37)

    public static let named: [(name: String, mutation: Mutations)] = [
        ("zk962", .zk962),
        ("zk1154", .zk1154),
        ("zk1156", .zk1156),
        ("zk1319", .zk1319),
        ("zk2832", .zk2832),
        ("zk2846", .zk2846),
        ("zk4925", .zk4925),
        ("zk4394", .zk4394),
        ("zk3023", .zk3023),
        ("zk4643", .zk4643),
        ("zk1291", .zk1291),
        ("zk1282", .zk1282),
        ("zk1264", .zk1264),
        ("zk4646", .zk4646),
        ("etcd14370", .etcd14370),
        ("zk4541", .zk4541),
        ("zk2845", .zk2845),
        ("zk2845b", .zk2845b),
        ("zk1549", .zk1549),
        ("zk3642", .zk3642),
        ("zk1367", .zk1367),
        ("staleEpochFollowed", .staleEpochFollowed),
        ("epochFromSelf", .epochFromSelf),
        ("earlyOffice", .earlyOffice),
        ("newerFollower", .newerFollower),
        ("commitOfOne", .commitOfOne),
        ("proposalGap", .proposalGap),
        ("zxidBehindClient", .zxidBehindClient),
        ("localSync", .localSync),
        ("touchLost", .touchLost),
        ("expiredNotClosed", .expiredNotClosed),
        ("revalidateAny", .revalidateAny),
        ("electionEpochIgnored", .electionEpochIgnored),
        ("electionHalf", .electionHalf),
        ("electionStaleRound", .electionStaleRound),
        ("electionZxidIgnored", .electionZxidIgnored),
        ("syncBehindCommit", .syncBehindCommit),
        ("syncLate", .syncLate),
    ]
}
