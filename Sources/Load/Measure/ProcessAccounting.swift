import CPlatform

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

/// What the kernel has charged to a process so far.
struct ProcessSnapshot: Sendable {
    /// The process's CPU clock: user and system time of all its threads, ended ones too, in nanoseconds.
    var cpuNanos: UInt64
    /// Run time of the living threads by the scheduler's statistics, in nanoseconds.
    var scheduledNanos: UInt64
    var userSeconds: Double
    var systemSeconds: Double
    var residentBytes: UInt64
    var residentPeakBytes: UInt64
    /// Bytes this process caused to be sent to storage (`write_bytes`), page cache write-back included.
    var writtenBytes: UInt64
    var threads: Int
    var voluntarySwitches: UInt64

    /// - Throws: when the process is gone or belongs to someone else.
    init(pid: Int32) throws(LoadError) {
        func read(_ name: String) throws(LoadError) -> String {
            guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/\(name)") else {
                throw .environment("cannot read /proc/\(pid)/\(name): no such process, or not ours to watch")
            }
            return String(decoding: data, as: UTF8.self)
        }
        // The command's name may hold spaces; fields start behind its closing bracket, with field 3.
        let stat = try read("stat")
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        guard fields.count > 13 else { throw .environment("odd /proc/\(pid)/stat") }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        userSeconds = (Double(fields[12]) ?? 0) / ticks
        systemSeconds = (Double(fields[13]) ?? 0) / ticks

        let status = try read("status")
        func kilobytes(_ key: String) -> UInt64 { Self.number(after: key, in: status) * 1024 }
        residentBytes = kilobytes("VmRSS:")
        residentPeakBytes = kilobytes("VmHWM:")
        threads = Int(Self.number(after: "Threads:", in: status))
        writtenBytes = Self.number(after: "write_bytes:", in: try read("io"))

        var scheduled: UInt64 = 0
        var switches: UInt64 = 0
        for thread in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? [] {
            // A thread may end meanwhile; the process clock below still counts it.
            guard let text = try? read("task/\(thread)/schedstat") else { continue }
            scheduled += text.split(separator: " ").first.flatMap { UInt64($0) } ?? 0
            if let status = try? read("task/\(thread)/status") {
                switches += Self.number(after: "voluntary_ctxt_switches:", in: status)
            }
        }
        scheduledNanos = scheduled
        voluntarySwitches = switches

        cpuNanos = Self.cpuNanos(of: pid) ?? UInt64((userSeconds + systemSeconds) * 1e9)
    }

    /// The process's CPU clock; nil when it is gone. The kernel brings it up to date at each tick and switch.
    static func cpuNanos(of pid: Int32) -> UInt64? {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else { return nil }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func number(after key: String, in text: String) -> UInt64 {
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            let digits = line.dropFirst(key.count).drop { $0 == " " || $0 == "\t" }.prefix { $0.isNumber }
            return UInt64(digits) ?? 0
        }
        return 0
    }
}

/// What a server process used in a measured window.
public struct ServerUsage: Codable, Equatable, Sendable {
    public var pid: Int32
    /// Of a member of an ensemble.
    public var serverId: Int?
    public var role: MemberRole?
    /// User and system time by the process's CPU clock.
    public var cpuSeconds: Double
    /// The same from the scheduler's statistics of threads that live at the end.
    public var scheduledSeconds: Double
    public var userSeconds: Double
    public var systemSeconds: Double
    /// CPU time over the window's length; 1 is one CPU busy all the time.
    public var cpuShare: Double
    public var residentBytes: UInt64
    public var residentPeakBytes: UInt64
    public var writtenBytes: UInt64
    public var voluntarySwitches: UInt64
    public var threads: Int
    public var cpuMicrosPerOperation: Double
    public var writtenBytesPerOperation: Double

    init(pid: Int32, from start: ProcessSnapshot, to end: ProcessSnapshot, operations: UInt64, nanos: UInt64) {
        self.pid = pid
        cpuSeconds = Double(end.cpuNanos - start.cpuNanos) / 1e9
        scheduledSeconds = Double(end.scheduledNanos &- min(end.scheduledNanos, start.scheduledNanos)) / 1e9
        userSeconds = end.userSeconds - start.userSeconds
        systemSeconds = end.systemSeconds - start.systemSeconds
        cpuShare = nanos == 0 ? 0 : cpuSeconds * 1e9 / Double(nanos)
        residentBytes = end.residentBytes
        residentPeakBytes = end.residentPeakBytes
        writtenBytes = end.writtenBytes - min(end.writtenBytes, start.writtenBytes)
        voluntarySwitches = end.voluntarySwitches - min(end.voluntarySwitches, start.voluntarySwitches)
        threads = end.threads
        let count = Double(max(1, operations))
        cpuMicrosPerOperation = cpuSeconds * 1e6 / count
        writtenBytesPerOperation = Double(writtenBytes) / count
    }
}
