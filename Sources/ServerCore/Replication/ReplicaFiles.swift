import TxnLog
import Zab

/// A replicated server's directories, for `ReplicaDisk`: everything but the stream of batches, which has its own thread
/// in a server and its own delays in the simulator.
///
/// Used on the core's thread while the log is quiet; the readers it opens, at any time.
public final class ReplicaFiles {
    public let disk: any Disk
    public let logDirectory: String
    public let snapshotDirectory: String
    public let epochs: EpochStore
    private let writer: LogWriter
    private let index: LogIndex?
    private let sections: SnapshotReceiver.Sections
    private let notify: (RecoveryNotice) -> Void

    /// - Parameters:
    ///   - writer: the log's; closed and reopened here when the log is cut or replaced.
    ///   - sections: what a snapshot file has behind its body.
    public init(
        disk: any Disk, logDirectory: String, snapshotDirectory: String, epochs: EpochStore, writer: LogWriter,
        index: LogIndex?, sections: SnapshotReceiver.Sections, notify: @escaping (RecoveryNotice) -> Void = { _ in }
    ) {
        self.disk = disk
        self.logDirectory = logDirectory
        self.snapshotDirectory = snapshotDirectory
        self.epochs = epochs
        self.writer = writer
        self.index = index
        self.sections = sections
        self.notify = notify
    }

    public func store(_ record: EpochRecord) throws(DiskError) { try epochs.store(record) }

    /// - Returns: the last transaction left; nil when no snapshot is old enough to start from.
    public func truncateLog(to zxid: Int64) throws(DiskError) -> Int64? {
        writer.close()
        do throws(TruncationError) {
            let last = try LogTruncation(
                disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory
            ).run(to: zxid)
            writer.reopen(after: last)
            return last
        } catch {
            writer.reopen(after: writer.lastZxid)
            if case .disk(let error) = error { throw error }
            return nil
        }
    }

    public func recover(into visitor: any RecoveryVisitor) throws(RecoveryError) -> RecoveryResult {
        writer.close()
        let result = try Recovery(notify: notify).run(
            disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory, visitor: visitor)
        writer.reopen(after: result.lastZxid)
        return result
    }

    public func openHistory(after zxid: Int64) throws(DiskError) -> (any TxnHistory)? {
        try LogHistory(
            disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory, after: zxid, index: index)
    }

    public func floor(of zxid: Int64) throws(DiskError) -> Int64? {
        try LogHistory.floor(
            of: zxid, disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory, index: index)
    }

    public func openSnapshot() throws(DiskError) -> (any SnapshotStream)? {
        try SnapshotBody.openNewest(disk: disk, directory: snapshotDirectory)
    }

    public func receiveSnapshot(zxid: Int64) throws(DiskError) -> any SnapshotSink {
        let receiver = try SnapshotReceiver(
            disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory, zxid: zxid, sections: sections
        )
        return ReceivedSnapshot(receiver: receiver, writer: writer)
    }
}

extension LogHistory: TxnHistory {}
extension SnapshotBody: SnapshotStream {}

/// A received snapshot takes the log's place too: its writer is closed before, and goes on behind the snapshot.
private final class ReceivedSnapshot: SnapshotSink {
    private let receiver: SnapshotReceiver
    private let writer: LogWriter

    init(receiver: SnapshotReceiver, writer: LogWriter) {
        self.receiver = receiver
        self.writer = writer
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(DiskError) { try receiver.write(bytes) }

    func finish(digest: (zxid: Int64, value: UInt64)?) throws(DiskError) {
        writer.close()
        try receiver.finish(digest: digest)
        writer.reopen(after: receiver.zxid)
    }

    func abandon() { receiver.abandon() }
}
