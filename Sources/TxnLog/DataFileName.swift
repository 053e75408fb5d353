/// The names of the files in a `version-2` directory.
///
/// Everything of Corral's own is called `corral.…`: Apache ZooKeeper looks only at names whose part before the first
/// dot is `log` or `snapshot`, and ignores the rest.
public enum DataFileName: Equatable, Sendable {
    /// `log.<zxid of its first transaction, in hexadecimal>`.
    case log(zxid: Int64)
    /// `snapshot.<zxid, in hexadecimal>`, with `.gz` or `.snappy` when compressed.
    case snapshot(zxid: Int64, compression: Compression)
    /// `acceptedEpoch` or `currentEpoch`, and their temporary forms; `updatingEpoch`.
    case epoch
    /// Corral's lock, its epoch record, a mark or an unfinished file.
    case own
    /// The unfinished snapshot (`snapshot.<zxid>.tmp`) or epoch file of an Apache server that was killed.
    case unfinished
    /// Not a file of a ZooKeeper server.
    case foreign

    public enum Compression: String, Sendable {
        case none = ""
        case gzip = "gz"
        case snappy
    }

    /// The version directory under `dataDir` and `dataLogDir`.
    public static let versionDirectory = "version-2"
    public static let lock = "corral.lock"
    /// A log segment that is prepared, with its header, but has no transactions and so no name yet.
    static let spareSegment = "corral.log.tmp"
    static let unfinishedSnapshot = "corral.snapshot.tmp"
    /// A snapshot being received from a leader.
    static let receivedSnapshot = "corral.received.tmp"
    /// An empty file: the received snapshot of the zxid that follows replaces everything else. See
    /// `SnapshotReplacement`.
    static let replacementPrefix = "corral.replacing."
    /// What follows a received snapshot that is not yet the only history; then the zxid, as in a log's name.
    static let stagedLogPrefix = "corral.staged."
    /// The server's own record of its epochs.
    static let epochRecord = "corral.epochs"
    static let acceptedEpoch = "acceptedEpoch"
    static let currentEpoch = "currentEpoch"
    /// What a server before 3.6 leaves when it is killed between two files.
    static let updatingEpoch = "updatingEpoch"
    /// What is appended to a file's name while it is written; Apache's choice too.
    static let temporarySuffix = ".tmp"

    public static func log(_ zxid: Int64) -> String { "log." + hexadecimal(zxid) }
    static func stagedLog(_ zxid: Int64) -> String { stagedLogPrefix + hexadecimal(zxid) }
    public static func snapshot(_ zxid: Int64) -> String { "snapshot." + hexadecimal(zxid) }

    /// A zxid as Apache's file names carry it: hexadecimal of the 64 bits, no leading zeros.
    public static func hexadecimal(_ zxid: Int64) -> String { String(UInt64(bitPattern: zxid), radix: 16) }

    public init(_ name: String) {
        if name.hasPrefix("corral.") {
            self = .own
            return
        }
        if name.hasPrefix(Self.acceptedEpoch) || name.hasPrefix(Self.currentEpoch) || name == Self.updatingEpoch {
            self = .epoch
            return
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0] == "log" || parts[0] == "snapshot", let zxid = Int64(parts[1], radix: 16),
            zxid >= 0
        else {
            self = .foreign
            return
        }
        let suffix = parts.dropFirst(2).joined(separator: ".")
        if suffix == "tmp" {
            self = .unfinished
        } else if parts[0] == "log" {
            self = suffix.isEmpty ? .log(zxid: zxid) : .foreign
        } else if let compression = Compression(rawValue: suffix) {
            self = .snapshot(zxid: zxid, compression: compression)
        } else {
            self = .foreign
        }
    }
}

/// A log segment or snapshot found in a directory.
public struct DataFile: Equatable, Sendable {
    public let zxid: Int64
    public let path: String
    public let compression: DataFileName.Compression

    /// The log segments of a directory, oldest first.
    public static func logs(_ disk: any Disk, _ directory: String) throws(DiskError) -> [DataFile] {
        var files: [DataFile] = []
        for name in try disk.list(directory) {
            guard case .log(let zxid) = DataFileName(name) else { continue }
            files.append(DataFile(zxid: zxid, path: directory + "/" + name, compression: .none))
        }
        return files.sorted { $0.zxid < $1.zxid }
    }

    /// The log segments of a directory that follow a received snapshot and have no right names yet, oldest first.
    static func stagedLogs(_ disk: any Disk, _ directory: String) throws(DiskError) -> [DataFile] {
        var files: [DataFile] = []
        for name in try disk.list(directory) where name.hasPrefix(DataFileName.stagedLogPrefix) {
            guard let zxid = Int64(name.dropFirst(DataFileName.stagedLogPrefix.count), radix: 16) else { continue }
            files.append(DataFile(zxid: zxid, path: directory + "/" + name, compression: .none))
        }
        return files.sorted { $0.zxid < $1.zxid }
    }

    /// The snapshots of a directory, newest first.
    public static func snapshots(_ disk: any Disk, _ directory: String) throws(DiskError) -> [DataFile] {
        var files: [DataFile] = []
        for name in try disk.list(directory) {
            guard case .snapshot(let zxid, let compression) = DataFileName(name) else { continue }
            files.append(DataFile(zxid: zxid, path: directory + "/" + name, compression: compression))
        }
        return files.sorted { ($0.zxid, $1.path) > ($1.zxid, $0.path) }
    }
}
