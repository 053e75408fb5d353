/// One return of a follower.
public struct CatchUpResult: Codable, Equatable, Sendable {
    public var way: CatchUpWay
    public var number: Int
    public var leader: Int
    public var victim: Int
    public var awayWrites: UInt64
    /// What the leader counted: learners brought up by DIFF (or TRUNC), and by SNAP.
    public var diffs: Int
    public var snapshots: Int
    /// From the start of the process until it answers an operator, until it serves, and until the leader counts it as
    /// in step.
    public var startedSeconds: Double
    public var servesSeconds: Double
    public var inStepSeconds: Double
    /// Writes, response time from the planned send.
    public var quiet: LatencySummary
    public var catching: LatencySummary
    public var quietRate: Double
    public var catchingRate: Double
    public var leaderResidentBytesBefore: UInt64
    /// The most that was seen while the follower caught up, every 50 ms.
    public var leaderResidentBytesMost: UInt64
    public var victimResidentBytesMost: UInt64
    /// CPU seconds of the window.
    public var leaderCpuSeconds: Double
    public var victimCpuSeconds: Double
    public var violations: [String]

    /// The 99th percentile while the follower catches up, over the quiet one.
    public var ratio: Double {
        quiet.p99Nanos == 0 ? 0 : Double(catching.p99Nanos) / Double(quiet.p99Nanos)
    }
}

/// The repeats of one way: medians with the smallest and the largest.
public struct CatchUpFigure: Codable, Equatable, Sendable {
    public struct Range: Codable, Equatable, Sendable {
        public var median: Double
        public var least: Double
        public var most: Double

        init?(_ values: [Double]) {
            guard let least = values.min(), let most = values.max() else { return nil }
            self.least = least
            self.most = most
            median = Statistics.median(values)
        }
    }

    public var way: CatchUpWay
    public var repeats: Int
    public var quietP99Millis: Range
    public var catchingP99Millis: Range
    public var ratio: Range
    public var inStepSeconds: Range
    public var leaderGrowthMegabytes: Range
    public var victimMegabytes: Range

    init?(_ way: CatchUpWay, _ results: [CatchUpResult]) {
        let own = results.filter { $0.way == way }
        func range(_ pick: (CatchUpResult) -> Double) -> Range? { Range(own.map(pick)) }
        guard let ratio = range(\.ratio) else { return nil }
        self.way = way
        repeats = own.count
        self.ratio = ratio
        quietP99Millis = range { Double($0.quiet.p99Nanos) / 1e6 }!
        catchingP99Millis = range { Double($0.catching.p99Nanos) / 1e6 }!
        inStepSeconds = range(\.inStepSeconds)!
        leaderGrowthMegabytes = range {
            (Double($0.leaderResidentBytesMost) - Double($0.leaderResidentBytesBefore)) / 1e6
        }!
        victimMegabytes = range { Double($0.victimResidentBytesMost) / 1e6 }!
    }
}

/// The summary file of `corral-bench catch-up`.
public struct CatchUpSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/catch-up"

    public var schema = CatchUpSummary.schemaName
    public var schemaVersion = CatchUpSummary.currentSchemaVersion
    public var experiment: String
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]
    public var startedAt: String
    public var environment: EnvironmentRecord
    public var plan: CatchUpPlan
    public var servers: [ServerKind]
    public var settings: [String: String]
    public var descriptions: [ServerDescription]
    public var figures: [CatchUpFigure]
    public var results: [CatchUpResult]

    public var text: String {
        var lines = [
            "catch-up \(label): \(status.rawValue), \(servers.map(\.rawValue).joined(separator: ", ")); "
                + "a follower away for \(plan.awayWrites) writes of \(plan.valueBytes) bytes, "
                + "\(short(plan.ratePerSecond)) writes/s meanwhile, seed \(plan.seed)",
            "", "median (least to most) over the repeats",
        ]
        let header = [
            "way", "repeats", "quiet p99 ms", "p99 while catching up ms", "ratio", "in step after s",
            "leader grows MB", "follower's most MB",
        ]
        func cell(_ range: CatchUpFigure.Range, _ decimals: Int) -> String {
            "\(fixed(range.median, decimals)) (\(fixed(range.least, decimals)) to \(fixed(range.most, decimals)))"
        }
        let rows = figures.map { figure in
            [
                figure.way.rawValue, "\(figure.repeats)", cell(figure.quietP99Millis, 1),
                cell(figure.catchingP99Millis, 1), cell(figure.ratio, 2), cell(figure.inStepSeconds, 1),
                cell(figure.leaderGrowthMegabytes, 0), cell(figure.victimMegabytes, 0),
            ]
        }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        for row in [header] + rows {
            lines.append(
                zip(row, widths).enumerated().map { padded($0.1.0, $0.1.1, left: $0.0 == 0) }.joined(separator: "  "))
        }
        return (lines + statusReasons).joined(separator: "\n")
    }
}
