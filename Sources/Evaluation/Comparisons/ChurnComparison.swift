import Load

/// Sessions opened and closed: two writes each.
public struct ChurnComparison: ComparedWork {
    public static let kind = "churn"

    public var times: CrowdTimes
    public var workers: [Int]
    public var seconds: Double

    public init(_ fields: inout FileFields, turns: ComparisonTurns) throws(LoadError) {
        times = try CrowdTimes(&fields)
        workers = try fields.integers("workers", in: 1...10_000) ?? [1, 10, 100]
        seconds = try fields.number("seconds", in: 0.1...3600) ?? 5
    }

    private static func name(_ workers: Int) -> String { workers == 1 ? "1 worker" : "\(workers) workers" }

    public var caseNames: [String] { workers.map(Self.name) }

    public func estimatedSeconds(of subject: EnsembleSubject) -> Double {
        subject.startSeconds() + times.warmup(subject.kind) + Double(workers.count) * (seconds + 0.3)
    }

    public func measure(
        _ subject: EnsembleSubject, turns: ComparisonTurns, seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<ChurnFigure> {
        try ChurnRunner.run(
            ChurnPlan(
                kind: subject.kind, servers: subject.servers, settings: turns.settings, workers: workers,
                seconds: seconds, warmupSeconds: times.warmup(subject.kind),
                limitSeconds: times.limitSeconds, seed: seed),
            options: options, progress: progress)
    }

    public func problems(of figure: ChurnFigure, among all: [ChurnFigure]) -> [String] {
        figure.windowSeconds < 0.9 * seconds ? ["the window is too short"] : []
    }
}

extension ChurnFigure: ComparedFigure {
    public var caseName: String { workers == 1 ? "1 worker" : "\(workers) workers" }
    public var latencies: [NamedLatencies] {
        [
            NamedLatencies("connect", seconds: windowSeconds, connect),
            NamedLatencies("close", seconds: windowSeconds, close),
        ]
    }

    public var metrics: [Metric] {
        [
            Metric("sessions_per_s", "sessions a second", sessionsPerSecond, better: .higher),
            Metric("cpu_us", "server CPU per session, µs", serverCpuMicros, better: .lower),
            Metric("connect_p50_ms", "connect p50, ms", connect.p50Millis, better: .lower),
            Metric("connect_p99_ms", "connect p99, ms", connect.p99Millis, better: .lower),
            Metric("close_p50_ms", "close p50, ms", close.p50Millis, better: .lower),
            Metric("close_p99_ms", "close p99, ms", close.p99Millis, better: .lower),
        ] + Metric.of(generator)
    }

    public var problems: [String] {
        var list: [String] = []
        if failures > 0 { list.append("\(failures) connects or closes failed") }
        if let left, left > 0 { list.append("\(left) sessions were left") }
        return list + generator.problems + contradictions
    }

    public var isGeneratorBound: Bool { generator.isBound }

    private var contradictions: [String] {
        var list: [String] = []
        let rate = Double(sessions) / max(windowSeconds, 1e-9)
        if sessions == 0 || abs(rate - sessionsPerSecond) > 0.001 * rate {
            list.append("the rate is not sessions over the window")
        }
        if !connect.isInOrder || !close.isInOrder || close.count != sessions || connect.count < sessions {
            list.append("times that are not those of \(sessions) sessions")
        }
        return list
    }
}
