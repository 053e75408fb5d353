/// What the core needs to know of the server's configuration. Names and defaults are those of `zoo.cfg`.
public struct CoreConfiguration: Sendable {
    public var tickTimeMillis: Int32 = 3000
    public var minSessionTimeoutMillis: Int32 = 6000
    public var maxSessionTimeoutMillis: Int32 = 60_000
    /// Requests in process, over all connections, above which a connection with requests outstanding is not read.
    public var globalOutstandingLimit = 1000
    /// The longest request frame, in bytes (`jute.maxbuffer`).
    public var maximumFrameBytes = 0xfffff
    /// Slack a transaction may exceed the frame limit by.
    public var maximumFrameExtraBytes = 0xfffff
    /// Connections from one address; 0 means no limit.
    public var maxClientConnections = 60
    /// Connections in all; 0 means no limit.
    public var maxConnections = 0
    /// How long a connection may stay without a session.
    public var sessionlessTimeoutMillis: Int64 = 10_000
    /// Transactions between snapshots; the start is drawn between half of it and all of it.
    public var snapCount = 100_000
    /// Bytes logged between snapshots, likewise; 0 or less means no limit.
    public var snapSizeLimitBytes: Int64 = 4_294_967_296
    public var extendedTypesEnabled = false
    public var skipACL = false
    public var superDigest: String?
    public var digestAuthenticationEnabled = true
    public var digestAlgorithm = DigestAlgorithm.sha1
    public var treeDigestEnabled = true
    public var enforceQuota = false
    public var closeSessionTxnEnabled = true
    public var containerCheckIntervalMillis: Int64 = 60_000
    public var containerMaximumPerMinute = 10_000
    public var containerMaximumNeverUsedMillis: Int64 = 0
    /// The server's id; 1 when it stands alone, as Apache's.
    public var serverId: Int64 = 1
    /// Transactions that a leader makes by itself and keeps under way, to measure the broadcast alone; 0: none.
    public var broadcastOutstanding = 0
    /// The data of each of these, in bytes.
    public var broadcastBytes = 1024
    /// Whether this server is one of an ensemble: a `sync` then asks its leader.
    public var isReplicated = false

    public init() {}
}

/// Named bounds that no configuration key moves.
public enum CoreLimits {
    /// A frame over `jute.maxbuffer` is skipped and answered with an error up to this size; beyond, the connection
    /// ends.
    public static let skippedFrameBytesMax = 64 << 20
    /// The handshake frame: 44 or 45 bytes in every known client.
    public static let handshakeFrameBytesMax = 4096
    /// Operations in one multi; the frame limit binds first for all but empty operations.
    public static let multiOperationsMax = 1 << 18
    /// Replies gathered for a connection before it is asked whether it has room for more.
    public static let gatheredOutputBytesMax = 1 << 20
    /// The longest reply. A multiRead of large znodes could ask for any number of bytes.
    public static let replyBytesMax = 64 << 20
    /// Bytes that a connection may leave unread beyond an output that is full already: what cannot be held back, which
    /// is notifications and the answers to reads behind a write.
    public static let unreadOutputBytesMax = 16 << 20
    /// Identities that one connection may hold.
    public static let identitiesMax = 256
    /// Transactions between entries of the digest log, and entries kept (Apache's `DIGEST_LOG_INTERVAL`, `_LIMIT`).
    public static let digestLogInterval: Int64 = 128
    public static let digestLogEntriesMax = 1024
    /// Batches handed to the log thread and not yet durable. Two keep the disk busy while the core applies one.
    public static let logBatchesInFlightMax = 2
    /// Empty batches kept for use, and the memory that one of them may hold.
    public static let spareBatchesMax = 16
    public static let spareBatchBytesMax = 8 << 20
}
