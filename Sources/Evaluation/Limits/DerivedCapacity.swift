import Load

/// What servers with a CPU budget would do, derived from what they used without one: a server's budget over what an
/// operation of the whole ensemble costs it. The ensemble is as fast as the role to which an operation costs most.
///
/// Clients are taken to spread over servers as they did, and the network and the disk not to be the limit. An operation
/// costs less where more of them are served at once; without budgets batches are smaller or larger than with.
public struct DerivedRate: Codable, Equatable, Sendable {
    /// The role that sets it; of several rounds, the first one's.
    public var role: MemberRole
    /// What an operation costs a server of it.
    public var cpuMicrosPerOperation: Estimate
    public var perSecond: Estimate

    /// - Parameter runs: what the servers used in each round.
    init?(_ budget: CpuBudget, runs: [[ServerUsage]], seed: UInt64) {
        var costs: [Double] = []
        var role: MemberRole?
        for servers in runs {
            guard let most = Self.costs(servers).max(by: { $0.cost < $1.cost }), most.cost > 0 else { continue }
            costs.append(most.cost)
            role = role ?? most.role
        }
        let available = budget.percent / 100 * 1e6
        guard let role, let cost = Estimate(costs, seed: seed),
            let rate = Estimate(costs.map { available / $0 }, seed: seed)
        else { return nil }
        self.role = role
        cpuMicrosPerOperation = cost
        perSecond = rate
    }

    /// Of one server of each role: the mean of those that have it.
    private static func costs(_ servers: [ServerUsage]) -> [(role: MemberRole, cost: Double)] {
        Dictionary(grouping: servers) { $0.role ?? .standalone }.map { role, members in
            (role, members.reduce(0) { $0 + $1.cpuMicrosPerOperation } / Double(members.count))
        }.sorted { $0.role.rawValue < $1.role.rawValue }
    }

    /// For CSV files.
    static let basis = "derived: CPU budget over cost per operation"
}

extension SaturationSummary {
    /// One ensemble at one share of reads.
    public struct DerivedPoint: Codable, Equatable, Sendable {
        public var subject: SaturationPlan.Subject
        public var readPercent: Double
        public var rate: DerivedRate
    }

    /// Of every point at saturation; nil where budgets were set, or not asked for.
    static func derive(
        _ subjects: [SubjectResult], refused: RefusedLimits?, seed: UInt64
    ) -> [DerivedPoint]? {
        guard let budget = refused?.budget else { return nil }
        return subjects.flatMap { result in
            result.saturated.compactMap { figure in
                DerivedRate(budget, runs: figure.runs.map(\.servers), seed: seed).map {
                    DerivedPoint(subject: result.subject, readPercent: figure.point.readPercent, rate: $0)
                }
            }
        }
    }

    /// Throughput of servers with CPU time of their own: measured, or derived where the machine permits no budgets.
    func capacityCurves(kind: ServerKind, clients: ClientPlacement) -> [Int: Curve] {
        guard let derived else { return curves(kind: kind, clients: clients) }
        var curves: [Int: Curve] = [:]
        for point in derived where point.subject.kind == kind && point.subject.clients == clients {
            let rate = point.rate.perSecond
            curves[point.subject.servers, default: Curve()].add(
                point.readPercent, rate.median, interval: (rate.low, rate.high))
        }
        return curves
    }

    func derived(_ subject: SaturationPlan.Subject, reads: Double) -> DerivedRate? {
        derived?.first { $0.subject == subject && $0.readPercent == reads }?.rate
    }

    /// For plots and spreadsheets: its first columns are those of `figures.csv`.
    static func derivedCsv(_ derived: [DerivedPoint], in summary: SaturationSummary) -> String {
        var lines = [
            "subject,kind,servers,clients,read_percent,derived_per_s,derived_low,derived_high,role,role_cpu_us,"
                + "shared_ops_per_s,basis"
        ]
        for point in derived {
            let rate = point.rate.perSecond
            let shared = summary.subjects.first { $0.subject == point.subject }?.saturated(reads: point.readPercent)
            let columns: [String] = [
                point.subject.name, point.subject.kind.rawValue, "\(point.subject.servers)",
                point.subject.clients.rawValue, Decimal.text(point.readPercent, 2), Decimal.text(rate.median, 1),
                Decimal.text(rate.low, 1), Decimal.text(rate.high, 1), point.rate.role.rawValue,
                Decimal.text(point.rate.cpuMicrosPerOperation.median, 4),
                shared.map { Decimal.text($0.throughputPerSecond.median, 1) } ?? "", DerivedRate.basis,
            ]
            lines.append(columns.joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var limitText: String {
        LimitText(budget: plan.budget, network: plan.network, refused: refused, isDerived: derived != nil).text
    }
    /// Of what was measured, whatever is derived from it.
    var sharedText: String { LimitText(budget: plan.budget, network: plan.network, refused: refused).text }
    /// Set or derived for.
    var capacityBudget: CpuBudget? { plan.budget ?? refused?.budget }
}

extension ShapeVerdict {
    /// The same of a curve that was derived.
    func derived(for budget: CpuBudget?) -> ShapeVerdict {
        guard let budget, outcome != .notTested else { return self }
        var copy = self
        copy.measured =
            "derived from cost per operation for \(NumberFormat.short(budget.percent)) % of a CPU each, not measured: "
            + measured
        return copy
    }
}
