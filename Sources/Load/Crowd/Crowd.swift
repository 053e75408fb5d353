import CPlatform
import Jute
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How a session lost its connection.
enum CrowdLoss: Equatable {
    /// It was open.
    case connection
    /// It was not: refused, broken off or not answered in time.
    case attempt
    /// The server knows no such session.
    case expired
}

/// Who uses a crowd. Called on its thread, from `Crowd.turn`. Times are when the bytes had been read.
protocol CrowdHandler: AnyObject {
    func opened(_ session: CrowdSession, at nanos: UInt64)
    func lost(_ session: CrowdSession, _ loss: CrowdLoss, at nanos: UInt64)
    func replied(_ session: CrowdSession, _ reply: CrowdReply, at nanos: UInt64)
    func notified(_ session: CrowdSession, path: UnsafeRawBufferPointer, at nanos: UInt64)
}

/// Thousands of sessions on one thread, which speak the protocol themselves: sets watches, waits for notifications,
/// comes back after a loss. Requests are answered in order, and zxids never fall: what breaks that is kept as a
/// violation. Used from one thread.
final class Crowd {
    let servers: [ResolvedServer]
    private(set) var sessions: [CrowdSession] = []
    private(set) var openCount = 0
    /// Rules that replies broke, and connections that were lost although nobody took them away; the first ones.
    private(set) var violations: [String] = []
    /// Attempts that led to nothing.
    private(set) var failedAttempts = 0
    /// Whether a session that loses its connection goes to another server; otherwise the loss is a violation.
    var isFollowing = false
    private let timeoutMillis: Int32
    private let epoll: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private let input: UnsafeMutableRawPointer
    private var nextWake = UInt64.max
    private var nextPing: UInt64 = 0
    private let policy: FollowPolicy
    private var pauses: RandomSource

    private static let inputBytes = 256 << 10
    private static let eventsAtOnce = 512
    private static let violationsKept = 5
    /// Sessions of a crowd that are being opened at any time.
    private static let openingAtOnce = 200
    /// Waiting sessions are looked at this often.
    private static let wakeNanos: UInt64 = 1_000_000

    init(_ servers: [ServerAddress], timeoutMillis: Int32 = 30_000, seed: UInt64 = 1) throws(LoadError) {
        var resolved: [ResolvedServer] = []
        for server in servers { resolved.append(try ResolvedServer(server)) }
        self.servers = resolved
        self.timeoutMillis = timeoutMillis
        pauses = RandomSource(seed: seed)
        var policy = FollowPolicy(sessionTimeoutMillis: timeoutMillis)
        // As patient as Apache's client: a server may answer a connect that was given up, and end the one that
        // followed.
        policy.attemptTimeoutMillis = timeoutMillis / Int32(servers.count)
        self.policy = policy
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        events = .allocate(capacity: Self.eventsAtOnce)
        input = .allocate(byteCount: Self.inputBytes, alignment: 64)
        _ = corral_set_timer_slack(1000)
    }

    deinit {
        for session in sessions where session.descriptor >= 0 { Glibc.close(session.descriptor) }
        Glibc.close(epoll)
        events.deallocate()
        input.deallocate()
    }

    // MARK: Working

    /// Takes turns until a condition holds.
    ///
    /// - Returns: whether it does; false after the limit.
    /// - Throws: after Ctrl-C.
    func work(
        limitSeconds: Double, _ handler: some CrowdHandler, until isDone: () -> Bool
    ) throws(LoadError) -> Bool {
        let deadline = corral_monotonic_nanos() + UInt64(limitSeconds * 1e9)
        while !isDone() {
            if Interrupt.isRequested { throw .interrupted("interrupted while sessions worked") }
            let now = corral_monotonic_nanos()
            guard now < deadline else { return false }
            turn(until: min(deadline, now + 100_000_000), handler)
        }
        return true
    }

    /// Waits for something to happen until a time, and lets the handler know of it.
    func turn(until limit: UInt64, _ handler: some CrowdHandler) {
        let now = corral_monotonic_nanos()
        if now >= nextWake { wakeDue(now, handler) }
        if now >= nextPing { pingIdle(now) }
        let until = min(limit, nextWake, nextPing)
        let nanos = until > now ? until - now : 0
        var time = timespec(tv_sec: Int(nanos / 1_000_000_000), tv_nsec: Int(nanos % 1_000_000_000))
        let count = epoll_pwait2(epoll, events, Int32(Self.eventsAtOnce), &time, nil)
        for position in 0..<max(0, Int(count)) {
            let event = events[position]
            let session = sessions[Int(event.data.u64 & 0xffff_ffff)]
            // An event of a connection that was closed within this batch.
            guard UInt64(session.generation) == event.data.u64 >> 32, session.descriptor >= 0 else { continue }
            if session.stage == .connecting {
                connected(session, handler)
                continue
            }
            if event.events & EPOLLOUT.rawValue != 0 {
                session.isBlocked = false
                watch(session, forWriting: false)
                flush(session)
            }
            if event.events & ~EPOLLOUT.rawValue != 0 { receive(session, handler) }
        }
    }

    /// Sends what is queued, as far as the socket takes it; the rest follows by itself.
    func flush(_ session: CrowdSession) {
        guard session.descriptor >= 0, !session.isBlocked, !session.output.isEmpty else { return }
        let bytes = session.output.bytes
        let sent = corral_send(session.descriptor, bytes.baseAddress!, bytes.count)
        // A broken connection shows as an event.
        if sent < 0, sent != -Int(EAGAIN) { return }
        session.lastSendNanos = corral_monotonic_nanos()
        if sent == bytes.count {
            session.output.removeAll()
        } else {
            if sent > 0 { session.output.removeFirst(sent) }
            session.isBlocked = true
            watch(session, forWriting: true)
        }
    }

    func violate(_ text: String) {
        if violations.count < Self.violationsKept { violations.append(text) }
    }

    // MARK: Opening and closing

    /// Makes sessions, spread over the servers, until there are this many; connects none.
    func add(_ count: Int) {
        while sessions.count < count {
            sessions.append(
                CrowdSession(
                    index: sessions.count, server: sessions.count % servers.count, timeoutMillis: timeoutMillis))
        }
    }

    /// Opens sessions until there are this many.
    func open(_ count: Int, limitSeconds: Double, _ handler: some CrowdHandler) throws(LoadError) {
        add(count)
        var next = 0
        let isDone = try work(limitSeconds: limitSeconds, handler) {
            var (opening, position) = (next - self.openCount, next)
            while position < count, opening < Self.openingAtOnce {
                if self.sessions[position].stage == .closed {
                    self.connect(self.sessions[position])
                    opening += 1
                }
                position += 1
            }
            next = position
            return self.openCount >= count
        }
        guard isDone else { throw .connection("only \(openCount) of \(count) sessions could be opened") }
    }

    /// Begins to connect a session that has no connection.
    func connect(_ session: CrowdSession) {
        precondition(session.descriptor < 0, "a session has one connection")
        let now = corral_monotonic_nanos()
        session.attemptNanos = now
        session.wakeNanos = now + UInt64(policy.attemptTimeoutMillis) * 1_000_000
        session.generation &+= 1
        nextWake = min(nextWake, session.wakeNanos)
        var server = servers[session.server]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(Int32(server.storage.ss_family), kind, 0)
        guard descriptor >= 0 else {
            waitForNextServer(session, now)
            return
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        session.descriptor = descriptor
        session.stage = .connecting
        let status = withUnsafePointer(to: &server.storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, server.length) }
        }
        guard status == 0 || errno == EINPROGRESS else {
            // Nobody is told of an attempt that has not begun: the next one follows at once.
            disconnect(session)
            session.failures += 1
            waitForNextServer(session, now)
            return
        }
        _ = corral_epoll_add(epoll, descriptor, EPOLLIN.rawValue | EPOLLOUT.rawValue, key(session))
    }

    /// Ends a connection; the session is the server's to remember.
    ///
    /// - Parameter isAbrupt: by a reset: no side keeps the port any longer.
    func close(_ session: CrowdSession, isAbrupt: Bool = false) {
        guard session.descriptor >= 0 else { return }
        if session.stage == .open { openCount -= 1 }
        if isAbrupt {
            var off = linger(l_onoff: 1, l_linger: 0)
            setsockopt(session.descriptor, SOL_SOCKET, SO_LINGER, &off, socklen_t(MemoryLayout<linger>.size))
        }
        disconnect(session)
        session.stage = .closed
    }

    /// Asks for a session's end.
    func end(_ session: CrowdSession) {
        session.isEnding = true
        session.queue(.closeSession)
        flush(session)
    }

    /// The next connection is to get a new session.
    func forget(_ session: CrowdSession) {
        session.session = .none(timeoutMillis: timeoutMillis)
        session.lastZxid = 0
    }

    /// Closes every session, waits for the servers' word, and ends the connections.
    func closeSessions(limitSeconds: Double, _ handler: some CrowdHandler) throws(LoadError) {
        for session in sessions where session.stage == .open { end(session) }
        let isDone = try work(limitSeconds: limitSeconds, handler) {
            self.sessions.allSatisfy { $0.stage != .open || $0.outstanding == 0 }
        }
        for session in sessions { close(session, isAbrupt: true) }
        if !isDone { throw .connection("sessions could not be closed within \(Int(limitSeconds)) s") }
    }

    // MARK: Connections

    private func key(_ session: CrowdSession) -> UInt64 {
        UInt64(session.generation) << 32 | UInt64(session.index)
    }

    private func watch(_ session: CrowdSession, forWriting: Bool) {
        _ = corral_epoll_modify(
            epoll, session.descriptor, forWriting ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue,
            key(session))
    }

    private func disconnect(_ session: CrowdSession) {
        // Closing takes the descriptor out of the epoll set.
        Glibc.close(session.descriptor)
        session.forgetConnection()
    }

    private func waitForNextServer(_ session: CrowdSession, _ now: UInt64) {
        session.server = (session.server + 1) % servers.count
        session.stage = .waiting
        session.wakeNanos = now + policy.pauseNanos(failures: session.failures, using: &pauses)
        nextWake = min(nextWake, session.wakeNanos)
    }

    private func failAttempt(_ session: CrowdSession, _ now: UInt64, _ handler: some CrowdHandler) {
        disconnect(session)
        failedAttempts += 1
        session.failures += 1
        waitForNextServer(session, now)
        handler.lost(session, .attempt, at: now)
    }

    private func lose(_ session: CrowdSession, _ reason: String, _ now: UInt64, _ handler: some CrowdHandler) {
        guard session.stage == .open else {
            failAttempt(session, now, handler)
            return
        }
        openCount -= 1
        let isExpected = session.isEnding
        disconnect(session)
        if isFollowing, !isExpected {
            waitForNextServer(session, now)
        } else {
            session.stage = .closed
            if !isExpected { violate("session \(session.index): connection lost: \(reason)") }
        }
        handler.lost(session, .connection, at: now)
    }

    private func wakeDue(_ now: UInt64, _ handler: some CrowdHandler) {
        var next = UInt64.max
        for session in sessions {
            switch session.stage {
            case .closed, .open: continue
            case .waiting: if session.wakeNanos <= now { connect(session) }
            case .connecting, .attaching: if session.wakeNanos <= now { failAttempt(session, now, handler) }
            }
            next = min(next, session.wakeNanos)
        }
        nextWake = next == .max ? next : max(next, now + Self.wakeNanos)
    }

    private func pingIdle(_ now: UInt64) {
        nextPing = now + 1_000_000_000
        let idleNanos = UInt64(timeoutMillis) * 1_000_000 / 4
        for session in sessions where session.stage == .open && now - session.lastSendNanos > idleNanos {
            session.queueReserved(.ping)
            flush(session)
        }
    }

    private func connected(_ session: CrowdSession, _ handler: some CrowdHandler) {
        let now = corral_monotonic_nanos()
        guard corral_connected(session.descriptor) == 0 else {
            failAttempt(session, now, handler)
            return
        }
        session.stage = .attaching
        watch(session, forWriting: false)
        Handshake.encodeRequest(session.session, lastZxid: session.lastZxid, to: &session.output)
        flush(session)
    }

    // MARK: Receiving

    /// One read, and every complete frame in it.
    private func receive(_ session: CrowdSession, _ handler: some CrowdHandler) {
        let carried = session.carry.count
        if carried > 0 { session.carry.withUnsafeBytes { input.copyMemory(from: $0.baseAddress!, byteCount: carried) } }
        let got = corral_receive(session.descriptor, input + carried, Self.inputBytes - carried)
        let now = corral_monotonic_nanos()
        if got <= 0 {
            if got == -Int(EAGAIN) { return }
            lose(session, got == 0 ? "closed by the server" : String(cString: strerror(Int32(-got))), now, handler)
            return
        }
        session.carry.removeAll(keepingCapacity: true)
        var position = UnsafeRawPointer(input)
        let end = position + carried + got
        let generation = session.generation
        while end - position >= 4 {
            let length = Int(Int32(bigEndian: position.loadUnaligned(as: Int32.self)))
            guard length >= 16, length <= Self.inputBytes - 4 else {
                violate("session \(session.index): a frame of \(length) bytes")
                lose(session, "framing lost", now, handler)
                return
            }
            if end - position - 4 < length { break }
            let frame = UnsafeRawBufferPointer(start: position + 4, count: length)
            if session.stage == .attaching {
                attached(session, frame, now, handler)
            } else {
                accept(session, frame, now, handler)
            }
            // The handler may have closed it.
            if session.descriptor < 0 || session.generation != generation { return }
            position += 4 + length
        }
        if position < end {
            session.carry.append(contentsOf: UnsafeRawBufferPointer(start: position, count: end - position))
        }
        flush(session)
    }

    private func attached(
        _ session: CrowdSession, _ frame: UnsafeRawBufferPointer, _ now: UInt64, _ handler: some CrowdHandler
    ) {
        guard let opened = Handshake.decodeReply(frame, descriptor: -1) else {
            failAttempt(session, now, handler)
            return
        }
        guard opened.timeoutMillis > 0, opened.sessionId != 0 else {
            disconnect(session)
            session.stage = .closed
            session.session = .none(timeoutMillis: timeoutMillis)
            handler.lost(session, .expired, at: now)
            return
        }
        session.session = opened
        session.failures = 0
        session.stage = .open
        openCount += 1
        handler.opened(session, at: now)
    }

    @inline(__always)
    private func accept(
        _ session: CrowdSession, _ frame: UnsafeRawBufferPointer, _ now: UInt64, _ handler: some CrowdHandler
    ) {
        let reply = CrowdReply(
            xid: Int32(bigEndian: frame.loadUnaligned(as: Int32.self)),
            zxid: Int64(bigEndian: frame.loadUnaligned(fromByteOffset: 4, as: Int64.self)),
            code: Int32(bigEndian: frame.loadUnaligned(fromByteOffset: 12, as: Int32.self)),
            body: UnsafeRawBufferPointer(rebasing: frame[16...]))
        switch reply.xid {
        case ReservedXid.ping: return
        case ReservedXid.notification:
            // Its type, the state, and the path.
            guard reply.body.count >= 12 else { return }
            let length = Int(Int32(bigEndian: reply.body.loadUnaligned(fromByteOffset: 8, as: Int32.self)))
            guard length >= 0, 12 + length <= reply.body.count else { return }
            handler.notified(session, path: UnsafeRawBufferPointer(rebasing: reply.body[12..<12 + length]), at: now)
            return
        case ReservedXid.setWatches: break
        default:
            if reply.xid != session.expectedXid {
                violate("session \(session.index): reply to xid \(reply.xid), \(session.expectedXid) was due")
            }
            session.expectedXid = reply.xid &+ 1
        }
        // Server-generated replies may carry none.
        if reply.zxid > 0 {
            if reply.zxid < session.lastZxid {
                violate("session \(session.index): zxid \(reply.zxid) after \(session.lastZxid)")
            }
            session.lastZxid = reply.zxid
        }
        handler.replied(session, reply, at: now)
    }
}
