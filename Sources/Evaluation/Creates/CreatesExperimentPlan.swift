import Load

/// Synchronous creates by some workers on ensembles of some sizes: Table 2 of the paper.
public struct CreatesExperimentPlan: TurnedPlan, Codable, Equatable, Sendable {
    public var kinds: [ServerKind]
    public var servers: [Int]
    public var workers: [Int]
    public var createsPerWorker: Int
    public var valueBytes: Int
    public var rounds: Int
    public var warmupCreates: Int
    /// Per number of workers on a JVM, which compiles what it has run for a while.
    public var apacheWarmupCreates: Int
    public var limitSeconds: Double
    public var settings: [String: String]
    public var seed: UInt64 = 1
    public var paperPoints: [String]
    /// The link each server has; nil: all on loopback.
    public var network: NetworkPlan?

    public typealias Subject = EnsembleSubject

    init(_ fields: inout FileFields) throws(LoadError) {
        kinds = try fields.list("kinds") ?? [.corral]
        servers = try fields.integers("servers", in: 1...EnsembleOptions.maximumServers) ?? [3, 5, 7, 9]
        workers = try fields.integers("workers", in: 1...1000) ?? [1, 10, 20]
        createsPerWorker = try fields.integer("createsPerWorker", in: 1...10_000_000) ?? 50_000
        valueBytes = try fields.integer("valueBytes", in: 0...1_000_000) ?? 1024
        rounds = try fields.integer("rounds", in: 1...100) ?? 3
        warmupCreates = try fields.integer("warmupCreates", in: 0...1_000_000) ?? 50
        apacheWarmupCreates = try fields.integer("apacheWarmupCreates", in: 0...1_000_000) ?? 1000
        limitSeconds = try fields.number("limitSeconds", in: 0.1...86_400) ?? 600
        settings = try fields.texts("settings") ?? [:]
        paperPoints = try fields.words("paperPoints") ?? []
        network = try fields.network()
        guard !kinds.contains(.null) else { throw fields.refusal("kinds", "lists servers, not the null server") }
        for subject in subjects { _ = try plan(for: subject, round: 1) }
    }

    public var subjects: [Subject] {
        kinds.flatMap { kind in servers.map { Subject(kind: kind, servers: $0) } }
    }

    public var order: [(subject: Subject, round: Int)] { Turns.order(subjects, rounds: rounds, seed: seed) }

    public func plan(for subject: Subject, round: Int) throws(LoadError) -> CreatesPlan {
        try CreatesPlan(
            kind: subject.kind, servers: subject.servers, workers: workers, createsPerWorker: createsPerWorker,
            valueBytes: valueBytes, warmupCreates: subject.kind == .apache ? apacheWarmupCreates : warmupCreates,
            limitSeconds: limitSeconds, settings: settings, firstServer: round - 1,
            network: network)
    }

    /// A start takes about a third of a second a server, a JVM's four times that; a create about a millisecond, in
    /// which ten workers do four.
    public func estimatedSeconds(of subject: Subject) -> Double {
        let start = Double(subject.servers) / 3 * (subject.kind == .apache ? 4 : 1)
        let warmup = subject.kind == .apache ? apacheWarmupCreates : warmupCreates
        let creates = Double(createsPerWorker + warmup)
        return start + workers.reduce(0) { sum, workers in
            sum + min(limitSeconds, creates * Double(workers) / (1000 * Double(workers).squareRoot()))
        }
    }

    public var estimatedSeconds: Double { order.reduce(0) { $0 + estimatedSeconds(of: $1.subject) } }
}
