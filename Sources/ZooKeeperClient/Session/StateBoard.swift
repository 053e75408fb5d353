import NIOConcurrencyHelpers

/// What the event loop tells all threads of the session: its state, its identity, the server. All under the lock.
final class StateBoard: @unchecked Sendable {
    /// States that a subscriber has not taken yet; of more, only the newest is kept.
    static let pendingLimit = 64

    struct Posted {
        var state = SessionState.connecting
        var identity: SessionIdentity?
        var server: Endpoint?
    }

    private let lock = NIOLock()
    private var posted = Posted()
    private var subscribers: [Int: EventBuffer<SessionState>] = [:]
    private var nextSubscriber = 0

    var current: Posted { lock.withLock { posted } }

    /// In the event loop only, so that all subscribers see one order.
    func post(_ state: SessionState, identity: SessionIdentity?, server: Endpoint?) {
        let told = lock.withLock { () -> [EventBuffer<SessionState>] in
            posted.identity = identity
            posted.server = server
            if posted.state == state { return [] }
            posted.state = state
            return Array(subscribers.values)
        }
        for buffer in told {
            buffer.push(state)
            if state.isFinal { buffer.finish() }
        }
    }

    func subscribe() -> SessionStates {
        let buffer = EventBuffer<SessionState>(limit: Self.pendingLimit) { $0 }
        let number = lock.withLock {
            buffer.push(posted.state)
            if posted.state.isFinal {
                buffer.finish()
            } else {
                subscribers[nextSubscriber] = buffer
            }
            nextSubscriber += 1
            return nextSubscriber - 1
        }
        return SessionStates(buffer: buffer, subscription: StateSubscription(self, number))
    }

    func unsubscribe(_ number: Int) {
        _ = lock.withLock { subscribers.removeValue(forKey: number) }
    }
}

/// Ends a subscription when nobody holds it any more.
final class StateSubscription: Sendable {
    private let board: StateBoard
    private let number: Int

    init(_ board: StateBoard, _ number: Int) {
        self.board = board
        self.number = number
    }

    deinit { board.unsubscribe(number) }
}
