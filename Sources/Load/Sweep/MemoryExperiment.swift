#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a server needs for one znode.
public struct MemoryResult: Codable, Equatable, Sendable {
    public var server: ServerKind
    public var description: ServerDescription
    public var znodes: Int
    public var residentBytesBefore: UInt64
    /// Right after the last create.
    public var residentBytesLoaded: UInt64
    /// After a pause, and for a JVM a full collection.
    public var residentBytesAfter: UInt64
    public var residentPeakBytes: UInt64
    public var residentBytesPerZnode: Double
    /// A JVM's heap in use after a full collection, before and after; absent otherwise.
    public var heapBytesBefore: UInt64?
    public var heapBytesAfter: UInt64?
    public var heapBytesPerZnode: Double?
    public var createSeconds: Double
    public var createsPerSecond: Double
    public var serverCpuMicrosPerCreate: Double
    public var writtenBytesPerCreate: Double
}

/// The summary file of `corral-bench memory`.
public struct MemorySummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/memory"

    public var schema = MemorySummary.schemaName
    public var schemaVersion = MemorySummary.currentSchemaVersion
    public var experiment: String
    public var label: String
    public var status: RunStatus
    public var startedAt: String
    public var environment: EnvironmentRecord
    public var znodes: Int
    public var valueBytes: Int
    public var childrenPerParent: Int
    public var results: [MemoryResult]
}

/// Fills a fresh server with znodes and reads its resident memory before and after. Used from one thread.
public final class MemoryExperiment {
    private let znodes: Int
    private let valueBytes: Int
    private let options: ServerOptions
    private let progress: ProgressReporter

    private static let parentsRoot = "/corral-memory"

    public init(znodes: Int, valueBytes: Int, options: ServerOptions, progress: ProgressReporter) throws(LoadError) {
        guard (1000...20_000_000).contains(znodes) else {
            throw .usage("--znodes lies between 1000 and 20000000, not \(znodes)")
        }
        guard (0...100_000).contains(valueBytes) else {
            throw .usage("--value-bytes lies between 0 and 100000, not \(valueBytes)")
        }
        self.znodes = znodes
        self.valueBytes = valueBytes
        self.options = options
        self.progress = progress
    }

    public func run(_ kinds: [ServerKind], experiment: String, label: String, directory: String) throws(LoadError)
        -> MemorySummary
    {
        for kind in kinds { try ManagedServer.checkStartable(kind, options: options) }
        try ResultFiles.makeDirectory(options.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        let startedAt = ResultFiles.timestamp()
        var results: [MemoryResult] = []
        for kind in kinds where !Interrupt.isRequested {
            if let result = try measure(kind) { results.append(result) }
        }
        let summary = MemorySummary(
            experiment: experiment, label: label, status: Interrupt.isRequested ? .partial : .valid,
            startedAt: startedAt, environment: environment, znodes: znodes, valueBytes: valueBytes,
            childrenPerParent: TreeShape.childrenPerParent, results: results)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try ResultFiles.write(Self.markdown(summary), to: "\(directory)/report.md")
        return summary
    }

    /// nil when interrupted.
    private func measure(_ kind: ServerKind) throws(LoadError) -> MemoryResult? {
        let server = try ManagedServer(kind, options: options)
        defer { server.stop() }
        let client = try ControlClient(server.address)
        try client.create(1) { _ in (Self.parentsRoot, []) }
        let before = try Self.settle(pid: server.pid, kind: kind)
        let heapBefore = kind == .apache ? JvmAttach.heapUsedBytes(pid: server.pid) : nil
        let value = [UInt8]((0..<valueBytes).map { UInt8(33 + $0 % 94) })
        let shape = TreeShape(root: Self.parentsRoot, znodes: znodes)
        let started = Clock.seconds
        guard try shape.fill(client, value: value, title: kind.title, progress: progress) else { return nil }
        let seconds = Clock.seconds - started
        let loaded = try ProcessSnapshot(pid: server.pid)
        let after = try Self.settle(pid: server.pid, kind: kind)
        let heapAfter = kind == .apache ? JvmAttach.heapUsedBytes(pid: server.pid) : nil
        progress.clear()
        var heapPerZnode: Double?
        if let heapBefore, let heapAfter {
            heapPerZnode = (Double(heapAfter) - Double(heapBefore)) / Double(znodes)
        }
        return MemoryResult(
            server: kind, description: server.description, znodes: znodes,
            residentBytesBefore: before.residentBytes, residentBytesLoaded: loaded.residentBytes,
            residentBytesAfter: after.residentBytes, residentPeakBytes: after.residentPeakBytes,
            residentBytesPerZnode: (Double(after.residentBytes) - Double(before.residentBytes)) / Double(znodes),
            heapBytesBefore: heapBefore, heapBytesAfter: heapAfter, heapBytesPerZnode: heapPerZnode,
            createSeconds: seconds, createsPerSecond: Double(znodes) / seconds,
            serverCpuMicrosPerCreate: Double(loaded.cpuNanos - before.cpuNanos) / 1000 / Double(znodes),
            writtenBytesPerCreate: Double(loaded.writtenBytes - before.writtenBytes) / Double(znodes))
    }

    /// Lets a snapshot in progress end (CPU use falls below a twentieth of a CPU, 20 s at most), then collects a JVM's
    /// garbage in full.
    static func settle(pid: Int32, kind: ServerKind) throws(LoadError) -> ProcessSnapshot {
        var last = try ProcessSnapshot(pid: pid)
        for _ in 0..<40 where !Interrupt.isRequested {
            usleep(500_000)
            let now = try ProcessSnapshot(pid: pid)
            let busy = now.cpuNanos - last.cpuNanos
            last = now
            if busy < 25_000_000 { break }
        }
        if kind == .apache {
            // Twice: the first may only clear what the second can free.
            for _ in 0..<2 {
                guard JvmAttach.collectFully(pid: pid) else {
                    throw .environment("cannot ask the JVM for a full collection (attach is refused)")
                }
            }
            last = try ProcessSnapshot(pid: pid)
        }
        return last
    }

    public static func markdown(_ summary: MemorySummary) -> String {
        var lines = [
            "# Memory: \(summary.znodes) znodes with \(summary.valueBytes)-byte data", "",
            "\(summary.environment.machine). Status: \(summary.status.rawValue).", "",
            "| server | resident before MB | after MB | bytes per znode | live heap per znode | creates/s "
                + "| CPU µs/create |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        for item in summary.results {
            let cells = [
                item.server.rawValue, "\(item.residentBytesBefore >> 20)", "\(item.residentBytesAfter >> 20)",
                fixed(item.residentBytesPerZnode, 0), item.heapBytesPerZnode.map { fixed($0, 0) } ?? "-",
                short(item.createsPerSecond), fixed(item.serverCpuMicrosPerCreate, 2),
            ]
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        lines.append("")
        for item in summary.results {
            lines.append("- \(item.server.rawValue): \(item.description.commandLine.joined(separator: " "))")
        }
        lines.append(
            "- Resident memory as in /proc/PID/status; a JVM's after two full collections, its heap free to shrink.")
        return lines.joined(separator: "\n") + "\n"
    }
}
