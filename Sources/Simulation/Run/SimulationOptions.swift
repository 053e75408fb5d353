/// What a run is told from outside; all else comes from the seed.
public struct SimulationOptions: Sendable {
    /// Voting servers; nil lets the seed decide.
    public var servers: Int?
    public var mutation: Mutation?
    /// Takes the lines of a readable trace.
    public var trace: (@Sendable (String) -> Void)?

    public init(servers: Int? = nil, mutation: Mutation? = nil, trace: (@Sendable (String) -> Void)? = nil) {
        self.servers = servers
        self.mutation = mutation
        self.trace = trace
    }
}

/// What came of one seed.
public struct SimulationResult: Sendable {
    public var seed: UInt64
    public var violation: Violation?
    /// Of everything that happened, in order.
    public var traceHash: UInt64
    public var events: UInt64
    public var virtualNanos: UInt64
    public var faults: FaultCounts
    public var operations: Int
    public var successes: Int
    public var transactions: Int
    public var servers: Int
    public var counts = RunCounts()
}

/// What else happened, to show that rare code was reached.
public struct RunCounts: Sendable, Equatable, Codable {
    public var termsOfOffice = 0
    public var sessionsExpired = 0
    public var reattachments = 0
    public var diffs = 0
    public var truncations = 0
    public var snapshotsSent = 0
    public var linearizedOperations = 0

    static func += (left: inout RunCounts, right: RunCounts) {
        left.termsOfOffice += right.termsOfOffice
        left.sessionsExpired += right.sessionsExpired
        left.reattachments += right.reattachments
        left.diffs += right.diffs
        left.truncations += right.truncations
        left.snapshotsSent += right.snapshotsSent
        left.linearizedOperations += right.linearizedOperations
    }
}
