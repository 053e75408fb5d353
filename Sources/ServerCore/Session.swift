import DequeModule
import Synchronization
import Zab

/// One client session. The core owns it; reactors only store the time they last heard of it.
public final class Session: @unchecked Sendable {
    public let id: Int64
    /// Negotiated at the last attachment. Core's thread only.
    public internal(set) var timeoutMillis: Int32
    /// Set when its end is in the pipeline; no further request of it is prepared. Core's thread only.
    public internal(set) var isClosing = false
    /// Who asked for it while its end was in the pipeline. Core's thread only.
    var endWaiters: [EndWaiter] = []
    /// Whether its creation has been applied: only then does a snapshot hold it. Core's thread only.
    var isCommitted = false
    /// The connection it is attached to now; nil after a disconnect, which breaks the cycle. Core's thread only.
    public internal(set) var connection: ClientConnection?
    /// The expiry bucket it is filed under, as an absolute time on the monotonic clock. Core's thread only.
    var bucketMillis: Int64 = 0
    /// A leader's: the link of the learner that the session's client is connected to, 0 for this server itself, nil
    /// when nothing has been heard of it in this term. Core's thread only.
    var ownerLink: Int?
    /// A learner's: requests sent to the leader and not come back, oldest first. Core's thread only.
    var forwarded: Deque<PreparedRequest> = []
    /// A learner's: what it was sent up to here may be the doing of the session's connection to another server, and
    /// answers nothing asked here. Core's thread only.
    var othersUpTo: Int64 = 0
    private var reportedMillis: Int64 = -1
    /// Monotonic milliseconds at the last sign of life; stored by the connection's reactor.
    private let lastHeard: Atomic<Int64>

    init(id: Int64, timeoutMillis: Int32, nowMillis: Int64) {
        self.id = id
        self.timeoutMillis = timeoutMillis
        lastHeard = Atomic(nowMillis)
    }

    func touch(_ nowMillis: Int64) { lastHeard.store(nowMillis, ordering: .relaxed) }

    /// Whether anything has been heard since this was asked last. Core's thread only.
    func hasBeenHeard() -> Bool {
        let heard = lastHeardMillis
        defer { reportedMillis = heard }
        return heard != reportedMillis
    }

    public var lastHeardMillis: Int64 { lastHeard.load(ordering: .relaxed) }
}

/// Who is told that a session has ended once that is committed: a leader that falls before takes its end with it, and
/// the session lives on.
enum EndWaiter {
    case connection(ClientConnection)
    case learner(LinkID)
}
