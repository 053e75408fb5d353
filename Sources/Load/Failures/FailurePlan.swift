/// A loaded ensemble whose servers fail and come back by a script: Figure 8 of the paper.
public struct FailurePlan: Codable, Equatable, Sendable {
    public var servers: Int
    public var readPercent: Double
    public var connections: Int
    /// Outstanding requests per connection.
    public var window: Int
    /// Requests a second of all clients, whatever the servers answer; nil: a closed loop.
    public var ratePerSecond: Double?
    public var valueBytes: Int
    public var seconds: Double
    public var warmupSeconds: Double
    public var sessionTimeoutMillis: Int32
    /// A client whose requests are not answered for this long goes to another server.
    public var replyTimeoutMillis: Int32
    public var attemptTimeoutMillis: Int32
    public var settings: [String: String]
    public var budget: CpuBudget?
    /// The link each server has; nil: all on loopback. Servers with one cannot be cut off.
    public var network: NetworkPlan?
    public var seed: UInt64
    public var steps: [FailureStep]
    /// Requests per second before an event, below which it proves nothing.
    public var leastRatePerSecond: Double
    /// Whether a session on each server reads what another one writes, to see how far servers are behind.
    public var probesStaleness: Bool

    /// An event this much after its time is not where the script has it.
    static let latestSeconds = 1.5
    /// The stretch before an event whose rate it is held to.
    static let beforeSeconds = 3.0

    public init(
        servers: Int = 5, readPercent: Double = 70, connections: Int = 250, window: Int = 100, valueBytes: Int = 1024,
        seconds: Double, warmupSeconds: Double = 3, sessionTimeoutMillis: Int32 = 20_000,
        replyTimeoutMillis: Int32? = nil, attemptTimeoutMillis: Int32 = 2000, settings: [String: String] = [:],
        budget: CpuBudget? = nil, network: NetworkPlan? = nil, seed: UInt64 = 1, steps: [FailureStep],
        leastRatePerSecond: Double = 200, probesStaleness: Bool = true, ratePerSecond: Double? = nil
    ) throws(LoadError) {
        self.servers = servers
        self.readPercent = readPercent
        self.connections = connections
        self.window = window
        self.valueBytes = valueBytes
        self.seconds = seconds
        self.warmupSeconds = warmupSeconds
        self.sessionTimeoutMillis = sessionTimeoutMillis
        self.replyTimeoutMillis = replyTimeoutMillis ?? sessionTimeoutMillis / 3 * 2
        self.attemptTimeoutMillis = attemptTimeoutMillis
        self.settings = settings
        self.budget = budget
        self.network = network
        self.seed = seed
        self.steps = steps
        self.leastRatePerSecond = leastRatePerSecond
        self.probesStaleness = probesStaleness
        self.ratePerSecond = ratePerSecond
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need((3...EnsembleOptions.maximumServers).contains(servers), "failures take 3 to 13 servers")
        try need(seconds >= 1 && seconds <= 86_400, "a failure run lasts 1 to 86400 seconds")
        try need(readPercent >= 0 && readPercent < 100, "a failure run has writes: reads lie between 0 and 99 percent")
        try need(network == nil || !cuts, "servers in networks of their own cannot be cut off: that takes loopback")
        if let problem = FailureStep.problem(steps, servers: servers, seconds: seconds) { throw .usage(problem) }
        try configuration([ServerAddress(host: "127.0.0.1", port: 1)]).validate()
    }

    /// The same load without events, to compare with.
    public func twin(seconds: Double) -> FailurePlan {
        var twin = self
        twin.steps = []
        twin.seconds = seconds
        return twin
    }

    var cuts: Bool { steps.contains { $0.kind == .cut } }
    var slowsDisks: Bool { steps.contains { $0.kind == .slow } }

    func configuration(_ servers: [ServerAddress]) throws(LoadError) -> RunConfiguration {
        var configuration = RunConfiguration(servers: servers, mix: try OperationMix(readPercent: readPercent))
        configuration.connections = connections
        configuration.window = window
        configuration.ratePerSecond = ratePerSecond
        configuration.valueBytes = valueBytes
        configuration.durationSeconds = seconds
        configuration.warmupLimitSeconds = warmupSeconds
        configuration.seed = seed
        configuration.sessionTimeoutMillis = sessionTimeoutMillis
        var policy = FollowPolicy(sessionTimeoutMillis: sessionTimeoutMillis)
        policy.replyTimeoutMillis = replyTimeoutMillis
        policy.attemptTimeoutMillis = attemptTimeoutMillis
        configuration.following = policy
        return configuration
    }

    /// A start takes about a third of a second a server; setting the tree up and clearing it away a second or two.
    public var estimatedSeconds: Double { seconds + warmupSeconds + 3 + Double(servers) / 3 }
}
