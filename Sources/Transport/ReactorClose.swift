import CPlatform
import Glibc
import Synchronization

/// How connections end.
extension Reactor {
    /// Starts the time in which a connection must have closed.
    func beginClosing(_ connection: Connection) {
        connection.closeDeadlineNanos = nowNanos + UInt64(options.closeTimeoutMillis) * 1_000_000
        closing.append(connection.key)
    }

    /// Everything is sent: ends our side, and waits for the peer's end before the socket is closed.
    func linger(_ connection: Connection) {
        guard corral_shutdown_write(connection.descriptor) == 0 else { return finish(connection) }
        connection.state = .lingering
        connection.releaseBuffers()
        ended.append(connection)
        discardInput(connection)
    }

    /// Reads and forgets what a lingering peer still sends.
    func discardInput(_ connection: Connection) {
        // A peer that sends faster than this is not waiting for our end.
        for _ in 0..<16 {
            let count = corral_receive(connection.descriptor, scratch, options.readBytesPerTurn)
            if count == -Int(EAGAIN) {
                connection.isReadable = false
                return
            }
            if count <= 0 { break }
        }
        finish(connection)
    }

    /// Closes the socket. The handler hears of it when `closed` calls are due, and then the id becomes free.
    func finish(_ connection: Connection) {
        guard connection.state != .closed else { return }
        let isReported = connection.state == .lingering
        connection.releaseBuffers()
        connection.state = .closed
        if connection.descriptor >= 0 { Glibc.close(connection.descriptor) }
        connection.descriptor = -1
        if isReported {
            // Either the call has been made, and the id is free now, or it is due and frees the id.
            if connection.wasReported { connections.remove(connection) }
        } else {
            ended.append(connection)
        }
        // A descriptor is free: accepting can go on.
        if acceptAgainNanos != nil { acceptAgainNanos = nowNanos }
    }

    /// Calls `closed` for the connections that have ended since the last time, those included that end in such a call.
    func reportEnded() {
        var position = 0
        while position < ended.count {
            let connection = ended[position]
            position += 1
            connection.wasReported = true
            if connection.kind == .client {
                openCount.wrappingSubtract(1, ordering: .relaxed)
                handler.closed(connection, reason: connection.reason)
            } else {
                peerHandler?.closed(connection, reason: connection.reason)
            }
            if connection.state == .closed { connections.remove(connection) }
        }
        ended.removeAll(keepingCapacity: true)
    }

    /// Gives up on connections that could not close in time.
    func expireClosing() {
        closing.removeAll { key in
            guard let connection = connections[key], connection.state != .closed else { return true }
            guard nowNanos >= connection.closeDeadlineNanos else { return false }
            finish(connection)
            return true
        }
    }
}
