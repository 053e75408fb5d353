import ServerCore

/// What `srvr`, `stat` and `mntr` tell of a server, at one moment.
public struct ServerReport: Sendable {
    public enum Mode: String, Sendable {
        case standalone, leader, follower, observer
        case readOnly = "read-only"
    }

    /// What follows `Zookeeper version: `.
    public var version = CorralVersion.reported
    /// Of a server without `replication`.
    public var mode = Mode.standalone
    /// The server's part in its ensemble; nil when standalone.
    public var replication: ReplicationReport?
    /// Everything counted since the start or the last `srst`.
    public var requests = RequestStatistics()
    public var aliveConnections = 0
    /// Requests received and not yet answered.
    public var outstandingRequests = 0
    /// The last processed one.
    public var zxid: Int64 = 0
    public var uptimeMillis: Int64 = 0

    // Tree

    public var nodeCount = 0
    /// Watches of all kinds.
    public var watchCount = 0
    public var ephemeralsCount = 0
    /// Bytes of paths and data.
    public var approximateDataSizeBytes = 0

    // Sessions

    public var globalSessions = 0
    public var localSessions = 0

    public init() {}

    /// What the server is now, its part in an ensemble included. One that looks for a leader does not serve, so no word
    /// comes to print its mode.
    var currentMode: Mode {
        switch replication?.state {
        case .leading: .leader
        case .following: .follower
        case .observing: .observer
        case .looking, nil: mode
        }
    }

    /// Whether it is this server that expires sessions.
    var isSessionTracker: Bool {
        switch currentMode {
        case .standalone, .leader, .readOnly: true
        case .follower, .observer: false
        }
    }

    /// What an operator has to put right, in one line; nil when all is well.
    var problemText: String? {
        guard let problems = replication?.problems, !problems.isEmpty else { return nil }
        return problems.map(\.description).joined(separator: "; ")
    }
}

/// Corral's version in the form that ZooKeeper's tools take apart.
public enum CorralVersion {
    /// Of this program.
    public static let number = "0.1.0"
    /// The release of Apache ZooKeeper whose protocols it speaks.
    public static let compatibleRelease = "3.9.5"
    /// `release-revision, built on date`: clients read the release at the start, monitors the rest.
    public static let reported = "\(compatibleRelease)-corral-\(number), built on 2026-11-21 00:00 UTC"
}

/// One client connection, for `stat` and `cons`.
public struct ConnectionReport: Sendable {
    /// Numeric address without brackets.
    public var remoteAddress: String
    public var remotePort: Int
    /// epoll interest: 1 while reading, 4 while writing, 5 both, 0 neither, as Java numbers them.
    public var interestOperations = 1
    public var outstandingRequests = 0
    public var packetsReceived: Int64 = 0
    public var packetsSent: Int64 = 0
    /// Nil before the session is established.
    public var session: Session?

    public struct Session: Sendable {
        public var id: Int64
        /// Four to six capitals that name the last operation; see `LastOperation`.
        public var lastOperation = LastOperation.none
        public var establishedWallMillis: Int64 = 0
        public var timeoutMillis = 0
        /// -1 before the first request.
        public var lastCxid: Int64 = -1
        /// -1 before the first reply.
        public var lastZxid: Int64 = -1
        /// Monotonic time of the last reply; 0 before the first.
        public var lastResponseMillis: Int64 = 0
        public var lastLatencyMillis: Int64 = 0
        public var minLatencyMillis: Int64 = 0
        public var averageLatencyMillis: Int64 = 0
        public var maxLatencyMillis: Int64 = 0

        public init(id: Int64) {
            self.id = id
        }
    }

    public init(remoteAddress: String, remotePort: Int) {
        self.remoteAddress = remoteAddress
        self.remotePort = remotePort
    }

    /// `/address:port`, an IPv6 address spelled as Java spells it: eight groups, no brackets.
    var endpoint: String {
        "/\(SocketAddressText.java(remoteAddress)):\(remotePort)"
    }
}

/// One session, for `dump`.
public struct SessionReport: Sendable {
    public var id: Int64
    /// Wall clock time, in milliseconds, at which it expires unless heard of; only the server that tracks the
    /// session, standalone or leading, knows.
    public var expiryWallMillis: Int64
    public var timeoutMillis: Int

    public init(id: Int64, expiryWallMillis: Int64, timeoutMillis: Int) {
        self.id = id
        self.expiryWallMillis = expiryWallMillis
        self.timeoutMillis = timeoutMillis
    }
}

/// One connection with the time at which it is closed unless heard of, for `dump`.
public struct ConnectionExpiryReport: Sendable {
    public var remoteAddress: String
    public var remotePort: Int
    /// 0 while there is no session.
    public var sessionID: Int64
    public var expiryWallMillis: Int64

    public init(remoteAddress: String, remotePort: Int, sessionID: Int64, expiryWallMillis: Int64) {
        self.remoteAddress = remoteAddress
        self.remotePort = remotePort
        self.sessionID = sessionID
        self.expiryWallMillis = expiryWallMillis
    }
}

/// Paths that belong to a session: its ephemeral nodes, or its watches.
public struct SessionPaths: Sendable {
    public var sessionID: Int64
    public var paths: [String]

    public init(sessionID: Int64, paths: [String]) {
        self.sessionID = sessionID
        self.paths = paths
    }
}

/// Sessions that watch a path.
public struct PathSessions: Sendable {
    public var path: String
    public var sessionIDs: [Int64]

    public init(path: String, sessionIDs: [Int64]) {
        self.path = path
        self.sessionIDs = sessionIDs
    }
}

/// Totals of the data watches, for `wchs`; Apache leaves child watches out of `wchs`, `wchc` and `wchp`.
public struct WatchSummary: Sendable {
    public var connections: Int
    public var paths: Int
    public var watches: Int

    public init(connections: Int, paths: Int, watches: Int) {
        self.connections = connections
        self.paths = paths
        self.watches = watches
    }
}

/// Bytes of the data directory's and the log directory's `version-2`.
public struct DirectorySizes: Sendable {
    public var dataDirectoryBytes: Int
    public var logDirectoryBytes: Int

    public init(dataDirectoryBytes: Int, logDirectoryBytes: Int) {
        self.dataDirectoryBytes = dataDirectoryBytes
        self.logDirectoryBytes = logDirectoryBytes
    }

    /// Counts them on disk.
    public init(of configuration: ServerConfiguration) {
        dataDirectoryBytes = DirectorySize.bytes(at: configuration.dataDirectory + "/version-2")
        logDirectoryBytes = DirectorySize.bytes(at: configuration.dataLogDirectory + "/version-2")
    }
}

/// The tree's digest after a transaction, for `hash`.
public struct DigestReport: Sendable {
    public var zxid: Int64
    public var digest: Int64

    public init(zxid: Int64, digest: Int64) {
        self.zxid = zxid
        self.digest = digest
    }
}
