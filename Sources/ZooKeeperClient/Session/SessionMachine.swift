import CoreMetrics
import DequeModule
import Jute
import Logging
import Synchronization
import ZooKeeperProtocol

/// A client's session with its ensemble, without sockets, threads or clocks: events in by method calls, effects out by
/// the list `effects`, which the caller executes in order.
///
/// Times are nanoseconds of any clock that does not go back. A reply goes to its handle and an event to its watch's
/// buffer in place, because nothing waits for them here.
struct SessionMachine {
    struct Settings {
        var chroot = ""
        /// What is asked for; the server decides.
        var timeoutMillis: Int32 = 30_000
        /// For one attempt, from the connection's opening to the session; nil: the session's timeout, divided by the
        /// number of servers, and 10 s at most.
        var attemptTimeoutNanos: Int64?
        var allowsReadOnly = false
        /// Whether the session counts as expired once no server was heard of for 4/3 of its timeout.
        var expiresLocally = true
        /// A request that sets watches again holds about so many bytes of paths; as in Apache's client, far below
        /// every server's frame limit.
        var watchChunkBytes = 128 * 1024
        var credentials: [Credential] = []
        var resuming: SessionIdentity?
    }

    enum Phase: Equatable {
        case idle
        /// Until the next attempt.
        case pausing(untilNanos: Int64)
        case connecting
        /// The connection is open and the session asked for.
        case handshaking
        case connected
        case ended
    }

    /// A credential, and who waits to hear whether it was accepted.
    struct StoredCredential {
        var credential: Credential
        var waiting: [OutstandingRequest] = []
    }

    let settings: Settings
    let metrics: ClientMetrics
    let context: ReplyContext
    var hosts: HostList
    var effects: [SessionEffect] = []

    var phase = Phase.idle
    var state = SessionState.connecting
    /// The number of the newest connection; events of others are late and mean nothing.
    var transport = 0
    var server: Endpoint?
    var isReadOnly = false
    /// Whether the session was ever confirmed by a server with a quorum: one from a server without is no one else's.
    var hasQuorumSession = false
    var identity: SessionIdentity
    /// `identity.lastZxid` for all threads, at least as new as what they have been told.
    let seenZxid = SharedZxid()
    /// The newest transaction seen in a reply. By then all its notifications had come, so missed watches are those
    /// after it.
    var repliedZxid: Int64 = 0
    var isClosing = false
    var closingSinceNanos: Int64 = 0

    /// Requests on the connection, in order.
    var outstanding = Deque<OutstandingRequest>()
    /// So many at the front have had their time; they stay to pair the late replies.
    var timedOutCount = 0
    var credentials: [StoredCredential] = []
    /// Credentials presented on this connection and not answered yet, by their place in `credentials`.
    var unansweredCredentials = Deque<Int>()
    var watches = WatchTable()

    var attemptStartedNanos: Int64 = 0
    var lastSentNanos: Int64 = 0
    var lastHeardNanos: Int64 = 0
    var nextProbeNanos: Int64 = 0
    var probePauseNanos = Self.firstProbePauseNanos
    var probeTurn = 0

    static let firstProbePauseNanos: Int64 = 100_000_000
    static let longestProbePauseNanos: Int64 = 60_000_000_000
    static let shortestAttemptNanos: Int64 = 250_000_000
    /// A server of Apache's that is met while it starts may accept a connection and never answer.
    static let longestAttemptNanos: Int64 = 10_000_000_000
    /// How long the farewell may take.
    static let closingNanos: Int64 = 5_000_000_000

    init(_ settings: Settings, hosts: HostList, metrics: ClientMetrics = .unlabelled) {
        self.settings = settings
        self.hosts = hosts
        self.metrics = metrics
        context = ReplyContext(chroot: settings.chroot)
        identity = settings.resuming
            ?? SessionIdentity(
                id: 0, password: Array(repeating: 0, count: 16), timeoutMillis: settings.timeoutMillis)
        hasQuorumSession = settings.resuming != nil
        repliedZxid = identity.lastZxid
        seenZxid.value.store(identity.lastZxid, ordering: .relaxed)
        credentials = settings.credentials.map { StoredCredential(credential: $0) }
    }

    /// The effects so far, which the caller now executes.
    mutating func takeEffects() -> [SessionEffect] {
        defer { effects.removeAll(keepingCapacity: true) }
        return effects
    }

    var timeoutNanos: Int64 { Int64(identity.timeoutMillis) * 1_000_000 }
    var attemptNanos: Int64 {
        settings.attemptTimeoutNanos
            ?? min(Self.longestAttemptNanos, max(Self.shortestAttemptNanos, timeoutNanos / Int64(hosts.count)))
    }

    /// Whether submitted requests may go on the connection.
    var sends: Bool { phase == .connected }

    // MARK: Life

    mutating func start(now: Int64) {
        precondition(phase == .idle)
        lastHeardNanos = now
        attempt(now: now)
    }

    mutating func attempt(now: Int64) {
        transport += 1
        let endpoint = hosts.next()
        server = endpoint
        phase = .connecting
        attemptStartedNanos = now
        effects.append(.connect(endpoint, transport: transport))
    }

    /// The session is to end in good order, behind everything submitted before.
    mutating func close(now: Int64) {
        guard phase != .ended, !isClosing else { return }
        guard phase == .connected else { return end(.closed) }
        isClosing = true
        closingSinceNanos = now
    }

    mutating func end(_ final: SessionState) {
        guard phase != .ended, let reason = final.reason else { return }
        switch phase {
        case .connecting, .handshaking, .connected: effects.append(.disconnect(transport: transport))
        case .idle, .pausing, .ended: break
        }
        phase = .ended
        transport += 1
        server = nil
        if final == .expired { metrics.expirations.increment() }
        post(final)
        failOutstanding(reason)
        let waiting = credentials.flatMap(\.waiting)
        if !waiting.isEmpty { effects.append(.fail(RequestBatch(requests: waiting), reason)) }
        effects.append(.seal(reason))
        effects.append(.finishWatches(reason))
    }

    mutating func finishWatches(_ reason: ZooKeeperError.Reason) { watches.finish(ZooKeeperError(reason)) }

    /// A transaction was seen, which no server may hide from this client any more.
    mutating func saw(zxid: Int64) {
        guard zxid > identity.lastZxid else { return }
        identity.lastZxid = zxid
        seenZxid.value.store(zxid, ordering: .relaxed)
    }

    mutating func post(_ state: SessionState) {
        self.state = state
        effects.append(.post(state))
    }

    mutating func failOutstanding(_ reason: ZooKeeperError.Reason) {
        if !outstanding.isEmpty { effects.append(.fail(RequestBatch(requests: Array(outstanding)), reason)) }
        outstanding.removeAll()
        timedOutCount = 0
    }

    // MARK: The connection

    /// The connection is open: ask for the session.
    mutating func opened(transport: Int, now: Int64) {
        guard transport == self.transport, phase == .connecting else { return }
        phase = .handshaking
        lastSentNanos = now
        let request = ConnectRequest(
            lastZxidSeen: identity.lastZxid, timeoutMillis: settings.resuming?.timeoutMillis ?? settings.timeoutMillis,
            sessionId: hasQuorumSession ? identity.id : 0, password: identity.password,
            readOnly: settings.allowsReadOnly)
        effects.append(.send(Self.frame { request.encode(to: &$0) }))
    }

    /// The connection was not opened, or has broken.
    mutating func closed(transport: Int, now: Int64, why: String) {
        guard transport == self.transport, phase != .ended else { return }
        lost(now: now, why: why, isClosed: true)
    }

    mutating func lost(now: Int64, why: String, isClosed: Bool = false) {
        if !isClosed { effects.append(.disconnect(transport: transport)) }
        let wasConnected = phase == .connected
        let endpoint = server.map { "\($0)" } ?? "nobody"
        // A client that tries for hours says so a few times only.
        let level = wasConnected || hosts.failures <= hosts.count ? Logger.Level.info : .debug
        effects.append(.log(level, "\(wasConnected ? "connection to" : "no session from") \(endpoint): \(why)"))
        server = nil
        // What comes late under this number is not listened to.
        transport += 1
        unansweredCredentials.removeAll()
        let pause = hosts.failed()
        phase = .pausing(untilNanos: now + pause)
        if wasConnected {
            metrics.connectionLosses.increment()
            if isClosing { return end(.closed) }
            effects.append(.takeUnsent)
            post(hasQuorumSession ? .suspended : .connecting)
            failOutstanding(.connectionLoss)
            effects.append(.failUnsent(.connectionLoss))
        }
        _ = expireIfDue(now: now)
    }

    /// Requests have gone out on the connection.
    mutating func sent(_ requests: [OutstandingRequest], now: Int64) {
        lastSentNanos = now
        for request in requests {
            guard let credential = request.credential else {
                outstanding.append(request)
                continue
            }
            let index = credentials.firstIndex { $0.credential == credential } ?? credentials.count
            if index == credentials.count { credentials.append(StoredCredential(credential: credential)) }
            credentials[index].waiting.append(request)
            unansweredCredentials.append(index)
        }
    }

    // MARK: Time

    /// Something is due.
    mutating func tick(now: Int64) {
        timeOutCredentials(now: now)
        switch phase {
        case .idle, .ended: return
        case .pausing(let until):
            if expireIfDue(now: now) { return }
            if now >= until { attempt(now: now) }
        case .connecting, .handshaking:
            if expireIfDue(now: now) { return }
            if now >= attemptStartedNanos + attemptNanos { lost(now: now, why: "no answer in time") }
        case .connected:
            timeOutRequests(now: now)
            if now >= lastHeardNanos + timeoutNanos * 2 / 3 {
                return lost(now: now, why: "silent for \((now - lastHeardNanos) / 1_000_000) ms")
            }
            if isClosing, now >= closingSinceNanos + Self.closingNanos { return end(.closed) }
            if now >= lastSentNanos + timeoutNanos / 3 { ping(now: now) }
            if isReadOnly, now >= nextProbeNanos { probe(now: now) }
        }
    }

    /// When `tick` has something to do, at the earliest; nil for never.
    var nextDeadlineNanos: Int64? {
        // Those who wait for a credential's answer wait across connections.
        let answer = credentials.compactMap(\.waiting.first?.deadlineNanos).min() ?? Int64.max
        var expiry = Int64.max
        if canExpire { expiry = lastHeardNanos + timeoutNanos * 4 / 3 }
        switch phase {
        case .idle, .ended: return nil
        case .pausing(let until): return min(until, expiry, answer)
        case .connecting, .handshaking: return min(attemptStartedNanos + attemptNanos, expiry, answer)
        case .connected:
            var next = min(lastHeardNanos + timeoutNanos * 2 / 3, lastSentNanos + timeoutNanos / 3, answer)
            if timedOutCount < outstanding.count { next = min(next, outstanding[timedOutCount].deadlineNanos) }
            if isClosing { next = min(next, closingSinceNanos + Self.closingNanos) }
            if isReadOnly { next = min(next, nextProbeNanos) }
            return next
        }
    }

    private var canExpire: Bool { settings.expiresLocally && hasQuorumSession }

    /// Whether the session has ended because nobody can have kept it alive.
    private mutating func expireIfDue(now: Int64) -> Bool {
        guard canExpire, now >= lastHeardNanos + timeoutNanos * 4 / 3 else { return false }
        effects.append(.log(.warning, "no server heard of for \((now - lastHeardNanos) / 1_000_000) ms: expired"))
        end(.expired)
        return true
    }

    private mutating func timeOutRequests(now: Int64) {
        while timedOutCount < outstanding.count, outstanding[timedOutCount].deadlineNanos <= now {
            outstanding[timedOutCount].fail(.requestTimeout, outcome: .unknown)
            timedOutCount += 1
            metrics.timeouts.increment()
        }
    }

    /// The credential itself stays, and is presented again.
    private mutating func timeOutCredentials(now: Int64) {
        for index in credentials.indices {
            while let request = credentials[index].waiting.first, request.deadlineNanos <= now {
                credentials[index].waiting.removeFirst()
                request.fail(.requestTimeout, outcome: .unknown)
                metrics.timeouts.increment()
            }
        }
    }

    private mutating func ping(now: Int64) {
        lastSentNanos = now
        effects.append(.send(Self.frame { $0.append(xid: ReservedXid.ping, .ping) }))
    }

    // MARK: A server without a quorum

    private mutating func probe(now: Int64) {
        nextProbeNanos = now + probePauseNanos
        probePauseNanos = min(probePauseNanos * 2, Self.longestProbePauseNanos)
        // With one server only, it is that one that may find its quorum again.
        guard let endpoint = hosts.other(than: hosts.count > 1 ? server : nil, turn: probeTurn) else { return }
        probeTurn += 1
        effects.append(.probe(endpoint))
    }

    /// A server has a quorum: move there.
    mutating func foundQuorum(at endpoint: Endpoint, now: Int64) {
        guard phase == .connected, isReadOnly, !isClosing else { return }
        lost(now: now, why: "\(endpoint) has a quorum")
        guard phase != .ended else { return }
        hosts.prefer(endpoint)
        phase = .pausing(untilNanos: now)
    }

    // MARK: Watches

    /// Nobody listens to this watch any more.
    mutating func abandon(_ sink: WatchSink) {
        sink.isAbandoned = true
        if watches.remove(sink) { forget(sink) }
    }

    /// The server has this watch, and nobody here listens to it. A one-shot watch ends by itself.
    mutating func forget(_ sink: WatchSink) {
        guard !sink.kind.isOneShot, !watches.hasWatch(on: sink.path), sends, !isClosing else { return }
        effects.append(.removeWatches(serverPath: sink.path, clientPath: sink.clientPath))
    }

    // MARK: Frames

    static func frame(_ fill: (inout WireBuffer) -> Void) -> [UInt8] {
        var buffer = WireBuffer()
        buffer.append(int32: 0)
        fill(&buffer)
        buffer.patch(int32: Int32(buffer.count - 4), at: 0)
        return Array(buffer.bytes)
    }
}

/// Written by the event loop, read by all.
final class SharedZxid: Sendable {
    let value = Atomic<Int64>(0)
}

extension WireBuffer {
    /// A request's header.
    mutating func append(xid: Int32, _ operation: OpCode) {
        append(int32: xid)
        append(int32: operation.rawValue)
    }
}
