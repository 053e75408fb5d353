import Jute
import ZooKeeperProtocol

/// Receives what recovery finds: one snapshot's content, then every later transaction in order.
public protocol RecoveryVisitor: SnapshotVisitor {
    /// One transaction. `body` is what follows the header: the record, and the digest if it was written.
    /// A thrown error stops the start.
    func transaction(_ header: TxnHeader, _ body: UnsafeRawBufferPointer) throws
}

/// What recovery found.
public struct RecoveryResult: Equatable, Sendable {
    /// Neither snapshot nor log: the caller starts with an empty tree and writes `snapshot.0` before it serves.
    public var isNewDatabase = false
    /// The snapshot loaded, nil when there was none.
    public var snapshotZxid: Int64?
    /// The last transaction's zxid, or the snapshot's.
    public var lastZxid: Int64 = 0
    public var transactionsReplayed = 0
    /// Bytes of log segments read.
    public var logBytes = 0
}

/// Rebuilds a server's state from its directories: newest usable snapshot, then the log after it.
public struct Recovery {
    /// Apache's `snapshot.trust.empty`: accept a log without a snapshot.
    public var trustsEmptySnapshot: Bool
    /// `EpochRecord.committedZxid`: transactions up to here were acknowledged, so recovery must reach it.
    public var committedZxid: Int64
    /// Told where transactions lie, nil for no index.
    public var index: LogIndex?
    /// Told what deserves a line in the server's log, in order.
    public var notify: (RecoveryNotice) -> Void

    public init(
        trustsEmptySnapshot: Bool = false, committedZxid: Int64 = 0, index: LogIndex? = nil,
        notify: @escaping (RecoveryNotice) -> Void = { _ in }
    ) {
        self.trustsEmptySnapshot = trustsEmptySnapshot
        self.committedZxid = committedZxid
        self.index = index
        self.notify = notify
    }

    /// Reads everything and repairs what a crash left behind: goes on with a snapshot that was replacing everything,
    /// cuts a torn end, removes logs without transactions and unfinished files. Afterwards a `LogWriter` may append,
    /// starting a new segment.
    ///
    /// - Parameters:
    ///   - logDirectory: the `version-2` directory of the logs, which exists and is locked by the caller.
    ///   - snapshotDirectory: that of the snapshots; may be the same.
    public func run(
        disk: any Disk, logDirectory: String, snapshotDirectory: String, visitor: any RecoveryVisitor
    ) throws(RecoveryError) -> RecoveryResult {
        do throws(DiskError) {
            let replacement = SnapshotReplacement(
                disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory)
            if let zxid = try replacement.resume() { notify(.resumedReplacement(zxid: zxid)) }
            try removeUnfinished(disk, logDirectory)
            if snapshotDirectory != logDirectory { try removeUnfinished(disk, snapshotDirectory) }
        } catch {
            throw .disk(error)
        }
        var result = RecoveryResult()
        var damaged: [DataFile] = []
        result.snapshotZxid = try loadSnapshot(disk, snapshotDirectory, visitor, &damaged)
        let logs: [DataFile]
        do throws(DiskError) { logs = try DataFile.logs(disk, logDirectory) } catch { throw .disk(error) }
        if result.snapshotZxid == nil {
            if logs.isEmpty {
                result.isNewDatabase = true
                try checkCommitted(result, snapshotDirectory)
                return result
            }
            guard trustsEmptySnapshot else {
                throw .logWithoutSnapshot(logDirectory: logDirectory, snapshotDirectory: snapshotDirectory)
            }
            notify(.trustedEmptySnapshot)
        }
        var replay = LogReplay(
            disk: disk, directory: logDirectory, snapshotZxid: result.snapshotZxid, damagedSnapshots: damaged,
            index: index, notify: notify)
        try replay.run(logs, visitor)
        result.lastZxid = replay.lastZxid
        result.transactionsReplayed = replay.transactionsReplayed
        result.logBytes = replay.bytesRead
        do throws(DiskError) { try makeDurable(disk, logDirectory, snapshotDirectory) } catch { throw .disk(error) }
        notify(.replayed(transactions: result.transactionsReplayed, lastZxid: result.lastZxid))
        try checkCommitted(result, snapshotDirectory)
        return result
    }

    /// What was read may have been in the kernel's memory only: a server that is killed between a write and its sync
    /// leaves it there, and names likewise. Whoever reads it builds on it, so it must not vanish with the next loss of
    /// power. Only the last segment can hold such a write.
    private func makeDurable(
        _ disk: any Disk, _ logDirectory: String, _ snapshotDirectory: String
    ) throws(DiskError) {
        if let last = try DataFile.logs(disk, logDirectory).last {
            let file = try disk.open(last.path, .update)
            defer { file.close() }
            try file.sync()
        }
        try disk.syncDirectory(logDirectory)
        if snapshotDirectory != logDirectory { try disk.syncDirectory(snapshotDirectory) }
    }

    private func checkCommitted(_ result: RecoveryResult, _ directory: String) throws(RecoveryError) {
        guard result.lastZxid < committedZxid else { return }
        throw .missingCommitted(directory: directory, lastZxid: result.lastZxid, committedZxid: committedZxid)
    }

    /// Loads the newest snapshot that is whole; its zxid, nil when there is no snapshot at all.
    ///
    /// - Parameter damaged: set to the newer ones that were whole once.
    private func loadSnapshot(
        _ disk: any Disk, _ directory: String, _ visitor: any RecoveryVisitor, _ damaged: inout [DataFile]
    ) throws(RecoveryError) -> Int64? {
        let files: [DataFile]
        do throws(DiskError) { files = try DataFile.snapshots(disk, directory) } catch { throw .disk(error) }
        var reasons: [String] = []
        for file in files {
            do throws(SnapshotError) {
                guard file.compression == .none else {
                    throw SnapshotError.compressed(path: file.path, method: file.compression.rawValue)
                }
                let reader = try SnapshotReader(disk: disk, path: file.path, zxid: file.zxid)
                try reader.validate()
                try reader.read(visitor)
                notify(.loadedSnapshot(path: file.path, bytes: reader.fileSize))
                return file.zxid
            } catch {
                notify(.invalidSnapshot(error))
                reasons.append("\(error)")
                if error.wasOnceWhole { damaged.append(file) }
            }
        }
        if files.isEmpty { return nil }
        throw .noValidSnapshot(directory: directory, reasons: reasons)
    }

    private func removeUnfinished(_ disk: any Disk, _ directory: String) throws(DiskError) {
        for name in [
            DataFileName.spareSegment, DataFileName.unfinishedSnapshot, DataFileName.receivedSnapshot,
        ] {
            let path = directory + "/" + name
            guard try disk.size(of: path) != nil else { continue }
            try disk.unlink(path)
            notify(.removedUnfinishedFile(path: path))
        }
        for log in try DataFile.stagedLogs(disk, directory) {
            try disk.unlink(log.path)
            notify(.removedUnfinishedFile(path: log.path))
        }
    }
}
