import CoreMetrics
import Jute
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ZooKeeperProtocol

/// The session machine's executor: sockets, timers, and the way in for all threads.
///
/// `submit` and what it uses may be called by any thread; everything under "In the event loop" belongs to the loop.
/// It lives until the session has ended, because the loop's timers and connections hold it.
final class Session: @unchecked Sendable {
    let configuration: ClientConfiguration
    let eventLoop: any EventLoop
    let board = StateBoard()
    /// As `SessionIdentity.lastZxid`, fresher than the board.
    let seenZxid: SharedZxid
    private let outbox: Outbox
    private let metrics: ClientMetrics
    private let tls: NIOSSLContext?
    private let requestTimeoutNanos: Int64?

    // In the event loop:
    private var machine: SessionMachine
    private var connection: SessionHandler?
    private var timer: Scheduled<Void>?
    private var timerNanos = Int64.max
    /// When the oldest request that cannot be sent has waited long enough.
    private var unsentDeadlineNanos = Int64.max
    /// Put aside, to fail once the state is known.
    private var unsent: [OutstandingRequest] = []
    private var isSettling = false
    private var isFlushing = false
    private var spareBytes = WireBuffer()
    private var spareRequests: [OutstandingRequest] = []

    /// Memory kept for the next batch of requests.
    private static let spareBytesLimit = 256 << 10
    private static let probeTimeout = TimeAmount.seconds(1)

    init(_ configuration: ClientConfiguration) throws(ZooKeeperError) {
        self.configuration = configuration
        eventLoop = configuration.eventLoopGroup.next()
        metrics = configuration.metricsLabel.map { ClientMetrics(label: $0) } ?? .unlabelled
        outbox = Outbox(
            maximumRequestBytes: configuration.maximumRequestBytes,
            maximumUnsentBytes: configuration.maximumUnsentBytes)
        requestTimeoutNanos = configuration.requestTimeout?.nanoseconds
        do {
            tls = try configuration.tls.map { try NIOSSLContext(configuration: $0) }
        } catch {
            throw ZooKeeperError(.invalidArgument("TLS: \(error)"))
        }
        let hosts = HostList(configuration.connectString.endpoints, random: SystemRandomNumberGenerator())
        machine = SessionMachine(configuration.machineSettings, hosts: hosts, metrics: metrics)
        seenZxid = machine.seenZxid
        eventLoop.execute {
            self.machine.start(now: Self.now())
            self.settle()
        }
    }

    static func now() -> Int64 { Int64(NIODeadline.now().uptimeNanoseconds) }

    // MARK: On any thread

    /// Puts a request behind all that were submitted before.
    ///
    /// - Parameter sink: where the events of the watch go that the request sets.
    func submit<Value>(_ request: ZooKeeperRequest<Value>, watch sink: WatchSink? = nil) -> PendingReply<Value> {
        let slot = makeSlot(request)
        if let sink {
            slot.registration = WatchRegistration(sink: sink, outbox: outbox)
            outbox.expect(sink.path)
        }
        if case .auth(let credential) = request.body { slot.credential = credential }
        if request.operation == .removeWatches, case .number(let type) = request.body, let path = request.path {
            slot.removal = WatcherType(rawValue: type).map { (serverPath(path), $0) }
        }
        if let problem = request.body.problem(path: request.path) {
            slot.fail(problem)
        } else if sink != nil, request.watchKind == nil {
            slot.fail(.invalidArgument("the request cannot set a watch"))
        } else {
            submit(slot, request)
        }
        return PendingReply(slot: slot)
    }

    private func makeSlot<Value>(_ request: ZooKeeperRequest<Value>) -> ReplySlot<Value> {
        let now = Self.now()
        return ReplySlot(
            request, submittedNanos: now,
            deadlineNanos: requestTimeoutNanos.map { now.addingReportingOverflow($0).partialValue } ?? Int64.max)
    }

    private func submit<Value>(
        _ slot: ReplySlot<Value>, _ request: ZooKeeperRequest<Value>, isLast: Bool = false,
        unlessExpecting path: String? = nil
    ) {
        let submission = outbox.submit(slot, isLast: isLast, unlessExpecting: path) {
            request.body.encode(
                to: &$0, path: request.path,
                chroot: request.isOutsideChroot ? "" : configuration.connectString.chroot,
                watch: slot.registration != nil)
        }
        switch submission {
        case .queued(let wakes): if wakes { eventLoop.execute { self.flush() } }
        case .refused(let reason): slot.fail(reason)
        case .unwanted: return
        }
        metrics.requests.increment()
    }

    func serverPath(_ path: String) -> String {
        let chroot = configuration.connectString.chroot
        if chroot.isEmpty { return path }
        return path == "/" ? chroot : chroot + path
    }

    func makeSink(_ path: String, _ kind: WatchKind, isOutsideChroot: Bool = false) -> WatchSink {
        WatchSink(
            path: isOutsideChroot ? path : serverPath(path), clientPath: path, kind: kind,
            limit: configuration.maximumPendingEvents)
    }

    /// Ends the session behind everything submitted before; the reply comes when it has ended, in whatever way.
    @discardableResult
    func close() -> PendingReply<Void> {
        let slot = makeSlot(ZooKeeperRequest<Void>.closeSession)
        submit(slot, .closeSession, isLast: true)
        eventLoop.execute {
            self.flush()
            self.machine.close(now: Self.now())
            self.settle()
        }
        return PendingReply(slot: slot)
    }

    /// Nobody listens to a watch any more.
    func abandon(_ sink: WatchSink) {
        eventLoop.execute {
            self.machine.abandon(sink)
            self.settle()
        }
    }

    /// Takes the server's watches off a path where nobody here listens any more. Whether a watch is on its way there is
    /// asked under the outbox's lock: one that is submitted later comes behind the removal.
    private func removeWatches(_ serverPath: String, _ clientPath: String) {
        let request = ZooKeeperRequest<Void>.removeWatches(clientPath, .any)
        let slot = makeSlot(request)
        slot.removal = (serverPath, .any)
        submit(slot, request, unlessExpecting: serverPath)
    }

    // MARK: In the event loop: the connection

    func opened(_ handler: SessionHandler) {
        guard handler.number == machine.transport, machine.phase == .connecting else { return handler.close() }
        connection = handler
        machine.opened(transport: handler.number, now: Self.now())
        settle()
    }

    func closed(_ number: Int, why: String) {
        if connection?.number == number { connection = nil }
        machine.closed(transport: number, now: Self.now(), why: why)
        settle()
    }

    /// A frame's content; more may follow before `finishRead`.
    func received(_ frame: UnsafeRawBufferPointer, _ number: Int) {
        machine.received(frame, transport: number, now: Self.now())
    }

    func finishRead(_ number: Int, bytes: Int) {
        metrics.receivedBytes.increment(by: bytes)
        machine.heard(transport: number, now: Self.now())
        settle()
    }

    func becameWritable() { flush() }

    /// Sends what was submitted, if it can be sent.
    private func flush() {
        // Writing may tell at once that more can be written; what comes after `take` wakes the loop by itself.
        if isFlushing { return }
        isFlushing = true
        defer { isFlushing = false }
        guard machine.sends, let connection, connection.isWritable else {
            unsentDeadlineNanos = outbox.leave() ?? Int64.max
            return rearm()
        }
        unsentDeadlineNanos = Int64.max
        outbox.take(&spareBytes, &spareRequests)
        guard !spareRequests.isEmpty else { return }
        machine.sent(spareRequests, now: Self.now())
        connection.send(spareBytes.bytes)
        metrics.sentBytes.increment(by: spareBytes.count)
        if spareBytes.capacity > Self.spareBytesLimit { spareBytes.release() } else { spareBytes.removeAll() }
        spareRequests.removeAll(keepingCapacity: spareRequests.count < 1024)
        if requestTimeoutNanos != nil { rearm() }
    }

    // MARK: In the event loop: time

    /// Sees to it that the timer goes off in time; early does no harm.
    private func rearm() {
        let next = min(machine.nextDeadlineNanos ?? Int64.max, unsentDeadlineNanos)
        // At the end there is none, because a timer holds the session.
        if timer != nil, timerNanos <= next, machine.phase != .ended { return }
        timer?.cancel()
        timer = nil
        timerNanos = next
        guard next != Int64.max else { return }
        timer = eventLoop.scheduleTask(deadline: .uptimeNanoseconds(UInt64(next))) { self.timerFired() }
    }

    private func timerFired() {
        timer = nil
        let now = Self.now()
        if unsentDeadlineNanos <= now {
            for request in outbox.expired(now: now) {
                metrics.timeouts.increment()
                request.fail(.requestTimeout)
            }
            unsentDeadlineNanos = Int64.max
            flush()
        }
        machine.tick(now: now)
        settle()
    }

    // MARK: In the event loop: effects

    /// Executes what the machine wants, in order, also what it wants because of that.
    private func settle() {
        guard !isSettling else { return }
        isSettling = true
        while !machine.effects.isEmpty {
            for effect in machine.takeEffects() { execute(effect) }
        }
        isSettling = false
        rearm()
    }

    private func execute(_ effect: SessionEffect) {
        switch effect {
        case .connect(let endpoint, let number): connect(endpoint, number)
        case .disconnect(let number):
            guard let connection, connection.number == number else { return }
            self.connection = nil
            connection.close()
        case .send(let bytes): bytes.withUnsafeBytes { connection?.send($0) }
        case .sendSubmitted: flush()
        case .takeUnsent: unsent = outbox.clear()
        case .failUnsent(let reason):
            for request in unsent { request.fail(reason) }
            unsent = []
        case .seal(let reason): for request in outbox.clear(sealing: reason) { request.fail(reason) }
        case .post(let state):
            board.post(state, identity: machine.identity, server: machine.server)
        case .fail(let batch, let reason): batch.fail(reason)
        case .answer(let batch, let code): batch.answer(code: code, machine.context)
        case .removeWatches(let serverPath, let clientPath): removeWatches(serverPath, clientPath)
        case .finishWatches(let reason): machine.finishWatches(reason)
        case .probe(let endpoint): probe(endpoint)
        case .log(let level, let text): configuration.logger.log(level: level, "\(text)")
        }
    }

    private func connect(_ endpoint: Endpoint, _ number: Int) {
        open(endpoint, timeout: .nanoseconds(machine.attemptNanos)) {
            SessionHandler(number, of: self, maximumFrameBytes: self.configuration.maximumReplyBytes)
        }.whenFailure { error in
            self.closed(number, why: "\(error)")
        }
    }

    private func probe(_ endpoint: Endpoint) {
        let opened = open(endpoint, timeout: Self.probeTimeout) {
            ProbeHandler {
                self.machine.foundQuorum(at: endpoint, now: Self.now())
                self.settle()
            }
        }
        opened.whenSuccess { channel in
            self.eventLoop.scheduleTask(in: Self.probeTimeout) { channel.close(promise: nil) }
        }
    }

    /// Looks up the name and connects, with TLS if configured.
    private func open(
        _ endpoint: Endpoint, timeout: TimeAmount,
        _ makeHandler: @escaping @Sendable () -> any ChannelHandler & Sendable
    ) -> EventLoopFuture<any Channel> {
        Resolver.address(of: endpoint, in: eventLoop, configuration.lookUp).flatMap { address in
            ClientBootstrap(group: self.eventLoop)
                .connectTimeout(timeout)
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls = self.tls {
                            let isAddress = (try? SocketAddress(ipAddress: endpoint.host, port: 0)) != nil
                            try channel.pipeline.syncOperations.addHandler(
                                NIOSSLClientHandler(context: tls, serverHostname: isAddress ? nil : endpoint.host))
                        }
                        try channel.pipeline.syncOperations.addHandler(makeHandler())
                    }
                }
                .connect(to: address)
        }
    }
}
