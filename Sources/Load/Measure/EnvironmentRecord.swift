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

/// The circumstances of a result: without them a figure cannot be compared with another.
public struct EnvironmentRecord: Codable, Equatable, Sendable {
    public var argv: [String]
    public var commit: String
    public var dirty: Bool
    public var compiler: String
    public var optimized: Bool
    public var allocator: String
    public var kernel: String
    public var cpuModel: String
    public var cpuCount: Int
    public var governor: String
    public var hypervisor: Bool
    public var cgroup: [String: String]
    public var memoryBytes: UInt64
    public var clockSource: String
    public var loadAverage: String
    public var openFileLimit: UInt64
    public var tcp: [String: String]
    /// Of the directory the servers write to; empty when the servers are not ours.
    public var dataDirectoryFileSystem: String
    public var diskCalibration: [DiskCalibration]
    public var transparentHugePages: String
    /// Another measurement that ran on this machine when this one began, wanted so; nil without.
    public var neighbour: String?

    private static func read(_ path: String) -> String {
        guard let data = FileManager.default.contents(atPath: path) else { return "unknown" }
        return String(decoding: data, as: UTF8.self).trimmingWhitespace
    }

    private static func field(_ key: String, in text: String) -> String {
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            if let colon = line.firstIndex(of: ":") {
                return String(line[line.index(after: colon)...]).trimmingWhitespace
            }
        }
        return "unknown"
    }

    /// - Parameter dataDirectory: where the servers write; nil when that is unknown. Calibrates the disk there.
    public static func capture(dataDirectory: String?) -> EnvironmentRecord {
        let cpu = read("/proc/cpuinfo")
        var name = utsname()
        uname(&name)
        func text<T>(_ field: T) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(7), &limit)  // RLIMIT_NOFILE
        let environment = ProcessInfo.processInfo.environment
        // What this suite itself writes changes nothing of what is measured.
        let status = ChildProcess.capture(["git", "status", "--porcelain", "--", ".", ":!Results", ":!plots"])
        var tcp: [String: String] = [:]
        for key in ["tcp_rmem", "tcp_wmem", "tcp_congestion_control", "tcp_autocorking"] {
            tcp[key] = read("/proc/sys/net/ipv4/\(key)")
        }
        var cgroup: [String: String] = ["path": read("/proc/self/cgroup")]
        for key in ["cpu.max", "memory.max", "cpuset.cpus.effective"] {
            let value = read("/sys/fs/cgroup/\(key)")
            if value != "unknown" { cgroup[key] = value }
        }
        return EnvironmentRecord(
            argv: CommandLine.arguments.map(withoutWorkingDirectory),
            commit: ChildProcess.capture(["git", "rev-parse", "HEAD"])?.trimmingWhitespace ?? "unknown",
            dirty: status.map { !$0.trimmingWhitespace.isEmpty } ?? false,
            compiler: environment["CORRAL_BENCH_COMPILER"]
                ?? ChildProcess.capture(["swift", "--version"])?.split(separator: "\n").first.map(String.init)
                ?? "unknown",
            optimized: isOptimized, allocator: "glibc malloc (generator)",
            kernel: "\(text(name.sysname)) \(text(name.release)) \(text(name.machine))",
            cpuModel: field("model name", in: cpu), cpuCount: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            hypervisor: field("flags", in: cpu).split(separator: " ").contains("hypervisor"), cgroup: cgroup,
            memoryBytes: UInt64(sysconf(Int32(_SC_PHYS_PAGES))) * UInt64(sysconf(Int32(_SC_PAGESIZE))),
            clockSource: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            loadAverage: read("/proc/loadavg"), openFileLimit: UInt64(limit.rlim_cur), tcp: tcp,
            dataDirectoryFileSystem: dataDirectory.map(fileSystem) ?? "",
            diskCalibration: dataDirectory.map { DiskCalibration.measure(in: $0) } ?? [],
            transparentHugePages: read("/sys/kernel/mm/transparent_hugepage/enabled"),
            neighbour: MeasuringLock.neighbour)
    }

    /// A machine in one line, for titles of plots.
    public var machine: String {
        let system = kernel.split(separator: " ").prefix(2).joined(separator: " ")
        return "\(cpuCount) CPUs \(cpuModel)\(hypervisor ? " (virtual)" : ""), \(system)"
    }

    /// A path below the working directory as a relative one: a result names no directory of the machine it is from.
    static func withoutWorkingDirectory(_ text: String) -> String {
        let prefix = FileManager.default.currentDirectoryPath + "/"
        return text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
    }

    private static var isOptimized: Bool {
        var optimized = true
        // Evaluated only in builds without optimization.
        assert(
            {
                optimized = false
                return true
            }())
        return optimized
    }

    /// Device, type and options of the mount that holds a directory.
    static func fileSystem(of directory: String) -> String {
        guard let resolved = realpath(directory, nil) else { return "unknown" }
        defer { free(resolved) }
        let path = String(cString: resolved)
        var best = ("", "unknown")
        for line in read("/proc/mounts").split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 4 else { continue }
            let mount = String(fields[1])
            let holds = mount == "/" || path == mount || path.hasPrefix(mount + "/")
            if holds, mount.count >= best.0.count { best = (mount, "\(fields[2]) on \(fields[0]) (\(fields[3]))") }
        }
        return best.1
    }

    /// Steal and total time of all CPUs, in clock ticks.
    static func stealAndTotal() -> (steal: UInt64, total: UInt64) {
        guard let line = read("/proc/stat").split(separator: "\n").first else { return (0, 0) }
        let fields = line.split(separator: " ").dropFirst().compactMap { UInt64($0) }
        return (fields.count > 7 ? fields[7] : 0, fields.prefix(8).reduce(0, +))
    }
}

extension String {
    var trimmingWhitespace: String {
        var view = self[...]
        while let last = view.last, last.isWhitespace { view = view.dropLast() }
        while let first = view.first, first.isWhitespace { view = view.dropFirst() }
        return String(view)
    }
}
