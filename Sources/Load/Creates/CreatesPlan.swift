/// Workers that create znodes one after another: Table 2 of the paper.
///
/// Each worker has a session of its own. It sends a create and waits for it, sends the deletion of that znode without
/// waiting, and at once the next create.
public struct CreatesPlan: Codable, Equatable, Sendable {
    public var kind: ServerKind
    public var servers: Int
    /// Numbers of workers, measured one after another on the same ensemble.
    public var workers: [Int]
    public var createsPerWorker: Int
    public var valueBytes: Int
    /// Not measured, before each number of workers.
    public var warmupCreates: Int
    /// Ends a measurement that takes longer; then fewer creates count.
    public var limitSeconds: Double
    public var settings: [String: String]
    /// Which server the first worker uses; the others follow in turn.
    public var firstServer: Int
    /// The link each server has; nil: all on loopback.
    public var network: NetworkPlan?

    public init(
        kind: ServerKind = .corral, servers: Int, workers: [Int], createsPerWorker: Int, valueBytes: Int = 1024,
        warmupCreates: Int = 50, limitSeconds: Double = 600, settings: [String: String] = [:], firstServer: Int = 0,
        network: NetworkPlan? = nil
    ) throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need(kind != .null, "creates need a real server")
        try need((1...EnsembleOptions.maximumServers).contains(servers), "creates take 1 to 13 servers")
        try need(!workers.isEmpty && workers.allSatisfy { (1...1000).contains($0) }, "there are 1 to 1000 workers")
        try need((1...10_000_000).contains(createsPerWorker), "a worker creates 1 to 10000000 znodes")
        try need((0...1_000_000).contains(valueBytes), "a znode has 0 to 1000000 bytes")
        try need((0...1_000_000).contains(warmupCreates), "the warm-up has 0 to 1000000 creates")
        try need(limitSeconds >= 0.1 && limitSeconds <= 86_400, "the limit lies between 0.1 and 86400 seconds")
        self.kind = kind
        self.servers = servers
        self.workers = workers
        self.createsPerWorker = createsPerWorker
        self.valueBytes = valueBytes
        self.warmupCreates = warmupCreates
        self.limitSeconds = limitSeconds
        self.settings = settings
        self.firstServer = firstServer
        self.network = network
    }
}

/// One number of workers on one ensemble.
public struct CreatesFigure: Codable, Equatable, Sendable {
    public var workers: Int
    /// Acknowledged.
    public var creates: Int
    /// From the first create's sending until the last worker was done.
    public var windowSeconds: Double
    public var createsPerSecond: Double
    /// From the sending of a create to its reply. The deletion of the one before is sent with it.
    public var meanMillis: Double
    public var p50Millis: Double
    public var p99Millis: Double
    /// Every create's.
    public var latencies: KeptLatencies
    /// All servers together.
    public var serverCpuMicrosPerCreate: Double
    /// The time limit ended it.
    public var isCutShort: Bool
    /// CPU time of the workers' process over what as many threads can have beside the servers.
    public var generatorCpuShare: Double?
    /// How many of the creates were acknowledged in the first half of the window, as a share.
    public var firstHalfShare: Double?
    /// What was still there when all deletions had been answered.
    public var leftZnodes: Int?
    /// Of all servers together, in the window.
    public var serverCpuSeconds: Double?

    init?(workers: Int, latencies: [UInt64], seconds: Double, cpuNanos: UInt64, isCutShort: Bool) {
        guard !latencies.isEmpty, seconds > 0 else { return nil }
        let sorted = latencies.sorted()
        self.workers = workers
        creates = sorted.count
        windowSeconds = seconds
        createsPerSecond = Double(sorted.count) / seconds
        meanMillis = Double(sorted.reduce(0, +)) / Double(sorted.count) / 1e6
        p50Millis = Double(sorted[sorted.count / 2]) / 1e6
        p99Millis = Double(sorted[min(sorted.count - 1, Int(0.99 * Double(sorted.count)))]) / 1e6
        self.latencies = KeptLatencies(nanos: sorted.map(Int64.init))
        serverCpuMicrosPerCreate = Double(cpuNanos) / 1e3 / Double(sorted.count)
        serverCpuSeconds = Double(cpuNanos) / 1e9
        self.isCutShort = isCutShort
    }
}

/// One ensemble, every number of workers.
public struct CreatesResult: Codable, Equatable, Sendable {
    public var description: ServerDescription
    public var figures: [CreatesFigure]
    /// Why the figures may not be used; empty when they may.
    public var problems: [String]

    public init(description: ServerDescription, figures: [CreatesFigure], problems: [String]) {
        self.description = description
        self.figures = figures
        self.problems = problems
    }
}
