import Load

extension BigTreeLoad: ComparedWork {
    public static var kind: String { "bigTree" }
    /// A server of its own: no other must keep up with it.
    public static var mostServers: Int { 1 }

    public init(_ fields: inout FileFields, turns: ComparisonTurns) throws(LoadError) {
        let usual = try BigTreeLoad()
        try self.init(
            znodes: try fields.integer("znodes", in: 1000...20_000_000) ?? usual.znodes,
            valueBytes: try fields.integer("valueBytes", in: 8...100_000) ?? usual.valueBytes,
            ratePerSecond: try fields.number("ratePerSecond", in: 1...1_000_000) ?? usual.ratePerSecond,
            readPercent: try fields.number("readPercent", in: 0...100) ?? usual.readPercent,
            connections: try fields.integer("connections", in: 1...1000) ?? usual.connections,
            snapshotEvery: try fields.integer("snapshotEvery", in: 100...10_000_000) ?? usual.snapshotEvery,
            leastRequests: try fields.integer("leastRequests", in: 10...1_000_000) ?? usual.leastRequests,
            seconds: try fields.number("seconds", in: 0.5...3600) ?? usual.seconds,
            warmupSeconds: try fields.number("warmupSeconds", in: 0...600) ?? usual.warmupSeconds,
            apacheWarmupSeconds: try fields.number("apacheWarmupSeconds", in: 0...3600) ?? usual.apacheWarmupSeconds)
    }

    public func measure(
        _ subject: EnsembleSubject, turns: ComparisonTurns, seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<BigTreeFigure> {
        var options = options
        // Its memory is compared: a JVM may give back what it does not use.
        options.apacheFixedHeap = false
        return try run(subject.kind, settings: turns.settings, seed: seed, options: options, progress: progress)
    }

    /// A million znodes take some ten seconds, a JVM thirty; half of that each start; then the memory comes to rest.
    public func estimatedSeconds(of subject: EnsembleSubject) -> Double {
        let isApache = subject.kind == .apache
        let fill = Double(znodes) / (isApache ? 30_000 : 80_000)
        let warm = isApache ? apacheWarmupSeconds : warmupSeconds
        return 3 * subject.startSeconds() + 1.5 * fill + 2 + warm + seconds
    }

    public var caseNames: [String] { [BigTreeFigure.name(znodes)] }

    public func problems(of figure: BigTreeFigure, among all: [BigTreeFigure]) -> [String] {
        var list = figure.doubts(least: leastRequests)
        if figure.load.windowSeconds < 0.9 * seconds { list.append("the window is too short") }
        for start in figure.starts where start.after != .empty && start.znodes <= znodes {
            list.append("after '\(start.after.rawValue)' it had \(start.znodes) znodes of \(znodes)")
        }
        return list
    }
}

extension BigTreeFigure: ComparedFigure {
    static func name(_ znodes: Int) -> String { "\(znodes) znodes" }

    public var caseName: String { Self.name(znodes) }

    public var metrics: [Metric] {
        func start(_ cause: BigTreeStart.Cause, _ name: String, _ title: String) -> [Metric] {
            starts.filter { $0.after == cause }.prefix(1).map { Metric(name, title, $0.seconds, better: .lower) }
        }
        func p99(_ name: String, _ title: String, _ latency: LatencySummary) -> Metric {
            Metric(name, title, Double(latency.p99Nanos) / 1e6, better: .lower)
        }
        let heap = heapBytesAfter.map { Metric("heap_in_use_mb", "heap in use, MB", Double($0) / 1_048_576) }
        let filled = [
            Metric("load_s", "filled in, s", loadSeconds, better: .lower),
            Metric("creates_per_s", "creates a second", createsPerSecond, better: .higher),
            Metric("resident_mb", "resident, MB", Double(residentBytesAfter) / 1_048_576, better: .lower),
            Metric("bytes_per_znode", "resident bytes per znode", residentBytesPerZnode, better: .lower),
        ]
        let started =
            start(.empty, "empty_start_s", "start when empty, s")
            + start(.kill, "start_after_kill_s", "start after a kill, s")
            + start(.stop, "start_after_stop_s", "start after a stop, s")
        let watched = [
            Metric("snapshot_s", "a snapshot, s", Middle.of(snapshotSeconds), better: .lower),
            p99("read_p99_ms", "read p99, ms", quiet.reads),
            p99("read_p99_during_snapshot_ms", "read p99 during a snapshot, ms", during.reads),
            p99("write_p99_ms", "write p99, ms", quiet.writes),
            p99("write_p99_during_snapshot_ms", "write p99 during a snapshot, ms", during.writes),
        ]
        return filled + [heap].compactMap(\.self) + started + watched
            + Metric.machine(load.generatorCpuShare, steal: load.stealShare)
    }

    public var problems: [String] {
        let isTrue = loadSeconds > 0 && abs(Double(znodes) / loadSeconds / createsPerSecond - 1) <= 0.001
        return isTrue ? [] : ["creates a second are not znodes over the time"]
    }

    public var latencies: [NamedLatencies] {
        NamedLatencies.of(load)
            + [("during snapshots", during), ("without", quiet)].flatMap { name, part in
                [
                    NamedLatencies("\(name), reads", seconds: load.windowSeconds, part.readTimes, is: part.reads),
                    NamedLatencies("\(name), writes", seconds: load.windowSeconds, part.writeTimes, is: part.writes),
                ]
            }
    }

    public var remarks: [String] {
        guard let delay = load.sendDelay else { return [] }
        let least = min(quiet.reads.p99Nanos, quiet.writes.p99Nanos)
        guard delay.p99Nanos > least / 2 else { return [] }
        let millis = Decimal.text(Double(delay.p99Nanos) / 1e6, 1)
        return ["the generator sent late, p99 \(millis) ms: that much of a latency may be its own"]
    }

    public var isGeneratorBound: Bool { !load.generatorBoundReasons.isEmpty }
}
