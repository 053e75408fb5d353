/// Removes snapshots and log segments that no retained snapshot needs.
public struct Purge {
    /// How many of the newest snapshots stay; Apache's `autopurge.snapRetainCount`.
    public var retainCount: Int

    /// Apache accepts no fewer.
    public static let minimumRetainCount = 3

    public init(retainCount: Int) {
        precondition(retainCount >= 1)
        self.retainCount = retainCount
    }

    /// Removes what is older than the oldest retained snapshot, except the log segments that it needs: those named
    /// after it, and the newest named at or before it, which may hold later transactions.
    ///
    /// Safe while the server runs: the segment being written is always among those that stay. With fewer
    /// snapshots than `retainCount`, all stay.
    ///
    /// - Returns: the paths removed.
    @discardableResult
    public func run(
        disk: any Disk, logDirectory: String, snapshotDirectory: String
    ) throws(DiskError) -> [String] {
        let snapshots = try DataFile.snapshots(disk, snapshotDirectory)
        var retained: [DataFile] = []
        for snapshot in snapshots where retained.count < retainCount {
            if isComplete(disk, snapshot) { retained.append(snapshot) }
        }
        guard let oldest = retained.last else { return [] }
        let logs = try DataFile.logs(disk, logDirectory)
        let firstNeeded = logs.last { $0.zxid <= oldest.zxid }?.zxid ?? 0
        var removed: [String] = []
        // Snapshots first: one that has lost its log is worse than a log without its snapshot.
        for snapshot in snapshots.reversed() where snapshot.zxid < oldest.zxid {
            try disk.unlink(snapshot.path)
            removed.append(snapshot.path)
        }
        if !removed.isEmpty { try disk.syncDirectory(snapshotDirectory) }
        for log in logs where log.zxid < oldest.zxid && log.zxid < firstNeeded {
            try disk.unlink(log.path)
            removed.append(log.path)
        }
        return removed
    }

    /// Apache's quick test. A compressed snapshot is taken for complete: its own check is made when it is read.
    private func isComplete(_ disk: any Disk, _ file: DataFile) -> Bool {
        if file.compression != .none { return true }
        do throws(SnapshotError) {
            try SnapshotReader(disk: disk, path: file.path, zxid: file.zxid).checkEnd()
            return true
        } catch {
            return false
        }
    }
}
