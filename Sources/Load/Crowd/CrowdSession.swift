import Jute

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One session of a crowd: its connection, while it has one, and what is to be sent. Used from its crowd's thread.
final class CrowdSession {
    enum Stage {
        /// No connection, and none is wanted.
        case closed
        /// An attempt begins at `wakeNanos`.
        case waiting
        case connecting
        case attaching
        case open
    }

    let index: Int
    var stage = Stage.closed
    var descriptor: Int32 = -1
    /// Tells events of this connection from those of the one before.
    var generation: UInt32 = 0
    /// The server that has it, or that the next attempt goes to.
    var server: Int
    var session: OpenedSession
    var lastZxid: Int64 = 0
    /// When the next attempt begins, or the one under way is given up.
    var wakeNanos: UInt64 = 0
    /// When the attempt that led to this connection began.
    var attemptNanos: UInt64 = 0
    /// Attempts that failed since it had a connection.
    var failures = 0
    var lastSendNanos: UInt64 = 0
    var output = WireBuffer()
    /// It is being closed: the server ends the connection.
    var isEnding = false
    /// The socket takes no more at the moment.
    var isBlocked = false
    /// An incomplete frame left from the last read.
    var carry: [UInt8] = []
    private(set) var nextXid: Int32 = 1
    var expectedXid: Int32 = 1

    init(index: Int, server: Int, timeoutMillis: Int32) {
        self.index = index
        self.server = server
        session = .none(timeoutMillis: timeoutMillis)
    }

    /// Requests whose replies are to come, those not sent yet among them.
    var outstanding: Int { Int(nextXid - expectedXid) }

    /// Takes a request up; `Crowd.flush` sends it.
    ///
    /// - Returns: its xid.
    @discardableResult
    func queue(_ request: CrowdRequest) -> Int32 {
        let xid = nextXid
        nextXid += 1
        append(request, xid: xid)
        return xid
    }

    /// The same with eight bytes of its frame replaced.
    func queue(_ request: CrowdRequest, with number: UInt64, at offset: Int) {
        let start = output.count
        queue(request)
        output.patch(int64: Int64(bitPattern: number), at: start + offset)
    }

    /// A request with an xid of the protocol's own.
    func queueReserved(_ request: CrowdRequest) {
        request.frame.withUnsafeBytes { output.append(raw: $0) }
    }

    private func append(_ request: CrowdRequest, xid: Int32) {
        let start = output.count
        request.frame.withUnsafeBytes { output.append(raw: $0) }
        output.patch(int32: xid, at: start + CrowdRequest.xidOffset)
    }

    /// Requests that were out are of an unknown outcome; whoever sent them learns it from the loss.
    func forgetConnection() {
        descriptor = -1
        output.removeAll()
        isBlocked = false
        isEnding = false
        carry.removeAll(keepingCapacity: true)
        expectedXid = nextXid
    }
}
