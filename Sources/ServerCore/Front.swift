import DataTree
import Jute
import RequestQueue
import ZooKeeperProtocol

/// One reactor's side of the client protocol: frames in, reads answered from the tree, writes to the core, replies out.
///
/// Sans-I/O, and owned by its reactor's thread. Front 0 shares the core's thread and calls it directly; the others
/// exchange batches with it. Within a turn the others hold the tree's reader side.
public final class Front: @unchecked Sendable {
    public let index: Int
    let tree: DataTree
    let lock: ReaderLock
    let registry: ConnectionRegistry
    let configuration: CoreConfiguration
    let providers: AuthenticationProviders
    let clock: any CoreClock
    /// Set on front 0 only.
    let core: Core?
    public var admin: (any AdminCommands)?
    /// Told of connections that do not keep the protocol: what was done, host, port, why.
    public var complain: ((_ what: String, _ host: String, _ port: Int, _ reason: String) -> Void)?

    // Other fronts' way to the core, and back.
    let requestQueue: BatchQueue<RequestBatch>?
    let inbox: BatchQueue<ReplyBatch>?
    var requestBatch = RequestBatch()
    var requestOverflow: [RequestBatch] = []
    /// What found the inbox full, newer than all in it. The core adds while it holds the writer side, this front takes
    /// it within its turn, after the inbox.
    var inboxOverflow: [ReplyBatch] = []
    /// This front's part of the requests in process, and its share of the limit.
    @exclusivity(unchecked) var outstandingHere = 0
    var outstandingLimitHere: Int

    /// The server is ending: nothing more is read.
    public var isDraining = false

    /// Connections in the order they came, to end those that never begin a session.
    private var newcomers: [(connection: ClientConnection, deadlineMillis: Int64)] = []

    @exclusivity(unchecked) var dirty: [ClientConnection] = []
    var throttled: [ClientConnection] = []
    /// Replies to reads go here, and from here to the socket: one buffer for all connections stays in the cache.
    @exclusivity(unchecked) var readOutput = WireBuffer(capacity: 256 << 10)
    var eventsOfSetWatches = FiredEvents()
    @exclusivity(unchecked) var turnNanos: UInt64 = 0
    var nowMillis: Int64 = 0
    @exclusivity(unchecked) public internal(set) var statistics = RequestStatistics()
    /// Reads served since the count was last moved to `statistics`.
    @exclusivity(unchecked) var readsServed: UInt64 = 0
    /// Bytes sent since then, likewise. The end of a turn sends when the counters are no longer this front's.
    @exclusivity(unchecked) var responseBytesSent: UInt64 = 0

    /// Front 0, on the core's own thread.
    public init(core: Core) {
        index = 0
        tree = core.tree
        lock = core.lock
        registry = core.registry
        configuration = core.configuration
        providers = core.providers
        clock = core.clock
        self.core = core
        requestQueue = nil
        inbox = nil
        outstandingLimitHere = configuration.globalOutstandingLimit
        core.localFront = self
    }

    /// A further front, on a thread of its own.
    ///
    /// - Parameters:
    ///   - index: 1 and up; also its slot in the reader lock.
    ///   - requestQueue: the core's inbox, shared by all fronts.
    ///   - inbox: this front's own.
    public init(
        index: Int, core: Core, requestQueue: BatchQueue<RequestBatch>, inbox: BatchQueue<ReplyBatch>
    ) {
        precondition(index == core.remoteFronts.count + 1)
        self.index = index
        tree = core.tree
        lock = core.lock
        registry = core.registry
        configuration = core.configuration
        providers = core.providers
        clock = core.clock
        self.core = nil
        self.requestQueue = requestQueue
        self.inbox = inbox
        outstandingLimitHere = 0
        core.remoteFronts.append(RemoteFront(inbox: inbox, front: self))
        let share = max(1, configuration.globalOutstandingLimit / (core.remoteFronts.count + 1))
        for remote in core.remoteFronts { remote.front.outstandingLimitHere = share }
    }

    // MARK: turns

    /// A turn begins: the tree stands still for this front until it ends.
    ///
    /// - Parameter nanos: the monotonic time, which the reactor knows already.
    public func beginTurn(nanos: UInt64) {
        turnNanos = nanos
        nowMillis = Int64(turnNanos / 1_000_000)
        if core == nil { lock.lockShared(slot: index - 1) }
        drainInbox()
        core?.serveStalled()
    }

    /// A turn ends: writes go to the core (front 0: to the log), replies to the sockets.
    public func endTurn() {
        // Counted before the reader side is given up: under the writer side the core reads the counters.
        statistics.responseBytes &+= responseBytesSent
        responseBytesSent = 0
        if readsServed > 0 {
            let now = clock.monotonicNanos()
            statistics.recordReads(nanos: now > turnNanos ? now - turnNanos : 0, count: readsServed)
            readsServed = 0
        }
        if let core {
            core.flush()
            // A commit, a leader's answer or a lost learner may have made room in any part of the turn.
            resumeThrottledIfPossible()
        } else {
            lock.unlockShared(slot: index - 1)
            sendRequests()
        }
        flushDirty()
    }

    private func sendRequests() {
        if !requestBatch.entries.isEmpty {
            requestOverflow.append(requestBatch)
            requestBatch = RequestBatch()
        }
        while let next = requestOverflow.first, requestQueue!.tryPush(next) { requestOverflow.removeFirst() }
    }

    func flushDirty() {
        for connection in dirty {
            connection.isDirty = false
            guard connection.state != .closed else { continue }
            if !connection.output.isEmpty { sendOutput(connection) }
            // Ten thousand idle connections must not each keep the memory of their busiest moment.
            if connection.output.capacity > Self.keptOutputBytes { connection.output.release() }
        }
        dirty.removeAll(keepingCapacity: true)
    }

    /// Memory that an idle connection keeps for its replies.
    private static let keptOutputBytes = 4096

    func markDirty(_ connection: ClientConnection) {
        guard !connection.isDirty else { return }
        connection.isDirty = true
        dirty.append(connection)
    }

    // MARK: connections

    /// A new connection; nil when a limit refuses it.
    public func accept(_ link: any ClientLink) -> ClientConnection? {
        let connection = registry.add(
            host: link.remoteHost, maximumPerHost: configuration.maxClientConnections,
            maximum: configuration.maxConnections
        ) { watcher in
            ClientConnection(watcher: watcher, link: link, front: self, wallMillis: clock.wallMillis())
        }
        guard let connection else {
            statistics.connectionsRejected += 1
            complain?(
                "connection refused", link.remoteHost, link.remotePort,
                "maxClientCnxns=\(configuration.maxClientConnections) of one address or "
                    + "maxCnxns=\(configuration.maxConnections) in all are open")
            return nil
        }
        newcomers.append((connection, nowMillis + configuration.sessionlessTimeoutMillis))
        return connection
    }

    /// The connection is gone.
    public func disconnected(_ connection: ClientConnection) {
        guard connection.state != .closed else { return }
        connection.state = .closed
        connection.output.release()
        if let core {
            core.disconnected(connection)
        } else {
            // What is still answered for it, nobody counts.
            outstandingHere -= connection.outstanding
            connection.outstanding = 0
            requestBatch.entries.append(
                RequestBatch.Entry(
                    connection: connection, kind: .disconnected, offset: 0, length: 0, receivedNanos: turnNanos))
            resumeThrottledIfPossible()
        }
    }

    /// Ends a connection once everything queued for it has left.
    func closeAfterFlush(_ connection: ClientConnection) {
        guard connection.state != .closed else { return }
        connection.state = .closing
        if !connection.output.isEmpty { sendOutput(connection) }
        connection.link.close(afterFlush: true)
    }

    /// The passing of time: who has not begun a session by now does not want one.
    public func tick() {
        var due = 0
        while due < newcomers.count, newcomers[due].deadlineMillis <= nowMillis {
            let connection = newcomers[due].connection
            if connection.state == .handshake {
                statistics.sessionlessConnectionsExpired += 1
                closeAfterFlush(connection)
            }
            due += 1
        }
        newcomers.removeFirst(due)
    }

    // MARK: back-pressure

    /// Whether a connection may be read now. With the server over its outstanding limit, only one that has nothing
    /// outstanding may (Apache's `shouldThrottle`).
    public func mayRead(_ connection: ClientConnection) -> Bool {
        if isDraining { return false }
        guard connection.outstanding > 0, isThrottling else { return true }
        if !connection.isThrottled {
            connection.isThrottled = true
            throttled.append(connection)
            connection.link.pauseReading()
        }
        return false
    }

    /// Whether other threads have left nothing for this front.
    public var inboxIsEmpty: Bool { inbox?.isEmpty ?? true }

    /// The limit holds for the whole server; a front that cannot see the core's count takes its even share.
    private var isThrottling: Bool {
        if let core { return core.isThrottling }
        return outstandingHere > outstandingLimitHere
    }

    func resumeThrottledIfPossible() {
        guard !throttled.isEmpty, !isThrottling else { return }
        for connection in throttled {
            connection.isThrottled = false
            if connection.state == .established { connection.link.resumeReading() }
        }
        throttled.removeAll(keepingCapacity: true)
    }

    // MARK: the core's answers

    /// Takes what the core has sent; called with the tree standing still, before any read of the turn.
    public func drainInbox() {
        guard let inbox else { return }
        _ = inbox.popAll { batch in
            for entry in batch.entries { self.take(entry, of: batch) }
        }
        if !inboxOverflow.isEmpty {
            for batch in inboxOverflow {
                for entry in batch.entries { take(entry, of: batch) }
            }
            inboxOverflow.removeAll()
        }
        resumeThrottledIfPossible()
    }

    private func take(_ entry: ReplyBatch.Entry, of batch: ReplyBatch) {
        let connection = entry.connection
        guard connection.state != .closed else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: batch.bytes.bytes[entry.offset..<entry.offset + entry.length])
        switch entry.kind {
        case .reply(let opcode, let xid, let zxid, let receivedNanos):
            connection.output.append(raw: bytes)
            let latency = turnNanos > receivedNanos ? Int64((turnNanos - receivedNanos) / 1_000_000) : 0
            connection.statistics.recordReply(opcode: opcode, xid: xid, zxid: zxid, latencyMillis: latency)
            outstandingHere -= 1
            connection.outstanding -= 1
            statistics.packetsSent += 1
            markDirty(connection)
            if connection.output.count > CoreLimits.gatheredOutputBytesMax || connection.unreadOutputBytes > 0 {
                outputGrew(connection, by: bytes.count)
            }
        case .notification:
            connection.output.append(raw: bytes)
            notified(connection, bytes: bytes.count)
        case .handshakeReply(let session, let timeoutMillis):
            handshakeAnswered(connection, session, timeoutMillis: timeoutMillis)
        case .adminReply:
            connection.output.append(raw: bytes)
            countAdminReply(connection)
            markDirty(connection)
        case .close:
            closeAfterFlush(connection)
        }
    }

    /// A word and its answer count as packets, as in Apache's server.
    func countAdminReply(_ connection: ClientConnection) {
        connection.statistics.sent += 1
        statistics.packetsSent += 1
    }

    /// A notification is in the output.
    func notified(_ connection: ClientConnection, bytes: Int) {
        connection.statistics.sent += 1
        statistics.packetsSent += 1
        markDirty(connection)
        outputGrew(connection, by: bytes)
    }

    /// The output has grown by what cannot be held back. Requests are not received while an output is full; this comes
    /// all the same, so a client that leaves too much of it unread loses the connection.
    func outputGrew(_ connection: ClientConnection, by bytes: Int) {
        if connection.output.count > CoreLimits.gatheredOutputBytesMax { sendOutput(connection) }
        guard connection.link.outputIsFull else {
            connection.unreadOutputBytes = 0
            return
        }
        connection.unreadOutputBytes += bytes
        guard connection.unreadOutputBytes > CoreLimits.unreadOutputBytesMax else { return }
        refuse(
            connection, "it does not read what it is sent (corral.maximumConnectionOutputBytes)", afterFlush: false)
        connection.output.release()
    }

    /// Hands the output to the link.
    func sendOutput(_ connection: ClientConnection) {
        responseBytesSent &+= UInt64(connection.output.count)
        connection.link.send(&connection.output)
    }

    /// A request of a connection of the core's own thread has its reply in the output.
    func answered(_ connection: ClientConnection) {
        connection.outstanding -= 1
        statistics.packetsSent += 1
        markDirty(connection)
    }
}

/// What waits on a connection behind its own writes: `ClientConnection.waiting` read as a queue.
enum Waiting {
    /// Stands for a write whose reply is still to come. No frame has this length.
    static let writeMark: Int32 = 0

    static func length(_ connection: ClientConnection) -> Int32 {
        Int32(
            bigEndian: connection.waiting.bytes.loadUnaligned(fromByteOffset: connection.waitingHead, as: Int32.self))
    }

    static func addWrite(_ connection: ClientConnection) { connection.waiting.append(int32: writeMark) }

    static func add(_ frame: UnsafeRawBufferPointer, _ connection: ClientConnection) {
        connection.waiting.append(buffer: frame)
    }

    static func drop(_ connection: ClientConnection) {
        connection.waitingHead += 4 + Int(length(connection))
        if connection.waitingHead == connection.waiting.count {
            connection.waiting.removeAll()
            connection.waitingHead = 0
        } else if connection.waitingHead > 1 << 20 {
            connection.waiting.removeFirst(connection.waitingHead)
            connection.waitingHead = 0
        }
    }
}
