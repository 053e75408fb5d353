import CPlatform
import Synchronization
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One load-generating thread's whole state: sessions, schedule, buffers, figures.
///
/// A batch costs one read, one pass over the replies, and one write of as many new requests; nothing is allocated per
/// request. Owned and used by one thread; it meets the others only through `RunSignals`.
struct Generator: ~Copyable {
    let configuration: RunConfiguration
    let signals: RunSignals
    let cell: ProgressCell
    let connections: UnsafeMutablePointer<ConnectionState>
    let connectionCount: Int
    let epoll: Int32
    let input: UnsafeMutableRawPointer
    let inputCapacity: Int
    let output: UnsafeMutableRawPointer
    let outputCapacity: Int
    let encoder: RequestEncoder
    let verifier: ReplyVerifier
    var chooser: RequestChooser
    var schedule: ArrivalSchedule?
    var recorders = IntervalRecorders()
    var serviceTimes = LatencyRecorder()
    var sendDelays = LatencyRecorder()
    var violations = Violations()
    var errorsByCode: [Int32: UInt64] = [:]
    var fatal: String?
    var phase = RunPhase.connecting
    var completed: UInt64 = 0
    var errorCount: UInt64 = 0
    var nextTick: UInt64 = 0
    var nextConnection = 0
    var openConnections: Int
    var window = MeasuredWindow()
    /// Whether clients follow the service across servers; then each has a place in `follows`.
    let isFollowing: Bool
    let policy: FollowPolicy
    let servers: [ResolvedServer]
    let follows: UnsafeMutablePointer<FollowState>
    var followTotals = FollowReport()
    /// Begun by `run`.
    var round = RoundRecord(number: 0, startNanos: 0)
    var history: [HistoryEvent] = []
    let keepsHistory: Bool
    /// Connections that are neither open nor given up.
    var wandering = 0
    var nextWake = UInt64.max
    var keyBase = 0
    /// Successful writes of the batch in hand.
    var batchWrites: UInt64 = 0
    var pauses: RandomSource
    let isOpenLoop: Bool
    /// Sends nothing more until the coordinator says so.
    var isPaused = false
    let isShared: Bool

    /// Counters of the measured window.
    struct MeasuredWindow {
        var startNanos: UInt64 = 0
        var endNanos: UInt64 = 0
        var startCpuNanos: UInt64 = 0
        var endCpuNanos: UInt64 = 0
        var sent: UInt64 = 0
        var sendCalls: UInt64 = 0
        var receiveCalls: UInt64 = 0
    }

    /// A silent server ends the run after this long.
    static let silenceLimitNanos: UInt64 = 15_000_000_000
    /// Due requests planned before replies are looked at again.
    static let plannedPerRound = 2048
    /// How often a pausing generator looks whether the pause is over.
    private static let pausePollNanos: UInt64 = 300_000

    init(
        configuration: RunConfiguration, thread: Int, repeatIndex: Int, sessions: [OpenedSession], firstId: Int,
        lastZxid: [Int64], servers: [ResolvedServer], zipf: AliasTable?, signals: RunSignals
    ) {
        self.configuration = configuration
        self.signals = signals
        cell = signals.cells[thread]
        isOpenLoop = configuration.isOpenLoop
        let sharesKeys = configuration.keys == .shared
        isShared = sharesKeys
        isFollowing = configuration.following != nil
        policy = configuration.following ?? FollowPolicy(sessionTimeoutMillis: configuration.sessionTimeoutMillis)
        self.servers = servers
        // No operand may capture the half-made self: the optimizer (Swift 6.3) then destroys what was never there.
        keepsHistory = signals.mailbox.keepsHistory && sharesKeys
        let limit = isOpenLoop ? RunConfiguration.openLoopOutstandingLimit : configuration.window
        connectionCount = sessions.count
        openConnections = sessions.count
        connections = .allocate(capacity: sessions.count)
        follows = .allocate(capacity: sessions.count)
        for (index, session) in sessions.enumerated() {
            (follows + index).initialize(
                to: FollowState(session: session, server: (firstId + index) % max(1, servers.count)))
        }
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        for (index, session) in sessions.enumerated() {
            (connections + index).initialize(
                to: ConnectionState(
                    descriptor: session.descriptor, id: firstId + index, sessionTimeoutMillis: session.timeoutMillis,
                    lastZxid: lastZxid[index], outstandingLimit: limit))
            var event = epoll_event()
            event.events = EPOLLIN.rawValue
            event.data.u64 = UInt64(index)
            epoll_ctl(epoll, EPOLL_CTL_ADD, session.descriptor, &event)
        }
        let keys = KeySpace(root: configuration.root)
        encoder = RequestEncoder(keys: keys, valueBytes: configuration.valueBytes)
        verifier = ReplyVerifier(configuration: configuration, keys: keys)
        inputCapacity = max(256 << 10, 2 * verifier.maximumFrameBytes)
        input = .allocate(byteCount: inputCapacity, alignment: 64)
        outputCapacity = max(256 << 10, 4 * encoder.maximumRequestBytes)
        output = .allocate(byteCount: outputCapacity, alignment: 64)
        let seed =
            configuration.seed &+ UInt64(repeatIndex) &* 0x1_0000_0001 &+ UInt64(thread) &* 0x9e37_79b9_7f4a_7c15
        chooser = RequestChooser(configuration: configuration, seed: seed, zipf: zipf)
        pauses = RandomSource(seed: seed &+ 0x5bd1_e995)
        if let rate = configuration.ratePerSecond {
            schedule = ArrivalSchedule(
                arrivals: configuration.arrivals, ratePerSecond: rate / Double(configuration.threads),
                startNanos: corral_monotonic_nanos(), seed: seed)
        }
    }

    deinit {
        for index in 0..<connectionCount { connections[index].release() }
        connections.deallocate()
        follows.deinitialize(count: connectionCount)
        follows.deallocate()
        input.deallocate()
        output.deallocate()
        close(epoll)
    }

    /// Works until the coordinator ends the run.
    mutating func run() {
        if isOpenLoop { _ = corral_set_timer_slack(1000) }
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: 512)
        defer { events.deallocate() }
        var now = corral_monotonic_nanos()
        round = RoundRecord(number: signals.round.load(ordering: .relaxed), startNanos: now)
        nextTick = now + IntervalRecorders.sliceNanos
        recorders.restart(at: now)
        for index in 0..<connectionCount { connections[index].lastReplyNanos = now }
        restartSchedule(at: now)
        beginFollowing(at: now)
        phase = .warmup
        if !isOpenLoop { fillWindows(now) }
        var drainDeadline = UInt64.max
        while true {
            let wanted = signals.phase
            if wanted != phase {
                enter(wanted, at: now)
                if wanted == .draining { drainDeadline = now + UInt64(configuration.drainLimitSeconds * 1e9) }
            }
            if phase == .draining {
                if outstanding == 0 || now > drainDeadline || openConnections == 0 { break }
            } else if isOpenLoop {
                planDue(now)
            }
            if fatal != nil { break }
            if isFollowing { follow(now) }
            notePause(now)
            let count = wait(events, now: now)
            now = corral_monotonic_nanos()
            for position in 0..<max(0, Int(count)) {
                let event = events[position]
                let connection = connections + Int(event.data.u64 & 0xffff_ffff)
                if isFollowing {
                    // An event of a descriptor that was closed within this batch.
                    if event.data.u64 != eventKey(connection) { continue }
                    if !connection.pointee.isOpen {
                        advance(connection, event, at: now)
                        continue
                    }
                }
                if event.events & EPOLLOUT.rawValue != 0 { drainSpill(connection) }
                if event.events & ~EPOLLOUT.rawValue != 0 { receive(connection) }
            }
            cell.completed.store(completed, ordering: .relaxed)
            if isPaused, outstanding == 0 { cell.isIdle.store(true, ordering: .releasing) }
            if now >= nextTick { tick(now) }
        }
        finish()
    }

    var outstanding: Int {
        var sum = 0
        for index in 0..<connectionCount where connections[index].isOpen { sum += connections[index].outstanding }
        return sum
    }

    private func wait(_ events: UnsafeMutablePointer<epoll_event>, now: UInt64) -> Int32 {
        var until = nextTick
        // A schedule that no client can take from, because all wander and are full, must not be spun on.
        if let schedule, phase != .draining, wandering < openConnections { until = min(until, schedule.next) }
        if isFollowing { until = min(until, nextWake) }
        if isPaused { until = min(until, now + Self.pausePollNanos) }
        let nanos = until > now ? until - now : 0
        var limit = timespec(tv_sec: Int(nanos / 1_000_000_000), tv_nsec: Int(nanos % 1_000_000_000))
        return epoll_pwait2(epoll, events, 512, &limit, nil)
    }

    private mutating func fillWindows(_ now: UInt64) {
        for index in 0..<connectionCount {
            let connection = connections + index
            let room = configuration.window - connection.pointee.outstanding
            for _ in 0..<max(0, room) { connection.pointee.plan(at: now) }
            flush(connection)
        }
    }

    /// A closed loop goes on where a pause ends as it began: with full windows.
    private mutating func notePause(_ now: UInt64) {
        let wanted = signals.isPaused.load(ordering: .relaxed)
        guard wanted != isPaused else { return }
        isPaused = wanted
        if !wanted, !isOpenLoop, phase != .draining { fillWindows(now) }
    }

    private mutating func restartSchedule(at now: UInt64) {
        guard let rate = configuration.ratePerSecond else { return }
        schedule = ArrivalSchedule(
            arrivals: configuration.arrivals, ratePerSecond: rate / Double(configuration.threads), startNanos: now,
            seed: configuration.seed &+ UInt64(connections[0].id))
    }

    /// Moves to the coordinator's phase. The measured window starts and ends here.
    private mutating func enter(_ wanted: RunPhase, at now: UInt64) {
        if wanted == .measuring {
            recorders.restart(at: now)
            serviceTimes.reset()
            sendDelays.reset()
            errorsByCode = [:]
            if isFollowing { restartFollowing(at: now) }
            window = MeasuredWindow()
            window.startNanos = now
            window.startCpuNanos = corral_thread_cpu_nanos()
            nextTick = now + IntervalRecorders.sliceNanos
        } else if phase == .measuring {
            closeWindow(at: now)
        } else {
            // Ended within the warm-up: nothing was measured.
            recorders.restart(at: now)
        }
        phase = wanted
    }

    private mutating func closeWindow(at now: UInt64) {
        _ = recorders.closeSlice(at: now, counts: true)
        recorders.closeInterval(at: now, keep: true)
        if isFollowing { endFollowing(at: now) }
        window.endNanos = now
        window.endCpuNanos = corral_thread_cpu_nanos()
    }

    private mutating func tick(_ now: UInt64) {
        let measuring = phase == .measuring
        if phase != .draining {
            let (median, p99) = recorders.closeSlice(at: now, counts: measuring)
            cell.medianNanos.store(median, ordering: .relaxed)
            cell.p99Nanos.store(p99, ordering: .relaxed)
            cell.outstanding.store(outstanding, ordering: .relaxed)
            cell.errors.store(errorCount, ordering: .relaxed)
        }
        nextTick += IntervalRecorders.sliceNanos
        if nextTick <= now { nextTick = now + IntervalRecorders.sliceNanos }
        if isFollowing { passHistoryOn() }
        for index in 0..<connectionCount where connections[index].isOpen {
            let connection = connections + index
            if connection.pointee.outstanding > 0 {
                let last = max(
                    connection.pointee.lastReplyNanos,
                    connection.pointee.ring[
                        Int(connection.pointee.head & connection.pointee.ringMask)
                    ].plannedNanos)
                if isFollowing {
                    if now > last + UInt64(policy.replyTimeoutMillis) * 1_000_000 { leave(connection, at: now) }
                } else if now > last + Self.silenceLimitNanos {
                    stop(
                        "connection \(connection.pointee.id) has waited "
                            + "\(Self.silenceLimitNanos / 1_000_000_000) s for a reply")
                }
            } else if now > connection.pointee.lastSendNanos + connection.pointee.sessionTimeoutNanos / 3 {
                ping(connection, now: now)
            }
        }
    }

    mutating func stop(_ reason: String) {
        if fatal == nil { fatal = reason }
        signals.failed.store(true, ordering: .relaxed)
    }

    private mutating func finish() {
        if phase == .measuring { closeWindow(at: corral_monotonic_nanos()) }
        if isFollowing { passHistoryOn() }
        let left = outstanding
        if left > 0, fatal == nil {
            violations.add(
                .unanswered, count: UInt64(left), example: "\(left) requests had no reply when the run ended")
        }
        cell.completed.store(completed, ordering: .relaxed)
    }

    func makeReport() -> GeneratorReport {
        GeneratorReport(
            latencies: (0..<OperationKind.count).map { recorders.total[$0].makeHistogram() },
            errorLatencies: recorders.total[IntervalRecorders.errorIndex].makeHistogram(),
            serviceTimes: serviceTimes.makeHistogram(), sendDelays: sendDelays.makeHistogram(),
            errorsByCode: errorsByCode, violations: violations, slices: recorders.slices,
            intervals: recorders.intervals, measuredNanos: window.endNanos - window.startNanos,
            cpuNanos: window.endCpuNanos - window.startCpuNanos, sent: window.sent, sendCalls: window.sendCalls,
            receiveCalls: window.receiveCalls, follow: isFollowing ? followTotals : nil, fatal: fatal)
    }
}
