import Load

/// The summary file of a saturation experiment.
public struct SaturationSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/saturation"

    /// One ensemble, all rounds together.
    public struct SubjectResult: Codable, Equatable, Sendable {
        public var subject: SaturationPlan.Subject
        public var description: ServerDescription
        public var figures: [SweepFigure]

        /// At saturation.
        public func figure(reads: Double) -> SweepFigure? {
            figures.first { $0.point.mode == .saturation && $0.point.readPercent == reads }
        }
    }

    public var schema = SaturationSummary.schemaName
    public var schemaVersion = SaturationSummary.currentSchemaVersion
    public var experiment: String
    public var title: String
    public var paper: String?
    public var scale: Scale
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]
    public var startedAt: String
    public var elapsedSeconds: Double
    public var environment: EnvironmentRecord
    public var plan: SaturationPlan
    /// Subjects and rounds, in the order they ran.
    public var order: [String]
    public var subjects: [SubjectResult]
    /// What the machine does not permit; nil when the run had all that its file asks for.
    public var refused: RefusedLimits?
    /// Throughput for the budget that was refused; nil without such.
    public var derived: [DerivedPoint]?

    /// For plots and spreadsheets: a line for each subject and point. Latencies are service times.
    public var csv: String {
        var lines = [
            [
                "subject", "kind", "servers", "clients", "read_percent", "ops_per_s", "ops_low", "ops_high", "cpu_us",
                "cpu_low", "cpu_high", "p50_us", "p99_us", "generator_share", "generator_bound", "throttled_percent",
                "rounds", "p999_us", "resident_mb", "written_bytes_per_op", "p99_low_us",
                "p99_high_us", "generator_cpu_us",
            ].joined(separator: ",")
        ]
        for result in subjects {
            for figure in result.saturated {
                let rate = figure.throughputPerSecond
                let cpu = figure.serverCpuMicrosPerOperation
                let columns: [String] = [
                    result.subject.name, result.subject.kind.rawValue, "\(result.subject.servers)",
                    result.subject.clients.rawValue, Decimal.text(figure.point.readPercent, 2),
                    Decimal.text(rate.median, 1), Decimal.text(rate.low, 1), Decimal.text(rate.high, 1),
                    Decimal.text(cpu.median, 4), Decimal.text(cpu.low, 4), Decimal.text(cpu.high, 4),
                    Decimal.text(figure.p50Nanos.median / 1000, 1), Decimal.text(figure.p99Nanos.median / 1000, 1),
                    Decimal.text(figure.generatorCpuShare.median, 3), figure.generatorBound ? "1" : "0",
                    figure.throttledPercent.map { Decimal.text($0, 1) } ?? "", "\(figure.runs.count)",
                    Decimal.text(figure.p999Nanos.median / 1000, 1), Decimal.text(figure.residentMegabytes.median, 1),
                    Decimal.text(figure.writtenBytesPerOperation.median, 1),
                    Decimal.text(figure.p99Nanos.low / 1000, 1), Decimal.text(figure.p99Nanos.high / 1000, 1),
                    Decimal.text(figure.generatorCpuMicrosPerRequest.median, 2),
                ]
                lines.append(columns.joined(separator: ","))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension SweepFigure {
    /// How many of the periods in which servers ran used their CPU budget up; nil without budgets.
    var throttledPercent: Double? {
        let all = runs.compactMap(\.throttling)
        let periods = all.reduce(0) { $0 + $1.periods }
        guard periods > 0 else { return nil }
        return 100 * Double(all.reduce(0) { $0 + $1.throttledPeriods }) / Double(periods)
    }
}
