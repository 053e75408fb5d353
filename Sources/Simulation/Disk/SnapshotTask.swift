import DataTree
import TxnLog

/// A fuzzy snapshot under way: a few znodes at a time, while the tree changes in between.
final class SnapshotTask {
    private let disk: any Disk
    private let directory: String
    private let tree: DataTree
    private let writer: SnapshotWriter
    /// A mutation: names the file by what was applied at its end, though its beginning is older.
    private let isNamedAtEnd: Bool

    init(
        disk: any Disk, directory: String, tree: DataTree, zxid: Int64,
        sessions: [(id: Int64, timeoutMillis: Int32)], isNamedAtEnd: Bool
    ) throws(DiskError) {
        self.disk = disk
        self.directory = directory
        self.tree = tree
        self.isNamedAtEnd = isNamedAtEnd
        writer = try SnapshotWriter(disk: disk, directory: directory, zxid: zxid)
        writer.beginSessions(count: sessions.count)
        for session in sessions { writer.session(id: session.id, timeoutMillis: session.timeoutMillis) }
        tree.appendACLMap(to: &writer.buffer)
        tree.beginWalk()
    }

    /// - Returns: whether the snapshot is written whole.
    func step(nodes: Int) throws(DiskError) -> Bool {
        guard tree.walk(maximumNodes: nodes, maximumBytes: 64 << 10, into: &writer.buffer) else {
            try writer.flushIfFull()
            return false
        }
        var trailer = SnapshotTrailer()
        trailer.digest = SnapshotDigest(zxid: tree.lastProcessedZxid, value: Int64(bitPattern: tree.digest))
        trailer.lastProcessedZxid = tree.lastProcessedZxid
        try writer.finish(trailer)
        if isNamedAtEnd {
            let name = directory + "/" + DataFileName.snapshot(tree.lastProcessedZxid)
            if name != writer.path { try disk.rename(writer.path, to: name) }
        }
        return true
    }
}
