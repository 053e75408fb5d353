import CPlatform
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Sending: planning, encoding, writing.
extension Generator {
    /// Plans every request that is due, then sends them connection by connection.
    mutating func planDue(_ now: UInt64) {
        var planned = 0
        let firstConnection = nextConnection
        var untouched = connectionCount
        while planned < Self.plannedPerRound, let due = schedule?.next, due <= now {
            guard let connection = nextWithRoom() else { break }
            connection.pointee.plan(at: due)
            schedule!.advance()
            planned += 1
        }
        guard planned > 0 else { return }
        // Round robin touched at most `planned` connections from the first on, unless full ones were skipped.
        var index = firstConnection
        while untouched > 0 {
            let connection = connections + index
            if connection.pointee.encoded < connection.pointee.tail { flush(connection) }
            index = index + 1 == connectionCount ? 0 : index + 1
            untouched -= 1
        }
    }

    /// The next open connection in turn whose ring has room; nil when all are full.
    private mutating func nextWithRoom() -> UnsafeMutablePointer<ConnectionState>? {
        for _ in 0..<connectionCount {
            let connection = connections + nextConnection
            nextConnection = nextConnection + 1 == connectionCount ? 0 : nextConnection + 1
            // A client between two servers has requests to make like any other; they wait.
            if connection.pointee.isOpen || (isFollowing && connection.pointee.stage != .gone),
                connection.pointee.outstanding < RunConfiguration.openLoopOutstandingLimit
            {
                return connection
            }
        }
        return nil
    }

    /// What identifies a connection's descriptor in events: its place, and which of its descriptors this is.
    func eventKey(_ connection: UnsafeMutablePointer<ConnectionState>) -> UInt64 {
        let index = connection - connections
        return UInt64(isFollowing ? follows[index].generation : 0) << 32 | UInt64(index)
    }

    /// Encodes and writes what is planned, as far as the socket takes it.
    mutating func flush(_ connection: UnsafeMutablePointer<ConnectionState>) {
        while connection.pointee.encoded < connection.pointee.tail,
            connection.pointee.spillStart == connection.pointee.spillEnd, connection.pointee.isOpen
        {
            let now = corral_monotonic_nanos()
            var filled = 0
            while connection.pointee.encoded < connection.pointee.tail,
                filled + encoder.maximumRequestBytes <= outputCapacity
            {
                filled += encodeNext(connection, now: now, to: output + filled)
            }
            connection.pointee.lastSendNanos = now
            write(connection, count: filled)
        }
    }

    /// Encodes the connection's next planned request. Returns its bytes.
    @inline(__always)
    private mutating func encodeNext(
        _ connection: UnsafeMutablePointer<ConnectionState>, now: UInt64, to target: UnsafeMutableRawPointer
    ) -> Int {
        let slot = connection.pointee.ring + Int(connection.pointee.encoded & connection.pointee.ringMask)
        connection.pointee.encoded += 1
        let xid = connection.pointee.nextXid
        connection.pointee.nextXid = ConnectionState.following(xid)
        slot.pointee.sentNanos = now
        window.sent += 1
        if isOpenLoop {
            let planned = slot.pointee.plannedNanos
            // What waited for its client to find a server was not delayed by the generator.
            if !isFollowing || planned >= follows[connection - connections].openedNanos {
                sendDelays.record(now > planned ? now - planned : 0)
            }
        } else {
            slot.pointee.plannedNanos = now
        }
        let kind = possible(chooser.nextKind(), connection)
        slot.pointee.kind = UInt8(truncatingIfNeeded: kind.rawValue)
        let id = connection.pointee.id
        switch kind {
        case .read, .exists:
            let key = isShared ? keyBase + chooser.nextKey() : id
            slot.pointee.key = UInt32(truncatingIfNeeded: key)
            slot.pointee.expected = connection.pointee.visibleSequence
            return encoder.query(
                kind == .read ? .getData : .exists, xid: xid, key: key, shared: isShared, to: target)
        case .set:
            let key = isShared ? keyBase + chooser.nextKey() : id
            slot.pointee.key = UInt32(truncatingIfNeeded: key)
            connection.pointee.sequence += 1
            connection.pointee.visibleSequence = connection.pointee.sequence
            connection.pointee.version += 1
            slot.pointee.expected = isShared ? connection.pointee.sequence : connection.pointee.version
            let stamp = ContentStamp(
                client: UInt32(truncatingIfNeeded: id), sequence: connection.pointee.sequence, key: slot.pointee.key)
            return encoder.set(xid: xid, key: key, shared: isShared, stamp: stamp, to: target)
        case .create:
            let node = connection.pointee.nextNode
            connection.pointee.nextNode += 1
            slot.pointee.key = UInt32(truncatingIfNeeded: node)
            let stamp = ContentStamp(
                client: UInt32(truncatingIfNeeded: id), sequence: UInt64(node), key: UInt32(truncatingIfNeeded: node))
            return encoder.create(xid: xid, connection: id, node: node, stamp: stamp, to: target)
        case .delete:
            let node = connection.pointee.oldestNode
            connection.pointee.oldestNode += 1
            slot.pointee.key = UInt32(truncatingIfNeeded: node)
            return encoder.delete(xid: xid, connection: id, node: node, to: target)
        case .children:
            slot.pointee.key = UInt32(truncatingIfNeeded: id)
            slot.pointee.expected = UInt64(connection.pointee.liveNodes)
            return encoder.query(.getChildren, xid: xid, key: id, shared: false, to: target)
        }
    }

    /// A delete needs something to delete, and a create room below the limit; each turns into the other.
    @inline(__always)
    private func possible(
        _ kind: OperationKind, _ connection: UnsafeMutablePointer<ConnectionState>
    ) -> OperationKind {
        if kind == .delete, connection.pointee.liveNodes == 0 { return .create }
        if kind == .create, connection.pointee.liveNodes >= configuration.liveNodeLimit { return .delete }
        return kind
    }

    /// Writes the first `count` bytes of the output buffer; what the socket does not take is kept for later.
    mutating func write(_ connection: UnsafeMutablePointer<ConnectionState>, count: Int) {
        window.sendCalls += 1
        let sent = send(
            connection.pointee.descriptor, output, count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        if sent == count { return }
        if sent < 0, errno != EAGAIN, errno != EINTR {
            lose(connection, String(cString: strerror(errno)))
            return
        }
        let taken = max(0, sent)
        connection.pointee.keepSpill(output + taken, count: count - taken)
        watch(connection, forWriting: true)
    }

    mutating func drainSpill(_ connection: UnsafeMutablePointer<ConnectionState>) {
        guard connection.pointee.isOpen else { return }
        let left = connection.pointee.spillEnd - connection.pointee.spillStart
        if left > 0 {
            window.sendCalls += 1
            let sent = send(
                connection.pointee.descriptor, connection.pointee.spill! + connection.pointee.spillStart, left,
                Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            if sent < 0 {
                if errno != EAGAIN, errno != EINTR { lose(connection, String(cString: strerror(errno))) }
                return
            }
            connection.pointee.spillStart += sent
            if sent < left { return }
        }
        watch(connection, forWriting: false)
        flush(connection)
    }

    func watch(_ connection: UnsafeMutablePointer<ConnectionState>, forWriting: Bool) {
        var event = epoll_event()
        event.events = forWriting ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
        event.data.u64 = eventKey(connection)
        epoll_ctl(epoll, EPOLL_CTL_MOD, connection.pointee.descriptor, &event)
    }

    mutating func ping(_ connection: UnsafeMutablePointer<ConnectionState>, now: UInt64) {
        guard connection.pointee.spillStart == connection.pointee.spillEnd else { return }
        connection.pointee.lastSendNanos = now
        write(connection, count: RequestEncoder.ping(to: output))
    }
}
