import ZooKeeperProtocol

/// Cuts a server's history behind a transaction: the log, and the snapshots that hold more.
///
/// **The order.** Snapshots that hold more go first, newest first: one that stayed would bring back what was cut
/// (ZOOKEEPER-4837). Then the log's segments go, newest first, and at last the one that holds the end is cut. The
/// directory is synced in between. A crash on the way leaves a history that ends somewhere between the new end and the
/// old one, and the next run goes on from there. Where the log after the new end has a gap that only a snapshot
/// covers, the snapshots must go last instead, or a crash would leave a log that cannot be read.
public struct LogTruncation {
    private let disk: any Disk
    private let logDirectory: String
    private let snapshotDirectory: String

    /// - Parameters:
    ///   - logDirectory: the `version-2` directory of the logs.
    ///   - snapshotDirectory: that of the snapshots; may be the same.
    public init(disk: any Disk, logDirectory: String, snapshotDirectory: String) {
        self.disk = disk
        self.logDirectory = logDirectory
        self.snapshotDirectory = snapshotDirectory
    }

    /// Removes everything after `zxid`. Durable on return; nothing is changed when it throws anything but a disk error.
    ///
    /// To be called with the log writer closed and no snapshot being taken; `LogWriter.reopen` comes after.
    ///
    /// - Returns: the last transaction that is left: `zxid`, or the one before if this history has no `zxid`.
    @discardableResult
    public func run(to zxid: Int64) throws(TruncationError) -> Int64 {
        let base: Int64?
        let doomed: [DataFile]
        do throws(DiskError) { (base, doomed) = try sortSnapshots(zxid) } catch { throw .disk(error) }
        guard let base else { throw .noSnapshot(zxid: zxid, directory: snapshotDirectory) }
        let found: Survey
        do throws(DiskError) { found = try survey(from: base, to: zxid) } catch { throw .disk(error) }
        guard found.last == zxid || found.isCertain(without: doomed) else {
            throw .unreachable(zxid: zxid, snapshot: base, last: found.last)
        }
        do throws(DiskError) {
            if found.isReadable { try remove(doomed) }
            try cutLogs(zxid)
            if !found.isReadable { try remove(doomed) }
        } catch {
            throw .disk(error)
        }
        return found.last
    }

    /// The newest snapshot that is whole and holds nothing after `zxid`, and those that hold more, newest first.
    private func sortSnapshots(_ zxid: Int64) throws(DiskError) -> (base: Int64?, doomed: [DataFile]) {
        var doomed: [DataFile] = []
        for file in try DataFile.snapshots(disk, snapshotDirectory) {
            if file.zxid > zxid {
                doomed.append(file)
            } else if file.compression == .none, let reached = try lastZxid(in: file) {
                if reached <= zxid { return (file.zxid, doomed) }
                doomed.append(file)
            }
        }
        return (nil, doomed)
    }

    /// The last transaction that a snapshot may hold traces of, as far as it says; nil when it is not whole.
    private func lastZxid(in file: DataFile) throws(DiskError) -> Int64? {
        do throws(SnapshotError) {
            let reader = try SnapshotReader(disk: disk, path: file.path, zxid: file.zxid)
            try reader.validate()
            let trailer = try reader.readTrailer()
            return max(file.zxid, trailer.lastProcessedZxid ?? 0, trailer.digest?.zxid ?? 0)
        } catch {
            if case .disk(let failure) = error { throw failure }
            return nil
        }
    }

    private struct Survey {
        /// The last transaction at or before the new end that follows the base without a gap.
        var last: Int64
        /// Whether the log goes on beyond it without a gap.
        var hasMore = false
        /// Whether the log can be read from the base to its end.
        var isReadable = true

        /// Whether nothing can be missing between `last` and the new end, though the log has no such transaction.
        func isCertain(without doomed: [DataFile]) -> Bool { hasMore || isReadable && doomed.isEmpty }
    }

    private func survey(from base: Int64, to zxid: Int64) throws(DiskError) -> Survey {
        var survey = Survey(last: base)
        let history = try LogHistory(
            disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory, after: base)
        guard let history else {
            survey.isReadable = false
            return survey
        }
        defer { history.close() }
        let scratch = TxnBatch()
        for end in [zxid, Int64.max] {
            while try history.read(into: scratch, upTo: end, maximumBytes: 1 << 20) { scratch.removeAll() }
            if end == zxid { survey.last = history.lastZxid }
        }
        survey.hasMore = history.lastZxid > survey.last
        survey.isReadable = history.problem == nil
        return survey
    }

    private func remove(_ snapshots: [DataFile]) throws(DiskError) {
        for file in snapshots { try disk.unlinkIfPresent(file.path) }
        if !snapshots.isEmpty { try disk.syncDirectory(snapshotDirectory) }
    }

    private func cutLogs(_ zxid: Int64) throws(DiskError) {
        let logs = try DataFile.logs(disk, logDirectory)
        for log in logs.reversed() where log.zxid > zxid { try remove(log) }
        guard let last = logs.last(where: { $0.zxid <= zxid }) else { return }
        let reader = try LogSegmentReader(disk: disk, path: last.path)
        guard reader.start == .header else { return try remove(last) }
        while true {
            let offset = reader.offset
            switch try reader.next() {
            case .txn(let header, _) where header.zxid <= zxid: continue
            case .end: return
            case .txn, .damage:
                // A segment without transactions may not stay under a name.
                if offset == FileHeader.size { return try remove(last) }
                let file = try disk.open(last.path, .update)
                defer { file.close() }
                try file.truncate(to: offset)
                return try file.sync()
            }
        }
    }

    private func remove(_ log: DataFile) throws(DiskError) {
        try disk.unlinkIfPresent(log.path)
        try disk.syncDirectory(logDirectory)
    }
}

/// Why a history cannot be cut; nothing was changed unless the disk failed. The server needs a snapshot from the leader
/// instead.
public enum TruncationError: Error, Equatable, Sendable, CustomStringConvertible {
    case disk(DiskError)
    /// Every usable snapshot holds transactions after the wanted end.
    case noSnapshot(zxid: Int64, directory: String)
    /// Transactions between the snapshot before the wanted end and that end are missing.
    case unreachable(zxid: Int64, snapshot: Int64, last: Int64)

    public var description: String {
        switch self {
        case .disk(let error):
            "\(error)"
        case .noSnapshot(let zxid, let directory):
            "cannot go back to zxid 0x\(DataFileName.hexadecimal(zxid)): \(directory) holds no usable snapshot from "
                + "before it"
        case .unreachable(let zxid, let snapshot, let last):
            "cannot go back to zxid 0x\(DataFileName.hexadecimal(zxid)): the log after snapshot "
                + "0x\(DataFileName.hexadecimal(snapshot)) only reaches to 0x\(DataFileName.hexadecimal(last))"
        }
    }
}
