import DataTree
import Jute
import ZooKeeperProtocol

/// One client connection's state above the socket. Owned by its front's thread; the core touches the fields marked so.
public final class ClientConnection: @unchecked Sendable {
    enum State {
        /// Nothing received yet but, perhaps, part of a handshake or an administrative word.
        case handshake
        /// The handshake is in the pipeline.
        case connecting
        case established
        /// Nothing more is read; what is queued still leaves.
        case closing
        case closed
    }

    /// Names this connection in the watch table.
    public let watcher: WatcherID
    public let link: any ClientLink
    /// Outlives its connections.
    unowned(unsafe) let front: Front
    @exclusivity(unchecked) var state = State.handshake
    public internal(set) var session: Session?
    public internal(set) var credentials: Credentials
    /// Old clients leave the read-only byte out of the handshake, and expect none back.
    var sendsReadOnlyByte = false
    /// Replies and notifications not yet handed to the link.
    @exclusivity(unchecked) var output = WireBuffer()
    @exclusivity(unchecked) var isDirty = false
    /// Stopped for back-pressure; the front resumes it.
    var isThrottled = false
    /// Bytes added since the link's output became full.
    @exclusivity(unchecked) var unreadOutputBytes = 0
    /// Bytes of an oversized frame still to be dropped.
    var skipBytes = 0

    /// What waits behind the session's own writes, in request order: entries of a 4-byte length and the frame. Length
    /// zero stands for a write whose reply has not come. The core's thread owns it.
    @exclusivity(unchecked) var waiting = WireBuffer()
    @exclusivity(unchecked) var waitingHead = 0
    /// The session that the core has attached this connection to, known before the front hears of it. The core's
    /// thread owns it.
    var attachedSession: Session?
    /// Whether its reads may be waiting for room in its output: it is on the core's list of such. The core's thread
    /// owns it.
    var isStalled = false
    /// Set once the core knows that the connection has ended. The core's thread owns it.
    var isGone = false
    /// Set once the session is known to have moved to another server: what is asked here is answered no more. The
    /// core's thread owns it.
    var isLeftBehind = false
    /// Requests received and not answered; while there are some, every further one takes its place behind them.
    @exclusivity(unchecked) public internal(set) var outstanding = 0

    // For `cons`: plain counters, written on the front's thread.
    @exclusivity(unchecked) public internal(set) var statistics = ConnectionStatistics()

    init(watcher: WatcherID, link: any ClientLink, front: Front, wallMillis: Int64) {
        self.watcher = watcher
        self.link = link
        self.front = front
        credentials = Credentials([Identity(scheme: "ip", id: link.remoteHost)])
        statistics.establishedWallMillis = wallMillis
    }

    /// Forgets the counters (`crst`). With the tree quiet only.
    public func resetStatistics() { statistics.reset() }

    /// Whether what the client sends is being read: not while its handshake or its word is worked on, nor under
    /// back-pressure. With the tree quiet only.
    public var isReading: Bool { (state == .handshake || state == .established) && !isThrottled }

    var hasWaiting: Bool { waitingHead < waiting.count }
}

/// What `cons` shows of a connection.
public struct ConnectionStatistics: Sendable {
    public var establishedWallMillis: Int64 = 0
    public var received: Int64 = 0
    public var sent: Int64 = 0
    public var lastOpcode: Int32 = 0
    public var lastXid: Int32 = 0
    public var lastZxid: Int64 = 0
    public var lastResponseWallMillis: Int64 = 0
    public var lastLatencyMillis: Int64 = 0
    public var minLatencyMillis: Int64 = 0
    public var maxLatencyMillis: Int64 = 0
    public var latencySumMillis: Int64 = 0
    public var latencyCount: Int64 = 0

    mutating func recordReply(opcode: Int32, xid: Int32, zxid: Int64, latencyMillis: Int64) {
        sent += 1
        lastOpcode = opcode
        lastXid = xid
        lastZxid = zxid
        lastLatencyMillis = latencyMillis
        if latencyCount == 0 || latencyMillis < minLatencyMillis { minLatencyMillis = latencyMillis }
        if latencyMillis > maxLatencyMillis { maxLatencyMillis = latencyMillis }
        latencySumMillis += latencyMillis
        latencyCount += 1
    }

    /// `crst` forgets everything but when the connection began.
    mutating func reset() {
        let established = establishedWallMillis
        self = ConnectionStatistics()
        establishedWallMillis = established
    }
}
