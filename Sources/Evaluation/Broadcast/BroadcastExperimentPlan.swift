import Load

/// The broadcast alone over the size of the ensemble: Figure 7 of the paper, and Figures 6 and 7 of Zab's own paper.
public struct BroadcastExperimentPlan: TurnedPlan, Codable, Equatable, Sendable {
    public var servers: [Int]
    /// Data of each transaction, in bytes.
    public var bytes: [Int]
    /// Transactions under way.
    public var outstanding: Int
    public var rounds: Int
    public var seconds: Double
    public var warmupSeconds: Double
    public var budget: CpuBudget?
    /// The link each server has; nil: all on loopback.
    public var network: NetworkPlan?
    /// False: transactions are acknowledged before they are on disk, to measure the network alone.
    public var durable: Bool
    public var seed: UInt64 = 1
    public var paperPoints: [String]
    /// Where logs are kept, to be compared; nil: on the disk, as `durable` says.
    public var logs: [BroadcastLog]?
    /// One transaction after another, for how long each takes; nil or false: as many at once as `outstanding` says, for
    /// how many there are in a second.
    public var isLatency: Bool?

    /// One ensemble at one size of data.
    public struct Subject: TurnedSubject, Codable, Equatable, Hashable, Sendable {
        public var servers: Int
        public var bytes: Int
        public var log: BroadcastLog?
        public var name: String { "\(servers)-servers-\(bytes)-bytes" + (log.map { "-\($0.rawValue)" } ?? "") }
    }

    init(_ fields: inout FileFields) throws(LoadError) {
        servers = try fields.integers("servers", in: 2...EnsembleOptions.maximumServers) ?? [3, 5, 7, 9, 13]
        bytes = try fields.integers("valueBytes", in: 0...1_000_000) ?? [1024]
        isLatency = try fields.flag("latency")
        let asked = try fields.integer("outstanding", in: 4...1_000_000)
        if isLatency == true, asked != nil { throw fields.refusal("outstanding", "is one where 'latency' is true") }
        outstanding = isLatency == true ? 1 : asked ?? 2000
        rounds = try fields.integer("rounds", in: 1...100) ?? 3
        seconds = try fields.number("seconds", in: 0.5...3600) ?? 5
        warmupSeconds = try fields.number("warmupSeconds", in: 0...600) ?? 1
        let isDurable = try fields.flag("durable")
        durable = isDurable ?? true
        logs = try fields.list("logs")
        if logs != nil, isDurable != nil { throw fields.refusal("durable", "is what 'logs' says") }
        paperPoints = try fields.words("paperPoints") ?? []
        budget = try fields.budget()
        network = try fields.network()
    }

    public var subjects: [Subject] {
        let kinds: [BroadcastLog?] = logs.map { $0.map { $0 } } ?? [nil]
        return bytes.flatMap { bytes in
            kinds.flatMap { log in servers.map { Subject(servers: $0, bytes: bytes, log: log) } }
        }
    }

    /// In turns that come back.
    public var order: [(subject: Subject, round: Int)] { Turns.order(subjects, rounds: rounds, seed: seed) }

    public func plan(for subject: Subject) throws(LoadError) -> BroadcastPlan {
        try BroadcastPlan(
            servers: subject.servers, bytes: subject.bytes, outstanding: outstanding, seconds: seconds,
            warmupSeconds: warmupSeconds, budget: budget, network: network, log: subject.log)
    }

    /// A start takes about a third of a second a server.
    public func estimatedSeconds(of subject: Subject) -> Double {
        seconds + warmupSeconds + 1 + Double(subject.servers) / 3
    }

    public var estimatedSeconds: Double { order.reduce(0) { $0 + estimatedSeconds(of: $1.subject) } }
}
