#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One measured block.
public struct RegressionBlock: Codable, Equatable, Sendable {
    public var round: Int
    /// The quad's place in its round, from 0.
    public var quad: Int
    /// The block's place in its quad, 0 to 3.
    public var position: Int
    public var point: RegressionPoint
    public var side: RegressionSide
    public var completed: UInt64
    public var throughputPerSecond: Double
    public var serverCpuMicrosPerOperation: Double
    /// CPU time of the server over the window; 1 is one CPU.
    public var serverCpuShare: Double
    /// Of response times, at the offered load alone.
    public var p99Nanos: Double?
}

/// The canaries of one quad: before, between and after its blocks.
public struct RegressionCanaries: Codable, Equatable, Sendable {
    public var round: Int
    public var quad: Int
    public var order: [RegressionSide]
    public var readings: [CanaryReading]
    /// CPU nanoseconds per request of the null server, just before the quad; nil where it has been read before one of
    /// the same point in the round.
    public var nullServerNanos: Double?

    /// Around the working tree's blocks over around the base's.
    func shift(_ value: (CanaryReading) -> Double) -> Double {
        func mean(_ side: RegressionSide) -> Double {
            let logarithms = order.indices.filter { order[$0] == side }.flatMap {
                [log(value(readings[$0])), log(value(readings[$0 + 1]))]
            }
            return Statistics.mean(logarithms)
        }
        return exp(mean(.work) - mean(.base))
    }
}

/// A build that was compared.
public struct RegressionBuild: Codable, Equatable, Sendable {
    /// As it was named: a branch, a tag, a commit, "working tree".
    public var name: String
    /// Whole hash; "unknown" outside of a repository.
    public var commit: String
    public var dirty: Bool
    public var version: String
    public var settings: [String: String]

    public init(
        name: String, commit: String, dirty: Bool, version: String = "unknown", settings: [String: String] = [:]
    ) {
        self.name = name
        self.commit = commit
        self.dirty = dirty
        self.version = version
        self.settings = settings
    }
}

/// The summary file of `corral-bench regress`.
public struct RegressionSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 2
    public static let schemaName = "corral-bench/regress"

    public var schema = RegressionSummary.schemaName
    public var schemaVersion = RegressionSummary.currentSchemaVersion
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]
    public var startedAt: String
    public var elapsedSeconds: Double
    public var environment: EnvironmentRecord
    public var base: RegressionBuild
    public var work: RegressionBuild
    public var plan: RegressionPlan
    public var verdict: RegressionVerdict
    public var findings: [RegressionFinding]
    public var canaries: [CanaryFinding]
    public var blocks: [RegressionBlock]
    public var canaryReadings: [RegressionCanaries]

    public func finding(_ metric: RegressionMetric) -> RegressionFinding? { findings.first { $0.metric == metric } }

    /// A decisive metric that is slower decides; then one that could not be told; then one that is faster. A metric
    /// that decides nothing still counts when it is slower by more than its own, larger effect. A veto, or a run with
    /// errors, leaves nothing to be told.
    static func verdict(_ findings: [RegressionFinding], canaries: [CanaryFinding]) -> RegressionVerdict {
        let decisive = findings.filter(\.isDecisive)
        if decisive.isEmpty || canaries.contains(where: { $0.veto != nil }) { return .unstable }
        if findings.contains(where: { $0.verdict == .slower }) { return .slower }
        if decisive.contains(where: { $0.verdict == .unstable }) { return .unstable }
        return decisive.contains { $0.verdict == .faster } ? .faster : .same
    }

    // MARK: from blocks to findings

    private static func value(_ metric: RegressionMetric, _ block: RegressionBlock) -> Double? {
        guard block.point == metric.point else { return nil }
        return switch metric {
        case .cpuPerRead, .cpuPerWrite: block.serverCpuMicrosPerOperation
        case .readThroughput, .writeThroughput: block.throughputPerSecond
        case .offeredP99: block.p99Nanos
        }
    }

    /// One ratio for each round that is whole: each build's better blocks of it against the other's.
    static func findings(_ plan: RegressionPlan, _ blocks: [RegressionBlock]) -> [RegressionFinding] {
        RegressionMetric.allCases.compactMap { metric in
            var ratios: [Double] = []
            var values: [RegressionSide: [Double]] = [:]
            for round in plan.schedule {
                let own = blocks.filter { $0.round == round.number && value(metric, $0) != nil }
                func better(_ side: RegressionSide) -> Double? {
                    let blocks = own.filter { $0.side == side }.compactMap { value(metric, $0) }.filter { $0 > 0 }
                    return betterHalf(blocks, of: round, metric)
                }
                if let base = better(.base), let work = better(.work) { ratios.append(exp(work - base)) }
                for block in own { values[block.side, default: []].append(value(metric, block)!) }
            }
            return RegressionFinding(
                metric, ratios: ratios, base: values[.base] ?? [], work: values[.work] ?? [],
                effect: metric.effect(plan.effect))
        }
    }

    /// The mean logarithm of a build's better half of blocks. What others on the machine do adds to a block's time, and
    /// never takes away: of blocks in which nothing changed, one in ten costs a tenth to a half more. A mean has them
    /// all, and a median of so few still some.
    ///
    /// - Returns: nil unless the build has all of the round's blocks.
    private static func betterHalf(
        _ values: [Double], of round: RegressionRound, _ metric: RegressionMetric
    ) -> Double? {
        let quads = round.quads.count { $0.point == metric.point }
        guard quads > 0, values.count == 2 * quads else { return nil }
        let sorted = values.map { log($0) }.sorted()
        let count = (sorted.count + 1) / 2
        return Statistics.mean(Array(metric.isHigherBetter ? sorted.suffix(count) : sorted.prefix(count)))
    }

    static func canaryFindings(_ plan: RegressionPlan, _ readings: [RegressionCanaries]) -> [CanaryFinding] {
        Canary.allCases.compactMap { canary in
            var pick: ((CanaryReading) -> Double)?
            switch canary {
            case .nullServer: pick = nil
            case .fdatasync: pick = \.fdatasyncNanos
            case .memcpy: pick = \.memcpyNanos
            }
            let values = readings.flatMap { reading in
                pick.map { reading.readings.map($0) } ?? (reading.nullServerNanos.map { [$0] } ?? [])
            }
            var shifts: [Double] = []
            if let pick {
                shifts = (1...plan.rounds).compactMap { round in
                    let own = readings.filter { $0.round == round }.map { $0.shift(pick) }
                    return own.isEmpty ? nil : Statistics.median(own)
                }
            }
            return CanaryFinding(
                canary, values: values, shifts: shifts, effect: plan.effect, limit: plan.canaryLimit)
        }
    }
}

/// Where the working tree stands.
public struct RepositoryState: Sendable {
    public var commit: String
    public var dirty: Bool

    public static func current() -> RepositoryState {
        let status = ChildProcess.capture(["git", "status", "--porcelain"])
        return RepositoryState(
            commit: ChildProcess.capture(["git", "rev-parse", "HEAD"])?.trimmingWhitespace ?? "unknown",
            dirty: status.map { !$0.trimmingWhitespace.isEmpty } ?? false)
    }
}
