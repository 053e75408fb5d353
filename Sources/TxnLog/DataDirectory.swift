/// Why a server may not use a data directory. The description says what to do.
public enum DataDirectoryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Missing, and creating it is switched off.
    case missing(path: String)
    case unusable(path: String, DiskError)
    /// Holds files that no ZooKeeper server wrote.
    case foreign(path: String, names: [String])
    case locked(path: String)
    /// Snapshots in the directory of the logs, or logs in that of the snapshots.
    case mixed(path: String, expected: String, name: String)

    public var description: String {
        switch self {
        case .missing(let path):
            "data directory \(path) does not exist, and creating it is switched off (datadir.autocreate=false)"
        case .unusable(let path, let error):
            "cannot use data directory \(path): \(error)"
        case .foreign(let path, let names):
            "\(path) holds files that are not ZooKeeper's: \(names.joined(separator: ", ")). "
                + "Point dataDir and dataLogDir to a directory of their own, or move these files away"
        case .locked(let path):
            "\(path) is in use by another running server (it holds \(DataFileName.lock)). Stop that one first"
        case .mixed(let path, let expected, let name):
            "\(path) should hold \(expected) only, but holds \(name). "
                + "Check that dataDir and dataLogDir are right"
        }
    }
}

/// The directories of one server: created, checked and locked for as long as this object lives.
public final class DataDirectory: Sendable {
    /// `<dataDir>/version-2`.
    public let snapshotDirectory: String
    /// `<dataLogDir>/version-2`, which may be the same.
    public let logDirectory: String
    /// To be held by whoever removes files that others may rely on.
    public let historyLock = HistoryLock()
    private let locks: [any DiskLock]

    /// - Parameters:
    ///   - dataDir: where snapshots go.
    ///   - dataLogDir: where logs go; nil for the same.
    ///   - createsMissing: Apache's `datadir.autocreate`.
    public init(
        disk: any Disk, dataDir: String, dataLogDir: String? = nil, createsMissing: Bool = true
    ) throws(DataDirectoryError) {
        let version = DataFileName.versionDirectory
        snapshotDirectory = Self.trimmed(dataDir) + "/" + version
        logDirectory = Self.trimmed(dataLogDir ?? dataDir) + "/" + version
        var locks: [any DiskLock] = [try Self.take(disk, snapshotDirectory, createsMissing)]
        if logDirectory != snapshotDirectory { locks.append(try Self.take(disk, logDirectory, createsMissing)) }
        self.locks = locks
        guard logDirectory != snapshotDirectory else { return }
        for name in try Self.list(disk, logDirectory) {
            guard case .snapshot = DataFileName(name) else { continue }
            throw .mixed(path: logDirectory, expected: "transaction logs", name: name)
        }
        for name in try Self.list(disk, snapshotDirectory) {
            guard case .log = DataFileName(name) else { continue }
            throw .mixed(path: snapshotDirectory, expected: "snapshots", name: name)
        }
    }

    /// Gives the directories up.
    public func release() {
        for lock in locks { lock.release() }
    }

    private static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.count > 1 && path.hasSuffix("/") { path = path.dropLast() }
        return path == "/" ? "" : String(path)
    }

    private static func take(
        _ disk: any Disk, _ path: String, _ createsMissing: Bool
    ) throws(DataDirectoryError) -> any DiskLock {
        if !createsMissing {
            guard try orUnusable(path, { () throws(DiskError) in try disk.size(of: path) }) != nil else {
                throw .missing(path: path)
            }
        }
        try orUnusable(path) { () throws(DiskError) in try disk.createDirectory(path) }
        // Before the lock is made: nothing is written to a directory that is not ours.
        let foreign = try list(disk, path).filter(isForeign).sorted()
        guard foreign.isEmpty else { throw .foreign(path: path, names: Array(foreign.prefix(5))) }
        // Making the lock file also shows that the directory can be written to.
        let lock = try orUnusable(path) { () throws(DiskError) in try disk.lock(path + "/" + DataFileName.lock) }
        guard let lock else { throw .locked(path: path) }
        return lock
    }

    private static func orUnusable<Result>(
        _ path: String, _ body: () throws(DiskError) -> Result
    ) throws(DataDirectoryError) -> Result {
        do throws(DiskError) { return try body() } catch { throw .unusable(path: path, error) }
    }

    private static func list(_ disk: any Disk, _ path: String) throws(DataDirectoryError) -> [String] {
        try orUnusable(path) { () throws(DiskError) in try disk.list(path) }
    }

    /// Hidden files and the file system's own are nobody's data.
    private static func isForeign(_ name: String) -> Bool {
        DataFileName(name) == .foreign && !name.hasPrefix(".") && name != "lost+found"
    }
}
