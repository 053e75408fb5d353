import CSystem
import Glibc
import Jute

/// One client's socket. Owned by its reactor's thread: nothing here may be touched from another one, except the
/// constants.
public final class Connection: @unchecked Sendable {
    enum State: UInt8 {
        /// Reads and writes.
        case open
        /// Reads no more; closes once the output is sent.
        case flushing
        /// Everything is sent and our side ended; waits for the peer to end its own, so that unread bytes do not turn
        /// into a reset which would destroy the last reply on its way.
        case lingering
        case closed
    }

    /// A small number, unique among the reactor's open connections and used again after the connection is closed.
    public let id: UInt32
    /// Differs between connections that have had the same `id`.
    public let generation: UInt32
    public let peerAddress: PeerAddress
    /// The port of this server that the peer is connected to.
    public let localPort: UInt16
    /// When the connection was accepted, CLOCK_MONOTONIC.
    public let acceptedNanos: UInt64

    /// The handler's own.
    public var context: AnyObject?
    public private(set) var bytesReceived: UInt64 = 0
    public private(set) var bytesSent: UInt64 = 0
    /// Counted by the handler: only it knows what a packet is.
    public var packetsReceived: UInt64 = 0
    public var packetsSent: UInt64 = 0

    /// Valid as long as the connection is not closed: the reactor closes its connections before it goes.
    unowned(unsafe) let reactor: Reactor
    @usableFromInline let outputStorage: UnsafeMutablePointer<WireBuffer>
    /// Bytes at the front of the output that have been sent.
    private var sentBytes = 0
    /// Received bytes that the handler has not consumed.
    let kept: UnsafeMutablePointer<WireBuffer>

    var descriptor: Int32
    var state = State.open
    var reason = CloseReason.peerClosed
    /// When a flushing or lingering connection is given up, CLOCK_MONOTONIC.
    var closeDeadlineNanos: UInt64 = .max
    /// The edge told of bytes that are not yet read.
    var isReadable = false
    /// The edge told that the peer has ended its stream, or worse: read until the end.
    var hasEnded = false
    /// The kept bytes may hold whole frames, because the handler stopped for another reason than running out of bytes.
    var mustPresentAgain = false
    /// A send was short: no more until the edge tells of room.
    var isSendBlocked = false
    /// Too much output is unsent, so nothing is read.
    var isBacklogged = false
    var isDirty = false
    var isQueued = false
    /// The handler looks at the kept bytes, so they must stay where they are even if it closes the connection.
    var isPresenting = false
    /// The handler's `closed` has been called.
    var wasReported = false
    public private(set) var isPaused = false

    init(
        id: UInt32, generation: UInt32, descriptor: Int32, peer: PeerAddress, localPort: UInt16, reactor: Reactor
    ) {
        self.id = id
        self.generation = generation
        self.descriptor = descriptor
        self.localPort = localPort
        self.reactor = reactor
        peerAddress = peer
        acceptedNanos = reactor.nowNanos
        outputStorage = .allocate(capacity: 1)
        outputStorage.initialize(to: WireBuffer())
        kept = .allocate(capacity: 1)
        kept.initialize(to: WireBuffer())
    }

    deinit {
        outputStorage.deinitialize(count: 1)
        outputStorage.deallocate()
        kept.deinitialize(count: 1)
        kept.deallocate()
    }

    /// Where the handler appends what shall be sent at the end of the turn. The memory comes from the reactor's pool at
    /// the first append and returns to it when everything is sent. The front may still hold earlier, unsent bytes
    /// (or sent ones), so remember offsets only within one call. What is appended to a closed connection is never sent:
    /// check `isOpen`.
    @inlinable
    public var output: WireBuffer {
        _read { yield outputStorage.pointee }
        _modify {
            if outputStorage.pointee.capacity == 0 { lendOutput() }
            yield &outputStorage.pointee
        }
    }

    @usableFromInline
    func lendOutput() {
        guard state != .closed else { return }
        reactor.pool.lend(to: outputStorage)
        // So output is sent even if the handler forgets to say so, and the memory returns even if nothing is appended.
        markDirty()
    }

    /// Whether the handler can still send something.
    public var isOpen: Bool { state == .open }

    public var isLoopback: Bool { peerAddress.isLoopback }

    /// Output not yet given to the kernel.
    public var pendingOutputBytes: Int { outputStorage.pointee.count - sentBytes }

    /// Whether the output exceeds the limit: the handler shall stop consuming and return; it will be called again.
    public var outputIsFull: Bool { pendingOutputBytes > reactor.options.outputLimitBytes }

    /// Bytes received and kept for lack of a whole frame, or because reading is paused.
    public var keptBytes: Int { kept.pointee.count }

    var key: UInt64 { UInt64(generation) << 32 | UInt64(id) }

    var mayReceive: Bool { state == .open && !isPaused && !isBacklogged }

    /// Sends bytes that the caller has gathered elsewhere, and empties its buffer. Large ones change hands without
    /// being copied: the caller gets other memory in exchange.
    public func send(_ buffer: inout WireBuffer) {
        if state != .open && state != .flushing {
            buffer.removeAll()
            return
        }
        if buffer.count >= Self.exchangedBytes && outputStorage.pointee.isEmpty {
            if outputStorage.pointee.capacity == 0 { lendOutput() }
            swap(&outputStorage.pointee, &buffer)
        } else {
            output.append(raw: buffer.bytes)
            buffer.removeAll()
        }
        markDirty()
    }

    /// From here on exchanging memory is cheaper than copying.
    private static let exchangedBytes = 4096

    /// Tells the reactor that there is output to send at the end of the turn.
    public func markDirty() {
        if isDirty || state == .closed || state == .lingering { return }
        isDirty = true
        reactor.dirty.append(key)
    }

    /// No `receive` from now on. Costs no system call.
    public func pauseReading() { isPaused = true }

    /// Receives again, in this turn or the next: first what is kept, then what arrives.
    public func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        reactor.enqueueIfReady(self)
    }

    /// Closes the connection; `receive` is not called any more. `closed` follows, in this turn or a later one.
    ///
    /// - Parameter afterFlush: whether to send the output first, within `ReactorOptions.closeTimeoutMillis`.
    public func close(afterFlush: Bool, reason: CloseReason) {
        guard state == .open || (state == .flushing && !afterFlush) else { return }
        if afterFlush {
            self.reason = reason
            state = .flushing
            reactor.beginClosing(self)
            markDirty()
        } else {
            if state == .open { self.reason = reason }
            reactor.finish(self)
        }
    }

    func countReceived(_ bytes: Int) { bytesReceived &+= UInt64(bytes) }

    /// Sends what the socket takes.
    ///
    /// - Returns: false when the connection has failed; `reason` says why.
    func send() -> Bool {
        let pending = pendingOutputBytes
        if isSendBlocked { return true }
        guard pending > 0 else {
            reactor.pool.takeBack(outputStorage)
            return true
        }
        let count = corral_send(descriptor, outputStorage.pointee.bytes.baseAddress! + sentBytes, pending)
        guard count >= 0 else {
            let code = Int32(-count)
            isSendBlocked = code == EAGAIN
            if !isSendBlocked && state == .open { reason = .from(errno: code) }
            return isSendBlocked
        }
        bytesSent &+= UInt64(count)
        if count == pending {
            sentBytes = 0
            reactor.pool.takeBack(outputStorage)
            return true
        }
        isSendBlocked = true
        sentBytes += count
        // Moving the rest down costs less than has been sent since the last time, so sending stays linear.
        if sentBytes >= 64 * 1024 && sentBytes >= outputStorage.pointee.count / 2 {
            outputStorage.pointee.removeFirst(sentBytes)
            sentBytes = 0
        }
        return true
    }

    /// Gives all memory back that is not being looked at.
    func releaseBuffers() {
        sentBytes = 0
        reactor.pool.takeBack(outputStorage)
        if !isPresenting { reactor.pool.takeBack(kept) }
    }
}
