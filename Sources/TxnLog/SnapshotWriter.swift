import Jute

/// Writes one snapshot; it becomes visible, under its name, only when whole and durable.
///
/// Call in this order: `beginSessions`, `session` for each, then append the ACL table and the nodes, then `finish`.
/// Content goes into `buffer`; `flushIfFull` or `flush` writes it out, so that a slice can be gathered under a lock
/// and written without it. Used by one thread at a time.
public final class SnapshotWriter: @unchecked Sendable {
    /// Bytes gathered but not yet written: the caller appends the ACL table and nodes here, in jute's form.
    public var buffer = WireBuffer(capacity: SnapshotWriter.flushSize + (64 << 10))
    /// The snapshot's path once finished.
    public let path: String
    /// Bytes written to the file so far.
    public private(set) var bytesWritten = 0

    /// Bytes after which `flushIfFull` writes.
    public static let flushSize = 256 << 10
    /// Bytes after which the file is synced: small enough that the write-back does not hold up the log's writes.
    private static let syncSize = 1 << 20

    private let disk: any Disk
    private let directory: String
    private let temporaryPath: String
    private let file: any DiskFile
    private var checksum = RunningChecksum()
    /// Bytes of `buffer` that are in the checksum already.
    private var summed = 0
    private var unsynced = 0
    private var isFinished = false
    private var sessionsLeft = 0

    /// - Parameters:
    ///   - directory: the `version-2` directory, which exists.
    ///   - zxid: the last transaction that the snapshot is sure to contain; names the file.
    public convenience init(disk: any Disk, directory: String, zxid: Int64) throws(DiskError) {
        try self.init(
            disk: disk, directory: directory, zxid: zxid, temporaryName: DataFileName.unfinishedSnapshot)
    }

    init(disk: any Disk, directory: String, zxid: Int64, temporaryName: String) throws(DiskError) {
        self.disk = disk
        self.directory = directory
        path = directory + "/" + DataFileName.snapshot(zxid)
        temporaryPath = directory + "/" + temporaryName
        file = try disk.open(temporaryPath, .create)
        FileHeader.snapshot.store(to: buffer.appendUninitialized(FileHeader.size))
    }

    deinit { abort() }

    public func beginSessions(count: Int) {
        sessionsLeft = count
        buffer.append(int32: Int32(count))
    }

    public func session(id: Int64, timeoutMillis: Int32) {
        precondition(sessionsLeft > 0, "more sessions than announced")
        sessionsLeft -= 1
        buffer.append(int64: id)
        buffer.append(int32: timeoutMillis)
    }

    /// Appends content that is already in jute's form.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        buffer.append(raw: bytes)
        try flushIfFull()
    }

    /// Writes what is gathered once it is worth a write.
    public func flushIfFull() throws(DiskError) {
        if buffer.count >= Self.flushSize { try flush() }
    }

    /// Writes what is gathered.
    public func flush() throws(DiskError) {
        guard buffer.count > 0 else { return }
        sum()
        try file.write(buffer.bytes, at: bytesWritten)
        bytesWritten += buffer.count
        unsynced += buffer.count
        buffer.removeAll()
        summed = 0
        guard unsynced >= Self.syncSize else { return }
        try file.sync()
        unsynced = 0
    }

    /// Writes the end mark and the sections, makes the file durable and gives it its name.
    ///
    /// - Parameter trailer: the sections to write; a digest of nil leaves the section out, as servers with digests
    ///   switched off do.
    /// - Returns: the file's size in bytes.
    @discardableResult
    public func finish(_ trailer: SnapshotTrailer) throws(DiskError) -> Int {
        precondition(sessionsLeft == 0)
        buffer.append(string: "/")
        try complete(trailer)
        try disk.rename(temporaryPath, to: path)
        try disk.syncDirectory(directory)
        isFinished = true
        return bytesWritten
    }

    /// Leaves the file, which is complete, under its temporary name to the caller.
    func handOver() { isFinished = true }

    /// Writes the sections behind a body that has its end mark, and makes the file durable under its temporary name.
    func complete(_ trailer: SnapshotTrailer) throws(DiskError) {
        precondition(!isFinished)
        seal()
        if let digest = trailer.digest {
            precondition(digest.version >= 2, "older digests are strings")
            buffer.append(int64: digest.zxid)
            buffer.append(int32: digest.version)
            buffer.append(int64: digest.value)
            seal()
        }
        if let zxid = trailer.lastProcessedZxid {
            buffer.append(int64: zxid)
            seal()
        }
        try flush()
        try file.sync()
        file.close()
    }

    /// Gives the snapshot up and leaves what was written under its temporary name, as the end of the process would.
    public func abandon() {
        guard !isFinished else { return }
        isFinished = true
        file.close()
    }

    /// Gives the snapshot up and removes what was written.
    public func abort() {
        guard !isFinished else { return }
        isFinished = true
        file.close()
        try? disk.unlink(temporaryPath)
    }

    private func sum() {
        checksum.add(UnsafeRawBufferPointer(rebasing: buffer.bytes[summed...]))
        summed = buffer.count
    }

    private func seal() {
        sum()
        buffer.append(int64: Int64(checksum.value))
        buffer.append(string: "/")
    }
}
