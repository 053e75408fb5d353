import Load

/// How far reads are behind what was acknowledged, by role and by the rate of writes.
public struct StalenessComparison: ComparedWork {
    public static let kind = "staleness"
    public static let usualServers = [3]

    public var times: CrowdTimes
    public var observers: Int
    public var valueBytes: Int
    public var rates: [Int]
    public var readsPerSecond: Int
    public var seconds: Double

    public init(_ fields: inout FileFields, turns: ComparisonTurns) throws(LoadError) {
        times = try CrowdTimes(&fields)
        observers = try fields.integer("observers", in: 0...10) ?? 1
        valueBytes = try fields.integer("valueBytes", in: 8...100_000) ?? 1024
        rates = try fields.integers("rates", in: 1...1_000_000) ?? [200, 1000, 2000, 5000, 10_000]
        readsPerSecond = try fields.integer("readsPerSecond", in: 1...100_000) ?? 500
        seconds = try fields.number("seconds", in: 0.1...3600) ?? 5
        guard Set(rates).count == rates.count else { throw fields.refusal("rates", "names a rate twice") }
        guard turns.servers.allSatisfy({ $0 > 1 && $0 + observers <= EnsembleOptions.maximumServers }) else {
            throw fields.refusal("servers", "are 2 to \(EnsembleOptions.maximumServers) with all observers")
        }
    }

    private var roles: [MemberRole] { observers > 0 ? [.leader, .follower, .observer] : [.leader, .follower] }

    public var caseNames: [String] {
        roles.flatMap { role in rates.sorted().map { StalenessRateFigure.name(role, $0) } }
    }

    public func estimatedSeconds(of subject: EnsembleSubject) -> Double {
        subject.startSeconds(observers: observers) + times.warmup(subject.kind)
            + Double(rates.count) * (seconds + 0.2)
    }

    public func measure(
        _ subject: EnsembleSubject, turns: ComparisonTurns, seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<StalenessRateFigure> {
        try StalenessRunner.run(
            StalenessPlan(
                kind: subject.kind, servers: subject.servers, observers: observers, settings: turns.settings,
                valueBytes: valueBytes, rates: rates, readsPerSecond: readsPerSecond, seconds: seconds,
                warmupSeconds: times.warmup(subject.kind), limitSeconds: times.limitSeconds, seed: seed),
            options: options, progress: progress)
    }

    public func problems(of figure: StalenessRateFigure, among all: [StalenessRateFigure]) -> [String] {
        Double(figure.writes) < 0.99 * figure.acknowledgedPerSecond * seconds
            ? ["\(figure.writes) writes are not those of \(seconds) seconds"] : []
    }

    /// Times behind over the rate of writes, for each role.
    public func drawing(_ summary: ComparisonSummary<Self>) -> ComparisonDrawing? {
        summary.curves(["behind_p50_ms", "behind_p99_ms", "behind_longest_ms", "zxids_p99"], over: "role,rate") {
            "\($0.role.rawValue),\($0.offeredPerSecond)"
        }.map {
            let drawn = roles.filter { $0 != .leader }.map(\.rawValue)
            return ComparisonDrawing(
                caption: "How far reads are behind what was acknowledged when they were sent, over the writes offered "
                    + "to the leader: 99th percentile and longest, in milliseconds, and the 99th percentile in "
                    + "transactions.",
                csv: $0, variables: ["roles = \"\(drawn.joined(separator: " "))\""])
        }
    }
}

extension StalenessRateFigure: ComparedFigure {
    static func name(_ role: MemberRole, _ rate: Int) -> String { "\(role.rawValue), \(rate) writes/s" }

    public var caseName: String { Self.name(role, offeredPerSecond) }
    public var latencies: [NamedLatencies] {
        [NamedLatencies("reads behind", behind), NamedLatencies("writes", writeTimes)]
    }

    public var metrics: [Metric] {
        [
            Metric(
                "behind_percent", "reads behind, %", 100 * Double(readsBehind) / Double(max(1, reads)), better: .lower),
            Metric("behind_p50_ms", "behind p50, ms", behind.p50Millis, better: .lower),
            Metric("behind_p99_ms", "behind p99, ms", behind.p99Millis, better: .lower),
            Metric("behind_longest_ms", "longest, ms", behind.longestMillis, better: .lower),
            Metric("zxids_p50", "zxids p50", Double(zxidsP50), better: .lower),
            Metric("zxids_p99", "zxids p99", Double(zxidsP99), better: .lower),
            Metric("zxids_most", "zxids, most", Double(zxidsMost), better: .lower),
            Metric("acknowledged_per_s", "writes acknowledged a second", acknowledgedPerSecond),
            Metric("write_p99_ms", "write p99, ms", writeTimes.p99Millis),
            Metric("send_delay_p99_ms", "send delay p99, ms", sendDelayP99Millis),
        ] + Metric.of(generator)
    }

    public var problems: [String] {
        var list = generator.problems
        if reads < 100 { list.append("only \(reads) reads") }
        return list + contradictions
    }

    public var isGeneratorBound: Bool { generator.isBound }

    private var contradictions: [String] {
        var list: [String] = []
        if !behind.isInOrder || behind.count != reads || readsBehind > reads {
            list.append("times that are not those of \(reads) reads")
        }
        if (readsBehind == 0) != (behind.longestMillis == 0) { list.append("reads behind by nothing") }
        if zxidsP50 > zxidsP99 || zxidsP99 > zxidsMost || zxidsP50 < 0 { list.append("zxids out of order") }
        if !writeTimes.isInOrder || writeTimes.count != writes { list.append("times that are not those of the writes") }
        return list
    }
}
