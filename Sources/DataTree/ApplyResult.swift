import ZooKeeperProtocol

/// What one transaction, or one operation of a multi, did.
public struct MultiResult: Sendable {
    /// An `OpCode`'s raw value. All operations of a failed multi read as `error`.
    public var type: Int32 = 0
    public var error: ErrorCode = .ok
    /// The znode created or changed.
    public var node: NodeIndex?
    /// After create2, createContainer, createTTL, setData and setACL: the clients' Stat right after.
    public var stat: Stat?
    /// Where the path is, counted from where the transaction's record began.
    public var pathOffset = 0
    public var pathLength = 0

    public init() {}
}

/// What `DataTree.apply` did. One value serves many calls.
public struct ApplyResult: Sendable {
    /// An `OpCode`'s raw value.
    public var type: Int32 = 0
    /// Of a multi: the first operation's that is not `ok`.
    public var error: ErrorCode = .ok
    /// The znode created or changed.
    public var node: NodeIndex?
    /// After create2, createContainer, createTTL, setData and setACL: the clients' Stat right after.
    public var stat = Stat()
    /// Where the path is, counted from where the transaction's record began.
    public var pathOffset = 0
    public var pathLength = 0
    /// The operations of a multi, in order.
    public var multi: [MultiResult] = []
    /// The timeout of a createSession, in milliseconds.
    public var sessionTimeoutMillis: Int32 = 0

    public init() {}

    mutating func reset(type: Int32) {
        self.type = type
        error = .ok
        node = nil
        pathOffset = 0
        pathLength = 0
        multi.removeAll(keepingCapacity: true)
        sessionTimeoutMillis = 0
    }

    mutating func take(_ outcome: MultiResult) {
        error = outcome.error
        node = outcome.node
        if let stat = outcome.stat { self.stat = stat }
        pathOffset = outcome.pathOffset
        pathLength = outcome.pathLength
    }
}
