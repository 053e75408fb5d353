/// How far reads are behind acknowledged writes, by the rate of writes to the leader.
public struct StalenessPlan: Codable, Equatable, Sendable {
    public var kind: ServerKind
    /// That vote.
    public var servers: Int
    public var observers: Int
    public var settings: [String: String]
    public var valueBytes: Int
    /// Writes a second that are offered to the leader, one after another.
    public var rates: [Int]
    /// Reads a second of each server.
    public var readsPerSecond: Int
    public var seconds: Double
    public var warmupSeconds: Double
    public var limitSeconds: Double
    public var seed: UInt64

    public init(
        kind: ServerKind, servers: Int, observers: Int, settings: [String: String] = [:], valueBytes: Int,
        rates: [Int], readsPerSecond: Int, seconds: Double, warmupSeconds: Double, limitSeconds: Double, seed: UInt64
    ) {
        self.kind = kind
        self.servers = servers
        self.observers = observers
        self.settings = settings
        self.valueBytes = valueBytes
        self.rates = rates
        self.readsPerSecond = readsPerSecond
        self.seconds = seconds
        self.warmupSeconds = warmupSeconds
        self.limitSeconds = limitSeconds
        self.seed = seed
    }
}

/// All servers of one role, at one rate of writes.
public struct StalenessRateFigure: Codable, Equatable, Sendable {
    public var role: MemberRole
    public var offeredPerSecond: Int
    /// Writes acknowledged.
    public var writes: Int
    public var acknowledgedPerSecond: Double
    /// From the planned send of a write to its reply.
    public var writeTimes: TimeFigures
    public var sendDelayP99Millis: Double
    /// The writer could send no more because the leader had not answered.
    public var wasHeldBack: Bool
    public var reads: Int
    public var readsBehind: Int
    /// Over all reads, those that showed everything with 0.
    public var behind: TimeFigures
    public var zxidsP50: Int64
    public var zxidsP99: Int64
    public var zxidsMost: Int64
    public var generator: GeneratorUse
}
