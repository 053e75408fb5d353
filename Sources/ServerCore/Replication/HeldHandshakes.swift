import DataTree
import Zab
import ZooKeeperProtocol

/// A client that came while this server had no role, or had not caught up with what the client has seen.
struct HeldHandshake {
    let request: HandshakeRequest
    let connection: ClientConnection
    let deadlineMillis: Int64
}

/// Clients that come during an election wait a moment for its end: most often that is all they need.
extension Replica {
    /// Whether a handshake is kept for later.
    func holds(_ request: HandshakeRequest, from connection: ClientConnection) -> Bool {
        if core.role != .electing {
            if core.role == .leader, !configuration.leaderServes {
                core.disconnect(connection)
                return true
            }
            // This server may be about to see what the client has seen.
            guard request.lastZxidSeen > core.tree.lastProcessedZxid, !mutations.contains(.zxidBehindClient) else {
                return false
            }
        }
        held.append(
            HeldHandshake(
                request: request, connection: connection,
                deadlineMillis: nowMillis + configuration.heldHandshakeMillis))
        return true
    }

    /// Lets in whom this server can serve now.
    func releaseHeld() {
        guard !held.isEmpty, core.role != .electing else { return }
        let waiting = held
        held.removeAll()
        for entry in waiting where !entry.connection.isGone {
            // A client that did not wait so long may have its session elsewhere by now. Other reactors' connections are
            // theirs to look at.
            if entry.connection.front === core.localFront, entry.connection.link.peerHasEnded {
                core.disconnect(entry.connection)
            } else if entry.request.lastZxidSeen > core.tree.lastProcessedZxid,
                core.role != .leader || configuration.leaderServes
            {
                held.append(entry)
            } else {
                core.handshake(entry.request, from: entry.connection)
            }
        }
    }

    func dropLateHandshakes(_ nowMillis: Int64) {
        guard !held.isEmpty else { return }
        releaseHeld()
        held.removeAll { entry in
            if entry.connection.isGone { return true }
            guard nowMillis >= entry.deadlineMillis else { return false }
            core.disconnect(entry.connection)
            return true
        }
    }
}
