import CPlatform
import Jute
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Clients that lose their connection go to another server with the same session. Only the generator's thread is here.
extension Generator {
    mutating func beginFollowing(at now: UInt64) {
        guard isFollowing else { return }
        keyBase = signals.keyBase.load(ordering: .relaxed)
        restartFollowing(at: now)
    }

    /// The measured window starts: what was before does not count.
    mutating func restartFollowing(at now: UInt64) {
        followTotals = FollowReport()
        followTotals.windowStartNanos = now
        followTotals.gaps = [UInt64](repeating: 0, count: connectionCount)
        for index in 0..<connectionCount {
            follows[index].lastSuccessNanos = now
            follows[index].longestGapNanos = 0
        }
        round = RoundRecord(number: round.number, startNanos: now)
    }

    /// Once per turn: the coordinator's marks, and clients whose time has come.
    mutating func follow(_ now: UInt64) {
        if phase != .draining, signals.round.load(ordering: .relaxed) != round.number { turnRound(now) }
        guard wandering > 0 else {
            nextWake = .max
            return
        }
        if phase == .draining {
            giveUpWandering()
            return
        }
        guard now >= nextWake else { return }
        nextWake = .max
        for index in 0..<connectionCount {
            let connection = connections + index
            switch connection.pointee.stage {
            case .open, .gone: continue
            case .waiting:
                if follows[index].wakeNanos <= now {
                    startAttempt(connection, at: now)
                } else {
                    nextWake = min(nextWake, follows[index].wakeNanos)
                }
            case .connecting, .attaching, .settling:
                if follows[index].deadlineNanos <= now {
                    failAttempt(connection, at: now)
                } else {
                    nextWake = min(nextWake, follows[index].deadlineNanos)
                }
            }
        }
    }

    private mutating func giveUpWandering() {
        for index in 0..<connectionCount {
            let connection = connections + index
            guard !connection.pointee.isOpen, connection.pointee.stage != .gone else { continue }
            disconnect(connection)
            connection.pointee.stage = .gone
            openConnections -= 1
        }
        wandering = 0
    }

    private func disconnect(_ connection: UnsafeMutablePointer<ConnectionState>) {
        // Closing takes the descriptor out of the epoll set.
        if connection.pointee.descriptor >= 0 { close(connection.pointee.descriptor) }
        connection.pointee.descriptor = -1
        connection.pointee.carryCount = 0
        connection.pointee.spillStart = 0
        connection.pointee.spillEnd = 0
    }

    /// An open connection is of no more use: its requests' outcomes are unknown, its client goes to another server.
    @inline(never)
    mutating func leave(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) {
        let index = connection - connections
        forgetOutstanding(connection)
        disconnect(connection)
        round.connectionsLost += 1
        if round.firstErrorNanos == 0 { round.firstErrorNanos = now }
        if phase == .draining {
            connection.pointee.stage = .gone
            openConnections -= 1
            return
        }
        wandering += 1
        follows[index].failures = 0
        waitForNextServer(connection, at: now)
    }

    /// Requests that were sent are unknown from now on; those only planned are sent by the next connection (open loop)
    /// or never were (closed loop, which fills its window anew).
    private mutating func forgetOutstanding(_ connection: UnsafeMutablePointer<ConnectionState>) {
        let follow = follows + (connection - connections)
        var sets: UInt64 = 0
        var position = connection.pointee.head
        while position != connection.pointee.encoded {
            let slot = connection.pointee.ring + Int(position & connection.pointee.ringMask)
            let kind = Int(slot.pointee.kind)
            round.unknown[kind] += 1
            if kind == OperationKind.set.rawValue {
                sets += 1
                if keepsHistory { record(slot, connection: connection, outcome: .unknown, version: 0, at: 0) }
            }
            position += 1
        }
        if !isShared {
            follow.pointee.unknownSets = sets
            follow.pointee.acknowledgedVersion = connection.pointee.version - sets - follow.pointee.failedSets
            follow.pointee.acknowledgedSequence = connection.pointee.visibleSequence - min(
                sets, connection.pointee.visibleSequence)
        }
        connection.pointee.head = connection.pointee.encoded
        if !isOpenLoop { connection.pointee.tail = connection.pointee.encoded }
        connection.pointee.expectedXid = connection.pointee.nextXid
    }

    /// As Apache's clients: any other server first, then one after another. (If all went to the one behind, fault after
    /// fault would gather them all on one server.)
    private mutating func waitForNextServer(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) {
        let follow = follows + (connection - connections)
        let others = UInt32(servers.count - 1)
        let isFirst = follow.pointee.failures == 0 && others > 1
        follow.pointee.server += isFirst ? 1 + Int(pauses.below(others)) : 1
        follow.pointee.server %= servers.count
        follow.pointee.wakeNanos =
            now + policy.pauseNanos(failures: follow.pointee.failures, using: &pauses)
        connection.pointee.stage = .waiting
        nextWake = min(nextWake, follow.pointee.wakeNanos)
    }

    mutating func failAttempt(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) {
        disconnect(connection)
        round.failedAttempts += 1
        follows[connection - connections].failures += 1
        waitForNextServer(connection, at: now)
    }

    private mutating func startAttempt(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) {
        let follow = follows + (connection - connections)
        var server = servers[follow.pointee.server]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(Int32(server.storage.ss_family), kind, 0)
        guard descriptor >= 0 else {
            failAttempt(connection, at: now)
            return
        }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        connection.pointee.descriptor = descriptor
        connection.pointee.stage = .connecting
        follow.pointee.generation &+= 1
        follow.pointee.deadlineNanos = now + UInt64(policy.attemptTimeoutMillis) * 1_000_000
        nextWake = min(nextWake, follow.pointee.deadlineNanos)
        let status = withUnsafePointer(to: &server.storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, server.length) }
        }
        guard status == 0 || errno == EINPROGRESS else {
            failAttempt(connection, at: now)
            return
        }
        _ = corral_epoll_add(epoll, descriptor, EPOLLIN.rawValue | EPOLLOUT.rawValue, eventKey(connection))
    }

    /// An event of a client that is between two servers.
    mutating func advance(
        _ connection: UnsafeMutablePointer<ConnectionState>, _ event: epoll_event, at now: UInt64
    ) {
        switch connection.pointee.stage {
        case .open, .waiting, .gone: return
        case .connecting:
            let status = corral_connected(connection.pointee.descriptor)
            if status == 0, event.events & EPOLLOUT.rawValue != 0 {
                attach(connection, at: now)
            } else {
                failAttempt(connection, at: now)
            }
        case .attaching: receiveAttachment(connection, at: now)
        case .settling: receiveSettling(connection)
        }
    }

    /// Connected: asks for the session with the last zxid the client has seen, so that no server behind it answers.
    private mutating func attach(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) {
        var request = WireBuffer()
        Handshake.encodeRequest(
            follows[connection - connections].session, lastZxid: connection.pointee.lastZxid, to: &request)
        let bytes = request.bytes
        connection.pointee.stage = .attaching
        connection.pointee.lastSendNanos = now
        watch(connection, forWriting: false)
        let sent = send(connection.pointee.descriptor, bytes.baseAddress!, bytes.count, Int32(MSG_NOSIGNAL))
        if sent != bytes.count { failAttempt(connection, at: now) }
    }

    private mutating func receiveAttachment(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) {
        guard let available = receiveMore(connection, at: now) else { return }
        let length = available < 4 ? 0 : Int(Int32(bigEndian: input.loadUnaligned(as: Int32.self)))
        if available >= 4, length != 36, length != 37 {
            failAttempt(connection, at: now)
            return
        }
        guard available >= 4, available >= 4 + length else {
            connection.pointee.keepCarry(input, count: available)
            return
        }
        let reply = UnsafeRawBufferPointer(start: input + 4, count: length)
        guard let session = Handshake.decodeReply(reply, descriptor: -1) else {
            failAttempt(connection, at: now)
            return
        }
        connection.pointee.carryCount = 0
        let follow = follows + (connection - connections)
        if session.timeoutMillis <= 0 || session.sessionId == 0 {
            round.sessionsLost += 1
            disconnect(connection)
            // The same server knows best that a new session is needed.
            follow.pointee.session = .none(timeoutMillis: configuration.sessionTimeoutMillis)
            follow.pointee.wakeNanos = now
            connection.pointee.stage = .waiting
            nextWake = now
            return
        }
        if session.sessionId == follow.pointee.session.sessionId { round.reattached += 1 }
        follow.pointee.session = session
        if isShared || configuration.acceptsCannedContent {
            open(connection, at: now)
        } else {
            settle(connection, at: now)
        }
    }

    /// Reads behind what was left. Returns the bytes now in `input`; nil when there was nothing, or the end.
    mutating func receiveMore(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) -> Int? {
        let carried = connection.pointee.carryCount
        if carried > 0 { memcpy(input, connection.pointee.carry, carried) }
        let got = recv(
            connection.pointee.descriptor, input + carried, inputCapacity - carried, Int32(MSG_DONTWAIT))
        if got > 0 { return carried + got }
        if got < 0, errno == EAGAIN || errno == EINTR { return nil }
        failAttempt(connection, at: now)
        return nil
    }

    /// The client is back: its schedule or its window goes on.
    mutating func open(_ connection: UnsafeMutablePointer<ConnectionState>, at now: UInt64) {
        connection.pointee.stage = .open
        connection.pointee.expectedXid = connection.pointee.nextXid
        connection.pointee.lastReplyNanos = now
        wandering -= 1
        follows[connection - connections].failures = 0
        follows[connection - connections].openedNanos = now
        if !isOpenLoop, phase != .draining {
            for _ in 0..<configuration.window { connection.pointee.plan(at: now) }
        }
        flush(connection)
    }
}
