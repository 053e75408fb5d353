import Load

/// The summary file of a barriers experiment.
public struct BarriersSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 2
    public static let schemaName = "corral-bench/barriers"

    /// One cell of the table, all rounds together.
    public struct Row: Codable, Equatable, Sendable {
        public var subject: BarriersPlan.Subject
        /// Mean over the clients.
        public var seconds: Estimate
        public var operationsPerSecond: Estimate
        /// nil where the paper has none.
        public var paperSeconds: Double?
        public var runs: [BarriersFigure]

        init?(_ subject: BarriersPlan.Subject, runs: [BarriersFigure], paper: Double?, seed: UInt64) {
            guard let seconds = Estimate(runs.map(\.seconds), seed: seed),
                let rate = Estimate(runs.map(\.operationsPerSecond), seed: seed)
            else { return nil }
            self.subject = subject
            self.seconds = seconds
            operationsPerSecond = rate
            paperSeconds = paper
            self.runs = runs
        }
    }

    public var schema = BarriersSummary.schemaName
    public var schemaVersion = BarriersSummary.currentSchemaVersion
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
    public var plan: BarriersPlan
    public var order: [String]
    public var description: ServerDescription
    public var rows: [Row]
    public var shapes: [ShapeVerdict]

    /// Seconds by number of barriers, for each number of clients.
    static func curves(_ rows: [Row]) -> [Int: Curve] {
        var curves: [Int: Curve] = [:]
        for row in rows {
            curves[row.subject.clients, default: Curve()].add(
                Double(row.subject.barriers), row.seconds.median, interval: (row.seconds.low, row.seconds.high))
        }
        return curves
    }

    public var csv: String {
        var lines = ["clients,barriers,seconds,low,high,operations_per_s,paper_seconds,rounds"]
        for row in rows {
            let columns: [String] = [
                "\(row.subject.clients)", "\(row.subject.barriers)", Decimal.text(row.seconds.median, 3),
                Decimal.text(row.seconds.low, 3), Decimal.text(row.seconds.high, 3),
                Decimal.text(row.operationsPerSecond.median, 0),
                row.paperSeconds.map { Decimal.text($0, 1) } ?? "", "\(row.runs.count)",
            ]
            lines.append(columns.joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// For a terminal.
    public var text: String {
        var lines = [
            "seconds until each client had passed all; barriers entered and left a second; the paper's seconds"
        ]
        for row in rows {
            lines.append(
                "  \(row.subject.name): \(Decimal.text(row.seconds.median, 2)) s, "
                    + "\(Int(row.operationsPerSecond.median))/s"
                    + (row.paperSeconds.map { "; \(Decimal.text($0, 1)) s" } ?? ""))
        }
        for verdict in shapes { lines.append("  \(verdict.outcome.rawValue): \(verdict.name): \(verdict.measured)") }
        return lines.joined(separator: "\n")
    }
}
