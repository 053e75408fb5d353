import Load

/// An ensemble that is measured by turns with others.
public struct EnsembleSubject: TurnedSubject, Codable, Equatable, Hashable, Sendable {
    public var kind: ServerKind
    public var servers: Int

    public var name: String { "\(kind.rawValue)-\(servers)" }

    /// Seconds until it serves: about a third a server, a JVM's four times that.
    func startSeconds(observers: Int = 0) -> Double {
        Double(servers + observers) / 3 * (kind == .apache ? 4 : 1) + 0.5
    }
}

/// What is compared, and how often each is measured: in rounds, A B B A, each time on fresh servers.
public struct ComparisonTurns: TurnedPlan, Codable, Equatable, Sendable {
    public var kinds: [ServerKind]
    public var servers: [Int]
    public var rounds: Int
    public var settings: [String: String]
    public var seed: UInt64

    init(_ fields: inout FileFields, servers usual: [Int], most: Int) throws(LoadError) {
        kinds = try fields.list("kinds") ?? [.corral, .apache]
        servers = try fields.integers("servers", in: 1...most) ?? usual
        rounds = try fields.integer("rounds", in: 1...100) ?? 3
        settings = try fields.texts("settings") ?? [:]
        seed = UInt64(try fields.integer("seed", in: 0...Int.max) ?? 1)
        guard kinds.allSatisfy({ $0.isZooKeeper }) else {
            throw fields.refusal("kinds", "lists servers of ZooKeeper's protocol: corral, apache")
        }
    }

    public var subjects: [EnsembleSubject] {
        kinds.flatMap { kind in servers.map { EnsembleSubject(kind: kind, servers: $0) } }
    }

    public var order: [(subject: EnsembleSubject, round: Int)] { Turns.order(subjects, rounds: rounds, seed: seed) }
}

/// What is measured on each ensemble of a comparison: some cases, the same on each.
public protocol ComparedWork: Codable, Equatable, Sendable {
    associatedtype Figure: ComparedFigure

    /// In experiment files; the last word of the schema, and the name of the plot's script.
    static var kind: String { get }
    /// How large ensembles are if the file does not say, and may be at most.
    static var usualServers: [Int] { get }
    static var mostServers: Int { get }

    init(_ fields: inout FileFields, turns: ComparisonTurns) throws(LoadError)

    /// Of the values it writes.
    var valueBytes: Int { get }
    /// In the order of tables.
    var caseNames: [String] { get }
    /// A bound on the length of one run, the ensemble's start included.
    func estimatedSeconds(of subject: EnsembleSubject) -> Double
    func measure(
        _ subject: EnsembleSubject, turns: ComparisonTurns, seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<Figure>

    /// Further numbers of a figure that follow from others of the same run.
    func metrics(of figure: Figure, among all: [Figure]) -> [Metric]
    /// Why a figure is not what this work asks for; empty when it is.
    func problems(of figure: Figure, among all: [Figure]) -> [String]
    /// For `plots/KIND.gp`; nil without one.
    func drawing(_ summary: ComparisonSummary<Self>) -> ComparisonDrawing?
}

extension ComparedWork {
    public static var usualServers: [Int] { [1] }
    public static var mostServers: Int { EnsembleOptions.maximumServers }
    public var valueBytes: Int { 0 }
    public func metrics(of figure: Figure, among all: [Figure]) -> [Metric] { [] }
    public func problems(of figure: Figure, among all: [Figure]) -> [String] { [] }
    public func drawing(_ summary: ComparisonSummary<Self>) -> ComparisonDrawing? { nil }
}

/// What one round measured of one case.
public protocol ComparedFigure: Codable, Equatable, Sendable {
    /// The same in each round and on each ensemble, such as "storm, 500 watchers".
    var caseName: String { get }
    /// In the order of the table.
    var metrics: [Metric] { get }
    /// Why it may not be used: something was lost, or it cannot be true. Follows from the figure.
    var problems: [String] { get }
    /// What a reader must know beside the numbers.
    var remarks: [String] { get }
    /// Whether the load generator was the limit, so that the servers' own figure is not known.
    var isGeneratorBound: Bool { get }
    /// What its percentiles are of.
    var latencies: [NamedLatencies] { get }
}

extension ComparedFigure {
    public var remarks: [String] { [] }
    public var latencies: [NamedLatencies] { [] }
}

/// One number of a figure.
public struct Metric: Equatable, Sendable {
    /// In CSV files, with the unit last: `last_ms`.
    public var name: String
    /// In tables, with the unit.
    public var title: String
    public var value: Double
    /// Which way is better; nil for what only says how it was measured.
    public var better: Direction?

    public enum Direction: String, Codable, Sendable { case lower, higher }

    init(_ name: String, _ title: String, _ value: Double, better: Direction? = nil) {
        self.name = name
        self.title = title
        self.value = value
        self.better = better
    }

    /// How the generator was.
    static func of(_ generator: GeneratorUse) -> [Metric] {
        [
            Metric("generator_share", "generator's share of a CPU", generator.cpuShare),
            Metric("generator_wait_share", "generator waited for a CPU, share", generator.waitShare),
        ]
    }

    static let stealName = "steal_share"

    static func machine(_ generatorShare: Double, steal: Double) -> [Metric] {
        [
            Metric("generator_share", "generator's share of a CPU", generatorShare),
            Metric(stealName, "steal time, share", steal),
        ]
    }
}

extension GeneratorUse {
    var isBound: Bool { cpuShare > CrowdLimits.generatorShare }

    var problems: [String] {
        isBound ? ["generator-bound: its thread used \(Decimal.text(100 * cpuShare, 0)) % of a CPU"] : []
    }
}

/// The middle of a few values.
enum Middle {
    static func of(_ values: [Double]) -> Double { Estimate(values)?.median ?? 0 }
}

/// How long a crowd's servers are warmed up, and what it waits for.
public struct CrowdTimes: Codable, Equatable, Sendable {
    /// Before anything is measured, on a fresh ensemble.
    public var warmupSeconds: Double
    /// On a JVM, which compiles what it has run for a while.
    public var apacheWarmupSeconds: Double
    /// Beyond it, what is waited for counts as lost.
    public var limitSeconds: Double

    init(_ fields: inout FileFields) throws(LoadError) {
        warmupSeconds = try fields.number("warmupSeconds", in: 0...600) ?? 0.5
        apacheWarmupSeconds = try fields.number("apacheWarmupSeconds", in: 0...600) ?? 5
        limitSeconds = try fields.number("limitSeconds", in: 0.1...3600) ?? 30
    }

    func warmup(_ kind: ServerKind) -> Double { kind == .apache ? apacheWarmupSeconds : warmupSeconds }
}

/// What a kind's drawing has beyond what all have.
public struct ComparisonDrawing: Equatable, Sendable {
    public var caption: String
    /// Written to `curves.csv`, the heading first.
    public var csv: String
    /// Further lines of `plot.gp`.
    public var variables: [String]
}
