/// Sessions that are opened and closed at once again, by some workers at a time.
public struct ChurnPlan: Codable, Equatable, Sendable {
    public var kind: ServerKind
    public var servers: Int
    public var settings: [String: String]
    /// Numbers of workers, measured one after another on the same ensemble.
    public var workers: [Int]
    public var seconds: Double
    public var warmupSeconds: Double
    public var limitSeconds: Double
    public var seed: UInt64

    public init(
        kind: ServerKind, servers: Int, settings: [String: String] = [:], workers: [Int], seconds: Double,
        warmupSeconds: Double, limitSeconds: Double, seed: UInt64
    ) {
        self.kind = kind
        self.servers = servers
        self.settings = settings
        self.workers = workers
        self.seconds = seconds
        self.warmupSeconds = warmupSeconds
        self.limitSeconds = limitSeconds
        self.seed = seed
    }
}

/// One number of workers on one ensemble. A worker connects, gets its session, has it closed, and begins again.
public struct ChurnFigure: Codable, Equatable, Sendable {
    public var workers: Int
    /// Opened and closed within the window.
    public var sessions: Int
    public var windowSeconds: Double
    public var sessionsPerSecond: Double
    /// From the connect to the session.
    public var connect: TimeFigures
    /// From the request to the reply that the session is closed.
    public var close: TimeFigures
    /// All servers together, for opening and closing one session.
    public var serverCpuMicros: Double
    /// Connects that led to nothing, and sessions whose end was not answered.
    public var failures: Int
    /// Sessions that the server still had afterwards; nil where it does not tell.
    public var left: Int?
    public var generator: GeneratorUse
}
