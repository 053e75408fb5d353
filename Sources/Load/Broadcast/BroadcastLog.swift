#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where servers keep their logs while the broadcast is measured, and what a transaction waits for: the three rows of
/// figures in Zab's own paper.
public enum BroadcastLog: String, Codable, CaseIterable, Sendable {
    /// The network alone, as far as it goes: the log is written all the same, but into memory (`/dev/shm`), and nothing
    /// is forced.
    case memory
    /// On the disk's file system, and nothing is forced: the kernel's cache takes every write.
    case cached
    /// On the disk, forced before a transaction is acknowledged, a batch at a time.
    case forced

    /// What is switched off, exactly.
    public var title: String {
        switch self {
        case .memory: "Network only: logs in memory, not forced"
        case .cached: "Disk with its cache: logs written, not forced"
        case .forced: "Disk without its cache: logs forced batch by batch"
        }
    }

    public var isForced: Bool { self == .forced }

    private static let memoryDirectory = "/dev/shm"
    /// Segments are zeroed ahead, 64 MiB each, and a second one may be there.
    private static let memoryBytesEach: UInt64 = 256 << 20

    /// Runs a body with the directory for the servers' data: the one given, or one in memory that goes away afterwards.
    ///
    /// - Throws: where there is no memory file system, or not enough room in it.
    func withDataRoot<Result>(
        _ usual: String, servers: Int, _ body: (String) throws(LoadError) -> Result
    ) throws(LoadError) -> Result {
        guard self == .memory else { return try body(usual) }
        var status = statvfs()
        guard statvfs(Self.memoryDirectory, &status) == 0,
            EnvironmentRecord.fileSystem(of: Self.memoryDirectory).hasPrefix("tmpfs")
        else { throw .environment("a log in memory needs a tmpfs at \(Self.memoryDirectory)") }
        let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        guard free >= UInt64(servers) * Self.memoryBytesEach else {
            throw .environment(
                "\(Self.memoryDirectory) has \(free >> 20) MiB free; \(servers) servers with their logs in memory need "
                    + "\((UInt64(servers) * Self.memoryBytesEach) >> 20)")
        }
        Self.removeLeftOvers()
        let root = "\(Self.memoryDirectory)/\(Self.prefix)\(getpid())"
        try ResultFiles.makeDirectory(root)
        defer { removeDirectory(root) }
        return try body(root)
    }

    private static let prefix = "corral-bench-"

    /// Of programs that were killed: memory would stay in use for good.
    private static func removeLeftOvers() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: memoryDirectory)) ?? [] {
            guard name.hasPrefix(prefix), let pid = pid_t(name.dropFirst(prefix.count)), kill(pid, 0) != 0,
                errno == ESRCH
            else { continue }
            removeDirectory("\(memoryDirectory)/\(name)")
        }
    }
}
