import ZooKeeperProtocol

/// Makes a received snapshot the only history of a directory, so that no crash leaves a mixture of old and new
/// (ZOOKEEPER-2872, 3642, 1549).
///
/// **The mark.** Once the received file is durable under its temporary name, an empty file `corral.replacing.<zxid>` is
/// made durable: from then on the new state holds. Before, a crash leaves the old state, and recovery removes the
/// temporary file. After, recovery goes on here before it reads anything.
///
/// **What follows.** A snapshot may be older than what this server has acknowledged: its leader sends the rest behind
/// it. Then log segments that are written meanwhile carry names that count for nothing, and get their right ones here.
///
/// **The order** also holds for an Apache server, which does not know the mark: what is newer than the snapshot goes
/// first, then the snapshot gets its name, then the older files go, then the mark. As long as the snapshot has no name,
/// and it is newer than everything (the usual case), the old state is whole; once it has, what is left is older.
struct SnapshotReplacement {
    let disk: any Disk
    let logDirectory: String
    let snapshotDirectory: String

    private var temporaryPath: String { snapshotDirectory + "/" + DataFileName.receivedSnapshot }

    private func markPath(_ zxid: Int64) -> String {
        snapshotDirectory + "/" + DataFileName.replacementPrefix + DataFileName.hexadecimal(zxid)
    }

    /// Replaces everything with the received file, which is complete and durable under its temporary name, and the log
    /// segments staged behind it.
    ///
    /// - Parameter logEnd: the last transaction of the old log; nil when it is to be looked for.
    func run(zxid: Int64, logEnd: Int64? = nil) throws(DiskError) {
        let mark = try disk.open(markPath(zxid), .create)
        mark.close()
        // Also makes the temporary name durable.
        try disk.syncDirectory(snapshotDirectory)
        try complete(zxid, logEnd)
    }

    /// Goes on with a replacement that a crash interrupted; its zxid, nil when there was none.
    func resume() throws(DiskError) -> Int64? {
        for name in try disk.list(snapshotDirectory) {
            guard name.hasPrefix(DataFileName.replacementPrefix),
                let zxid = Int64(name.dropFirst(DataFileName.replacementPrefix.count), radix: 16)
            else { continue }
            try complete(zxid, nil)
            return zxid
        }
        return nil
    }

    private func complete(_ zxid: Int64, _ logEnd: Int64?) throws(DiskError) {
        if try disk.size(of: temporaryPath) != nil {
            try remove(DataFile.snapshots(disk, snapshotDirectory).filter { $0.zxid >= zxid }, snapshotDirectory)
            try remove(logsBeyond(zxid, logEnd), logDirectory)
            try disk.rename(temporaryPath, to: snapshotDirectory + "/" + DataFileName.snapshot(zxid))
            try disk.syncDirectory(snapshotDirectory)
        }
        // Files named after the snapshot are none of the old ones: a server has gone on since.
        try remove(DataFile.snapshots(disk, snapshotDirectory).filter { $0.zxid < zxid }, snapshotDirectory)
        try remove(DataFile.logs(disk, logDirectory).filter { $0.zxid <= zxid }, logDirectory)
        let staged = try DataFile.stagedLogs(disk, logDirectory)
        for log in staged { try disk.rename(log.path, to: logDirectory + "/" + DataFileName.log(log.zxid)) }
        if !staged.isEmpty { try disk.syncDirectory(logDirectory) }
        try disk.unlinkIfPresent(markPath(zxid))
        try disk.syncDirectory(snapshotDirectory)
    }

    /// The segments that hold transactions after `zxid`, newest first.
    private func logsBeyond(_ zxid: Int64, _ logEnd: Int64?) throws(DiskError) -> [DataFile] {
        let logs = try DataFile.logs(disk, logDirectory)
        var beyond = Array(logs.filter { $0.zxid > zxid }.reversed())
        if let last = logs.last(where: { $0.zxid <= zxid }) {
            let reaches = if let logEnd { logEnd > zxid } else { try reaches(last, beyond: zxid) }
            if reaches { beyond.append(last) }
        }
        return beyond
    }

    private func reaches(_ log: DataFile, beyond zxid: Int64) throws(DiskError) -> Bool {
        let reader = try LogSegmentReader(disk: disk, path: log.path)
        guard reader.start == .header else { return true }
        while true {
            switch try reader.next() {
            case .txn(let header, _): if header.zxid > zxid { return true }
            case .end: return false
            // What it holds is not known; it goes in any case.
            case .damage: return true
            }
        }
    }

    private func remove(_ files: [DataFile], _ directory: String) throws(DiskError) {
        for file in files { try disk.unlinkIfPresent(file.path) }
        if !files.isEmpty { try disk.syncDirectory(directory) }
    }
}
