/// How a client stands with its ensemble.
public enum SessionState: Hashable, Sendable {
    /// Looking for a server; there is no session yet.
    case connecting
    case connected
    /// Connected to a server without a quorum: it answers reads, perhaps of old data, and refuses writes.
    case connectedReadOnly
    /// The connection is lost and another server is looked for. The session may live or not: whoever holds a lock
    /// must act as if it were lost.
    case suspended
    /// The session is no more. Final.
    case expired
    /// A credential was refused. Final.
    case authenticationFailed
    /// Closed by this client. Final.
    case closed

    public var isConnected: Bool { self == .connected || self == .connectedReadOnly }
    public var isFinal: Bool { self == .expired || self == .authenticationFailed || self == .closed }

    /// What requests fail with once this is the state; nil while there is hope.
    var reason: ZooKeeperError.Reason? {
        switch self {
        case .expired: .sessionExpired
        case .authenticationFailed: .authenticationFailed
        case .closed: .closed
        default: nil
        }
    }
}

/// What a session is to its servers; with it a client comes back to the session, from another process too.
public struct SessionIdentity: Hashable, Sendable {
    public var id: Int64
    /// Whoever has it owns the session.
    public var password: [UInt8]
    /// As agreed with the server.
    public var timeoutMillis: Int32
    /// The last transaction that the client has seen: a server that is behind refuses it.
    public var lastZxid: Int64

    public init(id: Int64, password: [UInt8], timeoutMillis: Int32, lastZxid: Int64 = 0) {
        self.id = id
        self.password = password
        self.timeoutMillis = timeoutMillis
        self.lastZxid = lastZxid
    }
}

/// A client's states from now on, beginning with the present one; ends after a final state.
public struct SessionStates: AsyncSequence, Sendable {
    public typealias Element = SessionState
    public typealias Failure = Never

    let buffer: EventBuffer<SessionState>
    let subscription: StateSubscription

    public func makeAsyncIterator() -> Iterator { Iterator(buffer: buffer, subscription: subscription) }

    public struct Iterator: AsyncIteratorProtocol {
        let buffer: EventBuffer<SessionState>
        let subscription: StateSubscription

        public mutating func next() async -> SessionState? { try? await buffer.next() }
        public mutating func next(isolation actor: isolated (any Actor)?) async -> SessionState? {
            try? await buffer.next()
        }
    }
}
