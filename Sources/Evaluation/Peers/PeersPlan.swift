import Load

/// Corral and its peers in one interleaved run: saturation at several mixes and sizes, the same offered load to all of
/// one mix and size, then the leader's death.
public struct PeersPlan: SweptPlan, Codable, Equatable, Sendable {
    public typealias Subject = SaturationPlan.Subject

    public var kinds: [ServerKind]
    public var servers: [Int]
    public var readPercents: [Double]
    public var connections: Int
    public var window: Int
    public var valueBytes: Int
    public var rounds: Int
    public var seconds: Double
    public var warmupSeconds: Double
    /// Seconds of load before a JVM's first point, for each server of an ensemble: all of them compile.
    public var apacheWarmupSeconds: Double
    public var threads: Int
    public var seed: UInt64
    public var offered: Offered
    /// nil leaves fail-over out.
    public var failOver: FailOver?

    /// The load that is offered to all alike.
    public struct Offered: Codable, Equatable, Sendable {
        /// Of the rate at which the slowest of one mix and size was saturated in the first round: the later rounds
        /// offer this much of it.
        public var share: Double
        /// Requests a second in place of that, at every mix and size, in every round.
        public var ratePerSecond: Double?
        public var connections: Int
        public var seconds: Double
    }

    /// How the leader's death is measured.
    public struct FailOver: Codable, Equatable, Sendable {
        public var servers: [Int]
        public var kills: Int
        public var writesPerSecond: Double
        public var connections: Int
    }

    init(_ fields: inout FileFields) throws(LoadError) {
        kinds = try fields.list("kinds") ?? [.corral, .apache, .etcd]
        servers = try fields.integers("servers", in: 1...EnsembleOptions.maximumServers) ?? [1, 3, 5]
        readPercents = try fields.readPercents("reads") ?? [0, 50, 90, 100]
        connections = try fields.integer("connections", in: 1...10_000) ?? 20
        window = try fields.integer("window", in: 1...65_536) ?? 100
        valueBytes = try fields.integer("valueBytes", in: 24...1_000_000) ?? 1024
        rounds = try fields.integer("rounds", in: 1...100) ?? 4
        seconds = try fields.number("seconds", in: 0.2...3600) ?? 2
        warmupSeconds = try fields.number("warmupSeconds", in: 0.1...600) ?? 1.5
        apacheWarmupSeconds = try fields.number("apacheWarmupSeconds", in: 0...3600) ?? 10
        threads = try fields.integer("threads", in: 1...64) ?? 1
        seed = UInt64(try fields.integer("seed", in: 1...Int.max) ?? 1)
        let rate = try fields.number("offeredRate", in: 1...50_000_000)
        let share = try fields.number("offeredShare", in: 0.05...0.95)
        if rate != nil, share != nil { throw fields.refusal("offeredShare", "and offeredRate are two loads: give one") }
        offered = Offered(
            share: share ?? 0.5, ratePerSecond: rate,
            connections: try fields.integer("offeredConnections", in: 1...10_000) ?? 20,
            seconds: try fields.number("offeredSeconds", in: 0.2...3600) ?? seconds)
        failOver = try Self.failOver(&fields)
        guard kinds.first == .corral, kinds.count > 1, !kinds.contains(.null) else {
            throw fields.refusal("kinds", "lists corral first, and then what it is compared with")
        }
        if rate == nil, rounds < 2 {
            throw fields.refusal(
                "rounds", "are 2 at least: the first finds the load that the others offer (offeredShare)")
        }
        for subject in subjects { try plan(for: subject, round: 2, loads: placeholders).validate() }
        for subject in failOverSubjects { _ = try failOverPlan(for: subject) }
    }

    private static func failOver(_ fields: inout FileFields) throws(LoadError) -> FailOver? {
        let kills = try fields.integer("kills", in: 0...100) ?? 3
        let sizes = try fields.integers("killServers", in: 3...EnsembleOptions.maximumServers)
        let rate = try fields.number("killWrites", in: 20...1_000_000) ?? 500
        let connections = try fields.integer("killConnections", in: 1...10_000) ?? 20
        guard kills > 0 else {
            if sizes != nil { throw fields.refusal("killServers", "needs kills") }
            return nil
        }
        return FailOver(servers: sizes ?? [3, 5], kills: kills, writesPerSecond: rate, connections: connections)
    }

    // MARK: Steps

    public var subjects: [Subject] {
        kinds.flatMap { kind in servers.map { Subject(kind: kind, servers: $0, clients: .everywhere) } }
    }

    public var failOverSubjects: [Subject] {
        guard let failOver else { return [] }
        return kinds.flatMap { kind in
            failOver.servers.map { Subject(kind: kind, servers: $0, clients: .everywhere) }
        }
    }

    /// A B B A over the rounds; see `Turns`.
    public var order: [(subject: Subject, round: Int)] { Turns.order(subjects, rounds: rounds, seed: seed) }

    public var failOverOrder: [Subject] {
        failOverSubjects.isEmpty ? [] : Turns.order(failOverSubjects, rounds: 1, seed: seed &+ 1).map(\.subject)
    }

    /// All steps by name, in order.
    public var steps: [String] {
        Turns.steps(order) + failOverOrder.map { "\($0.name), fail-over" }
    }

    /// Whether a round offers a load beside saturation.
    public func offers(round: Int) -> Bool { offered.ratePerSecond != nil || round > 1 }

    private var placeholders: [OfferedPoint] {
        readPercents.map { OfferedPoint(readPercent: $0, ratePerSecond: offered.ratePerSecond ?? 1000) }
    }

    /// What is measured of one subject in one round.
    ///
    /// - Parameter loads: of the subject's size, by share of reads; left out where the round has none.
    public func plan(for subject: Subject, round: Int, loads: [OfferedPoint]) -> SweepPlan {
        var plan = sweep(of: subject, round: round)
        plan.apacheWarmupSeconds = apacheWarmupSeconds * Double(subject.servers)
        plan.modes = offers(round: round) ? [.saturation, .offered] : [.saturation]
        plan.offeredLoads = offers(round: round) ? loads : nil
        plan.offeredSeconds = offered.seconds
        plan.offeredConnections = offered.connections
        return plan
    }

    public func failOverPlan(for subject: Subject) throws(LoadError) -> FailOverPlan {
        guard let failOver else { throw .usage("the plan has no fail-over") }
        return try FailOverPlan(
            servers: subject.servers, kills: failOver.kills, ratePerSecond: failOver.writesPerSecond,
            connections: failOver.connections, valueBytes: valueBytes, warmupSeconds: max(1, warmupSeconds), seed: seed)
    }

    /// A bound on the length of a step, in seconds.
    func estimatedSeconds(_ subject: Subject, round: Int) -> Double {
        plan(for: subject, round: round, loads: placeholders).estimatedSeconds
    }

    func estimatedFailOverSeconds(_ subject: Subject) -> Double {
        (try? failOverPlan(for: subject).estimatedSeconds(subject.kind)) ?? 0
    }

    public var estimatedSeconds: Double {
        order.reduce(0) { $0 + estimatedSeconds($1.subject, round: $1.round) }
            + failOverOrder.reduce(0) { $0 + estimatedFailOverSeconds($1) }
    }
}
