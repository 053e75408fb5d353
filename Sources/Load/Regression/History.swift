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

/// One run's line in `Results/history.ndjson`.
public struct HistoryEntry: Codable, Equatable, Sendable {
    public static let schemaName = "corral-bench/history"
    public static let currentSchemaVersion = 1

    public var schema = HistoryEntry.schemaName
    public var schemaVersion = HistoryEntry.currentSchemaVersion
    /// When the run began.
    public var at: String
    /// What was measured and how, such as `regress c20 w100 1024 B fsync`: only equal ones are compared.
    public var source: String
    public var label: String
    public var commit: String
    public var dirty: Bool
    public var compiler: String
    /// What tells one machine from another: only equal ones are compared.
    public var machine: String
    public var fileSystem: String
    /// Medians by metric: CPU µs per operation, operations per second, ns.
    public var metrics: [String: Double]
    /// Medians in ns.
    public var canaries: [String: Double]

    /// A line for a run of another kind.
    ///
    /// - Parameter metrics: of which less is better.
    public init(
        at: String, source: String, label: String, environment: EnvironmentRecord, metrics: [String: Double]
    ) {
        self.at = at
        self.source = source
        self.label = label
        commit = environment.commit
        dirty = environment.dirty
        compiler = environment.compiler
        machine = Self.machine(environment)
        fileSystem = environment.dataDirectoryFileSystem
        self.metrics = metrics
        canaries = Self.diskCanary(environment)
    }

    /// A line for a comparison: what the working tree did.
    ///
    /// - Returns: nil for a run that is not valid, or whose canaries vetoed: it must not become history.
    public init?(_ summary: RegressionSummary) {
        guard summary.status == .valid, !summary.canaries.contains(where: { $0.veto != nil }) else { return nil }
        let plan = summary.plan
        at = summary.startedAt
        source = Self.source("regress", plan.connections, plan.window, plan.valueBytes, plan.fsync)
        label = summary.label
        commit = summary.work.commit
        dirty = summary.work.dirty
        compiler = summary.environment.compiler
        machine = Self.machine(summary.environment)
        fileSystem = summary.environment.dataDirectoryFileSystem
        metrics = [:]
        for finding in summary.findings { metrics[finding.metric.rawValue] = finding.work }
        canaries = [:]
        for canary in summary.canaries { canaries[canary.canary.rawValue] = canary.medianNanos }
    }

    /// A line for a sweep of single servers: Corral's figures at the ends of the range, with the fewest connections.
    ///
    /// - Returns: nil for a run that is not valid or did not measure these.
    public init?(_ summary: SweepSummary) {
        let plan = summary.plan
        guard summary.status == .valid, plan.ensembleServers == nil, let connections = plan.connections.min() else {
            return nil
        }
        func figure(_ server: ServerKind, _ reads: Double) -> SweepFigure? {
            summary.figures.first {
                $0.server == server && $0.point.mode == .saturation && $0.point.readPercent == reads
                    && $0.point.connections == connections
            }
        }
        at = summary.startedAt
        let durability = summary.servers[ServerKind.corral.rawValue]?.durability ?? "unknown"
        source = Self.source("sweep", connections, plan.window, plan.valueBytes, durability == "fsync")
        label = summary.label
        commit = summary.environment.commit
        dirty = summary.environment.dirty
        compiler = summary.environment.compiler
        machine = Self.machine(summary.environment)
        fileSystem = summary.environment.dataDirectoryFileSystem
        metrics = [:]
        for (reads, cpu, rate) in [
            (100.0, RegressionMetric.cpuPerRead, RegressionMetric.readThroughput), (0, .cpuPerWrite, .writeThroughput),
        ] {
            guard let figure = figure(.corral, reads) else { continue }
            metrics[cpu.rawValue] = figure.serverCpuMicrosPerOperation.median
            metrics[rate.rawValue] = figure.throughputPerSecond.median
        }
        if let offered = summary.figures.first(where: { $0.server == .corral && $0.point.mode == .offered }) {
            metrics[RegressionMetric.offeredP99.rawValue] = offered.p99Nanos.median
        }
        guard !metrics.isEmpty else { return nil }
        canaries = [:]
        if let null = figure(.null, 100) {
            canaries[Canary.nullServer.rawValue] = 1000 * null.serverCpuMicrosPerOperation.median
        }
        canaries.merge(Self.diskCanary(summary.environment)) { _, new in new }
    }

    /// What a forced write of 1 KB took before the run, in ns.
    private static func diskCanary(_ environment: EnvironmentRecord) -> [String: Double] {
        let disk = environment.diskCalibration.last { $0.writeBytes == 1024 }
        return disk.map { [Canary.fdatasync.rawValue: 1000 * $0.fdatasyncP50Micros] } ?? [:]
    }

    private static func source(_ kind: String, _ connections: Int, _ window: Int, _ bytes: Int, _ fsync: Bool)
        -> String
    {
        "\(kind) c\(connections) w\(window) \(bytes) B \(fsync ? "fsync" : "no fsync")"
    }

    /// Processors, memory to the GiB, and the kernel.
    static func machine(_ environment: EnvironmentRecord) -> String {
        "\(environment.machine), \(environment.memoryBytes >> 30) GiB"
    }
}

/// `Results/history.ndjson`: a line for each run, oldest first.
public struct History: Sendable {
    public var entries: [HistoryEntry]
    /// Lines that are none, with their numbers.
    public var oddLines: [Int]

    /// - Throws: when the file is there and cannot be read.
    public init(path: String) throws(LoadError) {
        guard FileManager.default.fileExists(atPath: path) else {
            self.init(text: "")
            return
        }
        guard let data = FileManager.default.contents(atPath: path) else { throw .result("cannot read \(path)") }
        self.init(text: String(decoding: data, as: UTF8.self))
    }

    public init(text: String) {
        entries = []
        oddLines = []
        let decoder = JSONDecoder()
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            if let entry = try? decoder.decode(HistoryEntry.self, from: Data(line.utf8)),
                entry.schema == HistoryEntry.schemaName, entry.schemaVersion <= HistoryEntry.currentSchemaVersion
            {
                entries.append(entry)
            } else {
                oddLines.append(number + 1)
            }
        }
    }

    /// Adds one line; those there are never touched.
    ///
    /// - Throws: for a run that is in it already: counted twice it would look surer than it is.
    public static func append(_ entry: HistoryEntry, to path: String) throws(LoadError) {
        if try History(path: path).entries.contains(entry) {
            throw .result("the run '\(entry.label)' of \(entry.at) is in \(path) already")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var text = ""
        if let data = FileManager.default.contents(atPath: path) { text = String(decoding: data, as: UTF8.self) }
        if !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
        guard let line = try? encoder.encode(entry) else { throw .environment("cannot write a line of history") }
        try ResultFiles.write(text + String(decoding: line, as: UTF8.self) + "\n", to: path)
    }

    /// What may be compared: one metric, measured in one way on one machine, in the order of time.
    public struct Series: Equatable, Sendable {
        public var machine: String
        /// Of the data directory.
        public var fileSystem: String
        /// With its flags.
        public var compiler: String
        public var source: String
        public var metric: String
        public var isHigherBetter: Bool
        public var entries: [HistoryEntry]
        public var values: [Double]
        public var changes: [ChangePoints.Point]

        /// Whether a change made it worse, the machine being what it was.
        public func isWorse(_ change: ChangePoints.Point) -> Bool {
            (change.ratio > 1) != isHigherBetter && canary(of: change) == nil
        }

        /// The canary that became slower by half of the change or more, and by how much: then it was the machine.
        public func canary(of change: ChangePoints.Point) -> (name: String, ratio: Double)? {
            let names = Set(entries.flatMap(\.canaries.keys)).sorted()
            let moves = names.compactMap { name -> (name: String, ratio: Double)? in
                let before = entries[..<change.index].compactMap { $0.canaries[name] }.filter { $0 > 0 }
                let after = entries[change.index...].compactMap { $0.canaries[name] }.filter { $0 > 0 }
                guard !before.isEmpty, !after.isEmpty else { return nil }
                return (name, Statistics.median(after) / Statistics.median(before))
            }
            // A change to the better is the machine's where the canary became faster.
            let sign = (change.ratio > 1) != isHigherBetter ? 1.0 : -1
            let needed = 0.5 * abs(log(change.ratio))
            return moves.first { sign * log($0.ratio) >= needed }
        }
    }

    /// The least shift that counts: throughput and latency move by themselves where CPU time per operation does not; as
    /// `regress` has it, three times as far and ten times.
    static func leastShift(_ metric: String, _ search: ChangePoints) -> Double {
        switch RegressionMetric(rawValue: metric) {
        case .readThroughput, .writeThroughput: 3 * search.minimumShift
        case .offeredP99: 10 * search.minimumShift
        case .cpuPerRead, .cpuPerWrite, nil: search.minimumShift
        }
    }

    public func series(_ search: ChangePoints = ChangePoints()) -> [Series] {
        var list: [Series] = []
        struct Key: Hashable {
            var machine: String
            var fileSystem: String
            var compiler: String
            var source: String

            var parts: [String] { [machine, source, fileSystem, compiler] }
        }
        let groups = Dictionary(grouping: entries) {
            Key(machine: $0.machine, fileSystem: $0.fileSystem, compiler: $0.compiler, source: $0.source)
        }
        for (key, group) in groups.sorted(by: { $0.key.parts.lexicographicallyPrecedes($1.key.parts) }) {
            // Times in ISO 8601 sort as text.
            let ordered = group.sorted { $0.at < $1.at }
            let names = Set(ordered.flatMap(\.metrics.keys)).sorted()
            for name in names {
                let own = ordered.filter { ($0.metrics[name] ?? 0) > 0 }
                let values = own.map { $0.metrics[name]! }
                var limited = search
                limited.minimumShift = Self.leastShift(name, search)
                list.append(
                    Series(
                        machine: key.machine, fileSystem: key.fileSystem, compiler: key.compiler, source: key.source,
                        metric: name, isHigherBetter: RegressionMetric(rawValue: name)?.isHigherBetter ?? false,
                        entries: own, values: values, changes: limited.find(in: values)))
            }
        }
        return list
    }
}

extension HistoryEntry {
    /// A line for a result of `regress` or `sweep` on disk.
    ///
    /// - Returns: nil for another kind of result.
    /// - Throws: when it is not valid.
    public static func of(summaryFile path: String) throws(LoadError) -> HistoryEntry? {
        guard let data = FileManager.default.contents(atPath: path) else { throw .result("cannot read \(path)") }
        let decoder = JSONDecoder()
        var entry: HistoryEntry?
        if let summary = try? decoder.decode(RegressionSummary.self, from: data),
            summary.schema == RegressionSummary.schemaName
        {
            entry = HistoryEntry(summary)
        } else if let summary = try? decoder.decode(SweepSummary.self, from: data),
            summary.schema == SweepSummary.schemaName
        {
            entry = HistoryEntry(summary)
        } else {
            return nil
        }
        guard let entry else { throw .result("\(path) becomes no history: not a valid result") }
        return entry
    }
}
