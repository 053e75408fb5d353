#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What `regress` compares.
public enum RegressionMetric: String, Codable, CaseIterable, Sendable {
    case cpuPerRead
    case cpuPerWrite
    case readThroughput
    case writeThroughput
    /// The 99th percentile of the response time at the same offered load.
    case offeredP99

    public var title: String {
        switch self {
        case .cpuPerRead: "server CPU per read"
        case .cpuPerWrite: "server CPU per write"
        case .readThroughput: "reads per second"
        case .writeThroughput: "writes per second"
        case .offeredP99: "p99 at offered load"
        }
    }

    /// The blocks that it is measured in.
    var point: RegressionPoint {
        switch self {
        case .cpuPerRead, .readThroughput: .reads
        case .cpuPerWrite, .writeThroughput: .writes
        case .offeredP99: .offered
        }
    }

    /// Whether its verdict is the answer's. CPU time per operation hardly depends on who else uses the machine; how
    /// many operations there are in a second, and how long the slowest of them take, depends on little else.
    public var isDecisive: Bool { self == .cpuPerRead || self == .cpuPerWrite }

    var isHigherBetter: Bool { self == .readThroughput || self == .writeThroughput }

    /// The smallest effect looked for, by the one asked for on CPU time: what cannot be measured so well must be
    /// larger before it counts.
    func effect(_ effect: Double) -> Double {
        switch self {
        case .cpuPerRead, .cpuPerWrite: effect
        case .readThroughput, .writeThroughput: 3 * effect
        case .offeredP99: 10 * effect
        }
    }
}

/// The answer for one metric, or for all.
public enum RegressionVerdict: String, Codable, Sendable {
    case same
    case faster
    case slower
    /// The measurement could not tell.
    case unstable

    /// The exit code of `regress`.
    public var exitCode: Int32 {
        switch self {
        case .same, .faster: 0
        case .unstable: LoadExitCode.unstable
        case .slower: LoadExitCode.slower
        }
    }
}

/// One metric, working tree over base.
public struct RegressionFinding: Codable, Equatable, Sendable {
    public var metric: RegressionMetric
    public var verdict: RegressionVerdict
    public var isDecisive: Bool
    /// The smallest effect looked for; 0.05 is 5 %.
    public var effect: Double
    /// Working tree over base; above 1 is more CPU time, more operations or more latency.
    public var ratio: Double
    public var low: Double
    public var high: Double
    public var pValue: Double
    public var confidence: Double
    /// Medians, in the unit of the metric: µs, operations per second, ns.
    public var base: Double
    public var work: Double
    /// The ratio of each round, in the order of rounds.
    public var rounds: [Double]

    /// - Parameter ratios: one per round, each from blocks of both sides that lie around each other.
    /// - Returns: nil without rounds.
    init?(_ metric: RegressionMetric, ratios: [Double], base: [Double], work: [Double], effect: Double) {
        guard let test = SignedRankTest(ratios.map { log($0) }), !base.isEmpty, !work.isEmpty else { return nil }
        self.metric = metric
        isDecisive = metric.isDecisive
        self.effect = effect
        verdict = Self.judge(test, effect: effect, isHigherBetter: metric.isHigherBetter)
        ratio = exp(test.estimate)
        low = exp(test.low)
        high = exp(test.high)
        pValue = test.pValue
        confidence = test.confidence
        self.base = Statistics.median(base)
        self.work = Statistics.median(work)
        rounds = ratios
    }

    /// With half the effect as the border, a change of the whole effect is as far from going unnoticed as no change is
    /// from being taken for one. Beyond the border, no change must lie outside of the interval; within it, the whole
    /// effect must, in both directions. Whatever is neither could not be told.
    static func judge(_ test: SignedRankTest, effect: Double, isHigherBetter: Bool) -> RegressionVerdict {
        let whole = log(1 + effect)
        guard test.confidence >= 0.95 else { return .unstable }
        if abs(test.estimate) > whole / 2 {
            guard test.low > 0 || test.high < 0 else { return .unstable }
            return (test.estimate > 0) == isHigherBetter ? .faster : .slower
        }
        return test.low > -whole && test.high < whole ? .same : .unstable
    }
}
