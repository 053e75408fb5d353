import ServerCore
import Transport
import Zab

/// One connection between a leader and a learner. The owner's thread only.
final class QuorumLink: PeerLink {
    private(set) var connection: Connection?
    let peerDescription: String
    /// Whether the peer has opened it: a learner, as far as it can be believed.
    let isLearner: Bool
    /// A learner's: what the replica calls it.
    var name: LinkID = 0

    init(_ connection: Connection) {
        self.connection = connection
        peerDescription = connection.peerAddress.description
        isLearner = !connection.isOutgoing
        connection.context = self
    }

    func send(_ bytes: UnsafeRawBufferPointer) { connection?.send(copying: bytes) }

    var unsentBytes: Int { connection?.pendingOutputBytes ?? 0 }

    func notifyWhenDrained() { connection?.notifyWhenDrained() }

    func pauseReading() { connection?.pauseReading() }

    func resumeReading() { connection?.resumeReading() }

    func close() {
        guard let connection else { return }
        connection.sendNow()
        detach()
        connection.close(afterFlush: false, reason: .requested("closed by this server"))
    }

    /// The connection is not the link's any more: it has ended.
    func detach() {
        connection?.context = nil
        connection = nil
    }
}
