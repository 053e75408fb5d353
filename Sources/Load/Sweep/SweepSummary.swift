/// One server at one point, over all its blocks.
public struct SweepFigure: Codable, Equatable, Sendable {
    public var point: SweepPoint
    public var server: ServerKind
    /// "service time" or "response time".
    public var latencyMeaning: String
    public var throughputPerSecond: Estimate
    public var serverCpuMicrosPerOperation: Estimate
    /// Mebibytes resident at the end of the window.
    public var residentMegabytes: Estimate
    public var writtenBytesPerOperation: Estimate
    public var p50Nanos: Estimate
    public var p99Nanos: Estimate
    public var p999Nanos: Estimate
    public var generatorCpuMicrosPerRequest: Estimate
    public var generatorCpuShare: Estimate
    public var generatorBound: Bool
    public var steadyInAll: Bool
    /// Stems of the raw files under `raw/`.
    public var rawFiles: [String]
    public var runs: [RepeatResult]
    /// Of ensembles: what a server of each role used.
    public var roles: [SweepRoleFigure]?

    init?(_ point: SweepPoint, _ server: ServerKind, runs: [RepeatResult], rawFiles: [String], seed: UInt64) {
        func estimate(_ pick: (RepeatResult) -> Double) -> Estimate? { Estimate(runs.map(pick), seed: seed) }
        guard let first = runs.first, let throughput = estimate({ run in
            // The mean of the bins, as the paper's figures have it.
            run.binRates.map(Statistics.mean) ?? run.throughputPerSecond
        }) else { return nil }
        self.point = point
        self.server = server
        self.runs = runs
        self.rawFiles = rawFiles
        latencyMeaning = first.latencyMeaning
        throughputPerSecond = throughput
        serverCpuMicrosPerOperation = estimate { $0.serverCpuMicrosPerOperation ?? 0 }!
        residentMegabytes = estimate { Double($0.servers.reduce(0) { $0 + $1.residentBytes }) / 1_048_576 }!
        writtenBytesPerOperation = estimate { $0.serverWrittenBytesPerOperation ?? 0 }!
        p50Nanos = estimate { Double($0.latency.p50Nanos) }!
        p99Nanos = estimate { Double($0.latency.p99Nanos) }!
        p999Nanos = estimate { Double($0.latency.p999Nanos) }!
        generatorCpuMicrosPerRequest = estimate(\.generator.cpuMicrosPerRequest)!
        generatorCpuShare = estimate(\.generator.cpuShare)!
        generatorBound = runs.contains(where: \.generator.generatorBound)
        steadyInAll = runs.allSatisfy(\.warmup.steadyStateAttained)
        let figures = [MemberRole.leader, .follower, .observer].compactMap {
            SweepRoleFigure($0, runs: runs, seed: seed)
        }
        roles = figures.isEmpty ? nil : figures
    }

    /// The figures of several sweeps of one plan, as if their blocks had been one sweep's.
    public static func pooled(_ sweeps: [SweepSummary], seed: UInt64) -> [SweepFigure] {
        // Not every sweep needs to have every point.
        var known: [SweepFigure] = []
        for figure in sweeps.flatMap(\.figures)
        where !known.contains(where: { $0.point == figure.point && $0.server == figure.server }) {
            known.append(figure)
        }
        return known.compactMap { figure in
            let all = sweeps.compactMap { $0.figure(figure.point, figure.server) }
            return SweepFigure(
                figure.point, figure.server, runs: all.flatMap(\.runs), rawFiles: all.flatMap(\.rawFiles), seed: seed)
        }
    }
}

/// What one server of a role used, per operation of the whole ensemble; the mean where several have the role.
public struct SweepRoleFigure: Codable, Equatable, Sendable {
    public var role: MemberRole
    /// Servers with this role.
    public var servers: Int
    public var cpuMicrosPerOperation: Estimate
    public var residentMegabytes: Estimate
    public var writtenBytesPerOperation: Estimate

    init?(_ role: MemberRole, runs: [RepeatResult], seed: UInt64) {
        let members = runs.map { $0.servers.filter { $0.role == role } }.filter { !$0.isEmpty }
        guard let first = members.first else { return nil }
        func estimate(_ pick: (ServerUsage) -> Double) -> Estimate {
            Estimate(members.map { Statistics.mean($0.map(pick)) }, seed: seed)!
        }
        self.role = role
        servers = first.count
        cpuMicrosPerOperation = estimate(\.cpuMicrosPerOperation)
        residentMegabytes = estimate { Double($0.residentBytes) / 1_048_576 }
        writtenBytesPerOperation = estimate(\.writtenBytesPerOperation)
    }
}

/// Two servers at one point. A ratio is of one block pair, first server over second.
public struct SweepComparison: Codable, Equatable, Sendable {
    public var point: SweepPoint
    public var first: ServerKind
    public var second: ServerKind
    public var cpuRatio: Estimate
    public var throughputRatio: Estimate
    public var p99Ratio: Estimate
}

/// The summary file of `corral-bench sweep`.
public struct SweepSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 2
    public static let schemaName = "corral-bench/sweep"

    public var schema = SweepSummary.schemaName
    public var schemaVersion = SweepSummary.currentSchemaVersion
    public var experiment: String
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]
    public var startedAt: String
    public var elapsedSeconds: Double
    public var environment: EnvironmentRecord
    public var plan: SweepPlan
    /// Server and number of each block, in the order they ran.
    public var blockOrder: [String]
    public var servers: [String: ServerDescription]
    public var figures: [SweepFigure]
    public var comparisons: [SweepComparison]

    public func figure(_ point: SweepPoint, _ server: ServerKind) -> SweepFigure? {
        figures.first { $0.point == point && $0.server == server }
    }

    /// Pairs the blocks of two servers by number.
    static func compare(
        _ first: ServerKind, _ second: ServerKind, in figures: [SweepFigure], seed: UInt64
    ) -> [SweepComparison] {
        figures.filter { $0.server == first }.compactMap { left in
            guard let right = figures.first(where: { $0.server == second && $0.point == left.point }) else {
                return nil
            }
            func ratio(_ pick: (RepeatResult) -> Double?) -> Estimate? {
                let pairs = zip(left.runs, right.runs).compactMap { pair -> Double? in
                    guard let above = pick(pair.0), let below = pick(pair.1), below > 0 else { return nil }
                    return above / below
                }
                return Estimate(pairs, seed: seed)
            }
            guard let cpu = ratio(\.serverCpuMicrosPerOperation), let throughput = ratio(\.throughputPerSecond),
                let p99 = ratio({ Double($0.latency.p99Nanos) })
            else { return nil }
            return SweepComparison(
                point: left.point, first: first, second: second, cpuRatio: cpu, throughputRatio: throughput,
                p99Ratio: p99)
        }
    }
}
