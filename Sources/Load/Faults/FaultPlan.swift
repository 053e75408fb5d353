/// What is done to a server.
public enum FaultKind: String, Codable, CaseIterable, Sendable {
    /// SIGKILL, and a restart on the same directory after the hold.
    case kill
    /// SIGSTOP, and SIGCONT after the hold.
    case pause
    /// The server is cut off from all others for the hold; clients still reach it.
    case partition
}

/// To whom.
public enum FaultRole: String, Codable, CaseIterable, Sendable {
    case leader, follower
}

/// How a partition cuts.
public enum PartitionShape: String, Codable, CaseIterable, Sendable {
    /// Nothing passes, and nobody is told.
    case silent
    /// Connections are reset, and new ones are refused.
    case reset
    /// What the victim sends is lost; what is sent to it arrives.
    case outbound
    /// What is sent to the victim is lost; what it sends arrives.
    case inbound
}

/// What makes a server show everything that was acknowledged before, so that a read behind it can be held to that.
public enum ReadBarrier: String, Codable, CaseIterable, Sendable {
    /// A write of the reading session.
    case write
    /// `sync`. Apache's leader answers it before it has applied what followers may show already, so there this finds
    /// reads that are not linearizable.
    case sync
}

/// One round, fixed before the run begins.
public struct FaultRound: Codable, Equatable, Sendable {
    public var number: Int
    public var kind: FaultKind
    public var role: FaultRole
    /// Of a partition.
    public var shape: PartitionShape?
    public var holdMillis: Int
    /// Picks the victim among those with the role.
    public var pick: UInt32

    /// "kill leader".
    public var name: String { "\(kind.rawValue) \(role.rawValue)" }

    /// The cuts that part one server from all others.
    func cuts(victim: Int, servers: Int) -> LinkCuts {
        var cuts = LinkCuts(servers: servers)
        (shape ?? .silent).apply(to: &cuts, victim: victim)
        return cuts
    }
}

extension PartitionShape {
    /// Parts one server from all others.
    func apply(to cuts: inout LinkCuts, victim: Int) {
        for other in 1...cuts.servers where other != victim {
            switch self {
            case .silent:
                cuts[victim, other] = .silent
                cuts[other, victim] = .silent
            case .reset: cuts[victim, other] = .reset
            case .outbound: cuts[victim, other] = .silent
            case .inbound: cuts[other, victim] = .silent
            }
        }
    }
}

/// Everything a fault run does.
public struct FaultPlan: Codable, Equatable, Sendable {
    public var rounds = 200
    public var seed: UInt64 = 1
    public var kinds = FaultKind.allCases
    public var roles = FaultRole.allCases
    public var shapes = PartitionShape.allCases
    public var holdMillis = 300...2500
    public var connections = 30
    /// Requests per second over all clients; nil for a closed loop.
    public var ratePerSecond: Double? = 2000
    /// Closed loop only.
    public var window = 8
    public var readPercent = 70.0
    public var valueBytes = 1024
    /// Each round works on znodes of its own, so that histories stay small.
    public var keysPerRound = 32
    /// Undisturbed load before each fault.
    public var steadySeconds = 1.0
    public var sessionTimeoutMillis: Int32 = 10_000
    public var replyTimeoutMillis: Int32 = 1000
    public var attemptTimeoutMillis: Int32 = 500
    public var barrier = ReadBarrier.write
    /// How long an ensemble may take until all servers are in step again.
    public var healLimitSeconds = 60.0
    /// Requests per second below which a fault proves nothing: then the run has failed.
    public var leastRatePerSecond = 100.0

    /// The most of znodes that one run creates.
    static let keyLimit = 1_000_000

    public init() {}

    public func validate() throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need((1...100_000).contains(rounds), "--rounds lies between 1 and 100000, not \(rounds)")
        try need(!kinds.isEmpty && !roles.isEmpty && !shapes.isEmpty, "no kind of fault is left")
        try need(
            holdMillis.lowerBound >= 1 && holdMillis.upperBound <= 600_000, "--hold lies between 1 and 600000 ms")
        try need(keysPerRound >= 1 && keysPerRound * rounds <= Self.keyLimit, "too many znodes: fewer rounds or keys")
        try need(steadySeconds >= 0.5 && steadySeconds <= 600, "--steady lies between 0.5 and 600 s")
        try need(readPercent >= 0 && readPercent < 100, "--read-percent lies between 0 and 99: lost writes are sought")
        if let ratePerSecond {
            try need(
                ratePerSecond >= 2 * leastRatePerSecond,
                "--rate must be at least \(Int(2 * leastRatePerSecond)): thinner traffic proves nothing")
        }
    }

    /// The rounds, from the seed. Every kind on every role comes up equally often, in random order.
    public var schedule: [FaultRound] {
        var random = RandomSource(seed: seed)
        var list: [FaultRound] = []
        var deck: [(FaultKind, FaultRole)] = []
        var shapeDeck: [PartitionShape] = []
        for number in 1...rounds {
            if deck.isEmpty { deck = kinds.flatMap { kind in roles.map { (kind, $0) } }.shuffled(using: &random) }
            let (kind, role) = deck.removeLast()
            if shapeDeck.isEmpty { shapeDeck = shapes.shuffled(using: &random) }
            let span = UInt32(holdMillis.upperBound - holdMillis.lowerBound + 1)
            list.append(
                FaultRound(
                    number: number, kind: kind, role: role,
                    shape: kind == .partition ? shapeDeck.removeLast() : nil,
                    holdMillis: holdMillis.lowerBound + Int(random.below(span)),
                    pick: UInt32(truncatingIfNeeded: random.next())))
        }
        return list
    }

    /// zoo.cfg for fault runs: a silent peer counts as gone after half a second (`syncLimit` ticks, as for any user who
    /// wants a leader that is only silent replaced within a second), and sessions may last longer than the twenty ticks
    /// that are the default limit.
    public static let defaultSettings = [
        "tickTime": "100", "syncLimit": "5", "initLimit": "50", "maxSessionTimeout": "60000",
    ]

    func configuration(_ servers: [ServerAddress]) throws(LoadError) -> RunConfiguration {
        var configuration = RunConfiguration(servers: servers, mix: try OperationMix(readPercent: readPercent))
        configuration.connections = connections
        configuration.window = window
        configuration.valueBytes = valueBytes
        configuration.keys = .shared
        configuration.keyCount = keysPerRound
        configuration.warmupLimitSeconds = 3
        // A bound; the run ends with its last round.
        configuration.durationSeconds = 86_400
        configuration.ratePerSecond = ratePerSecond
        configuration.seed = seed
        configuration.sessionTimeoutMillis = sessionTimeoutMillis
        var policy = FollowPolicy(sessionTimeoutMillis: sessionTimeoutMillis)
        policy.replyTimeoutMillis = replyTimeoutMillis
        policy.attemptTimeoutMillis = attemptTimeoutMillis
        configuration.following = policy
        return configuration
    }
}
