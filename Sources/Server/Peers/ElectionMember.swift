import Transport
import Zab

/// Another server as the election network sees it. The owner's thread only.
final class ElectionMember {
    /// Negative for an observer without an id of its own: it can be answered, not reached.
    let id: ServerID
    var route: PeerRoute
    /// The connection that carries messages both ways; one at most.
    var link: Connection?
    /// A connection being opened.
    var attempt: Connection?
    /// The newest message that no connection has taken.
    var unsent: [UInt8]?
    /// The newest message that a connection has taken: it may be lost with that.
    var lastSent: [UInt8]?
    var lastSentNanos: UInt64 = 0
    /// Somebody waits for a link: there is something to send, or the other side has asked for it.
    var wantsLink = false
    var backoffMillis = ElectionMember.firstBackoffMillis
    /// When to try again.
    var retryNanos = UInt64.max
    var linkedNanos: UInt64 = 0
    /// The link has brought a message.
    var linkIsProven = false
    /// How often it was asked to connect since it last did.
    var unanswered = 0
    /// When links were replaced lately by others under the same id.
    var takeovers: [UInt64] = []

    static let firstBackoffMillis = 20
    static let lastBackoffMillis = 1000

    init(id: ServerID, route: PeerRoute) {
        self.id = id
        self.route = route
    }

    func scheduleRetry(nowNanos: UInt64, atLeastMillis: Int = 0) {
        retryNanos = nowNanos + UInt64(max(backoffMillis, atLeastMillis)) * 1_000_000
        backoffMillis = min(backoffMillis * 2, Self.lastBackoffMillis)
    }

    func resetBackoff() { backoffMillis = Self.firstBackoffMillis }

    /// Whether its links are replaced so often that two processes must be using its id.
    func noteTakeover(nowNanos: UInt64) -> Bool {
        takeovers.removeAll { nowNanos > $0 + 10_000_000_000 }
        takeovers.append(nowNanos)
        return takeovers.count >= 6
    }
}
