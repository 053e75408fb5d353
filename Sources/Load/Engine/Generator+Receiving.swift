import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Receiving: framing, checking, recording.
extension Generator {
    /// One read, every complete reply in it, and in a closed loop as many new requests.
    mutating func receive(_ connection: UnsafeMutablePointer<ConnectionState>) {
        guard connection.pointee.isOpen else { return }
        let carried = connection.pointee.carryCount
        if carried > 0 { memcpy(input, connection.pointee.carry, carried) }
        window.receiveCalls += 1
        let got = recv(
            connection.pointee.descriptor, input + carried, inputCapacity - carried, Int32(MSG_DONTWAIT))
        if got <= 0 {
            if got < 0, errno == EAGAIN || errno == EINTR { return }
            lose(connection, got == 0 ? "closed by the server" : String(cString: strerror(errno)))
            return
        }
        let now = corral_monotonic_nanos()
        connection.pointee.lastReplyNanos = now
        let before = connection.pointee.head
        let errorsBefore = errorCount
        batchWrites = 0
        var position = UnsafeRawPointer(input)
        let end = position + carried + got
        while end - position >= 4 {
            let length = Int(Int32(bigEndian: position.loadUnaligned(as: Int32.self)))
            guard length >= 16, length <= verifier.maximumFrameBytes else {
                violations.add(.framing, example: "connection \(connection.pointee.id): a frame of \(length) bytes")
                lose(connection, "framing lost", isViolation: false)
                return
            }
            if end - position - 4 < length { break }
            accept(connection, position + 4, length, now)
            if !connection.pointee.isOpen { return }
            position += 4 + length
        }
        connection.pointee.keepCarry(position, count: end - position)
        let answered = connection.pointee.head - before
        completed += answered
        if isFollowing { noteSuccesses(connection, answered - (errorCount - errorsBefore), at: now) }
        if !isOpenLoop, !isPaused, phase != .draining, answered > 0 {
            for _ in 0..<answered { connection.pointee.plan(at: now) }
            flush(connection)
        }
    }

    /// Checks and records one reply.
    @inline(__always)
    private mutating func accept(
        _ connection: UnsafeMutablePointer<ConnectionState>, _ reply: UnsafeRawPointer, _ length: Int, _ now: UInt64
    ) {
        let xid = Int32(bigEndian: reply.loadUnaligned(as: Int32.self))
        let zxid = Int64(bigEndian: reply.loadUnaligned(fromByteOffset: 4, as: Int64.self))
        let code = Int32(bigEndian: reply.loadUnaligned(fromByteOffset: 12, as: Int32.self))
        guard xid == connection.pointee.expectedXid, connection.pointee.head != connection.pointee.encoded else {
            odd(connection, xid: xid)
            return
        }
        let slot = connection.pointee.ring + Int(connection.pointee.head & connection.pointee.ringMask)
        connection.pointee.head += 1
        connection.pointee.expectedXid = ConnectionState.following(xid)
        if zxid < connection.pointee.lastZxid {
            backwards(connection, xid: xid, zxid: zxid)
        } else {
            connection.pointee.lastZxid = zxid
        }
        let planned = slot.pointee.plannedNanos
        if code != 0 {
            fail(connection, slot, code: code, nanos: now - planned)
            return
        }
        if let broken = verifier.check(slot, reply, length, connection: connection) {
            violations.add(broken, example: verifier.describe(slot, reply, length, connection: connection))
        }
        recorders.slice[Int(slot.pointee.kind)].record(now - planned)
        if isFollowing { keep(slot, reply, connection: connection, at: now) }
        if isOpenLoop { serviceTimes.record(now - slot.pointee.sentNanos) }
    }

    /// A reply that is not the next one due: a ping's is fine, anything else ends the connection.
    @inline(never)
    private mutating func odd(_ connection: UnsafeMutablePointer<ConnectionState>, xid: Int32) {
        if xid == -2 { return }
        let due =
            connection.pointee.head == connection.pointee.encoded
            ? "nothing was due" : "xid \(connection.pointee.expectedXid) was due"
        violations.add(.replyOrder, example: "connection \(connection.pointee.id): reply to xid \(xid), but \(due)")
        lose(connection, "reply order lost", isViolation: false)
    }

    @inline(never)
    mutating func backwards(_ connection: UnsafeMutablePointer<ConnectionState>, xid: Int32, zxid: Int64) {
        let example =
            "connection \(connection.pointee.id), xid \(xid): zxid 0x\(String(zxid, radix: 16)) "
            + "after 0x\(String(connection.pointee.lastZxid, radix: 16))"
        violations.add(.zxidOrder, example: example)
    }

    /// A reply with an error code. Throttling is the server's right; nothing else can happen in these workloads.
    @inline(never)
    private mutating func fail(
        _ connection: UnsafeMutablePointer<ConnectionState>, _ slot: UnsafeMutablePointer<PendingRequest>, code: Int32,
        nanos: UInt64
    ) {
        errorCount += 1
        errorsByCode[code, default: 0] += 1
        recorders.slice[IntervalRecorders.errorIndex].record(nanos)
        let isFollowed = isFollowing && followedFailure(connection, slot, code: code)
        if code == ErrorClass.throttled || isFollowed { return }
        let kind = OperationKind(rawValue: Int(slot.pointee.kind))!.name
        violations.add(
            .unexpectedError,
            example: "connection \(connection.pointee.id): \(kind) answered with \(ControlClient.text(code))")
    }

    /// The connection is of no more use; the run cannot go on as planned.
    @inline(never)
    mutating func lose(
        _ connection: UnsafeMutablePointer<ConnectionState>, _ reason: String, isViolation: Bool = true
    ) {
        guard connection.pointee.isOpen else { return }
        if isFollowing, isViolation {
            leave(connection, at: corral_monotonic_nanos())
            return
        }
        let id = connection.pointee.id
        connection.pointee.stage = .gone
        openConnections -= 1
        epoll_ctl(epoll, EPOLL_CTL_DEL, connection.pointee.descriptor, nil)
        if isViolation { violations.add(.connectionLost, example: "connection \(id): \(reason)") }
        stop("connection \(id): \(reason)")
    }
}
