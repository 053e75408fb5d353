import Load

/// The summary file of a broadcast experiment.
public struct BroadcastSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/broadcast"

    /// One ensemble, all rounds together.
    public struct SubjectResult: Codable, Equatable, Sendable {
        public var subject: BroadcastExperimentPlan.Subject
        public var throughputPerSecond: Estimate
        /// The slowest and the fastest half second of all rounds, as the paper draws them.
        public var minimumPerSecond: Double
        public var maximumPerSecond: Double
        /// All servers together.
        public var cpuMicrosPerTransaction: Estimate
        public var leaderCpuMicrosPerTransaction: Estimate
        public var runs: [BroadcastResult]
        /// For the budget that was refused; nil without such.
        public var derived: DerivedRate?

        /// How long one transaction takes, where there is one at a time.
        public var meanMillis: (median: Double, low: Double, high: Double) {
            let rate = throughputPerSecond
            return (1000 / rate.median, 1000 / rate.high, 1000 / rate.low)
        }
        /// Of the fastest and the slowest half second; nil of one in which there was none.
        public var leastMillis: Double? { maximumPerSecond > 0 ? 1000 / maximumPerSecond : nil }
        public var mostMillis: Double? { minimumPerSecond > 0 ? 1000 / minimumPerSecond : nil }

        init?(
            _ subject: BroadcastExperimentPlan.Subject, runs: [BroadcastResult], refused: RefusedLimits? = nil,
            seed: UInt64
        ) {
            guard let rate = Estimate(runs.map(\.throughputPerSecond), seed: seed),
                let cpu = Estimate(runs.map(\.cpuMicrosPerTransaction), seed: seed),
                let leader = Estimate(
                    runs.map { run in
                        run.servers.filter { $0.role == .leader }.reduce(0) { $0 + $1.cpuMicrosPerOperation }
                    }, seed: seed)
            else { return nil }
            self.subject = subject
            throughputPerSecond = rate
            let samples = runs.flatMap(\.samplesPerSecond)
            minimumPerSecond = samples.min() ?? rate.low
            maximumPerSecond = samples.max() ?? rate.high
            cpuMicrosPerTransaction = cpu
            leaderCpuMicrosPerTransaction = leader
            self.runs = runs
            derived = refused?.budget.flatMap { DerivedRate($0, runs: runs.map(\.servers), seed: seed) }
        }
    }

    public var schema = BroadcastSummary.schemaName
    public var schemaVersion = BroadcastSummary.currentSchemaVersion
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
    public var plan: BroadcastExperimentPlan
    public var order: [String]
    public var subjects: [SubjectResult]
    /// What the machine does not permit; nil when the run had all that its file asks for.
    public var refused: RefusedLimits?

    /// Set or derived for.
    var capacityBudget: CpuBudget? { plan.budget ?? refused?.budget }
    var isDerived: Bool { refused?.budget != nil }
    var limitText: String {
        LimitText(budget: plan.budget, network: plan.network, refused: refused, isDerived: isDerived).text
    }

    public var csv: String {
        var lines = ["servers,value_bytes,per_s,low,high,minimum,maximum,cpu_us,leader_cpu_us,rounds"]
        if plan.logs != nil { lines[0] += ",log" }
        if plan.isLatency == true { lines[0] += ",mean_ms,least_ms,most_ms" }
        if isDerived { lines[0] += ",derived_per_s,derived_low,derived_high,derived_role,derived_basis" }
        for result in subjects {
            var columns: [String] = [
                "\(result.subject.servers)", "\(result.subject.bytes)",
                Decimal.text(result.throughputPerSecond.median, 1), Decimal.text(result.throughputPerSecond.low, 1),
                Decimal.text(result.throughputPerSecond.high, 1), Decimal.text(result.minimumPerSecond, 1),
                Decimal.text(result.maximumPerSecond, 1), Decimal.text(result.cpuMicrosPerTransaction.median, 4),
                Decimal.text(result.leaderCpuMicrosPerTransaction.median, 4), "\(result.runs.count)",
            ]
            if plan.logs != nil { columns.append(result.subject.log?.rawValue ?? "") }
            if plan.isLatency == true {
                columns.append(Decimal.text(result.meanMillis.median, 4))
                columns += [result.leastMillis, result.mostMillis].map { $0.map { Decimal.text($0, 4) } ?? "" }
            }
            if isDerived {
                let rate = result.derived?.perSecond
                columns += [rate?.median, rate?.low, rate?.high].map { $0.map { Decimal.text($0, 1) } ?? "" }
                columns += [result.derived?.role.rawValue ?? "", DerivedRate.basis]
            }
            lines.append(columns.joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var payloads: [Int] { Set(subjects.map(\.subject.bytes)).sorted() }

    /// By number of servers; derived where the machine permits no budgets.
    public func curve(bytes: Int, log: BroadcastLog? = nil) -> Curve {
        var curve = Curve()
        for result in subjects where result.subject.bytes == bytes && result.subject.log == log {
            let rate = result.derived?.perSecond ?? result.throughputPerSecond
            curve.add(Double(result.subject.servers), rate.median, interval: (rate.low, rate.high))
        }
        return curve
    }
}
