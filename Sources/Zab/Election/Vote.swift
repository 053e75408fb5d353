/// What a server votes for: a leader, and how recent that leader's history is.
public struct Vote: Hashable, Sendable {
    public var leader: ServerID
    /// The last zxid of its history.
    public var zxid: Int64
    /// The epoch of the last leader it was synchronized with.
    public var peerEpoch: Int64

    public init(leader: ServerID, zxid: Int64, peerEpoch: Int64) {
        self.leader = leader
        self.zxid = zxid
        self.peerEpoch = peerEpoch
    }

    /// The order all servers share: epoch, then zxid, then server id.
    public func isAfter(_ other: Vote, _ mutations: Mutations = []) -> Bool {
        if peerEpoch != other.peerEpoch, !mutations.contains(.electionEpochIgnored) {
            return peerEpoch > other.peerEpoch
        }
        if zxid != other.zxid, !mutations.contains(.electionZxidIgnored) { return zxid > other.zxid }
        return leader > other.leader
    }

    /// What a server that may not lead says: less than anything.
    public static let none = Vote(leader: .min, zxid: .min, peerEpoch: .min)
}

/// How long an election waits for what.
public struct ElectionOptions: Sendable {
    /// After a quorum agrees, for voters that can be reached and have not spoken for the same leader (Apache: 200).
    public var settleMillis: Int64
    /// The first pause before a notification is repeated to those that have not answered; it doubles.
    public var minimumResendMillis: Int64
    public var maximumResendMillis: Int64
    /// For a leader all vote for but that has not been heard itself. Then the round is begun anew, without it unless
    /// it speaks. Doubles each time, and is longer than Apache's servers take, so that it does not disturb them.
    public var silentLeaderMillis: Int64
    /// How long a server is not elected that was, and did not hear of it: it can be heard and hears nobody.
    public var deafMillis: Int64 = 2000

    public init(
        settleMillis: Int64 = 20, minimumResendMillis: Int64 = 50, maximumResendMillis: Int64 = 2000,
        silentLeaderMillis: Int64 = 400
    ) {
        precondition(settleMillis >= 0 && minimumResendMillis > 0 && maximumResendMillis >= minimumResendMillis)
        precondition(silentLeaderMillis > settleMillis)
        self.settleMillis = settleMillis
        self.minimumResendMillis = minimumResendMillis
        self.maximumResendMillis = maximumResendMillis
        self.silentLeaderMillis = silentLeaderMillis
    }
}

/// What an election asks of its owner, in order.
public enum ElectionEffect: Equatable, Sendable {
    /// To another server's election port. A newer message to the same server may replace one not sent yet.
    case send(ElectionNotification, to: ServerID)
    /// This server leads, if `leader` is its own id, or follows (or observes) the leader. The election is over; the
    /// leader may be some milliseconds behind, so that its quorum port does not take connections yet.
    case elected(leader: ServerID, electionEpoch: Int64)
    /// While this server's leadership, or its leader's, is not established yet: those that were to support it look
    /// for another. Waiting on is futile: the owner should end the attempt and `start` again at once. Said once.
    case supportLost
}
