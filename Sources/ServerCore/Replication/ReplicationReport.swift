import Zab

/// What a replicated server tells of its part in the ensemble, at one moment.
public struct ReplicationReport: Sendable {
    /// Apache's `ServerState`.
    public enum State: String, Sendable {
        case looking, following, leading, observing
    }

    /// Apache's `ZabState`: how far the server has come in its part.
    public enum Phase: String, Sendable {
        case election, discovery, synchronization, broadcast
    }

    /// How a learner is, or was last, brought up to date.
    public enum SyncMode: String, Sendable {
        case none, diff, snap, trunc
    }

    /// What only a leader has to tell.
    public struct Leadership: Sendable {
        /// Since it became leader.
        public var uptimeMillis: Int64 = 0
        /// Learners connected, whether up to date or not.
        public var learners = 0
        /// Up to date and voting; the leader itself is not counted.
        public var syncedFollowers = 0
        /// Up to date, following, and not in the list of voters.
        public var syncedNonVotingFollowers = 0
        public var syncedObservers = 0
        /// `sync` requests that wait for a commit.
        public var pendingSyncs = 0
        /// Bytes of proposals: header, transaction and digest. `srst` resets them.
        public var proposalSizes = SizeSummary()

        public init() {}
    }

    public var serverID: ServerID
    public var state: State
    public var phase = Phase.election
    public var syncMode = SyncMode.none
    /// Of whom it follows or observes; its own when leading; nil while looking.
    public var leaderID: ServerID?
    /// Servers that vote.
    public var quorumSize = 0
    /// Not nil exactly while leading.
    public var leadership: Leadership?
    public var statistics = ReplicationStatistics()
    /// What an operator has to put right, at most one of each kind; empty when all is well.
    public var problems: [ReplicationProblem] = []

    public init(serverID: ServerID, state: State) {
        self.serverID = serverID
        self.state = state
    }
}

/// Something wrong with a member that it cannot put right by itself: for one log line, and for `srvr` and `mntr` as
/// long as it lasts.
public struct ReplicationProblem: Sendable, Hashable, CustomStringConvertible {
    /// For monitors, which should not have to read the text.
    public enum Kind: String, Sendable, CaseIterable {
        case unreachableMajority = "unreachable-majority"
        case duplicateID = "duplicate-id"
        case unknownPeer = "unknown-peer"
        case unequalMembers = "unequal-members"
        case foreignData = "foreign-data"
        case digestMismatch = "digest-mismatch"
    }

    public var kind: Kind
    /// One line, without the kind.
    public var text: String

    public init(_ kind: Kind, _ text: String) {
        self.kind = kind
        // It goes into answers that are taken apart by lines and tabs.
        self.text = String(text.map { $0.isNewline || $0 == "\t" ? " " : $0 })
    }

    public var description: String { "\(kind.rawValue): \(text)" }

    /// Too few voters answer for a leader to be elected.
    public static func unreachableMajority(silent: [ServerID], voters: Int) -> ReplicationProblem {
        ReplicationProblem(
            .unreachableMajority,
            "\(names(silent)) \(silent.count == 1 ? "does" : "do") not answer; without them the \(voters) voters have"
                + " no majority")
    }

    /// A peer introduced itself with this server's own id.
    public static func duplicateID(_ id: ServerID, at peer: String) -> ReplicationProblem {
        ReplicationProblem(.duplicateID, "\(peer) also calls itself server.\(id): one of the two has a wrong myid file")
    }

    /// A peer introduced itself with an id that the member list does not have.
    public static func unknownPeer(_ id: ServerID, at peer: String) -> ReplicationProblem {
        ReplicationProblem(
            .unknownPeer, "\(peer) calls itself server.\(id), which is not in this server's member list")
    }

    /// A peer's member list is another one, as far as its messages tell.
    public static func unequalMembers(_ id: ServerID, _ difference: String) -> ReplicationProblem {
        ReplicationProblem(.unequalMembers, "server.\(id) has another member list: \(difference)")
    }

    /// Connections under one id replace each other all the time.
    public static func sharedID(_ id: ServerID) -> ReplicationProblem {
        ReplicationProblem(
            .duplicateID, "connections of server.\(id) replace each other: do two servers have \(id) in their myid?")
    }

    /// A peer's own address is not the one that this server's member list has.
    public static func otherAddress(_ id: ServerID, says announced: String, listed: String) -> ReplicationProblem {
        ReplicationProblem(
            .unequalMembers,
            "server.\(id) announces the election address \(announced), but is \(listed) here: the member lists differ,"
                + " or two servers have \(id) in their myid")
    }

    /// A peer that has to open the connection does not, though it was asked again and again.
    public static func noAnswer(of id: ServerID, to own: ServerID) -> ReplicationProblem {
        ReplicationProblem(
            .unequalMembers,
            "server.\(id) can be reached but does not connect back: it hangs, or its member list has another address"
                + " for server.\(own), or another server has \(own) in its myid")
    }

    /// The data directory holds a history that is not this ensemble's.
    public static func foreignData(_ detail: String) -> ReplicationProblem {
        ReplicationProblem(.foreignData, "the data directory belongs to another ensemble: \(detail)")
    }

    /// The tree disagrees with the leader's.
    public static func digestMismatch(zxid: Int64) -> ReplicationProblem {
        ReplicationProblem(
            .digestMismatch,
            "the tree differs from the leader's at zxid 0x\(String(zxid, radix: 16)): this server does not serve"
                + " until it has taken a snapshot from the leader")
    }

    private static func names(_ ids: [ServerID]) -> String {
        ids.sorted().map { "server.\($0)" }.joined(separator: ", ")
    }
}
