import CPlatform
import Histogram
import Jute

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A load of one maker's requests over some sessions: many outstanding in each, or a schedule of their sending.
///
/// It is for requests that the `Generator` does not know: long lists, multis, a tree's own znodes. Works on its
/// caller's thread, used from that one.
final class PipelinedLoad<Maker: RequestMaker> {
    private(set) var maker: Maker
    private let connections: [PipelinedConnection]
    private let epoll: Int32
    private let recorders: [RecorderBox]
    private let sendDelays = RecorderBox()
    private var timed: [TimedReply] = []
    private var keepsTimes = false
    private var measuring = false
    private var replenishes = false
    private var isBroken = false
    private var problems: [String] = []
    private var problemCount = 0
    private var lastReplyNanos: UInt64 = 0
    /// How long replies to requests already sent are waited for at the end.
    var drainLimitSeconds = 10.0

    private final class RecorderBox {
        var recorder = LatencyRecorder()
    }

    /// A silent server ends a run after this long.
    private static var silenceLimitNanos: UInt64 { 15_000_000_000 }
    private static var openLoopLimit: Int { 65_536 }

    /// Opens the sessions, spread over the servers.
    ///
    /// - Parameter window: the most requests outstanding in a session; nil for an open loop.
    init(_ maker: Maker, servers: [ServerAddress], connections count: Int, window: Int?) throws(LoadError) {
        self.maker = maker
        var list: [PipelinedConnection] = []
        for index in 0..<count {
            list.append(
                try PipelinedConnection(
                    servers[index % servers.count], limit: window ?? Self.openLoopLimit,
                    maximumReplyBytes: maker.maximumReplyBytes))
        }
        connections = list
        recorders = maker.kinds.map { _ in RecorderBox() }
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        for (index, connection) in list.enumerated() {
            var event = epoll_event()
            event.events = EPOLLIN.rawValue
            event.data.u64 = UInt64(index)
            epoll_ctl(epoll, EPOLL_CTL_ADD, connection.descriptor, &event)
        }
    }

    deinit { close(epoll) }

    // MARK: Runs

    /// Keeps a window of requests outstanding in each session.
    ///
    /// - Parameter pids: server processes to account for.
    func closed(
        window: Int, warmupSeconds: Double, seconds: Double, pids: [Int32]
    ) throws(LoadError) -> PipelinedFigure {
        let start = corral_monotonic_nanos()
        lastReplyNanos = start
        replenishes = true
        for index in connections.indices {
            for _ in 0..<window { plan(index, at: start) }
            flush(index)
        }
        try turn(until: start + UInt64(warmupSeconds * 1e9), nil)
        let figure = try observe(pids, seconds) { (end) throws(LoadError) in try self.turn(until: end, nil) }
        try drain()
        return finish(figure)
    }

    /// Sends at times that a schedule fixes in advance, blind to how the servers do.
    ///
    /// - Returns: with every reply of the window, by the time at which it was to be sent.
    func open(
        ratePerSecond: Double, warmupSeconds: Double, seconds: Double, pids: [Int32], seed: UInt64
    ) throws(LoadError) -> (figure: PipelinedFigure, replies: [TimedReply]) {
        _ = corral_set_timer_slack(1000)
        let start = corral_monotonic_nanos()
        lastReplyNanos = start
        var schedule = ArrivalSchedule(
            arrivals: .poisson, ratePerSecond: ratePerSecond, startNanos: start, seed: seed)
        var next = 0
        func send(_ now: UInt64) -> UInt64 {
            var planned = 0
            while schedule.next <= now, planned < 2048, connections[next].hasRoom, !isBroken {
                plan(next, at: schedule.next)
                flush(next)
                if measuring {
                    let late = corral_monotonic_nanos() - schedule.next
                    sendDelays.recorder.record(late)
                }
                schedule.advance()
                next = (next + 1) % connections.count
                planned += 1
            }
            return schedule.next
        }
        try turn(until: start + UInt64(warmupSeconds * 1e9), send)
        timed.reserveCapacity(Int(ratePerSecond * seconds * 1.1))
        keepsTimes = true
        let figure = try observe(pids, seconds) { (end) throws(LoadError) in try self.turn(until: end, send) }
        keepsTimes = false
        try drain()
        return (finish(figure), timed)
    }

    /// Readings at both ends of a measured window.
    private func observe(
        _ pids: [Int32], _ seconds: Double, _ work: (UInt64) throws(LoadError) -> Void
    ) throws(LoadError) -> PipelinedFigure {
        let ticks = EnvironmentRecord.stealAndTotal()
        let before = try cpuNanos(pids)
        let ownBefore = corral_thread_cpu_nanos()
        let start = corral_monotonic_nanos()
        measuring = true
        try work(start + UInt64(seconds * 1e9))
        measuring = false
        let nanos = corral_monotonic_nanos() - start
        let share = Double(corral_thread_cpu_nanos() - ownBefore) / Double(max(1, nanos))
        let after = try cpuNanos(pids)
        let now = EnvironmentRecord.stealAndTotal()
        if Interrupt.isRequested { throw .interrupted("interrupted while the load was measured") }
        let histograms = recorders.map { $0.recorder.makeHistogram() }
        let kinds = maker.kinds.indices.map { index in
            PipelinedFigure.Kind(
                name: maker.kinds[index], completed: histograms[index].totalCount,
                latency: LatencySummary(histograms[index]), times: KeptLatencies(recorders[index].recorder))
        }
        let median = LatencySummary.merged(histograms).valueAtPercentile(50)
        return PipelinedFigure(
            windowSeconds: Double(nanos) / 1e9, kinds: kinds,
            serverCpuSeconds: zip(before, after).map { Double($1 - $0) / 1e9 }, generatorCpuShare: share,
            sendDelay: keepsTimes ? LatencySummary(sendDelays.recorder.makeHistogram()) : nil,
            generatorBoundReasons: LoadRun.boundReasons(cpuShare: share, delayP99Nanos: nil, medianNanos: median),
            stealShare: Double(now.steal - ticks.steal) / Double(max(1, now.total - ticks.total)), problems: [])
    }

    private func cpuNanos(_ pids: [Int32]) throws(LoadError) -> [UInt64] {
        var list: [UInt64] = []
        for pid in pids {
            guard let nanos = ProcessSnapshot.cpuNanos(of: pid) else {
                throw .environment("a server ended while it was measured")
            }
            list.append(nanos)
        }
        return list
    }

    /// Waits for what is outstanding.
    private func drain() throws(LoadError) {
        replenishes = false
        let end = corral_monotonic_nanos() + UInt64(drainLimitSeconds * 1e9)
        while outstanding > 0, corral_monotonic_nanos() < end, !isBroken {
            try turn(until: corral_monotonic_nanos() + 5_000_000, nil)
        }
        if outstanding > 0 { note("\(outstanding) requests had no reply when the run ended") }
    }

    private func finish(_ figure: PipelinedFigure) -> PipelinedFigure {
        var figure = figure
        figure.problems = problems
        if problemCount > problems.count { figure.problems.append("\(problemCount - problems.count) more") }
        return figure
    }

    private var outstanding: Int { connections.reduce(0) { $0 + $1.outstanding } }

    private func note(_ text: String) {
        problemCount += 1
        if problems.count < 5 { problems.append(text) }
    }

    // MARK: Turns

    /// Works until a time.
    ///
    /// - Parameter send: sends what is due and says when it is to be called again.
    private func turn(until end: UInt64, _ send: ((UInt64) -> UInt64)?) throws(LoadError) {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 128) { events in
            var now = corral_monotonic_nanos()
            while now < end, !isBroken, !Interrupt.isRequested {
                let due = min(end, send.map { $0(now) } ?? end, now + 100_000_000)
                let nanos = due > now ? due - now : 0
                var limit = timespec(tv_sec: Int(nanos / 1_000_000_000), tv_nsec: Int(nanos % 1_000_000_000))
                let count = epoll_pwait2(epoll, events.baseAddress!, 128, &limit, nil)
                for position in 0..<max(0, Int(count)) {
                    let index = Int(events[position].data.u64)
                    if events[position].events & EPOLLOUT.rawValue != 0 { flush(index) }
                    if events[position].events & ~EPOLLOUT.rawValue != 0 { receive(index) }
                }
                now = corral_monotonic_nanos()
                if outstanding > 0, now > lastReplyNanos + Self.silenceLimitNanos {
                    note("no reply for \(Self.silenceLimitNanos / 1_000_000_000) s")
                    isBroken = true
                }
                if outstanding == 0 {
                    lastReplyNanos = now
                    if send == nil, !replenishes { break }
                }
            }
        }
        if Interrupt.isRequested { throw .interrupted("interrupted while the load was measured") }
    }

    private func plan(_ index: Int, at nanos: UInt64) {
        let connection = connections[index]
        let xid = connection.nextXid
        connection.nextXid = ConnectionState.following(xid)
        let tag = maker.append(index, xid: xid, to: &connection.output)
        connection.push(.init(tag: tag, plannedNanos: nanos))
    }

    private func flush(_ index: Int) {
        let connection = connections[index]
        guard connection.flush() else { return lose("connection \(index) broke while it was written to") }
        let waits = !connection.output.isEmpty
        guard waits != connection.waitsForRoom else { return }
        connection.waitsForRoom = waits
        var event = epoll_event()
        event.events = waits ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
        event.data.u64 = UInt64(index)
        epoll_ctl(epoll, EPOLL_CTL_MOD, connection.descriptor, &event)
    }

    private func lose(_ reason: String) {
        note(reason)
        isBroken = true
    }

    // MARK: Replies

    private func receive(_ index: Int) {
        let connection = connections[index]
        let skips = connection.skipping > 0
        // What is skipped is counted by the kernel and copied nowhere.
        let room = connection.inputCapacity - (skips ? 0 : connection.filled)
        let got = recv(
            connection.descriptor, connection.input + (skips ? 0 : connection.filled),
            skips ? min(room, connection.skipping) : room,
            Int32(MSG_DONTWAIT) | (skips ? Int32(MSG_TRUNC) : 0))
        if got <= 0 {
            if got < 0, errno == EAGAIN || errno == EINTR { return }
            return lose("connection \(index): \(got == 0 ? "closed by the server" : String(cString: strerror(errno)))")
        }
        let now = corral_monotonic_nanos()
        lastReplyNanos = now
        let before = connection.outstanding
        if skips {
            connection.skipping -= got
            if connection.skipping == 0 {
                let length = Int(Int32(bigEndian: connection.input.loadUnaligned(as: Int32.self)))
                accept(index, connection.input + 4, length, held: connection.filled - 4, now)
                connection.filled = 0
            }
        } else {
            connection.filled += got
            takeFrames(index, now)
        }
        guard replenishes, !isBroken else { return }
        let answered = before - connection.outstanding
        for _ in 0..<answered { plan(index, at: now) }
        if answered > 0 { flush(index) }
    }

    private func takeFrames(_ index: Int, _ now: UInt64) {
        let connection = connections[index]
        var position = 0
        while connection.filled - position >= 4, !isBroken {
            let frame = connection.input + position
            let length = Int(Int32(bigEndian: frame.loadUnaligned(as: Int32.self)))
            guard length >= 16, length <= maker.maximumReplyBytes else {
                return lose("connection \(index): a frame of \(length) bytes")
            }
            let held = connection.filled - position
            if held < 4 + length {
                // Enough for the header and eight bytes of the body: the rest may be skipped.
                if held >= 28, let first = connection.first, maker.isJudgedByItsHead(first.tag) {
                    connection.skipping = 4 + length - held
                }
                break
            }
            accept(index, frame + 4, length, held: length, now)
            position += 4 + length
        }
        connection.filled -= position
        if connection.filled > 0, position > 0 {
            memmove(connection.input, connection.input + position, connection.filled)
        }
    }

    /// - Parameter held: bytes of the frame that are there.
    private func accept(_ index: Int, _ frame: UnsafeMutableRawPointer, _ length: Int, held: Int, _ now: UInt64) {
        let connection = connections[index]
        let xid = Int32(bigEndian: frame.loadUnaligned(as: Int32.self))
        let zxid = Int64(bigEndian: frame.loadUnaligned(fromByteOffset: 4, as: Int64.self))
        let code = Int32(bigEndian: frame.loadUnaligned(fromByteOffset: 12, as: Int32.self))
        guard xid == connection.expectedXid, let pending = connection.first else {
            return lose("connection \(index): a reply to xid \(xid), \(connection.expectedXid) was due")
        }
        connection.pop()
        connection.expectedXid = ConnectionState.following(xid)
        if zxid < connection.lastZxid { note("connection \(index): zxid \(zxid) after \(connection.lastZxid)") }
        connection.lastZxid = max(zxid, connection.lastZxid)
        guard code == 0 else {
            return note("'\(maker.kinds[pending.tag.kind])' was answered with \(ControlClient.text(code))")
        }
        let body = UnsafeRawBufferPointer(start: frame + 16, count: held - 16)
        if let problem = maker.problem(pending.tag, bytes: length - 16, body: body) {
            note("\(maker.kinds[pending.tag.kind]): \(problem)")
        }
        guard measuring else { return }
        recorders[pending.tag.kind].recorder.record(now - pending.plannedNanos)
        if keepsTimes {
            timed.append(
                TimedReply(
                    kind: UInt8(pending.tag.kind), plannedNanos: pending.plannedNanos, repliedNanos: now))
        }
    }
}
