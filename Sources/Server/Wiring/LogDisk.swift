import Glibc
import RequestQueue
import ServerCore
import TxnLog

/// A replicated server's disk: the log's thread for the stream of batches, and the files themselves when it is parked.
///
/// Once the server's end is ordered, every call fails: whatever follows on the core's thread leaves no trace.
///
/// The core's thread only.
final class LogDisk: ReplicaDisk {
    private let thread: LogThread
    private let files: ReplicaFiles
    private let durable: BatchQueue<LogItem>
    private let end: ServerEnd
    // Set once; it owns what leads here.
    unowned(unsafe) var core: Core!

    init(thread: LogThread, files: ReplicaFiles, durable: BatchQueue<LogItem>, end: ServerEnd) {
        self.end = end
        self.thread = thread
        self.files = files
        self.durable = durable
    }

    func submit(_ batch: TxnBatch) { thread.submit(batch) }

    func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) {
        thread.startSnapshot(zxid: zxid, sessions: sessions)
    }

    private func requireDisk() throws(DiskError) {
        if end.isOrdered { throw DiskError(.write, files.logDirectory, code: ECANCELED) }
    }

    func quiesce() throws(DiskError) {
        thread.park()
        try requireDisk()
        // What the log gives back now is durable, and nobody is told.
        _ = durable.popAll { item in
            if case .snapshotFinished = item.kind { core.snapshotFinished() }
        }
    }

    func store(_ epochs: EpochRecord) throws(DiskError) {
        // What the thread has made durable by then is still to be reported.
        if files.hasStagedHistory { thread.park() }
        try requireDisk()
        try files.store(epochs)
    }

    func truncateLog(to zxid: Int64) throws(DiskError) -> Int64? {
        try requireDisk()
        return try files.truncateLog(to: zxid)
    }

    func recover(into visitor: any RecoveryVisitor) throws(RecoveryError) -> RecoveryResult {
        do throws(DiskError) { try requireDisk() } catch { throw .disk(error) }
        return try files.recover(into: visitor)
    }

    func receiveSnapshot(zxid: Int64) throws(DiskError) -> any SnapshotSink {
        try requireDisk()
        return try files.receiveSnapshot(zxid: zxid)
    }

    // What only reads goes on.

    func prefersSnapshot(after zxid: Int64) throws(DiskError) -> Bool { try files.prefersSnapshot(after: zxid) }
    func openHistory(after zxid: Int64) throws(DiskError) -> (any TxnHistory)? {
        try files.openHistory(after: zxid).map { HistoryReadAhead($0, told: durable) }
    }
    func floor(of zxid: Int64) throws(DiskError) -> Int64? { try files.floor(of: zxid) }
    func openSnapshot() throws(DiskError) -> (any SnapshotStream)? { try files.openSnapshot() }
}
