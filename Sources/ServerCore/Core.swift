import DataTree
import Jute
import RequestQueue
import TxnLog
import Zab
import ZooKeeperProtocol

/// The core machine: sessions, prepare, commit. It owns the order of everything that changes.
///
/// Sans-I/O: events come in as method calls on one thread (the core's), effects leave through the seams in order. A
/// transaction's way: `prepare` on the future state, serialized once into the batch in hand, the batch submitted to
/// the log, reported durable, applied to the tree, answered. Nothing is answered before it is durable.
///
/// One thread owns it, so the properties touched for every request go without the run-time exclusivity check.
public final class Core {
    public let configuration: CoreConfiguration
    public let tree: DataTree
    /// Guards the tree: the core is its only writer, reactors and the snapshot walk read.
    public let lock: ReaderLock
    public let registry: ConnectionRegistry
    public let providers: AuthenticationProviders
    let clock: any CoreClock
    let log: any TxnSink
    /// Counters of the core's own work; the fronts have theirs.
    @exclusivity(unchecked) public var statistics = RequestStatistics()
    /// The tree's digest every so many transactions, oldest first, for comparing servers.
    public internal(set) var digestLog: [(zxid: Int64, digest: UInt64)] = []

    public internal(set) var sessions: SessionTable
    @exclusivity(unchecked) var pending: PendingChanges
    /// The tree digest after everything prepared.
    @exclusivity(unchecked) var futureDigest: UInt64
    /// The last zxid given out.
    @exclusivity(unchecked) public internal(set) var lastZxid: Int64

    /// The batch that gathers transactions until the log can take it.
    @exclusivity(unchecked) var batch = TxnBatch()
    @exclusivity(unchecked) var batchRequests: [PreparedRequest] = []
    /// Batches in the log's hands, oldest first.
    var submitted: [LoggedBatch] = []
    /// Batches that are durable and not wholly applied, oldest first. A server that stands alone keeps none.
    var awaiting: [LoggedBatch] = []
    /// What this server is to its ensemble.
    public internal(set) var role = Role.standalone
    /// The replication that this core is part of, which owns it; nil when it stands alone.
    unowned(unsafe) var replica: Replica?
    var spareBatches: [TxnBatch] = []
    var spareRequests: [[PreparedRequest]] = []
    /// Requests prepared and not answered, and reads waiting behind them, on all reactors.
    @exclusivity(unchecked) public internal(set) var inProcess = 0

    @exclusivity(unchecked) var fired = FiredEvents()
    @exclusivity(unchecked) var applyResult = ApplyResult()
    /// What the transaction applied last says the tree's digest is after it.
    @exclusivity(unchecked) var digestAfter: TxnDigest?
    /// The digest that the last batch promised and the tree did not have, while it may yet be behind a snapshot.
    var unkeptPromise: (zxid: Int64, digest: UInt64)?
    /// The front on the core's own thread, which outlives the core's use of it (weak would make every retain slow),
    /// and one outgoing batch for each other front.
    unowned(unsafe) var localFront: Front?
    var remoteFronts: [RemoteFront] = []

    /// The request that makes each transaction of the broadcast's own load; empty until the first is made.
    var broadcastRecord: [UInt8] = []

    /// Connections of the core's own front whose reads wait for room in their output.
    var stalled: [ClientConnection] = []

    var snapshotRunning = false
    var txnsSinceSnapshot = 0
    var bytesSinceSnapshot: Int64 = 0
    var snapshotAtTxns = 0
    var snapshotAtBytes: Int64 = 0
    var random: any RandomNumberGenerator

    var lastTickMillis: Int64
    var nextContainerCheckMillis: Int64
    /// No new sessions or writes are taken while the server drains.
    public var isDraining = false

    public init(
        configuration: CoreConfiguration, tree: DataTree, lock: ReaderLock, registry: ConnectionRegistry,
        clock: any CoreClock, log: any TxnSink, random: any RandomNumberGenerator,
        recoveredSessions: [(id: Int64, timeoutMillis: Int32)]
    ) {
        self.configuration = configuration
        self.tree = tree
        self.lock = lock
        self.registry = registry
        self.clock = clock
        self.log = log
        var random = random
        pending = PendingChanges(seed: random.next())
        self.random = random
        providers = AuthenticationProviders(
            superDigest: configuration.superDigest, digestEnabled: configuration.digestAuthenticationEnabled,
            algorithm: configuration.digestAlgorithm)
        let now = Int64(clock.monotonicNanos() / 1_000_000)
        sessions = SessionTable(
            serverId: configuration.serverId, tickMillis: Int64(configuration.tickTimeMillis), nowMillis: now,
            wallMillis: clock.wallMillis())
        for session in recoveredSessions {
            let tracked = sessions.track(id: session.id, timeoutMillis: session.timeoutMillis, nowMillis: now)
            tracked.isCommitted = true
        }
        lastZxid = tree.lastProcessedZxid
        futureDigest = tree.digest
        lastTickMillis = now
        nextContainerCheckMillis = now + configuration.containerCheckIntervalMillis
        drawSnapshotPoint()
    }

    public var nowMillis: Int64 { Int64(clock.monotonicNanos() / 1_000_000) }

    /// Whether back-pressure asks to stop reading from connections that have requests outstanding.
    var isThrottling: Bool { inProcess > configuration.globalOutstandingLimit }

    // MARK: submitting

    /// Hands the gathered batch to the log if the log can take one. Called at the end of each turn.
    public func flush() {
        if configuration.broadcastOutstanding > 0 { return flushBroadcast() }
        submitGathered()
    }

    func submitGathered() {
        guard !batchRequests.isEmpty || !batch.isEmpty, submitted.count < CoreLimits.logBatchesInFlightMax else {
            return
        }
        let full = batch
        // Followers get it while this server's own disk works.
        let proposals = role == .leader ? replica?.broadcast(full) : nil
        submitted.append(LoggedBatch(batch: full, requests: batchRequests, proposals: proposals))
        batch = spareBatches.popLast() ?? TxnBatch()
        batchRequests = spareRequests.popLast() ?? []
        log.submit(full)
    }

    /// The log reports a batch durable: apply it and answer. Batches come back in the order they were submitted.
    public func durable(_ batch: TxnBatch) {
        precondition(!submitted.isEmpty && submitted[0].batch === batch, "a batch came back out of turn")
        awaiting.append(submitted.removeFirst())
        if let replica {
            replica.logged(upTo: batch.lastZxid)
        } else {
            applyCommitted(upTo: .max)
        }
        flush()
        localFront?.resumeThrottledIfPossible()
    }

    /// Applies what is durable and committed, in order, and answers it.
    func applyCommitted(upTo zxid: Int64) {
        let round = replica?.confirmedRound ?? 0
        guard let first = awaiting.first, first.isDue(upTo: zxid, confirmedRound: round) else { return }
        lock.lockExclusive()
        var done = 0
        while done < awaiting.count, awaiting[done].isDue(upTo: zxid, confirmedRound: round) {
            apply(&awaiting[done], upTo: zxid)
            guard awaiting[done].isApplied else { break }
            done += 1
        }
        // Events and replies must be in the reactors' inboxes before a reader can see the change.
        for remote in remoteFronts { remote.flushBeforeView() }
        lock.unlockExclusive()
        for index in 0..<done { retire(&awaiting[index]) }
        awaiting.removeFirst(done)
        startSnapshotIfDue()
    }

    private func retire(_ logged: inout LoggedBatch) {
        txnsSinceSnapshot += logged.batch.count
        bytesSinceSnapshot += Int64(logged.batch.bytes.count)
        logged.requests.removeAll(keepingCapacity: true)
        spareRequests.append(logged.requests)
        logged.requests = []
        if let replica {
            replica.keepRecent(logged.batch)
        } else {
            recycle(logged.batch)
        }
    }

    /// Takes a batch back whose transactions nobody needs any more.
    func recycle(_ batch: TxnBatch) {
        guard spareBatches.count < CoreLimits.spareBatchesMax, batch.bytes.capacity <= CoreLimits.spareBatchBytesMax
        else { return }
        batch.removeAll()
        spareBatches.append(batch)
    }

    // MARK: snapshots

    func drawSnapshotPoint() {
        let count = max(2, configuration.snapCount)
        snapshotAtTxns = count / 2 + Int.random(in: 0..<max(1, count / 2), using: &random)
        let size = configuration.snapSizeLimitBytes
        snapshotAtBytes = size > 0 ? size / 2 + Int64.random(in: 0..<max(1, size / 2), using: &random) : .max
    }

    private func startSnapshotIfDue() {
        // What is not committed for certain must not enter a snapshot (ZOOKEEPER-1549).
        guard role != .electing, replica?.isEstablished ?? true else { return }
        guard !snapshotRunning, txnsSinceSnapshot > snapshotAtTxns || bytesSinceSnapshot > snapshotAtBytes else {
            return
        }
        startSnapshot()
    }

    /// Begins a fuzzy snapshot at the zxid applied last.
    public func startSnapshot() {
        guard !snapshotRunning else { return }
        snapshotRunning = true
        txnsSinceSnapshot = 0
        bytesSinceSnapshot = 0
        drawSnapshotPoint()
        log.startSnapshot(zxid: tree.lastProcessedZxid, sessions: committedSessions())
    }

    public func snapshotFinished() { snapshotRunning = false }

    /// Sessions whose creation has been applied.
    func committedSessions() -> [(id: Int64, timeoutMillis: Int32)] {
        sessions.sessions.values.filter(\.isCommitted).sorted { $0.id < $1.id }.map { ($0.id, $0.timeoutMillis) }
    }

    /// Whether everything taken in has been answered.
    public var isIdle: Bool {
        submitted.isEmpty && batchRequests.isEmpty && !awaiting.contains { !$0.requests.isEmpty }
            && !sessions.sessions.values.contains { $0.forwarded.contains { $0.connection != nil } }
    }

    /// Forgets every front's counters and the core's own (`srst`). With the tree quiet only.
    public func resetStatistics() {
        statistics = RequestStatistics()
        localFront?.statistics = RequestStatistics()
        for remote in remoteFronts { remote.front.statistics = RequestStatistics() }
    }
}

/// What a server is to its ensemble.
public enum Role: Sendable {
    /// It has none.
    case standalone
    /// It looks for a leader, or is not yet in step with it: it serves nobody.
    case electing
    case leader
    /// A follower or an observer: its clients' writes go to the leader.
    case learner
}

/// A batch from its submission to the log until it has been applied.
struct LoggedBatch {
    let batch: TxnBatch
    /// Those of this server's clients (a leader's, or one's that stands alone), refusals among them. Empty for
    /// transactions that came from the leader.
    var requests: [PreparedRequest]
    /// A leader's: the batch as PROPOSAL packets.
    var proposals: Proposals?
    /// How far it has been applied.
    var requestsDone = 0
    var txnsDone = 0

    var isApplied: Bool { requestsDone == requests.count && txnsDone == batch.count }

    /// Whether its next request may be answered, or its next transaction is committed. Refusals have no zxid of their
    /// own; a sync waits for its round.
    func isDue(upTo zxid: Int64, confirmedRound: Int) -> Bool {
        if requestsDone < requests.count, requests[requestsDone].zxid == 0 {
            return requests[requestsDone].sync.map { $0.round <= confirmedRound } ?? true
        }
        guard txnsDone < batch.count else { return true }
        return batch.zxid(at: txnsDone) <= zxid
    }
}

/// A request that has become a transaction (or an error) and waits for its durability.
struct PreparedRequest {
    /// Nil for the server's own transactions.
    var connection: ClientConnection?
    var session: Session?
    var opcode: OpCode
    var xid: Int32
    /// Zero when the request was refused without a transaction.
    var zxid: Int64
    var error: ErrorCode
    var receivedNanos: UInt64
    /// Of a `sync` only.
    var sync: SyncRequest?
}

/// What a `sync` of this server's client waits for.
final class SyncRequest {
    let path: [UInt8]
    /// A leader's: the round of pings that must show that it still leads.
    let round: Int
    /// A learner's: what must be applied before the answer, once the leader has said so.
    var readyAt: Int64?

    init(path: [UInt8], round: Int) {
        self.path = path
        self.round = round
    }
}

/// Where a request came from that is not of this server's own clients.
struct RequestOrigin {
    var link: LinkID
    var sessionId: Int64
}

/// A front on another thread: its inbox, and the batch being filled for it.
///
/// A front that is kept from running may find more sent than its inbox holds. What it is to hear of a change must
/// reach it all the same before it can read that change, so the rest is left with the front itself.
final class RemoteFront {
    let inbox: BatchQueue<ReplyBatch>
    let front: Front
    var batch = ReplyBatch()

    init(inbox: BatchQueue<ReplyBatch>, front: Front) {
        self.inbox = inbox
        self.front = front
    }

    /// Sends what the batch holds. The caller holds the writer side, so the front is outside its turns.
    func flushBeforeView() {
        guard !batch.entries.isEmpty else { return }
        // A full inbox has woken the front. In one turn it takes the inbox and then the overflow, so an inbox with room
        // again means that no overflow is older than what is pushed now.
        if !inbox.tryPush(batch) { front.inboxOverflow.append(batch) }
        batch = ReplyBatch()
    }

    /// Sends what the batch holds.
    func flush(_ lock: ReaderLock) {
        guard !batch.entries.isEmpty else { return }
        if inbox.tryPush(batch) {
            batch = ReplyBatch()
            return
        }
        lock.lockExclusive()
        flushBeforeView()
        lock.unlockExclusive()
    }
}
