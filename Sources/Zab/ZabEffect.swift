/// Names one connection between a leader and a learner, within one server.
public typealias LinkID = Int

/// What a machine wants done, in this order. An executor may gather effects; it never moves one across a barrier:
/// `storePromises` is durable before the next effect takes place, and `truncate` is done.
public enum ZabEffect: Sendable, Equatable {
    /// Make both epochs durable. A barrier.
    case storePromises(Promises)

    // A leader's:
    case sendLeaderInfo(LinkID, epoch: Int64)
    /// Bring a learner, whose history ends at `learnerZxid`, to this server's: TRUNC, DIFF or SNAP, the proposals
    /// behind, NEWLEADER, and from then on every proposal, all on its one ordered channel.
    case synchronize(LinkID, learnerZxid: Int64, isObserver: Bool)
    case sendUpToDate(LinkID)
    case closeLink(LinkID, reason: String)
    /// Send a PING on every link that has been synchronized.
    case ping
    /// This server is the established leader of the epoch: its whole history is committed, it may propose.
    case lead(epoch: Int64)

    // A learner's:
    case sendLearnerInfo(acceptedEpoch: Int64)
    case sendEpochAck(currentEpoch: Int32, lastZxid: Int64)
    /// Cut the history behind a zxid. A barrier.
    case truncate(to: Int64)
    /// What follows on the link is a snapshot. A barrier: the machine goes on with `snapshotInstalled`.
    case receiveSnapshot(zxid: Int64)
    /// Acknowledge NEWLEADER (or UPTODATE) by the first zxid of the epoch.
    case sendEpochStartAck(zxid: Int64)
    /// Acknowledge, one by one, the proposals after `after` up to `upTo`, all durable.
    case sendAcks(after: Int64, upTo: Int64)
    /// This server follows the established leader of the epoch and may serve.
    case follow(epoch: Int64)

    // Both:
    /// Everything up to here is committed; whoever leads tells the learners.
    case commit(upTo: Int64)
    /// Give this term up and look for a leader.
    case abandon(reason: String)
}
