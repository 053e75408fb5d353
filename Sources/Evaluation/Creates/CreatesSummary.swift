import Load

/// The summary file of a creates experiment.
public struct CreatesSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 2
    public static let schemaName = "corral-bench/creates"

    /// One number of workers on one ensemble, all rounds together.
    public struct Row: Codable, Equatable, Sendable {
        public var subject: CreatesExperimentPlan.Subject
        public var workers: Int
        public var createsPerSecond: Estimate
        public var meanMillis: Estimate
        public var p99Millis: Estimate
        public var serverCpuMicrosPerCreate: Estimate
        /// The paper's creates a second; nil where it has none.
        public var paperPerSecond: Double?
        public var runs: [CreatesFigure]

        init?(
            _ subject: CreatesExperimentPlan.Subject, workers: Int, runs: [CreatesFigure], paper: Double?, seed: UInt64
        ) {
            guard let rate = Estimate(runs.map(\.createsPerSecond), seed: seed),
                let mean = Estimate(runs.map(\.meanMillis), seed: seed),
                let p99 = Estimate(runs.map(\.p99Millis), seed: seed),
                let cpu = Estimate(runs.map(\.serverCpuMicrosPerCreate), seed: seed)
            else { return nil }
            self.subject = subject
            self.workers = workers
            createsPerSecond = rate
            meanMillis = mean
            p99Millis = p99
            serverCpuMicrosPerCreate = cpu
            paperPerSecond = paper
            self.runs = runs
        }
    }

    public var schema = CreatesSummary.schemaName
    public var schemaVersion = CreatesSummary.currentSchemaVersion
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
    public var plan: CreatesExperimentPlan
    public var order: [String]
    /// How servers were started, by kind.
    public var descriptions: [String: ServerDescription]
    public var rows: [Row]
    /// By kind.
    public var shapes: [String: [ShapeVerdict]]
    /// What the machine does not permit; nil when the run had all that its file asks for.
    public var refused: RefusedLimits?

    /// Creates a second by number of workers, for each number of servers.
    public func curves(of kind: ServerKind) -> [Int: Curve] {
        var curves: [Int: Curve] = [:]
        for row in rows where row.subject.kind == kind {
            let rate = row.createsPerSecond
            curves[row.subject.servers, default: Curve()].add(
                Double(row.workers), rate.median, interval: (rate.low, rate.high))
        }
        return curves
    }

    /// Of every create.
    var latencies: [NamedLatencies] {
        rows.flatMap { row in
            row.runs.enumerated().map { index, run in
                NamedLatencies(
                    "\(row.subject.name), \(row.workers) workers, round \(index + 1)", seconds: run.windowSeconds,
                    run.latencies, count: run.creates, percentiles: [(50, run.p50Millis), (99, run.p99Millis)])
            }
        }
    }

    public var csv: String {
        var lines = ["kind,servers,workers,creates_per_s,low,high,mean_ms,p99_ms,cpu_us,paper_per_s,rounds"]
        for row in rows {
            let rate = row.createsPerSecond
            let columns: [String] = [
                row.subject.kind.rawValue, "\(row.subject.servers)", "\(row.workers)", Decimal.text(rate.median, 1),
                Decimal.text(rate.low, 1), Decimal.text(rate.high, 1), Decimal.text(row.meanMillis.median, 3),
                Decimal.text(row.p99Millis.median, 3), Decimal.text(row.serverCpuMicrosPerCreate.median, 1),
                row.paperPerSecond.map { Decimal.text($0, 0) } ?? "", "\(row.runs.count)",
            ]
            lines.append(columns.joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// For a terminal.
    public var text: String {
        var lines = (refused?.sentences ?? []).map { "NOT PERMITTED HERE: \($0)" }
        let link = plan.network.map { "; each server has \($0.text)" } ?? ""
        lines.append("creates a second, mean latency; the paper's creates a second\(link)")
        for row in rows {
            let rate = row.createsPerSecond
            lines.append(
                "  \(row.subject.name), \(row.workers) workers: \(Int(rate.median)) [\(Int(rate.low)) … "
                    + "\(Int(rate.high))], \(Decimal.text(row.meanMillis.median, 2)) ms"
                    + (row.paperPerSecond.map { "; \(Int($0))" } ?? ""))
        }
        for kind in shapes.keys.sorted() {
            for verdict in shapes[kind]! {
                lines.append("  \(kind), \(verdict.outcome.rawValue): \(verdict.name): \(verdict.measured)")
            }
        }
        return lines.joined(separator: "\n")
    }
}
