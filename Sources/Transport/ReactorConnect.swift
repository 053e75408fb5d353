import CPlatform
import Glibc

/// Connections that this side opens.
extension Reactor {
    /// Begins to connect. `PeerHandler.connected` follows, or `closed` with the reason if it cannot be or takes too
    /// long; never within this call. `close` gives the attempt up.
    ///
    /// - Parameter kind: not `client`.
    public func connect(
        to address: PeerAddress, kind: ConnectionKind, timeoutMillis: Int, keepAlive: Bool = false
    ) -> Connection {
        precondition(kind != .client && peerHandler != nil, "outgoing connections belong to the peer handler")
        var target = address.raw
        let result = corral_connect(&target, keepAlive ? 1 : 0)
        let (id, generation) = connections.reserve()
        let connection = Connection(
            id: id, generation: generation, descriptor: result, peer: address, localPort: 0, reactor: self,
            kind: kind, isOutgoing: true)
        connection.state = .connecting
        connections.insert(connection)
        // Registered after the call, so that the first edge is the outcome.
        let code = result < 0 ? result : corral_epoll_add(epoll, result, Self.everyEvent, connection.key)
        if code < 0 {
            connection.reason = .connectFailed(errno: -code)
            finish(connection)
        } else {
            let due = corral_monotonic_nanos() + UInt64(max(0, timeoutMillis)) * 1_000_000
            connection.closeDeadlineNanos = due
            connecting.append(connection.key)
            nextConnectDeadlineNanos = min(nextConnectDeadlineNanos, due)
        }
        return connection
    }

    /// A connecting socket has become writable, or failed.
    func finishConnect(_ connection: Connection, event: UInt32) {
        guard event & (EPOLLOUT.rawValue | EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 else { return }
        let code = corral_connected(connection.descriptor)
        if code != 0 {
            connection.reason = .connectFailed(errno: -code)
            finish(connection)
            return
        }
        connection.state = .open
        connection.closeDeadlineNanos = .max
        established.append(connection.key)
    }

    /// Tells the handler of connections that have been made.
    func reportConnected() {
        guard !established.isEmpty, let peerHandler else { return }
        let keys = established
        established.removeAll(keepingCapacity: true)
        for key in keys {
            guard let connection = connections[key], connection.state == .open else { continue }
            peerHandler.connected(connection)
            if connection.state == .open { enqueueIfReady(connection) }
        }
    }

    /// Makes sure that `PeerHandler.deadlinePassed` is called at a time or before.
    public func wakePeerHandler(atNanos nanos: UInt64) { peerDeadlineNanos = min(peerDeadlineNanos, nanos) }

    /// Gives up on what takes too long to connect.
    func expireConnecting() {
        guard nowNanos >= nextConnectDeadlineNanos else { return }
        nextConnectDeadlineNanos = .max
        connecting.removeAll { key in
            guard let connection = connections[key], connection.state == .connecting else { return true }
            guard nowNanos >= connection.closeDeadlineNanos else {
                nextConnectDeadlineNanos = min(nextConnectDeadlineNanos, connection.closeDeadlineNanos)
                return false
            }
            connection.reason = .connectTimedOut
            finish(connection)
            return true
        }
    }

    /// Tells the handler of outputs that have drained.
    func reportDrained() {
        guard !drained.isEmpty, let peerHandler else { return }
        let keys = drained
        drained.removeAll(keepingCapacity: true)
        for key in keys {
            guard let connection = connections[key], connection.isDrainNoted else { continue }
            connection.isDrainNoted = false
            connection.wantsDrained = false
            if connection.state == .open { peerHandler.drained(connection) }
        }
    }
}
