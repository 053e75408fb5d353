import Histogram

/// What one operation did in one repeat.
public struct OperationResult: Codable, Equatable, Sendable {
    public var operation: OperationKind
    public var completed: UInt64
    public var latency: LatencySummary
}

/// How the generator itself was.
public struct GeneratorHealth: Codable, Equatable, Sendable {
    /// CPU time of the generator's threads over the window's length and the number of threads.
    public var cpuShare: Double
    public var cpuMicrosPerRequest: Double
    /// nil where a library sends, and does not tell.
    public var requestsPerSend: Double?
    public var repliesPerReceive: Double?
    /// Open loop: planned send to actual send.
    public var sendDelay: LatencySummary?
    /// Open loop: share of sends more than 1 ms late is at least this percentile's complement.
    public var sentWithinOneMilliPercent: Double?
    /// The generator, not the server, may have set the figures.
    public var generatorBound: Bool
    public var generatorBoundReasons: [String]
}

/// One measured window: fresh connections, warm-up, measurement, drain.
public struct RepeatResult: Codable, Equatable, Sendable {
    public var number: Int
    public var warmup: WarmupResult
    public var windowSeconds: Double
    /// Successful replies in the window.
    public var completed: UInt64
    public var throughputPerSecond: Double
    /// "service time" in a closed loop, where requests wait for the server to take them; "response time", counted from
    /// the planned send, in an open loop.
    public var latencyMeaning: String
    /// All operations together.
    public var latency: LatencySummary
    public var operations: [OperationResult]
    /// Open loop: from the actual send, beside the response time.
    public var serviceTime: LatencySummary?
    public var errorsByCode: [String: UInt64]
    public var errorLatency: LatencySummary?
    public var violations: Violations
    /// Of clients that follow the service across servers.
    public var following: FollowResult?
    public var generator: GeneratorHealth
    public var servers: [ServerUsage]
    /// How the servers' CPU budgets held them back, warm-up included; nil without budgets.
    public var throttling: Throttling?
    /// Operations per second of the bins that count, where a run reports as the paper's generator did.
    public var binRates: [Double]?
    /// Steal time of the machine in the window, as a share of all CPU time.
    public var stealShare: Double
    /// Interrupted, or ended early by a failure.
    public var partial: Bool
    public var stopReason: String?

    /// Sum over the server processes; nil when none were given.
    public var serverCpuMicrosPerOperation: Double? {
        servers.isEmpty ? nil : servers.reduce(0) { $0 + $1.cpuMicrosPerOperation }
    }
    public var serverWrittenBytesPerOperation: Double? {
        servers.isEmpty ? nil : servers.reduce(0) { $0 + $1.writtenBytesPerOperation }
    }
    public var isValid: Bool { violations.isEmpty && stopReason == nil }
}

/// A repeat with its raw data: what the result files are made of.
public struct RepeatData: Sendable {
    public var result: RepeatResult
    var slices: [SeriesSlice]
    var intervals: [HistogramInterval]
    var startWallSeconds: Double
    /// All operations' latencies.
    var spectrum: Histogram<UInt64>
}

/// Whether a result's figures may be used.
public enum RunStatus: String, Codable, Sendable {
    case valid
    /// A correctness check failed.
    case invalid
    /// Interrupted: what was measured until then is right, but there is less of it.
    case partial
}

/// What is known of the measured server.
public struct ServerDescription: Codable, Equatable, Sendable {
    /// "corral", "apache", "null", or "unknown" for servers someone else started.
    public var kind: String
    public var version: String
    public var commandLine: [String]
    /// "fsync" when every acknowledged write was forced to disk, "no fsync", "none" without a disk, or "unknown".
    public var durability: String
    public var settings: [String: String]

    public init(
        kind: String, version: String, commandLine: [String], durability: String, settings: [String: String]
    ) {
        self.kind = kind
        self.version = version
        self.commandLine = commandLine
        self.durability = durability
        self.settings = settings
    }

    public static let unknown = ServerDescription(
        kind: "unknown", version: "unknown", commandLine: [], durability: "unknown", settings: [:])
    public static let null = ServerDescription(
        kind: "null", version: "canned replies", commandLine: [], durability: "none", settings: [:])
}

/// The summary file of `corral-bench run`.
public struct RunSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 2
    public static let schemaName = "corral-bench/run"

    public var schema = RunSummary.schemaName
    public var schemaVersion = RunSummary.currentSchemaVersion
    public var experiment: String
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]
    /// "closed loop (saturation)" or "open loop (offered load)".
    public var mode: String
    public var startedAt: String
    public var server: ServerDescription
    public var environment: EnvironmentRecord
    public var configuration: RunConfiguration
    public var throughputPerSecond: Estimate?
    public var p50Nanos: Estimate?
    public var p99Nanos: Estimate?
    public var serverCpuMicrosPerOperation: Estimate?
    public var generatorCpuMicrosPerRequest: Estimate?
    public var generatorBound: Bool
    public var repeats: [RepeatResult]
}
