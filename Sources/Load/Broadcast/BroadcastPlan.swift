/// The broadcast of one ensemble, without clients: its leader makes transactions by itself.
public struct BroadcastPlan: Codable, Equatable, Sendable {
    public var servers: Int
    /// Data of each transaction.
    public var bytes: Int
    /// Transactions under way.
    public var outstanding: Int
    public var seconds: Double
    public var warmupSeconds: Double
    public var budget: CpuBudget?
    /// The link each server has; nil: all on loopback.
    public var network: NetworkPlan?
    /// nil: wherever the servers' options say.
    public var log: BroadcastLog?

    /// How often the leader is asked how far it is.
    static let sampleSeconds = 0.5

    public init(
        servers: Int, bytes: Int, outstanding: Int = 2000, seconds: Double, warmupSeconds: Double,
        budget: CpuBudget? = nil, network: NetworkPlan? = nil, log: BroadcastLog? = nil
    ) throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need((2...EnsembleOptions.maximumServers).contains(servers), "a broadcast takes 2 to 13 servers")
        try need((0...1_000_000).contains(bytes), "a broadcast's data have 0 to 1000000 bytes")
        try need((1...1_000_000).contains(outstanding), "a broadcast has 1 to 1000000 transactions under way")
        try need(seconds >= 0.5 && seconds <= 3600, "a broadcast is measured for 0.5 to 3600 seconds")
        try need(warmupSeconds >= 0 && warmupSeconds <= 3600, "a broadcast's warm-up takes 0 to 3600 seconds")
        self.servers = servers
        self.bytes = bytes
        self.outstanding = outstanding
        self.seconds = seconds
        self.warmupSeconds = warmupSeconds
        self.budget = budget
        self.network = network
        self.log = log
    }

    var settings: [String: String] {
        ["corral.broadcastOutstanding": "\(outstanding)", "corral.broadcastBytes": "\(bytes)"]
    }
}

/// What one ensemble broadcast in one window.
public struct BroadcastResult: Codable, Equatable, Sendable {
    public var windowSeconds: Double
    /// Transactions applied by the leader in the window.
    public var transactions: UInt64
    public var throughputPerSecond: Double
    /// Of each half second.
    public var samplesPerSecond: [Double]
    public var servers: [ServerUsage]
    public var throttling: Throttling?
    public var description: ServerDescription

    public var cpuMicrosPerTransaction: Double { servers.reduce(0) { $0 + $1.cpuMicrosPerOperation } }
}
