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
    private let lock: HistoryLock
    private let index: LogIndex?
    private let sections: SnapshotReceiver.Sections
    private let notify: (RecoveryNotice) -> Void
    /// A received snapshot that is older than what this server has: in force with the history that follows it.
    private var staged: SnapshotReceiver?
    /// Snapshots being sent, to learn which turned out damaged.
    private var opened: [SnapshotBody] = []
    private var damagedSnapshots: Set<String> = []

    /// - Parameters:
    ///   - writer: the log's; closed and reopened here when the log is cut or replaced.
    ///   - sections: what a snapshot file has behind its body.
    ///   - lock: the directory's, which a purge holds too.
    public init(
        disk: any Disk, logDirectory: String, snapshotDirectory: String, epochs: EpochStore, writer: LogWriter,
        index: LogIndex?, sections: SnapshotReceiver.Sections, lock: HistoryLock = HistoryLock(),
        notify: @escaping (RecoveryNotice) -> Void = { _ in }
    ) {
        self.disk = disk
        self.logDirectory = logDirectory
        self.snapshotDirectory = snapshotDirectory
        self.epochs = epochs
        self.writer = writer
        self.index = index
        self.sections = sections
        self.lock = lock
        self.notify = notify
    }

    /// Whether the next `store` changes the log's files, so that the log must be quiet.
    public var hasStagedHistory: Bool { staged != nil }

    /// Stores the record. After a snapshot the first one says that the leader's history is here as a whole (NEWLEADER):
    /// what was staged is in force before that.
    public func store(_ record: EpochRecord) throws(DiskError) {
        if let staged {
            writer.close()
            try lock.locked { () throws(DiskError) in try staged.install() }
            writer.reopen(after: writer.lastZxid)
            self.staged = nil
        }
        try epochs.store(record)
    }

    /// - Returns: the last transaction left; nil when no snapshot is old enough to start from.
    public func truncateLog(to zxid: Int64) throws(DiskError) -> Int64? {
        writer.close()
        do throws(TruncationError) {
            let last = try lock.locked { () throws(TruncationError) in
                try LogTruncation(
                    disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory
                ).run(to: zxid)
            }
            writer.reopen(after: last)
            return last
        } catch {
            writer.reopen(after: writer.lastZxid)
            if case .disk(let error) = error { throw error }
            return nil
        }
    }

    /// Drops what is staged, too.
    public func recover(into visitor: any RecoveryVisitor) throws(RecoveryError) -> RecoveryResult {
        staged = nil
        writer.close()
        let result = try lock.locked { () throws(RecoveryError) in
            try Recovery(notify: notify).run(
                disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory, visitor: visitor)
        }
        writer.reopen(after: result.lastZxid)
        return result
    }

    public func prefersSnapshot(after zxid: Int64) throws(DiskError) -> Bool {
        guard let snapshot = try DataFile.snapshots(disk, snapshotDirectory).first(where: {
            !damagedSnapshots.contains($0.path)
        }), snapshot.zxid > zxid
        else { return false }
        let logs = try DataFile.logs(disk, logDirectory)
        // A segment's end is not in its name, so each counts whole from the one that holds the first transaction
        // needed.
        func logBytes(after zxid: Int64) throws(DiskError) -> Int {
            let first = logs.last { $0.zxid <= zxid + 1 }?.zxid ?? 0
            var sum = 0
            for log in logs where log.zxid >= first { sum += try disk.size(of: log.path) ?? 0 }
            return sum
        }
        return try (disk.size(of: snapshot.path) ?? 0) + logBytes(after: snapshot.zxid) < logBytes(after: zxid)
    }

    /// A reader of the log. It is its caller's alone, on whatever thread.
    public func openHistory(after zxid: Int64) throws(DiskError) -> LogHistory? {
        try LogHistory(
            disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory, after: zxid, index: index)
    }

    public func floor(of zxid: Int64) throws(DiskError) -> Int64? {
        try LogHistory.floor(
            of: zxid, disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory, index: index)
    }

    public func openSnapshot() throws(DiskError) -> (any SnapshotStream)? {
        for body in opened where body.damage != nil { damagedSnapshots.insert(body.path) }
        opened.removeAll { $0.isClosed || $0.damage != nil }
        let body = try SnapshotBody.openNewest(
            disk: disk, directory: snapshotDirectory, excluding: damagedSnapshots)
        if let body { opened.append(body) }
        return body
    }

    public func receiveSnapshot(zxid: Int64) throws(DiskError) -> any SnapshotSink {
        let receiver = try SnapshotReceiver(
            disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory, zxid: zxid, sections: sections
        )
        return ReceivedSnapshot(receiver: receiver, files: self)
    }

    /// A whole snapshot: the only history now, if it is newer than everything here; else once what follows it is.
    fileprivate func finish(
        _ receiver: SnapshotReceiver, _ digest: (zxid: Int64, value: UInt64)?
    ) throws(DiskError) {
        let logEnd = writer.lastZxid
        let isNewer = receiver.zxid >= logEnd
        writer.close()
        try receiver.stage(digest: digest)
        if isNewer { try lock.locked { () throws(DiskError) in try receiver.install(logEnd: logEnd) } }
        writer.reopen(after: receiver.zxid, staged: !isNewer)
        staged = isNewer ? nil : receiver
    }
}

extension LogHistory: TxnHistory {
    public func next(upTo zxid: Int64, maximumBytes: Int) throws(DiskError) -> HistoryPiece {
        let batch = TxnBatch()
        return try read(into: batch, upTo: zxid, maximumBytes: maximumBytes) ? .batch(batch) : .ended
    }
}

extension SnapshotBody: SnapshotStream {}

/// A received snapshot takes the log's place too.
private final class ReceivedSnapshot: SnapshotSink {
    private let receiver: SnapshotReceiver
    private let files: ReplicaFiles

    init(receiver: SnapshotReceiver, files: ReplicaFiles) {
        self.receiver = receiver
        self.files = files
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(DiskError) { try receiver.write(bytes) }
    func finish(digest: (zxid: Int64, value: UInt64)?) throws(DiskError) { try files.finish(receiver, digest) }
    func abandon() { receiver.abandon() }
}
