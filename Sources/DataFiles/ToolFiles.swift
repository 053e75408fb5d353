import TxnLog

/// Finds the files that a user means: one file of any name, or those of a server's directory (the `version-2` directory
/// or the one above it).
enum ToolFiles {
    /// Log segments, oldest first.
    static func logs(_ disk: any Disk, _ path: String) throws(ToolError) -> [String] {
        guard let directory = try directory(disk, path) else { return [path] }
        do throws(DiskError) {
            let logs = try DataFile.logs(disk, directory).map(\.path)
            guard logs.isEmpty else { return logs }
        } catch {
            throw .unreadable("\(error)")
        }
        throw .nothing(kind: "log files", path: directory)
    }

    /// Snapshots, newest first.
    ///
    /// - Parameter onPacked: told of each compressed one of a directory that has others; nil when only the newest
    ///   counts.
    static func snapshots(
        _ disk: any Disk, _ path: String, onPacked: ((ToolError) -> Void)? = nil
    ) throws(ToolError) -> [SnapshotFile] {
        guard let directory = try directory(disk, path) else {
            let name = path.split(separator: "/").last.map(String.init) ?? path
            guard case .snapshot(let zxid, let compression) = DataFileName(name) else {
                return [SnapshotFile(path: path, zxid: 0)]
            }
            if compression != .none { throw .compressed(path: path, method: compression.rawValue) }
            return [SnapshotFile(path: path, zxid: zxid)]
        }
        let found: [DataFile]
        do throws(DiskError) {
            found = try DataFile.snapshots(disk, directory)
        } catch {
            throw .unreadable("\(error)")
        }
        guard let newest = found.first else { throw .nothing(kind: "snapshots", path: directory) }
        let plain = found.filter { $0.compression == .none }
        for packed in found where packed.compression != .none {
            let error = ToolError.compressed(path: packed.path, method: packed.compression.rawValue)
            // An older one in the newest's place would not be what was asked for.
            guard let onPacked, !plain.isEmpty else {
                if packed.path == newest.path { throw error }
                continue
            }
            onPacked(error)
        }
        return plain.map { SnapshotFile(path: $0.path, zxid: $0.zxid) }
    }

    /// The zxids of a directory's snapshots; none where it has none, or for a single file.
    static func snapshotZxids(_ disk: any Disk, _ path: String) -> [Int64] {
        guard let directory = (try? directory(disk, path)) ?? nil else { return [] }
        return ((try? DataFile.snapshots(disk, directory)) ?? []).map(\.zxid)
    }

    /// The directory that has the files; nil when the path is a file.
    private static func directory(_ disk: any Disk, _ path: String) throws(ToolError) -> String? {
        var trimmed = path[...]
        while trimmed.count > 1 && trimmed.hasSuffix("/") { trimmed = trimmed.dropLast() }
        let path = String(trimmed)
        do throws(DiskError) {
            guard try disk.size(of: path) != nil else { throw DiskError(.open, path, code: 2) }
        } catch {
            throw .unreadable("\(error)")
        }
        guard let names = try? disk.list(path) else { return nil }
        let hasFiles = names.contains { name in
            switch DataFileName(name) {
            case .log, .snapshot: true
            default: false
            }
        }
        return !hasFiles && names.contains(DataFileName.versionDirectory)
            ? path + "/" + DataFileName.versionDirectory : path
    }
}

/// A snapshot file; `zxid` is 0 where the name does not tell.
struct SnapshotFile {
    var path: String
    var zxid: Int64
}
