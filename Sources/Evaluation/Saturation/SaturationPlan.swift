import Load

/// Throughput of ensembles at saturation over the share of reads: Figures 5 and 6 and Table 1 of the paper.
///
/// Every combination of kinds, sizes and placements is a subject; every subject is measured at every point in each
/// round, by one `SweepPlan`.
public struct SaturationPlan: SweptPlan, TurnedPlan, Codable, Equatable, Sendable {
    public var kinds: [ServerKind]
    public var servers: [Int]
    public var clients: [ClientPlacement]
    public var readPercents: [Double]
    public var connections: Int
    public var window: Int
    public var valueBytes: Int
    public var rounds: Int
    public var seconds: Double
    public var warmupSeconds: Double
    /// Seconds of load before a JVM's first point.
    public var apacheWarmupSeconds: Double
    public var threads: Int
    public var settings: [String: String]
    public var budget: CpuBudget?
    /// The link each server has; nil: all on loopback.
    public var network: NetworkPlan?
    /// How the paper's generator reported, for a faithful run; nil: a window after a test for steadiness.
    public var reports: ReportTiming?
    public var seed: UInt64 = 1
    /// Which of the paper's points it is drawn beside: experiments of `PaperPoints`, the later for what the earlier
    /// leave out.
    public var paperPoints: [String]

    /// One ensemble that is compared with the others.
    public struct Subject: TurnedSubject, Codable, Equatable, Hashable, Sendable {
        public var kind: ServerKind
        public var servers: Int
        public var clients: ClientPlacement

        /// Such as `corral-5` or `corral-5-leader`; a directory's name.
        public var name: String {
            "\(kind.rawValue)-\(servers)" + (clients == .everywhere ? "" : "-\(clients.rawValue)")
        }
    }

    init(_ fields: inout FileFields) throws(LoadError) {
        kinds = try fields.list("kinds") ?? [.corral]
        servers = try fields.integers("servers", in: 1...EnsembleOptions.maximumServers) ?? [3, 5, 7, 9, 13]
        clients = try fields.list("clients") ?? [.everywhere]
        readPercents = try fields.readPercents("reads") ?? SweepPlan.paperReadPercents
        connections = try fields.integer("connections", in: 1...10_000) ?? 250
        window = try fields.integer("window", in: 1...65_536) ?? 100
        valueBytes = try fields.integer("valueBytes", in: 16...1_000_000) ?? 1024
        rounds = try fields.integer("rounds", in: 1...100) ?? 3
        seconds = try fields.number("seconds", in: 0.2...3600) ?? 2
        warmupSeconds = try fields.number("warmupSeconds", in: 0.1...600) ?? 1.5
        apacheWarmupSeconds = try fields.number("apacheWarmupSeconds", in: 0...3600) ?? 15
        threads = try fields.integer("threads", in: 1...64) ?? 1
        settings = try fields.texts("settings") ?? [:]
        let isFaithful = try fields.flag("faithful") ?? false
        let bins = try fields.integer("bins", in: 1...1000)
        if !isFaithful, bins != nil { throw fields.refusal("bins", "needs 'faithful: true'") }
        reports = isFaithful ? try ReportTiming(bins: bins ?? 5) : nil
        paperPoints = try fields.words("paperPoints") ?? []
        budget = try fields.budget()
        network = try fields.network()
        guard !kinds.contains(.null) else { throw fields.refusal("kinds", "lists servers, not the null server") }
        for subject in subjects { try plan(for: subject, round: 1).validate() }
    }

    public var subjects: [Subject] {
        var list: [Subject] = []
        for kind in kinds {
            for count in servers {
                for placement in clients { list.append(Subject(kind: kind, servers: count, clients: placement)) }
            }
        }
        return list
    }

    public var order: [(subject: Subject, round: Int)] { Turns.order(subjects, rounds: rounds, seed: seed) }

    /// What is measured of one subject in one round.
    public func plan(for subject: Subject, round: Int) -> SweepPlan {
        var plan = sweep(of: subject, round: round)
        plan.clients = subject.clients == .everywhere ? nil : subject.clients
        plan.settings = subject.servers > 1 && !settings.isEmpty ? settings : nil
        plan.budget = budget
        plan.network = network
        plan.modes = [.saturation]
        plan.reports = reports
        return plan
    }

    public var estimatedSeconds: Double {
        order.reduce(0) { $0 + plan(for: $1.subject, round: $1.round).estimatedSeconds }
    }
}
