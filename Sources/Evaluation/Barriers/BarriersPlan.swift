import Load

/// Clients that enter and leave many double barriers together: Table 3 of the paper.
public struct BarriersPlan: TurnedPlan, Codable, Equatable, Sendable {
    public var kind: ServerKind
    /// The paper does not say how many it had.
    public var servers: Int
    public var clients: [Int]
    public var barriers: [Int]
    public var rounds: Int
    /// Passed by all before anything is measured.
    public var warmupBarriers: Int
    public var settings: [String: String]
    public var limitSeconds: Double
    public var seed: UInt64 = 1
    public var paperPoints: [String]

    /// One cell of the table.
    public struct Subject: TurnedSubject, Codable, Equatable, Hashable, Sendable {
        public var clients: Int
        public var barriers: Int
        public var name: String { "\(clients) clients, \(barriers) barriers" }
    }

    init(_ fields: inout FileFields) throws(LoadError) {
        let kinds: [ServerKind] = try fields.list("kinds") ?? [.corral]
        guard kinds.count == 1, kinds[0] != .null else { throw fields.refusal("kinds", "names one kind of server") }
        kind = kinds[0]
        servers = try fields.integer("servers", in: 1...EnsembleOptions.maximumServers) ?? 3
        clients = try fields.integers("clients", in: 2...10_000) ?? [50, 100, 200]
        barriers = try fields.integers("barriers", in: 1...1_000_000) ?? [200, 400, 800, 1600]
        rounds = try fields.integer("rounds", in: 1...100) ?? 5
        warmupBarriers = try fields.integer("warmupBarriers", in: 0...100_000) ?? 10
        settings = try fields.texts("settings") ?? [:]
        limitSeconds = try fields.number("limitSeconds", in: 1...86_400) ?? 900
        paperPoints = try fields.words("paperPoints") ?? []
    }

    public var subjects: [Subject] {
        clients.flatMap { clients in barriers.map { Subject(clients: clients, barriers: $0) } }
    }

    public var order: [(subject: Subject, round: Int)] { Turns.order(subjects, rounds: rounds, seed: seed) }

    /// A few thousand times a second someone enters or leaves.
    public func estimatedSeconds(of subject: Subject) -> Double {
        min(limitSeconds, 0.3 + 2 * Double(subject.clients * subject.barriers) / 3000)
    }

    public var estimatedSeconds: Double { 3 + order.reduce(0) { $0 + estimatedSeconds(of: $1.subject) } }
}
