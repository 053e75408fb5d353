import Zab

/// A server's effective configuration: `zoo.cfg` and overrides applied over the defaults, derived values filled in.
/// `ConfigurationParser` makes it; `ConfigurationKeys` documents every key.
public struct ServerConfiguration: Sendable {
    /// Digest of the `digest` scheme's `user:password`, by its Java name.
    public enum DigestAlgorithm: String, Sendable, CaseIterable {
        case md5 = "MD5"
        case sha1 = "SHA1"
        case sha256 = "SHA-256"
        case sha384 = "SHA-384"
        case sha512 = "SHA-512"
    }

    public enum PeerType: String, Sendable, CaseIterable {
        case participant, observer
    }

    // Basics

    /// Directory above `version-2` that holds snapshots.
    public var dataDirectory = ""
    /// Directory above `version-2` that holds the transaction log; `dataDirectory` unless set.
    public var dataLogDirectory = ""
    /// 0 asks for any free port.
    public var clientPort: Int?
    /// Host name or address to listen on; nil means every interface.
    public var clientPortAddress: String?
    /// Length of the connection backlog; -1 leaves it to the server (1024).
    public var clientPortListenBacklog = -1
    public var tickTimeMillis = 3000
    /// Twice the tick time unless set; -1 until resolved.
    public var minSessionTimeoutMillis = -1
    /// Twenty times the tick time unless set; -1 until resolved.
    public var maxSessionTimeoutMillis = -1

    // Limits

    /// Connections from one address; 0 or less means no limit.
    public var maxClientConnectionsPerAddress = 60
    /// Connections in all; 0 or less means no limit.
    public var maxConnections = 0
    public var globalOutstandingLimit = 1000
    /// Largest request, in bytes.
    public var juteMaxBufferBytes = 0xfffff
    /// What a transaction may add to its request, in bytes; equals `juteMaxBufferBytes` unless set; -1 until resolved.
    public var juteMaxBufferExtraBytes = -1
    /// Bytes of all large requests in flight.
    public var largeRequestMaxBytes = 100 << 20
    /// Size from which a request counts as large, in bytes; -1 turns the limit off.
    public var largeRequestThresholdBytes = -1
    /// How long a connection may stay open without a session.
    public var sessionlessConnectionTimeoutMillis = 10_000

    // Disk

    /// Transactions between snapshots; at least 2.
    public var snapCount = 100_000
    /// Logged kilobytes between snapshots; 0 or less turns the limit off.
    public var snapSizeLimitKilobytes = 4_194_304
    /// Step in which a log segment is allocated; 0 turns preallocation off.
    public var preAllocationKilobytes = 65_536
    /// Size at which a log segment is closed; less than 1 turns the limit off.
    public var txnLogSizeLimitKilobytes = -1
    /// False acknowledges writes that are not on the disk: unsafe.
    public var forceSync = true
    /// Snapshots kept by the purge; at least 3.
    public var autopurgeSnapRetainCount = 3
    /// Hours between purges; 0 or less turns the purge off.
    public var autopurgeIntervalHours = 0
    public var fsyncWarningThresholdMillis = 1000
    /// Start from a log without any snapshot.
    public var trustEmptySnapshot = false
    /// Write the last processed zxid at the end of a snapshot.
    public var serializeLastProcessedZxid = true
    /// Create missing data directories.
    public var dataDirectoryAutocreate = true
    /// Start an empty database where there is none.
    public var databaseAutocreate = true

    // Requests and nodes

    /// TTL nodes.
    public var extendedTypesEnabled = false
    public var enforceQuota = false
    /// Keep and check the digest of the tree.
    public var digestEnabled = true
    /// Log the paths that a closing session takes with it.
    public var closeSessionTxnEnabled = true
    public var containerCheckIntervalMillis = 60_000
    public var broadcastOutstanding = 0
    public var broadcastBytes = 1024
    public var containerMaxPerMinute = 10_000
    /// Age at which a container that never had a child is deleted; 0 never.
    public var containerMaxNeverUsedIntervalMillis = 0

    // Access

    /// True opens every node to everyone.
    public var skipACL = false
    public var digestAuthenticationEnabled = true
    public var digestAlgorithm = DigestAlgorithm.sha1
    /// `super:<base64 digest>`, or nil: no super user. A secret.
    public var superDigest: String?
    /// Names a client of scheme `ensemble` may expect; empty accepts every name.
    public var ensembleAuthNames: [String] = []
    public var clientTcpKeepAlive = false

    // Observation

    public var fourLetterWords = FourLetterWordWhitelist()
    public var readOnlyModeEnabled = false

    // Ensemble: as given; `ensemble` is what becomes of it

    public var servers: [ServerSpecification] = []
    /// `group.N`: ids of the servers in a hierarchical quorum's group, by group.
    public var groups: [Int64: [Int64]] = [:]
    /// `weight.N`: weight of server N in its group.
    public var weights: [Int64: Int64] = [:]
    public var dynamicConfigFile: String?
    public var initLimitTicks = 0
    public var syncLimitTicks = 0
    public var connectToLearnerMasterLimitTicks = 0
    public var electionAlgorithm = 3
    public var leaderServes = true
    public var peerType = PeerType.participant
    public var standaloneEnabled = true
    public var reconfigEnabled = false
    public var syncEnabled = true
    public var quorumListenOnAllAddresses = false
    /// -1: as long as initLimit allows. Nothing reads it.
    public var maxTimeToWaitForEpochMillis = -1
    public var multiAddressEnabled = false
    public var fastLeaderMinNotificationMillis = ServerConfiguration.defaultNotificationMillis.lowerBound
    public var fastLeaderMaxNotificationMillis = ServerConfiguration.defaultNotificationMillis.upperBound
    public var electionConnectTimeoutMillis = 5000
    /// 0 never gives up.
    public var electionPortBindRetries = 3
    public var peerTcpKeepAlive = false
    /// Version of a dynamic file, from the ending of its name.
    public var memberListVersion: Int64 = 0
    /// Content of the `myid` file, when there is one.
    public var myID: Int64?
    /// The ensemble this server belongs to, checked; nil for a standalone server.
    public internal(set) var ensemble: EnsembleConfiguration?

    // Corral

    /// Threads that serve connections; the first one is also the core.
    public var reactors = ServerConfiguration.defaultReactors(processors: ProcessorCount.online)
    /// Unsent reply bytes from which a connection's requests are not read until it drains.
    public var maximumConnectionOutputBytes = 16 << 20
    /// Bind each reactor to one processor.
    public var pinReactors = false
    /// Busy time for each read and each transaction; see `InjectedWork`.
    public var testReadSpinNanos = 0
    public var testWriteSpinNanos = 0

    // How it came about

    /// Where each key that was given came from, by canonical name.
    public internal(set) var origins: [String: ConfigurationOrigin] = [:]
    /// The `zoo.cfg`; nil without one.
    public internal(set) var file: String?
    /// Given keys that set no field here (not yet supported, without effect), in the order given.
    public internal(set) var otherSettings: [(key: String, value: String)] = []
    /// What to tell the operator; never errors.
    public internal(set) var warnings: [ConfigurationProblem] = []

    public init() {}

    /// Pauses between election messages unless set: shorter than Apache's, 200 to 60000.
    static let defaultNotificationMillis: ClosedRange<Int> = {
        let options = ElectionOptions()
        return Int(options.minimumResendMillis)...Int(options.maximumResendMillis)
    }()

    /// For messages about a key: its line, or, when it was not given, the file that lacks it.
    func origin(of key: String) -> ConfigurationOrigin {
        origins[key] ?? file.map { .wholeFile(path: $0) } ?? .builtIn
    }

    /// Small machines keep one core free for the log thread and the clients.
    public static func defaultReactors(processors: Int) -> Int {
        processors <= 2 ? 1 : processors / 2
    }

    /// Values that no log line may show.
    public var secrets: [String] {
        superDigest.map { [$0] } ?? []
    }
}
