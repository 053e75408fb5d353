/// Many sessions lose their server at once and come back, with their watches and ephemeral znodes.
public struct ReconnectsPlan: Codable, Equatable, Sendable {
    public var kind: ServerKind
    public var servers: Int
    public var settings: [String: String]
    public var sessions: Int
    /// Of each session; all watch the same znodes.
    public var watches: Int
    /// Of each session.
    public var ephemerals: Int
    /// Deaths of a server, one after another.
    public var storms: Int
    /// Beyond it, a session that is not back, or a notification that did not come, counts as lost.
    public var limitSeconds: Double
    public var seed: UInt64

    public init(
        kind: ServerKind, servers: Int, settings: [String: String] = [:], sessions: Int, watches: Int,
        ephemerals: Int, storms: Int, limitSeconds: Double, seed: UInt64
    ) {
        self.kind = kind
        self.servers = servers
        self.settings = settings
        self.sessions = sessions
        self.watches = watches
        self.ephemerals = ephemerals
        self.storms = storms
        self.limitSeconds = limitSeconds
        self.seed = seed
    }
}

/// One death of a server. Times are from the kill; a session is back when it has a connection, its watches are set
/// again, and a sync behind that has been answered, so that its server is in step with one that leads.
public struct ReconnectRound: Codable, Equatable, Sendable {
    /// Of the server that was killed.
    public var role: MemberRole
    /// Sessions that lost a connection.
    public var disturbed: Int
    public var firstMillis: Double?
    public var halfMillis: Double?
    public var mostMillis: Double?
    /// nil when not all came back.
    public var allMillis: Double?
    /// Of every session that is back.
    public var times: KeptLatencies
    /// Connections lost again after all were back, until what they had was checked: a server that answers a connect its
    /// client has given up ends the one that the client has now.
    public var relapses: Int
    /// Connects that were refused or led to nothing.
    public var failedAttempts: Int
    /// Sessions that had expired, or were not back in time.
    public var lostSessions: Int
    /// Watches that did not fire afterwards.
    public var lostWatches: Int
    /// Notifications that nothing accounts for.
    public var extraNotifications: Int
    /// Ephemeral znodes that were gone or another session's.
    public var wrongEphemerals: Int
    /// Of all servers until all were back, for each session; a new process's start counts.
    public var serverCpuMicros: Double
    public var generator: GeneratorUse
}

public struct ReconnectsFigure: Codable, Equatable, Sendable {
    public var sessions: Int
    public var watches: Int
    public var ephemerals: Int
    public var rounds: [ReconnectRound]
}
