/// How a server that was away is brought back to the leader's history.
public enum CatchUpWay: String, Codable, CaseIterable, Sendable {
    /// By what the servers decide with their usual snapshots.
    case snap
    /// By the log alone: the servers take no snapshots of their own.
    case diff
}

/// Everything a catch-up run does.
public struct CatchUpPlan: Codable, Equatable, Sendable {
    public var ways = CatchUpWay.allCases
    /// Each on an ensemble of its own.
    public var repeats = 3
    /// Acknowledged writes while the follower is away.
    public var awayWrites: UInt64 = 1_000_000
    /// Znodes that nobody works on: what a snapshot is made of.
    public var treeZnodes = 50_000
    public var connections = 16
    /// Writes per second while it is quiet, and while the follower catches up.
    public var ratePerSecond = 5000.0
    public var valueBytes = 1024
    /// The quiet measurement's length, right before the follower comes back.
    public var quietSeconds = 10.0
    /// How long the follower may take.
    public var limitSeconds = 300.0
    public var seed: UInt64 = 1

    public init() {}

    public func validate() throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need(!ways.isEmpty, "no way to catch up is left")
        try need((1...100).contains(repeats), "--repeats lies between 1 and 100, not \(repeats)")
        try need(
            (1000...100_000_000).contains(awayWrites), "--writes lies between 1000 and 100000000, not \(awayWrites)")
        try need((0...5_000_000).contains(treeZnodes), "--tree lies between 0 and 5000000 znodes, not \(treeZnodes)")
        try need(ratePerSecond >= 100, "--rate must be at least 100: of fewer writes no 99th percentile can be told")
        try need((1...600).contains(quietSeconds), "--quiet-seconds lies between 1 and 600, not \(quietSeconds)")
    }

    /// `zoo.cfg` for one way, on top of what is given.
    func settings(_ way: CatchUpWay) -> [String: String] {
        way == .diff ? ["snapCount": "1000000000", "snapSizeLimitInKb": "-1"] : [:]
    }

    enum Phase: String {
        case tree, away, quiet, catching
    }

    func configuration(_ phase: Phase, _ servers: [ServerAddress]) throws(LoadError) -> RunConfiguration {
        var configuration = RunConfiguration(servers: servers, mix: try OperationMix(readPercent: 0))
        configuration.connections = connections
        configuration.valueBytes = valueBytes
        configuration.root = "/corral-catch-up-\(phase.rawValue)"
        configuration.seed = seed
        configuration.following = FollowPolicy(sessionTimeoutMillis: configuration.sessionTimeoutMillis)
        switch phase {
        case .tree:
            configuration.keys = .shared
            configuration.keyCount = max(1, treeZnodes)
        case .away:
            configuration.warmupLimitSeconds = 0
            // A bound; the window ends with the last write asked for.
            configuration.durationSeconds = 86_400
        case .quiet:
            configuration.ratePerSecond = ratePerSecond
            configuration.durationSeconds = quietSeconds
            configuration.warmupLimitSeconds = 3
        case .catching:
            configuration.ratePerSecond = ratePerSecond
            configuration.durationSeconds = 86_400
            configuration.warmupLimitSeconds = 3
        }
        return configuration
    }
}
