/// Sizes and times of a reactor.
public struct ReactorOptions: Sendable {
    /// The period of `ReactorHandler.tick`.
    public var tickMillis = 100
    /// The most that one connection may deliver in one turn; the others get theirs before it continues.
    public var readBytesPerTurn = 256 * 1024
    /// The most that is kept for one incomplete frame: the largest frame allowed and some slack.
    public var maxKeptBytes = 0x000f_ffff + 64 * 1024
    /// Above this much unsent output a connection is not read from, until half of it has gone.
    public var outputLimitBytes = 1024 * 1024
    /// Output that reaches this size is sent at once rather than at the end of the turn, while it is in the cache.
    public var earlyFlushBytes = 64 * 1024
    /// How many connections are accepted in one turn.
    public var acceptsPerTurn = 64
    /// How long accepting pauses when descriptors have run out, unless a connection closes sooner.
    public var acceptRetryMillis = 100
    /// How long a closing connection may take to send the rest of its output, and then to end its side.
    public var closeTimeoutMillis = 3000
    /// The most that is kept of one incomplete packet between servers.
    public var maxPeerKeptBytes = 64 * 1024 * 1024
    /// What counts as much unsent output between servers; at half of it, unless asked otherwise, `PeerHandler.drained`
    /// is called.
    public var peerOutputLimitBytes = 1024 * 1024
    /// Whether connections accepted from clients have TCP keep-alive.
    public var keepAlive = false

    public init() {}
}
