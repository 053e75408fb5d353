/// What one thread counted: plain counters without heap storage, changed by that thread alone, and read by others
/// only while it stands still.
public struct RequestStatistics: Sendable {
    // Traffic

    /// Frames received from clients, pings and four-letter words included.
    public var packetsReceived: UInt64 = 0
    /// Frames sent to clients, notifications included.
    public var packetsSent: UInt64 = 0
    public var bytesReceived: UInt64 = 0
    /// Bytes of replies.
    public var responseBytes: UInt64 = 0
    /// Bytes of watch notifications.
    public var watchBytes: UInt64 = 0
    /// Sizes of replies.
    public var responseSizes = SizeSummary()

    // Requests

    /// From reading a request off its socket to its reply, reads.
    public private(set) var readLatency = LatencySummary()
    /// The same for requests that became transactions.
    public private(set) var updateLatency = LatencySummary()
    public private(set) var readHistogram = LatencyHistogram()
    public private(set) var updateHistogram = LatencyHistogram()
    public var largeRequestsRejected: UInt64 = 0
    /// Times a connection was not read from because too much was in work.
    public var throttleWaits: UInt64 = 0
    public var staleReplies: UInt64 = 0

    // Connections and sessions

    /// Connect requests, re-attachments included.
    public var connectionRequests: UInt64 = 0
    /// Connections refused by a limit.
    public var connectionsRejected: UInt64 = 0
    /// Connections closed by the server because of an error.
    public var connectionsDropped: UInt64 = 0
    public var connectionsRevalidated: UInt64 = 0
    public var sessionlessConnectionsExpired: UInt64 = 0
    public var sessionsExpired: UInt64 = 0
    public var authenticationFailures: UInt64 = 0

    // Watches fired, per event

    public var nodeCreatedWatches = NumberSummary()
    public var nodeDeletedWatches = NumberSummary()
    public var nodeChangedWatches = NumberSummary()
    public var nodeChildrenWatches = NumberSummary()

    // Log and snapshots

    public var fsyncTime = LatencySummary()
    /// Flushes slower than `fsync.warningthresholdms`.
    public var slowFsyncs: UInt64 = 0
    /// Transactions per group commit.
    public var commitBatchSizes = NumberSummary()
    public var transactionsLogged: UInt64 = 0
    public var snapshotTime = LatencySummary()
    public var snapshotErrors: UInt64 = 0
    public var digestMismatches: UInt64 = 0

    // Start

    public var databaseInitTime = LatencySummary()
    public var startupSnapshotLoadTime = LatencySummary()
    public var startupTxnsLoadTime = LatencySummary()
    public var startupTxnsLoaded = NumberSummary()

    public init() {}

    /// `count` reads of one batch that took `nanos` from socket to reply.
    public mutating func recordReads(nanos: UInt64, count: UInt64 = 1) {
        readLatency.record(nanos: nanos, count: count)
        readHistogram.record(micros: nanos / 1000, count: count)
    }

    /// `count` transactions that took `nanos` from socket to reply.
    public mutating func recordUpdates(nanos: UInt64, count: UInt64 = 1) {
        updateLatency.record(nanos: nanos, count: count)
        updateHistogram.record(micros: nanos / 1000, count: count)
    }

    /// All requests.
    public var requestLatency: LatencySummary {
        var all = readLatency
        all.merge(updateLatency)
        return all
    }

    /// Adds another thread's counters.
    public mutating func merge(_ other: RequestStatistics) {
        packetsReceived += other.packetsReceived
        packetsSent += other.packetsSent
        bytesReceived += other.bytesReceived
        responseBytes += other.responseBytes
        watchBytes += other.watchBytes
        responseSizes.merge(other.responseSizes)
        readLatency.merge(other.readLatency)
        updateLatency.merge(other.updateLatency)
        readHistogram.merge(other.readHistogram)
        updateHistogram.merge(other.updateHistogram)
        largeRequestsRejected += other.largeRequestsRejected
        throttleWaits += other.throttleWaits
        staleReplies += other.staleReplies
        connectionRequests += other.connectionRequests
        connectionsRejected += other.connectionsRejected
        connectionsDropped += other.connectionsDropped
        connectionsRevalidated += other.connectionsRevalidated
        sessionlessConnectionsExpired += other.sessionlessConnectionsExpired
        sessionsExpired += other.sessionsExpired
        authenticationFailures += other.authenticationFailures
        nodeCreatedWatches.merge(other.nodeCreatedWatches)
        nodeDeletedWatches.merge(other.nodeDeletedWatches)
        nodeChangedWatches.merge(other.nodeChangedWatches)
        nodeChildrenWatches.merge(other.nodeChildrenWatches)
        fsyncTime.merge(other.fsyncTime)
        slowFsyncs += other.slowFsyncs
        commitBatchSizes.merge(other.commitBatchSizes)
        transactionsLogged += other.transactionsLogged
        snapshotTime.merge(other.snapshotTime)
        snapshotErrors += other.snapshotErrors
        digestMismatches += other.digestMismatches
        databaseInitTime.merge(other.databaseInitTime)
        startupSnapshotLoadTime.merge(other.startupSnapshotLoadTime)
        startupTxnsLoadTime.merge(other.startupTxnsLoadTime)
        startupTxnsLoaded.merge(other.startupTxnsLoaded)
    }
}
