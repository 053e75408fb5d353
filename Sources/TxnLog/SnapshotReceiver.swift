/// Writes a snapshot received from a leader to the disk, and makes it the only history in the end.
///
/// **When.** If the snapshot is newer than everything here, as soon as it is whole: `finish`. If not, this server may
/// have acknowledged transactions that come only behind it: were it the only history at once, a crash before they are
/// durable would take back what this server has promised to keep. Then `stage` comes first, the writer goes on with
/// `LogWriter.reopen(after:staged:)`, and `install` makes snapshot and log the only history together, before the
/// leader is told that all is durable (the acknowledgement of NEWLEADER).
///
/// Used by one thread at a time. Marked sendable so that it can be created on one thread and handed to another.
public final class SnapshotReceiver: @unchecked Sendable {
    public let zxid: Int64

    private let replacement: SnapshotReplacement
    private let writer: SnapshotWriter
    private let sections: Sections
    /// Finds the body's end once more: what replaces everything must be whole.
    private let extent: SnapshotBodyParser

    /// The sections that a snapshot file has behind its body: what Apache's `zookeeper.digest.enabled` and
    /// `zookeeper.serializeLastProcessedZxid.enabled` say. A server reads what it would write, and fails on more.
    public struct Sections: Sendable {
        public var digest: Bool
        public var zxid: Bool

        public init(digest: Bool = true, zxid: Bool = true) {
            self.digest = digest
            self.zxid = zxid
        }
    }

    /// Begins a temporary file; what is there stays as it is until `finish`.
    ///
    /// - Parameters:
    ///   - logDirectory: the `version-2` directory of the logs.
    ///   - snapshotDirectory: that of the snapshots.
    ///   - zxid: of the leader's SNAP packet.
    public init(
        disk: any Disk, logDirectory: String, snapshotDirectory: String, zxid: Int64, sections: Sections = Sections()
    ) throws(DiskError) {
        self.zxid = zxid
        self.sections = sections
        extent = SnapshotBodyParser(zxid: zxid, visitor: nil, maximumRecordBytes: .max)
        replacement = SnapshotReplacement(
            disk: disk, logDirectory: logDirectory, snapshotDirectory: snapshotDirectory)
        writer = try SnapshotWriter(
            disk: disk, directory: snapshotDirectory, zxid: zxid, temporaryName: DataFileName.receivedSnapshot)
    }

    /// The next bytes of the body: exactly those that `SnapshotBodyParser` took, its end mark included.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        let taken = try? extent.feed(bytes)
        precondition(taken == bytes.count, "bytes that are not a snapshot's body")
        try writer.append(bytes)
    }

    /// Makes the snapshot durable and the only history: all other snapshots and all logs go. Durable on return; a
    /// crash on the way leaves either all of the old state or, after recovery, all of the new.
    ///
    /// To be called after the parser has seen the body's end, with the log writer closed, no snapshot being taken and
    /// no purge running.
    ///
    /// - Parameter digest: the tree's digest and the transaction after which it held, if known.
    public func finish(digest: (zxid: Int64, value: UInt64)?) throws(DiskError) {
        try stage(digest: digest)
        try install()
    }

    /// Makes the snapshot durable, but leaves the old history in force.
    public func stage(digest: (zxid: Int64, value: UInt64)?) throws(DiskError) {
        precondition(extent.isFinished, "the body has not ended")
        var trailer = SnapshotTrailer()
        if sections.digest {
            // As Apache does, an empty one where there is none: its reader expects the section.
            trailer.digest = SnapshotDigest(
                zxid: digest?.zxid ?? 0, value: Int64(bitPattern: digest?.value ?? 0))
        }
        if sections.zxid { trailer.lastProcessedZxid = zxid }
        try writer.complete(trailer)
        writer.handOver()
    }

    /// Makes a staged snapshot, and the log segments staged behind it, the only history. Under the same conditions as
    /// `finish`, and as safe at every crash.
    ///
    /// - Parameter logEnd: the last transaction of the old log, if known; else its last segment is read to its end.
    public func install(logEnd: Int64? = nil) throws(DiskError) {
        try replacement.run(zxid: zxid, logEnd: logEnd)
    }

    /// Gives the snapshot up; the old state stays. Once it is staged, recovery does that.
    public func abandon() { writer.abort() }
}
