import Jute
import ZooKeeperProtocol

/// Reads whole transactions back from the log, oldest first, also while a `LogWriter` appends to the last segment.
///
/// Reads from its own file handles, so purging may go on. The log must not be cut or replaced meanwhile. Bounded
/// memory: one window over one segment. One owner.
public final class LogHistory {
    /// The last transaction handed out; before the first, where the history starts.
    public private(set) var lastZxid: Int64
    /// Why the history cannot go on, nil while it can. The server that asked for it needs a snapshot then.
    public private(set) var problem: LogHistoryProblem?

    private let disk: any Disk
    private let directory: String
    private let index: LogIndex?
    private var reader: LogSegmentReader?
    /// The first zxid of the segment being read, as its name has it; -1 before the first.
    private var segmentZxid: Int64 = -1
    /// The zxid of the frame before the reader's position, nil where the log starts.
    private var previous: Int64?
    /// The zxids of the snapshots, wherever the log starts without a frame before.
    private let snapshots: [Int64]
    private var isClosed = false

    /// Goes to the first transaction after `zxid`.
    ///
    /// - Parameters:
    ///   - logDirectory: the `version-2` directory of the logs.
    ///   - snapshotDirectory: that of the snapshots.
    ///   - zxid: where the history starts: in the log, a snapshot's zxid, or 0.
    /// - Returns: nil when the log does not reach back so far.
    public convenience init?(
        disk: any Disk, logDirectory: String, snapshotDirectory: String, after zxid: Int64, index: LogIndex? = nil
    ) throws(DiskError) {
        try self.init(disk, logDirectory, snapshotDirectory, zxid, index)
        guard try reachesBack() else { return nil }
    }

    private init(
        _ disk: any Disk, _ logDirectory: String, _ snapshotDirectory: String, _ zxid: Int64, _ index: LogIndex?
    ) throws(DiskError) {
        self.disk = disk
        directory = logDirectory
        self.index = index
        lastZxid = zxid
        snapshots = try DataFile.snapshots(disk, snapshotDirectory).map(\.zxid)
        while let log = try DataFile.logs(disk, logDirectory).last(where: { $0.zxid <= zxid }) {
            guard try open(log) else { continue }
            try skip(through: zxid)
            break
        }
    }

    /// Appends whole transactions, in the log's framing with right checksums, until `maximumBytes` is passed, `upTo`
    /// is reached or the log ends.
    ///
    /// - Parameter upTo: durable, or reading it races with the write.
    /// - Returns: whether anything was appended. If not, and `lastZxid` is below `upTo`, see `problem`.
    public func read(into batch: TxnBatch, upTo zxid: Int64, maximumBytes: Int) throws(DiskError) -> Bool {
        precondition(!isClosed)
        let limit = batch.bytes.count + maximumBytes
        var hasAppended = false
        while lastZxid < zxid && problem == nil && (!hasAppended || batch.bytes.count < limit) {
            guard let (found, txn) = try nextTxn(upTo: zxid) else { break }
            let start = txn.baseAddress! - TxnFrame.prefixSize
            batch.append(
                frame: UnsafeRawBufferPointer(start: start, count: txn.count + TxnFrame.overhead), zxid: found)
            previous = found
            lastZxid = found
            hasAppended = true
        }
        return hasAppended
    }

    public func close() {
        isClosed = true
        reader = nil
    }

    /// The newest zxid at or below `zxid` that is in the log or is a snapshot's, provided that the log goes on from
    /// there; nil when it does not reach back so far.
    public static func floor(
        of zxid: Int64, disk: any Disk, logDirectory: String, snapshotDirectory: String, index: LogIndex? = nil
    ) throws(DiskError) -> Int64? {
        let history = try LogHistory(disk, logDirectory, snapshotDirectory, zxid, index)
        guard try history.reachesBack() else { return nil }
        let snapshot = history.snapshots.first { $0 <= zxid }
        return [history.previous, snapshot].compactMap { $0 }.max()
    }

    /// Whether nothing is missing between `lastZxid` and the transaction that follows it in the log.
    private func reachesBack() throws(DiskError) -> Bool {
        if try peek() != nil { return true }
        guard problem == nil else { return false }
        // At the log's end. A newer snapshot shows that there was more.
        let hasNewerSnapshot = snapshots.contains { $0 > lastZxid && ZxidOrder.isTransaction($0) }
        return !hasNewerSnapshot && (previous != nil || !snapshots.isEmpty)
    }

    /// The next transaction's zxid; the position stays.
    private func peek() throws(DiskError) -> Int64? {
        guard let (zxid, txn) = try nextTxn(upTo: .max) else { return nil }
        reader!.seek(to: reader!.offset - txn.count - TxnFrame.overhead)
        return zxid
    }

    /// The next transaction, passed if it is not beyond `limit`. Nil at the log's end and at a problem.
    private func nextTxn(upTo limit: Int64) throws(DiskError) -> (zxid: Int64, txn: UnsafeRawBufferPointer)? {
        var isFresh = false
        while true {
            if let reader {
                let offset = reader.offset
                switch reader.start == .header ? try reader.next(trustsPadding: true) : .end {
                case .txn(let header, let txn):
                    // Apache logs a request that it could not parse as an error under the zxid before it.
                    if header.zxid == previous, header.type == OpCode.error.rawValue { continue }
                    guard follows(header.zxid) else {
                        problem = .gap(path: reader.path, offset: offset, after: previous, next: header.zxid)
                        return nil
                    }
                    guard header.zxid <= limit else {
                        reader.seek(to: offset)
                        return nil
                    }
                    reader.note(header.zxid, at: offset, segment: segmentZxid, in: index)
                    return (header.zxid, txn)
                case .end, .damage:
                    // What was read of a segment that grows is out of date.
                    if !isFresh {
                        try reader.refresh()
                        isFresh = true
                        continue
                    }
                }
            }
            guard let next = try DataFile.logs(disk, directory).first(where: { $0.zxid > segmentZxid }) else {
                return nil
            }
            if try open(next) { isFresh = true }
        }
    }

    /// Whether nothing is missing between `lastZxid` and `zxid`, the next frame of the log.
    private func follows(_ zxid: Int64) -> Bool {
        if previous == nil && zxid == lastZxid + 1 { return true }
        // A snapshot between the frames shows that there were transactions which the log lacks.
        let snapshot = snapshots.first { $0 < zxid && ($0 <= lastZxid || ZxidOrder.isTransaction($0)) }
        guard let base = [previous, snapshot].compactMap({ $0 }).max(), base <= lastZxid else { return false }
        return ZxidOrder.follows(base, zxid)
    }

    /// False when the segment was purged since it was listed.
    private func open(_ log: DataFile) throws(DiskError) -> Bool {
        do throws(DiskError) {
            reader = try LogSegmentReader(disk: disk, path: log.path)
        } catch {
            guard error.isMissing else { throw error }
            return false
        }
        segmentZxid = log.zxid
        return true
    }

    /// Passes the open segment's transactions up to `zxid`.
    private func skip(through zxid: Int64) throws(DiskError) {
        guard let reader, reader.start == .header else { return }
        if let known = index?.offset(segment: segmentZxid, atOrBefore: zxid) { reader.seek(to: known) }
        while true {
            let offset = reader.offset
            guard case .txn(let header, _) = try reader.next(trustsPadding: true) else { return }
            guard header.zxid <= zxid else {
                reader.seek(to: offset)
                return
            }
            previous = header.zxid
            reader.note(header.zxid, at: offset, segment: segmentZxid, in: index)
        }
    }
}

/// Why a history ends before it should.
public enum LogHistoryProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// Transactions are missing before this one.
    case gap(path: String, offset: Int, after: Int64?, next: Int64)

    public var description: String {
        switch self {
        case .gap(let path, let offset, let after, let next):
            "\(path), byte \(offset): zxid 0x\(DataFileName.hexadecimal(next)) does not follow "
                + (after.map { "0x" + DataFileName.hexadecimal($0) } ?? "what is known")
        }
    }
}

/// The order of zxids without a gap.
public enum ZxidOrder {
    /// A zxid with counter 0 names the start of an epoch; no transaction has it.
    public static func isTransaction(_ zxid: Int64) -> Bool { zxid & 0xffff_ffff != 0 }

    /// Within an epoch zxids are consecutive; a new epoch starts with counter 1.
    public static func follows(_ previous: Int64, _ next: Int64) -> Bool {
        next == previous + 1 || next >> 32 > previous >> 32 && next & 0xffff_ffff == 1
    }
}
