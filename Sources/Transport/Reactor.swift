import CPlatform
import Glibc
import Jute
import RequestQueue
import Synchronization

/// An event loop over epoll: one thread, its sockets, their buffers.
///
/// Edge-triggered: a socket is registered once, for everything, and costs no further registration calls. An edge for
/// output comes only after a short send. Each turn reads every ready connection once (bounded, so that none starves the
/// others), lets the handler work on all of it, and then sends once for each connection with output.
///
/// `run` makes the calling thread the owner. From other threads only `stop`, `abort`, `stopAccepting`, `adopt`,
/// `connectionCount` and `wakeUp` may be used; the rest, connections included, belongs to the owner (before `run`: to
/// whoever sets it up).
public final class Reactor: @unchecked Sendable {
    /// Wakes the reactor from other threads: give it to the queues that `ReactorHandler.drainInbox` empties.
    public let wakeUp = WakeUp()
    public let options: ReactorOptions
    /// The time at the begin of the turn, CLOCK_MONOTONIC.
    public internal(set) var nowNanos = corral_monotonic_nanos()

    let handler: any ReactorHandler
    /// For the connections between servers. Set before `run`; held strongly.
    public var peerHandler: (any PeerHandler)?
    /// When `ReactorHandler.deadlinePassed` shall be called next, CLOCK_MONOTONIC; owner only. Costs nothing while it
    /// lies ahead, and can be set as often as one likes.
    public var deadlineNanos = UInt64.max
    /// The same for `PeerHandler.deadlinePassed`.
    public var peerDeadlineNanos = UInt64.max
    let epoll: Int32
    var listeners: [Listener] = []
    /// Where accepted sockets go in turn; after the last one it is this reactor's own turn.
    var acceptTargets: [Reactor] = []
    var nextAcceptTarget = 0
    /// Set while accepting is paused for lack of descriptors.
    var acceptAgainNanos: UInt64?
    let adopted: BatchQueue<AdoptedSocket>

    var connections = ConnectionTable()
    var pool = BufferPool()
    /// One read goes here, behind the bytes kept of an incomplete frame.
    let scratch: UnsafeMutableRawPointer
    /// Connections, by key, that have something to receive in the next receive phase.
    private var ready: [UInt64] = []
    private var inService: [UInt64] = []
    var dirty: [UInt64] = []
    /// Connections whose `closed` is still to be called.
    var ended: [Connection] = []
    /// Keys of outgoing connections not yet made, of those just made, and of peers' outputs that have drained.
    var connecting: [UInt64] = []
    var established: [UInt64] = []
    var drained: [UInt64] = []
    var nextConnectDeadlineNanos = UInt64.max
    /// Keys of flushing and lingering connections, whose deadlines each tick checks.
    var closing: [UInt64] = []

    private let events: UnsafeMutablePointer<epoll_event>
    private var nextTickNanos: UInt64 = 0
    private let stopRequested = Atomic<Bool>(false)
    private let isAborted = Atomic<Bool>(false)
    private let stopAcceptingRequested = Atomic<Bool>(false)
    let openCount = Atomic<Int>(0)

    /// Kept bytes up to this size are moved in front of the next read; larger ones are appended to in place.
    static let keptInFront = 64 * 1024
    private static let eventCapacity = 512
    static let wakeUpKey = UInt64.max
    static let firstListenerKey = UInt64.max - 1024
    static let everyEvent = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue

    /// - Parameter handler: held strongly as long as the reactor lives.
    public init(handler: any ReactorHandler, options: ReactorOptions = ReactorOptions()) throws(TransportError) {
        precondition(options.tickMillis > 0 && options.readBytesPerTurn > 0 && options.acceptsPerTurn > 0)
        self.handler = handler
        self.options = options
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw .system(call: "epoll_create1", errno: errno) }
        adopted = BatchQueue(capacity: 1024, wakeUp: wakeUp)
        scratch = .allocate(byteCount: Self.keptInFront + options.readBytesPerTurn, alignment: 4096)
        events = .allocate(capacity: Self.eventCapacity)
        let code = corral_epoll_add(
            epoll, wakeUp.fileDescriptor, EPOLLIN.rawValue | EPOLLET.rawValue, Self.wakeUpKey)
        guard code == 0 else { throw .system(call: "epoll_ctl", errno: -code) }
    }

    deinit {
        for listener in listeners { Glibc.close(listener.descriptor) }
        adopted.popAll { _ = Glibc.close($0.descriptor) }
        Glibc.close(epoll)
        scratch.deallocate()
        events.deallocate()
    }

    /// Clients' open connections, those included whose `closed` is still to come. From any thread.
    public var connectionCount: Int { openCount.load(ordering: .relaxed) }

    /// Bytes of spare buffer memory, for statistics. Owner only.
    public var spareBufferBytes: Int { pool.keptBytes }

    /// Visits the clients' connections that the handler knows and that are not closed. Owner only.
    public func forEachConnection(_ body: (Connection) -> Void) {
        // A copy, so that the body may close connections.
        let table = connections
        table.forEach { if $0.kind == .client, $0.state == .open || $0.state == .flushing { body($0) } }
    }

    /// Ends `run` after the current turn; connections are closed without waiting for their output. From any thread.
    public func stop() {
        stopRequested.store(true, ordering: .sequentiallyConsistent)
        wakeUp.wake()
    }

    /// Ends `run` after the current turn as if the process had ended: what outputs hold is not sent. From any thread.
    public func abort() {
        isAborted.store(true, ordering: .sequentiallyConsistent)
        stop()
    }

    /// Closes the listening sockets; connections live on. From any thread.
    public func stopAccepting() {
        stopAcceptingRequested.store(true, ordering: .sequentiallyConsistent)
        wakeUp.wake()
    }

    /// Runs the loop until `stop` is called. The calling thread owns the reactor meanwhile.
    public func run() {
        nowNanos = corral_monotonic_nanos()
        nextTickNanos = nowNanos + tickNanos
        while !stopRequested.load(ordering: .sequentiallyConsistent) {
            let eventCount = awaitEvents()
            nowNanos = corral_monotonic_nanos()
            turn(eventCount: eventCount)
        }
        shutDown()
    }

    private var tickNanos: UInt64 { UInt64(options.tickMillis) * 1_000_000 }

    private func awaitEvents() -> Int {
        var timeoutMillis: Int32 = 0
        if ready.isEmpty && ended.isEmpty && dirty.isEmpty && drained.isEmpty {
            wakeUp.prepareToSleep()
            // The announcement stands; whatever was left before it is seen here, whatever comes later wakes us.
            let mustAct =
                stopRequested.load(ordering: .sequentiallyConsistent)
                || stopAcceptingRequested.load(ordering: .sequentiallyConsistent) && listensForClients
                || !adopted.isEmpty || !handler.inboxIsEmpty || !(peerHandler?.inboxIsEmpty ?? true)
            if !mustAct { timeoutMillis = millisUntilDue() }
        }
        let count = epoll_wait(epoll, events, Int32(Self.eventCapacity), timeoutMillis)
        wakeUp.awake()
        precondition(count >= 0 || errno == EINTR, "epoll_wait: errno \(errno)")
        return max(0, Int(count))
    }

    /// Rounded up, so that the loop does not spin through the last fraction of a millisecond.
    private func millisUntilDue() -> Int32 {
        let due = min(
            min(nextTickNanos, acceptAgainNanos ?? .max),
            min(nextConnectDeadlineNanos, min(deadlineNanos, peerDeadlineNanos)))
        let now = corral_monotonic_nanos()
        return due <= now ? 0 : Int32(clamping: (due - now + 999_999) / 1_000_000)
    }

    private func turn(eventCount: Int) {
        let acceptFrom = noteEvents(eventCount)
        handler.turnWillBegin()
        handler.drainInbox()
        peerHandler?.drainInbox()
        if stopAcceptingRequested.load(ordering: .relaxed) { closeListeners(ofClients: true) }
        if !adopted.isEmpty { adopted.popAll(admit) }
        resumeAcceptingIfDue()
        if acceptFrom { acceptAll() }
        reportConnected()
        expireConnecting()
        reportEnded()
        reportDrained()
        callDeadlines()
        if nowNanos >= nextTickNanos {
            expireClosing()
            handler.tick(nowNanos: nowNanos)
            // After a stall the missed ticks are not made up for.
            nextTickNanos = max(nextTickNanos + tickNanos, nowNanos)
        }
        swap(&ready, &inService)
        for key in inService {
            if let connection = connections[key] { serve(connection) }
        }
        inService.removeAll(keepingCapacity: true)
        reportEnded()
        handler.turnDidEnd()
        flushDirty()
    }

    private func callDeadlines() {
        if nowNanos >= deadlineNanos {
            deadlineNanos = .max
            handler.deadlinePassed(nowNanos: nowNanos)
        }
        if nowNanos >= peerDeadlineNanos {
            peerDeadlineNanos = .max
            peerHandler?.deadlinePassed(nowNanos: nowNanos)
        }
    }

    /// Turns events into the connections' flags and the ready list.
    ///
    /// - Returns: whether a listening socket has connections to accept.
    private func noteEvents(_ count: Int) -> Bool {
        var accepts = false
        for position in 0..<count {
            let key = events[position].data.u64
            if key >= Self.firstListenerKey {
                if key != Self.wakeUpKey { accepts = true }
                continue
            }
            if let connection = connections[key] { note(events[position].events, for: connection) }
        }
        return accepts
    }

    private func note(_ event: UInt32, for connection: Connection) {
        let gone = event & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        let ends = gone || event & EPOLLRDHUP.rawValue != 0
        if ends || event & EPOLLIN.rawValue != 0 { connection.isReadable = true }
        if ends { connection.hasEnded = true }
        switch connection.state {
        case .connecting:
            finishConnect(connection, event: event)
        case .open, .flushing:
            if event & EPOLLOUT.rawValue != 0 && connection.isSendBlocked {
                connection.isSendBlocked = false
                connection.markDirty()
            }
            if gone && !connection.mayReceive && (connection.kind == .client || connection.state == .flushing) {
                // Nobody is there to answer to, and what the peer still asked for could not be read now.
                if connection.state == .open { connection.reason = .peerReset }
                finish(connection)
            } else {
                enqueueIfReady(connection)
            }
        case .lingering:
            if connection.isReadable { discardInput(connection) }
        case .closed:
            break
        }
    }

    func enqueueIfReady(_ connection: Connection) {
        guard connection.isReadable || connection.mustPresentAgain else { return }
        guard connection.mayReceive, !connection.isQueued else { return }
        connection.isQueued = true
        ready.append(connection.key)
    }

    private func flushDirty() {
        guard !isAborted.load(ordering: .relaxed) else { return }
        // Sending marks nothing dirty and calls no handler, so the list does not change meanwhile.
        for key in dirty {
            guard let connection = connections[key] else { continue }
            connection.isDirty = false
            if connection.state == .open || connection.state == .flushing { flush(connection) }
        }
        dirty.removeAll(keepingCapacity: true)
    }

    func flush(_ connection: Connection) {
        guard connection.send() else { return sendFailed(connection) }
        let pending = connection.pendingOutputBytes
        if connection.kind != .client {
            noteIfDrained(connection)
        } else if connection.isBacklogged {
            if pending <= options.outputLimitBytes / 2 {
                connection.isBacklogged = false
                enqueueIfReady(connection)
            }
        } else if pending > options.outputLimitBytes {
            connection.isBacklogged = true
        }
        if pending == 0 && connection.state == .flushing { linger(connection) }
    }

    private func sendFailed(_ connection: Connection) {
        guard connection.kind != .client, connection.state == .open else { return finish(connection) }
        // What the peer sent before it went is still there; reading to its end closes the connection.
        connection.dropOutput()
        connection.isReadable = true
        connection.hasEnded = true
        connection.sendHasFailed = true
        enqueueIfReady(connection)
    }

    func noteIfDrained(_ connection: Connection) {
        guard connection.wantsDrained, !connection.isDrainNoted,
            connection.pendingOutputBytes <= connection.drainedBytes
        else { return }
        connection.isDrainNoted = true
        drained.append(connection.key)
    }

    private func shutDown() {
        if !isAborted.load(ordering: .relaxed) {
            // The last answers leave, as far as the sockets take them.
            nowNanos = corral_monotonic_nanos()
            handler.turnWillBegin()
            handler.drainInbox()
            handler.turnDidEnd()
            flushDirty()
        }
        nowNanos = corral_monotonic_nanos()
        handler.turnWillBegin()
        closeListeners(ofClients: true)
        closeListeners(ofClients: false)
        adopted.popAll { _ = Glibc.close($0.descriptor) }
        let table = connections
        table.forEach { connection in
            if connection.state == .open || connection.state == .connecting { connection.reason = .stopping }
            if connection.state != .closed { finish(connection) }
        }
        reportEnded()
        handler.turnDidEnd()
        // What has been opened in answer to that leads nowhere any more, and nobody is told.
        let rest = connections
        rest.forEach { connection in
            if connection.state != .closed { finish(connection) }
            connection.context = nil
        }
        ended.removeAll()
        ready.removeAll()
        dirty.removeAll()
        connecting.removeAll()
        established.removeAll()
        drained.removeAll()
        closing.removeAll()
    }
}
