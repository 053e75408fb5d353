import TxnLog
import Zab

/// One connection between a leader and a learner, on the quorum port. Used on the core's thread only.
public protocol PeerLink: AnyObject {
    /// Sends a copy of the bytes, in order, or keeps what the socket does not take.
    func send(_ bytes: UnsafeRawBufferPointer)
    /// Bytes given to `send` that the socket has not taken yet.
    var unsentBytes: Int { get }
    /// Asks to be told (`Replica.linkDrained`) once `unsentBytes` is small again.
    func notifyWhenDrained()
    /// Stops, and goes on, delivering what arrives. While it is stopped the sender's output fills.
    func pauseReading()
    func resumeReading()
    /// Ends the connection at once. `Replica.linkClosed` does not follow a close of one's own.
    func close()
    /// For log lines.
    var peerDescription: String { get }
}

/// The network seam between servers. Calls never block; answers come as calls of the replica on the core's thread.
public protocol PeerNetwork: AnyObject {
    /// Sends an election message (without its length) to one server, connecting if need be. Only the newest unsent
    /// message to each server is kept.
    func sendElectionMessage(_ bytes: [UInt8], to server: ServerID)
    /// Begins to connect to a server's quorum port, ending any attempt or connection before.
    /// `Replica.leaderConnected` or `Replica.leaderConnectFailed` follows.
    func connectToLeader(_ server: ServerID)
    /// Gives up the attempt under way, if any.
    func cancelConnect()
    /// Whether the quorum port takes learners: only while this server leads or tries to.
    func setAcceptsLearners(_ accepts: Bool)
}

/// The disk seam of a replicated server: beside the stream of batches, what happens at the turns of its life. Those
/// calls block until done. A disk that fails ends the server (`DiskError` is fatal to the caller).
public protocol ReplicaDisk: TxnSink {
    /// Makes everything submitted durable; none of it is reported by `Core.durable` any more.
    func quiesce() throws(DiskError)
    /// Stores the record; durable on return.
    func store(_ epochs: EpochRecord) throws(DiskError)
    /// Cuts the log behind `zxid`, and removes snapshots that hold more. Durable on return. Quiesced only.
    ///
    /// - Returns: the last transaction left; nil when there is nothing to start from that is old enough.
    func truncateLog(to zxid: Int64) throws(DiskError) -> Int64?
    /// Reads newest snapshot and log again. Quiesced only.
    func recover(into visitor: any RecoveryVisitor) throws(RecoveryError) -> RecoveryResult
    /// The log from after `zxid` on, whole transactions only; nil when it does not reach back so far.
    func openHistory(after zxid: Int64) throws(DiskError) -> (any TxnHistory)?
    /// Whether less has to be read and sent when a learner whose history ends at `zxid` takes the newest snapshot, and
    /// the log behind it, than when it takes the log from there on.
    func prefersSnapshot(after zxid: Int64) throws(DiskError) -> Bool
    /// The newest zxid at or below `zxid` that is in the log (or is a snapshot's); nil when the log does not reach
    /// back.
    func floor(of zxid: Int64) throws(DiskError) -> Int64?
    /// The newest snapshot, to be sent to a learner.
    func openSnapshot() throws(DiskError) -> (any SnapshotStream)?
    /// Begins to write a snapshot received from the leader. It replaces all snapshots and logs once finished.
    func receiveSnapshot(zxid: Int64) throws(DiskError) -> any SnapshotSink
}

/// Transactions read back from the log, oldest first.
public protocol TxnHistory: AnyObject {
    /// The next whole transactions, in the log's framing, until `maximumBytes` is passed, `upTo` is reached or the log
    /// ends.
    ///
    /// - Parameter upTo: durable.
    func next(upTo zxid: Int64, maximumBytes: Int) throws(DiskError) -> HistoryPiece
    func close()
}

/// What a history has to give.
public enum HistoryPiece {
    case batch(TxnBatch)
    /// It is being read; the replica's turn comes when it is there.
    case pending
    /// The log ends before.
    case ended
}

/// The body of a snapshot as Apache's leader sends it: sessions, ACL map and znodes, without file header and trailer.
public protocol SnapshotStream: AnyObject {
    var zxid: Int64 { get }
    /// Reads the next bytes; fewer than there is room for only at the end, 0 after it.
    func read(into bytes: UnsafeMutableRawBufferPointer) throws(DiskError) -> Int
    func close()
}

/// A snapshot being received.
public protocol SnapshotSink: AnyObject {
    func write(_ bytes: UnsafeRawBufferPointer) throws(DiskError)
    /// Makes it the only history: older snapshots and all logs go, in an order that no crash can turn into a mixture
    /// (ZOOKEEPER-2872, 3642). Durable on return. One that is older than this server's log comes in force only with the
    /// next `store`, together with what was submitted since: until then the old history holds.
    func finish(digest: (zxid: Int64, value: UInt64)?) throws(DiskError)
    func abandon()
}
