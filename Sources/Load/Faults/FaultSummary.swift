/// What one round showed. Times are in milliseconds from the fault unless they say otherwise.
public struct FaultRoundResult: Codable, Equatable, Sendable {
    public var round: FaultRound
    public var victim: Int
    public var victimKind: ServerKind
    public var leaderBefore: Int
    public var leaderAfter: Int
    /// Successes per second before the fault.
    public var rateBefore: Double
    /// The longest time in which no client had a success; 0 when it stayed below ten milliseconds.
    public var silentMillis: Double
    /// Likewise no successful write.
    public var writeSilentMillis: Double
    /// From the fault to the end of that silence; 0 without one.
    public var writesBackMillis: Double
    /// Each client's longest time without success.
    public var clientGapMedianMillis: Double
    public var clientGapLongestMillis: Double
    /// Clients that lost their connection.
    public var connectionsLost: UInt64
    /// Until the rate was back at nine tenths; nil when it was not within the round.
    public var rateBackMillis: Double?
    /// From the end of the fault (restart, SIGCONT, healed links) until all servers were in step.
    public var synchronizedMillis: Double
    public var unknownWrites: UInt64
    public var unknownReads: UInt64
    public var failedRequests: UInt64
    public var sessionsLost: UInt64
    public var acknowledgedWrites = 0
    public var acknowledgedLost = 0
    /// Unknown writes that turned out to have happened.
    public var unknownHappened = 0
    /// Search for a linearization without a result, in znodes.
    public var undecided = 0
    public var violations: [String] = []
}

/// The 50th and 99th percentile and the largest of some values.
public struct Spread: Codable, Equatable, Sendable {
    public var count: Int
    public var p50: Double
    public var p99: Double
    public var maximum: Double

    public init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        func rank(_ share: Double) -> Double { sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] }
        count = sorted.count
        p50 = Statistics.median(sorted)
        p99 = rank(0.99)
        maximum = sorted.last!
    }
}

/// All rounds of one kind of fault on one role.
public struct FaultFigure: Codable, Equatable, Sendable {
    public var name: String
    public var rounds: Int
    public var silentMillis: Spread
    public var writeSilentMillis: Spread
    public var clientGapMedianMillis: Spread
    public var clientGapLongestMillis: Spread
    /// Over the rounds in which the rate came back.
    public var rateBackMillis: Spread?
    public var rateNotBack: Int
    public var synchronizedMillis: Spread
    public var unknownWrites: UInt64
    public var acknowledgedLost: Int
    public var sessionsLost: UInt64

    init?(_ name: String, _ rounds: [FaultRoundResult]) {
        func spread(_ pick: (FaultRoundResult) -> Double) -> Spread? { Spread(rounds.map(pick)) }
        guard let silent = spread(\.silentMillis) else { return nil }
        self.name = name
        self.rounds = rounds.count
        silentMillis = silent
        writeSilentMillis = spread(\.writeSilentMillis)!
        clientGapMedianMillis = spread(\.clientGapMedianMillis)!
        clientGapLongestMillis = spread(\.clientGapLongestMillis)!
        rateBackMillis = Spread(rounds.compactMap(\.rateBackMillis))
        rateNotBack = rounds.count { $0.rateBackMillis == nil }
        synchronizedMillis = spread(\.synchronizedMillis)!
        unknownWrites = rounds.reduce(0) { $0 + $1.unknownWrites }
        acknowledgedLost = rounds.reduce(0) { $0 + $1.acknowledgedLost }
        sessionsLost = rounds.reduce(0) { $0 + $1.sessionsLost }
    }
}

/// The summary file of `corral-bench faults`.
public struct FaultSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/faults"

    public var schema = FaultSummary.schemaName
    public var schemaVersion = FaultSummary.currentSchemaVersion
    public var experiment: String
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]
    public var startedAt: String
    public var elapsedSeconds: Double
    public var environment: EnvironmentRecord
    public var plan: FaultPlan
    /// Kinds by id, as they were at the start.
    public var servers: [ServerKind]
    public var observers: Int
    public var settings: [String: String]
    public var descriptions: [ServerDescription]
    public var roundsDone: Int
    /// One figure for all rounds, then one per kind and role.
    public var figures: [FaultFigure]
    public var acknowledgedWrites: Int
    public var acknowledgedLost: Int
    public var sessionsLost: UInt64
    public var checkedZnodes: Int
    public var checkedOperations: Int
    /// Znodes read back on every server at the end, and found equal everywhere.
    public var equalZnodes: Int
    public var undecidedZnodes: Int
    /// The load over the whole run.
    public var load: RepeatResult?
    public var rounds: [FaultRoundResult]

    static func figures(_ rounds: [FaultRoundResult]) -> [FaultFigure] {
        var list = [FaultFigure("all", rounds)]
        for kind in FaultKind.allCases {
            for role in FaultRole.allCases {
                let name = "\(kind.rawValue) \(role.rawValue)"
                list.append(FaultFigure(name, rounds.filter { $0.round.name == name }))
            }
        }
        return list.compactMap { $0 }
    }
}
