extension Mutation {
    /// What the mistake is, in one sentence.
    public var summary: String {
        switch self {
        case .ofProtocol(let name):
            (Self.protocolSummaries[name] ?? "") + (Self.alsoDropped[name].map { " Dropped with it: \($0)." } ?? "")
        case .ofDisk(let mutation): mutation.summary
        }
    }

    /// Why the mistake alone may break nothing; nil where it must be found.
    public var maskedBy: String? { Self.safeguards[name] }

    /// What stands behind the mistake and would hide it, and is left out too.
    private static let alsoDropped = [
        "zk962": "the learner's check for gaps",
        "zk4394": "that the leader sends nothing between the two",
        "zk1282": "that it stores the epoch once more before it leads",
        "zk1264": "that it stores the epoch once more before it acknowledges NEWLEADER",
        "zk4541": "that synchronization forgets it, too",
        "zk2845": "that a leader ends its term when a follower knows more",
        "epochFromSelf": "that a learner follows no older epoch than it promised",
        "staleEpochFollowed": "that a leader ends its term when a voter has promised a newer epoch",
        "newerFollower": "the order of votes by zxid",
    ]

    private static let safeguards = [
        "zk1291": "UPTODATE stands before every proposal of its epoch: whoever has acknowledged one of them has stored "
            + "the epoch.",
        "staleEpochFollowed": "Elections: nobody joins a leader that no quorum follows, and the leader that a quorum "
            + "follows takes no harm from a promise to another.",
        "epochFromSelf": "The order of votes: whoever has the newest epoch among a quorum is the one that leads, and "
            + "its own promise is the newest.",
        "proposalGap": "A leader's one position in each learner's stream, which leaves nothing out; zk962, which drops "
            + "that, drops this check too.",
        "zk4837": "Snapshots hold what is committed, and nobody is told to cut that.",
    ]

    private static let protocolSummaries = [
        "zk962": "A leader does not send a learner what was proposed while it synchronized.",
        "zk1154": "A learner with more history than the leader keeps it.",
        "zk1156": "TRUNC cuts one transaction too many.",
        "zk1319": "A learner further behind than memory gets only what is in memory.",
        "zk2832": "A learner whose last transaction the leader does not have gets a DIFF without TRUNC.",
        "zk2846": "A synchronizing learner is told COMMIT for what is not committed.",
        "zk4925": "What a learner takes between NEWLEADER and UPTODATE is missing from what it keeps for others.",
        "zk4394": "A learner forgets COMMITs between NEWLEADER and UPTODATE.",
        "zk3023": "NEWLEADER is acknowledged before the history is durable.",
        "zk4643": "The epoch is stored before the history is durable.",
        "zk1291": "The epoch is stored only at UPTODATE.",
        "zk1282": "A leader names an epoch that it has not stored.",
        "zk1264": "A learner acknowledges an epoch that it has not stored.",
        "zk4646": "A proposal is acknowledged when received.",
        "etcd14370": "A leader counts itself when it proposes.",
        "zk4541": "The future state of a term survives into the next.",
        "zk2845": "A server votes with what it has applied, not with what it has logged.",
        "zk2845b": "A leader takes office without the tail of its log.",
        "zk1549": "A learner applies what is logged.",
        "zk3642": "A learner that loses its leader within a snapshot believes to have it.",
        "zk1367": "A leader forgets the sessions of others when it takes office.",
        "staleEpochFollowed": "A learner follows an older epoch than it promised.",
        "epochFromSelf": "A leader's epoch follows its own promise only.",
        "earlyOffice": "A leader proposes once a quorum has promised, before one has its history.",
        "newerFollower": "A leader goes on though a follower knows more.",
        "commitOfOne": "Any one acknowledgement beside the leader's commits.",
        "proposalGap": "A learner takes a proposal that does not follow the last.",
        "zxidBehindClient": "A server takes a client that has seen more than it has.",
        "localSync": "A learner answers sync by itself.",
        "touchLost": "A learner does not tell which sessions it has heard of.",
        "expiredNotClosed": "An expired session is forgotten and not closed.",
        "revalidateAny": "A leader confirms sessions that have ended.",
        "electionEpochIgnored": "Votes are ordered without their epochs.",
        "electionHalf": "Half of the voters are a quorum.",
        "electionStaleRound": "Votes of older rounds count.",
        "electionZxidIgnored": "Votes are ordered without their zxids.",
        "syncBehindCommit": "A leader announces commits before it answers the syncs that stand before them.",
        "syncLate": "A learner answers a sync only when all it has to apply has been applied.",
    ]
}
