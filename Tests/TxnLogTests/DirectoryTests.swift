import Foundation
import Testing

@testable import TxnLog

/// Purging, and whose directory it is.
struct DirectoryTests {
    /// Snapshots 0, 10, 20, …, and logs that each start at 1, 15, 25, ….
    static func populated(_ disk: MemoryDisk, snapshots: [Int64], logs: [Int64]) throws {
        for zxid in snapshots {
            var state = ToyState()
            state.zxid = zxid
            try state.save(disk, "/data")
        }
        for zxid in logs { disk.setContents(Array(Golden.log[..<16]), of: "/data/" + DataFileName.log(zxid)) }
    }

    @Test func purgeKeepsWhatTheRetainedSnapshotsNeed() throws {
        let disk = MemoryDisk()
        try Self.populated(disk, snapshots: [0, 10, 20, 30, 40], logs: [1, 5, 15, 25, 41])
        // Not whole, so it does not count; younger than the oldest retained, so it stays.
        disk.setContents([1, 2, 3], of: "/data/snapshot.1f")
        disk.setContents([1, 2, 3], of: "/data/snapshot.5")
        disk.setContents([], of: "/data/corral.lock")
        let removed = try Purge(retainCount: 3).run(disk: disk, logDirectory: "/data", snapshotDirectory: "/data")
        #expect(removed == ["snapshot.0", "snapshot.5", "snapshot.a", "log.1", "log.5"].map { "/data/" + $0 })
        #expect(
            try disk.list("/data") == [
                "corral.lock", "log.19", "log.29", "log.f", "snapshot.14", "snapshot.1e", "snapshot.1f", "snapshot.28",
            ])
        #expect(try Purge(retainCount: 3).run(disk: disk, logDirectory: "/data", snapshotDirectory: "/data") == [])
    }

    @Test func purgeKeepsALogThatStartsAtTheSnapshot() throws {
        let disk = MemoryDisk()
        try Self.populated(disk, snapshots: [10, 20], logs: [5, 10, 11])
        let removed = try Purge(retainCount: 2).run(disk: disk, logDirectory: "/data", snapshotDirectory: "/data")
        #expect(removed == ["/data/log.5"])
    }

    @Test func purgeWithoutASnapshotRemovesNothing() throws {
        let disk = MemoryDisk()
        try Self.populated(disk, snapshots: [], logs: [1, 5])
        #expect(try Purge(retainCount: 3).run(disk: disk, logDirectory: "/data", snapshotDirectory: "/data") == [])
    }

    @Test func directoryIsCreatedAndLocked() throws {
        let parent = try TemporaryDirectory()
        let disk = FileDisk()
        let first = try DataDirectory(disk: disk, dataDir: parent.path + "/a/b/", dataLogDir: parent.path + "/c")
        #expect(first.snapshotDirectory == parent.path + "/a/b/version-2")
        #expect(first.logDirectory == parent.path + "/c/version-2")
        // Shared by mistake with another server, in either role.
        for (data, log) in [("/a/b", "/other"), ("/other", "/c")] {
            do {
                _ = try DataDirectory(disk: disk, dataDir: parent.path + data, dataLogDir: parent.path + log)
                Issue.record("two servers in one directory")
            } catch {
                guard case .locked = error else { throw error }
                #expect("\(error)".contains("in use by another running server"))
            }
        }
        first.release()
        _ = try DataDirectory(disk: disk, dataDir: parent.path + "/a/b")
    }

    @Test func missingDirectoryIsRefusedWhenNotCreated() throws {
        let parent = try TemporaryDirectory()
        #expect(throws: DataDirectoryError.missing(path: parent.path + "/x/version-2")) {
            _ = try DataDirectory(disk: FileDisk(), dataDir: parent.path + "/x", createsMissing: false)
        }
        #expect(!FileManager.default.fileExists(atPath: parent.path + "/x"))
    }

    @Test func foreignFilesAreNamed() throws {
        let parent = try TemporaryDirectory()
        let version = parent.path + "/version-2"
        try FileManager.default.createDirectory(atPath: version, withIntermediateDirectories: true)
        for name in ["log.1", "snapshot.0", "snapshot.ff.gz", "currentEpoch", "acceptedEpoch.tmp", ".hidden"] {
            try Data().write(to: URL(fileURLWithPath: version + "/" + name))
        }
        try DataDirectory(disk: FileDisk(), dataDir: parent.path).release()
        try Data().write(to: URL(fileURLWithPath: version + "/postgresql.conf"))
        #expect(throws: DataDirectoryError.foreign(path: version, names: ["postgresql.conf"])) {
            _ = try DataDirectory(disk: FileDisk(), dataDir: parent.path)
        }
    }

    @Test func unusablePathIsRefused() throws {
        let parent = try TemporaryDirectory()
        try Data([1]).write(to: URL(fileURLWithPath: parent.path + "/file"))
        #expect {
            _ = try DataDirectory(disk: FileDisk(), dataDir: parent.path + "/file")
        } throws: { error in
            if case .unusable? = error as? DataDirectoryError { true } else { false }
        }
    }

    @Test func unwritableDirectoryIsRefused() throws {
        // A superuser may write anywhere but on the kernel's own file system.
        let path = geteuid() == 0 ? "/proc/self" : "/usr"
        #expect {
            _ = try DataDirectory(disk: FileDisk(), dataDir: path)
        } throws: { error in
            if case .unusable? = error as? DataDirectoryError { true } else { false }
        }
    }

    @Test func swappedDirectoriesAreRefused() throws {
        let disk = MemoryDisk()
        disk.setContents([], of: "/a/version-2/log.1")
        #expect(throws: DataDirectoryError.mixed(path: "/a/version-2", expected: "snapshots", name: "log.1")) {
            _ = try DataDirectory(disk: disk, dataDir: "/a", dataLogDir: "/b")
        }
        disk.setContents([], of: "/c/version-2/snapshot.0")
        let expected = DataDirectoryError.mixed(path: "/c/version-2", expected: "transaction logs", name: "snapshot.0")
        #expect(throws: expected) {
            _ = try DataDirectory(disk: disk, dataDir: "/d", dataLogDir: "/c")
        }
    }
}
