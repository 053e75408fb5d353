import CPlatform
import Jute

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Appends batches of transactions to log segments; on return they are durable.
///
/// Used by one thread at a time (the log thread); it starts none of its own. Marked sendable so that it can be
/// created on one thread and handed to that one.
///
/// **One write per commit.** The frames are staged in an aligned buffer and written with one direct, synchronous
/// write. The last block of a commit is usually partly filled; the next commit writes it again with the old bytes
/// unchanged, which is safe because sectors are atomic. Where the file system refuses direct writes, the same
/// blocks go through the page cache and fdatasync. A group larger than `LogWriter.maximumWrite` is written in several
/// writes, each durable before the next starts: recovery relies on this to tell a torn write from corruption.
///
/// **Zeros ahead.** Writing into blocks that are already allocated and zeroed costs no journal commit, which is most
/// of the cost of a small durable write. Zeroing a whole segment at each roll would stall requests for tens of
/// milliseconds, so it is done in slices: `prepareAhead` writes one slice while the log thread is idle, and `append`
/// writes one only when it has run out of zeroed space. The file system is asked to set aside `preallocationBytes` at
/// once, so that slices lie together. Measured with 110 KB a commit on a virtual disk, the quietest of twelve
/// rounds, CPU µs a commit: 30 when zeroed before, 35 with slices of 1 MiB written as needed (one commit in
/// ten then waits about 1 ms), 32 with slices of 4 MiB (one in forty waits about 3 ms), 57 without zeros; through the
/// page cache with fdatasync 75 with slices, 94 without.
///
/// **Whole files only.** A segment is made under a name that servers ignore, with its header and first slice, and
/// renamed when its first transaction names it; the directory is synced before that transaction is acknowledged. So a
/// crash never leaves a log file without a header. When a segment ends, the zeros behind it are cut off.
public final class LogWriter: @unchecked Sendable {
    /// The most bytes that one write to the disk carries.
    public static let maximumWrite = 1 << 20

    /// Bytes zeroed ahead of the log's end while idle: several commits' worth, cheap enough to waste at every start.
    private static let zeroedAhead = 4 << 20

    public private(set) var statistics = LogStatistics()
    /// The zxid of the last transaction appended.
    public private(set) var lastZxid: Int64

    private let disk: any Disk
    private let directory: String
    private let preallocationBytes: Int
    private let sizeLimitBytes: Int
    private let forceSync: Bool
    private let sliceBytes: Int
    private let index: LogIndex?

    /// The staged blocks, `maximumWrite` bytes, and behind them one slice of zeros: by default one huge page.
    private let memory: AlignedBuffer
    private var staging: UnsafeMutableRawPointer { memory.base }
    private var zeros: UnsafeMutableRawPointer { memory.base + Self.maximumWrite }
    /// Staged bytes; they belong at `stagedOffset` of the segment, a multiple of the block size.
    private var staged = 0
    private var stagedOffset = 0
    private var segment: Segment?
    private var spare: Segment?
    /// Segments get names that only a finished replacement makes right.
    private var isStaging = false
    /// Nothing is prepared then: others may change the log's files.
    private var isClosed = false

    /// A file and how far it is zeroed and set aside.
    private struct Segment {
        let file: any DiskFile
        /// Names the segment; 0 while it has no name.
        var firstZxid: Int64 = 0
        /// From here on the index wants an entry.
        var nextIndexed = LogIndex.spacing
        var zeroedEnd = 0
        var reservedEnd = 0
    }

    /// - Parameters:
    ///   - directory: the `version-2` directory, which exists.
    ///   - preallocationBytes: Apache's `preAllocSize` in bytes; 0 turns both reservation and zeroing ahead off.
    ///   - forceSync: false leaves durability to the page cache: **unsafe**, a crash loses acknowledged transactions.
    ///   - lastZxid: what recovery found; the next transaction must be later.
    ///   - sizeLimitBytes: rolls after a commit that leaves the segment larger; nil for no limit.
    ///   - sliceBytes: the unit of zeroing ahead.
    ///   - index: told where transactions lie.
    public init(
        disk: any Disk, directory: String, preallocationBytes: Int = 64 << 20, forceSync: Bool = true,
        lastZxid: Int64 = 0, sizeLimitBytes: Int? = nil, sliceBytes: Int = 1 << 20, index: LogIndex? = nil
    ) {
        precondition(preallocationBytes >= 0 && sliceBytes > 0)
        self.disk = disk
        self.directory = directory
        self.preallocationBytes = DiskBlock.roundUp(preallocationBytes)
        self.forceSync = forceSync
        self.lastZxid = lastZxid
        self.sizeLimitBytes = sizeLimitBytes ?? .max
        self.sliceBytes = DiskBlock.roundUp(preallocationBytes == 0 ? 1 : min(sliceBytes, preallocationBytes))
        self.index = index
        memory = AlignedBuffer(capacity: Self.maximumWrite + self.sliceBytes)
    }

    deinit { close() }

    /// Whether writes bypass the page cache; nil before the first append.
    public var isDirect: Bool? { segment?.file.isDurableOnReturn }

    /// Bytes of the current segment, header included; 0 when the next append starts one.
    public var segmentBytes: Int { segment == nil ? 0 : stagedOffset + staged }

    /// Writes all transactions of the batches, in order; durable on return unless `forceSync` is off.
    ///
    /// After an error nothing may be appended any more: what is on the disk is unknown.
    public func append(_ batches: [TxnBatch]) throws(DiskError) {
        var wrote = false
        for batch in batches where batch.count > 0 {
            precondition(batch.firstZxid > lastZxid, "zxid \(batch.firstZxid) after \(lastZxid)")
            if segment == nil { try startSegment(firstZxid: batch.firstZxid) }
            batch.seal()
            if segmentBytes >= segment!.nextIndexed { noteInIndex(batch.firstZxid) }
            try stage(batch.bytes.bytes)
            lastZxid = batch.lastZxid
            statistics.transactions += batch.count
            statistics.payloadBytes += batch.bytes.count
            wrote = true
        }
        guard wrote else { return }
        if staged > 0 { try flush() }
        statistics.commits += 1
        if segmentBytes > sizeLimitBytes { roll() }
    }

    /// Ends the current segment; the next append starts `log.<zxid of its first transaction>`.
    public func roll() {
        guard let ended = segment else { return }
        // The zeros and the reserved blocks behind the log's end go back to the file system. If that fails they
        // stay as padding, which every reader takes for the end.
        try? ended.file.truncate(to: segmentBytes)
        ended.file.close()
        segment = nil
        staged = 0
        stagedOffset = 0
    }

    /// Does one bounded piece of work that later commits would otherwise wait for: zeroing a slice ahead, or preparing
    /// the next segment. To be called while the log thread has nothing to write.
    ///
    /// - Returns: whether there is more to prepare.
    public func prepareAhead() -> Bool {
        guard preallocationBytes > 0 && !isClosed else { return false }
        do throws(DiskError) {
            if var current = segment, current.zeroedEnd - segmentBytes < Self.zeroedAhead {
                try zero(&current)
                segment = current
                return true
            }
            // A segment that is hardly used will not be rolled soon.
            if spare == nil && (segment == nil || segmentBytes > Self.zeroedAhead) { spare = try makeSpare() }
            if var next = spare {
                guard next.zeroedEnd < Self.zeroedAhead else { return false }
                try zero(&next)
                spare = next
                return true
            }
        } catch {
            // Zeros are a comfort, not a promise: a full disk shows when a transaction no longer fits.
            return false
        }
        return false
    }

    /// Ends the segment and drops what was prepared. Nothing is lost: appended transactions are already durable.
    ///
    /// A later append starts a new segment. Must come before anything else changes the log's files (recovery,
    /// truncation, a received snapshot), because it cuts the file that it has open.
    public func close() {
        roll()
        if let spare {
            spare.file.close()
            try? disk.unlink(spare.file.path)
        }
        spare = nil
        isClosed = true
    }

    /// Leaves the files as they are, as the end of the process would; nothing may be appended any more.
    public func abandon() {
        segment?.file.close()
        segment = nil
        spare?.file.close()
        spare = nil
        isClosed = true
    }

    /// Goes on after `zxid`, which may be lower than `lastZxid`: the log was truncated or replaced after `close`.
    ///
    /// - Parameter staged: what is written from here on belongs to a received snapshot that has not replaced the old
    ///   history yet (`SnapshotReceiver.stage`): it is durable, but counts only once that has happened.
    public func reopen(after zxid: Int64, staged: Bool = false) {
        precondition(isClosed, "the log must be closed before its end changes")
        isClosed = false
        isStaging = staged
        lastZxid = zxid
        index?.removeAll()
    }

    private func noteInIndex(_ zxid: Int64) {
        guard var current = segment else { return }
        index?.note(segment: current.firstZxid, zxid: zxid, offset: segmentBytes)
        current.nextIndexed = segmentBytes + LogIndex.spacing
        segment = current
    }

    private func startSegment(firstZxid: Int64) throws(DiskError) {
        let next = if let spare { spare } else { try makeSpare() }
        spare = nil
        let name = isStaging ? DataFileName.stagedLog(firstZxid) : DataFileName.log(firstZxid)
        let path = directory + "/" + name
        // Recovery removes segments without transactions, so a file of this name holds some: never replace it.
        guard try disk.size(of: path) == nil else { throw DiskError(.rename, path, code: EEXIST) }
        try disk.rename(next.file.path, to: path)
        try disk.syncDirectory(directory)
        isClosed = false
        segment = next
        segment?.firstZxid = firstZxid
        statistics.segments += 1
        // The header is in the file already, but it shares the first block with the first transactions.
        FileHeader.log.store(to: staging)
        staged = FileHeader.size
        stagedOffset = 0
    }

    /// Makes a segment without a name: one slice, which holds the header and zeros, durable.
    private func makeSpare() throws(DiskError) -> Segment {
        let path = directory + "/" + DataFileName.spareSegment
        var made = Segment(file: try disk.open(path, forceSync ? .createDurable : .create))
        FileHeader.log.store(to: zeros)
        defer { memset(zeros, 0, FileHeader.size) }
        try zero(&made)
        return made
    }

    /// Zeroes the next slice.
    private func zero(_ target: inout Segment) throws(DiskError) {
        if target.zeroedEnd + sliceBytes > target.reservedEnd && preallocationBytes > 0 {
            // A hint: when it is refused, slices are allocated as they are written.
            try? target.file.reserve(preallocationBytes, at: target.reservedEnd)
            target.reservedEnd += preallocationBytes
        }
        try target.file.write(
            memory.bytes(Self.maximumWrite..<Self.maximumWrite + sliceBytes), at: target.zeroedEnd)
        if forceSync && !target.file.isDurableOnReturn { try target.file.sync() }
        target.zeroedEnd += sliceBytes
        statistics.zeroedBytes += sliceBytes
    }

    private func stage(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        var source = bytes
        while source.count > 0 {
            let count = min(Self.maximumWrite - staged, source.count)
            memcpy(staging + staged, source.baseAddress!, count)
            staged += count
            source = UnsafeRawBufferPointer(rebasing: source[count...])
            if staged == Self.maximumWrite { try flush() }
        }
    }

    /// Writes the staged blocks, the last one padded with zeros, and keeps the last block if it is partly filled.
    private func flush() throws(DiskError) {
        guard var current = segment else { return }
        let padded = DiskBlock.roundUp(staged)
        memset(staging + staged, 0, padded - staged)
        while preallocationBytes > 0 && stagedOffset + padded > current.zeroedEnd {
            // A disk too full for a whole slice may still have room for the transactions.
            guard (try? zero(&current)) != nil else { break }
        }
        // Where zeroing failed, transactions now lie beyond the zeros: no later slice may be written over them.
        current.zeroedEnd = max(current.zeroedEnd, stagedOffset + padded)
        segment = current
        let start = corral_monotonic_nanos()
        try current.file.write(memory.bytes(0..<padded), at: stagedOffset)
        if forceSync && !current.file.isDurableOnReturn { try current.file.sync() }
        statistics.record(bytes: padded, nanos: corral_monotonic_nanos() - start)
        let whole = DiskBlock.roundDown(staged)
        staged -= whole
        stagedOffset += whole
        if whole > 0 { memcpy(staging, staging + whole, staged) }
    }
}

/// What a log writer has done so far.
public struct LogStatistics: Sendable, Equatable {
    public internal(set) var transactions = 0
    /// Calls of `append` that wrote.
    public internal(set) var commits = 0
    /// Durable writes (direct, or write and fdatasync).
    public internal(set) var syncs = 0
    /// Frames written.
    public internal(set) var payloadBytes = 0
    /// Bytes written by commits, with padding and rewritten blocks.
    public internal(set) var bytesWritten = 0
    /// Zeros written ahead.
    public internal(set) var zeroedBytes = 0
    public internal(set) var segments = 0
    public internal(set) var lastSyncNanos: UInt64 = 0
    public internal(set) var maximumSyncNanos: UInt64 = 0
    public internal(set) var totalSyncNanos: UInt64 = 0

    mutating func record(bytes: Int, nanos: UInt64) {
        syncs += 1
        bytesWritten += bytes
        lastSyncNanos = nanos
        maximumSyncNanos = max(maximumSyncNanos, nanos)
        totalSyncNanos += nanos
    }
}
