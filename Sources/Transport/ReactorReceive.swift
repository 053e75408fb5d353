import CPlatform
import Glibc
import Jute

/// The receive phase: one bounded read per connection and turn.
extension Reactor {
    func serve(_ connection: Connection) {
        connection.isQueued = false
        guard connection.mayReceive, connection.kind != .client || handler.mayRead(connection) else { return }
        if connection.mustPresentAgain {
            connection.mustPresentAgain = false
            presentKept(connection)
            guard connection.mayReceive, !connection.mustPresentAgain else { return }
        }
        guard connection.isReadable else { return }
        receiveOnce(connection)
        // A peer's end is told of in the turn that learns of it, behind what still lies before it.
        if connection.kind != .client && connection.hasEnded {
            while connection.mayReceive && connection.isReadable && connection.hasEnded { receiveOnce(connection) }
        }
        if connection.state == .open { enqueueIfReady(connection) }
    }

    private func receiveOnce(_ connection: Connection) {
        if connection.keptBytes <= Self.keptInFront {
            receiveIntoScratch(connection)
        } else {
            receiveIntoKept(connection)
        }
    }

    private func presentKept(_ connection: Connection) {
        let consumed = present(connection.kept.pointee.bytes, of: connection)
        guard connection.state == .open else {
            pool.takeBack(connection.kept)
            return
        }
        connection.kept.pointee.removeFirst(consumed)
        settle(connection)
    }

    /// Reads behind the few bytes kept, in the thread's own buffer: nothing is copied unless a frame is incomplete.
    private func receiveIntoScratch(_ connection: Connection) {
        let kept = connection.keptBytes
        let space = scratch + kept
        let count = read(connection, into: space, count: options.readBytesPerTurn)
        guard count > 0 else { return }
        if kept > 0 { memcpy(scratch, connection.kept.pointee.bytes.baseAddress!, kept) }
        let bytes = UnsafeRawBufferPointer(start: scratch, count: kept + count)
        let consumed = present(bytes, of: connection)
        guard connection.state == .open else { return }
        if consumed == 0 {
            keep(UnsafeRawBufferPointer(start: space, count: count), of: connection)
        } else {
            connection.kept.pointee.removeAll()
            keep(UnsafeRawBufferPointer(rebasing: bytes[consumed...]), of: connection)
        }
        settle(connection)
    }

    /// Reads to the end of a large incomplete frame, in place.
    private func receiveIntoKept(_ connection: Connection) {
        let before = connection.keptBytes
        let space = connection.kept.pointee.appendUninitialized(options.readBytesPerTurn)
        let count = read(connection, into: space, count: options.readBytesPerTurn)
        guard connection.state != .closed else { return }
        connection.kept.pointee.truncate(to: before + max(0, count))
        if count > 0 { presentKept(connection) }
    }

    /// - Returns: the bytes read; 0 when there are none, in which case the connection may have been ended.
    private func read(_ connection: Connection, into space: UnsafeMutableRawPointer, count: Int) -> Int {
        let received = corral_receive(connection.descriptor, space, count)
        if received > 0 {
            connection.countReceived(received)
            // A short read has emptied the socket, and the next byte will make an edge; but an end that has been
            // announced makes no further edge, so it is read up to.
            if received < count && !connection.hasEnded { connection.isReadable = false }
            return received
        }
        if received == -Int(EAGAIN) {
            connection.isReadable = false
            connection.hasEnded = false
            if connection.sendHasFailed { finish(connection) }
            return 0
        }
        connection.isReadable = false
        if connection.kind != .client {
            if !connection.sendHasFailed {
                connection.reason = received == 0 ? .peerClosed : .from(errno: Int32(-received))
            }
            finish(connection)
        } else if received == 0 {
            // What the handler has answered, or answers until the end of this turn, is still sent.
            connection.close(afterFlush: true, reason: .peerClosed)
        } else {
            connection.reason = .from(errno: Int32(-received))
            finish(connection)
        }
        return 0
    }

    private func present(_ bytes: UnsafeRawBufferPointer, of connection: Connection) -> Int {
        connection.isPresenting = true
        let consumed =
            connection.kind == .client
            ? handler.receive(bytes, from: connection) : peerHandler!.receive(bytes, from: connection)
        connection.isPresenting = false
        precondition(consumed >= 0 && consumed <= bytes.count, "the handler consumed what it was not given")
        guard connection.state == .open else { return 0 }
        if connection.outputIsFull && connection.kind == .client { connection.isBacklogged = true }
        if consumed < bytes.count && !connection.mayReceive { connection.mustPresentAgain = true }
        if connection.pendingOutputBytes >= options.earlyFlushBytes { flush(connection) }
        return connection.state == .open ? consumed : 0
    }

    private func keep(_ bytes: UnsafeRawBufferPointer, of connection: Connection) {
        guard !bytes.isEmpty else { return }
        if connection.kept.pointee.capacity == 0 { pool.lend(to: connection.kept) }
        connection.kept.pointee.append(raw: bytes)
    }

    /// Gives the memory back when nothing is kept, and refuses to keep too much.
    private func settle(_ connection: Connection) {
        let kept = connection.keptBytes
        guard kept > 0 else { return pool.takeBack(connection.kept) }
        let limit = connection.kind == .client ? options.maxKeptBytes : options.maxPeerKeptBytes
        if kept > limit + options.readBytesPerTurn || kept > limit && !connection.mustPresentAgain {
            connection.close(afterFlush: true, reason: .frameTooLarge)
        }
    }
}
