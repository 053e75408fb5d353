import CPlatform
import Glibc
import Jute

/// One socket: a client's, or between servers. Owned by its reactor's thread: nothing here may be touched from another
/// one, except the constants.
public final class Connection: @unchecked Sendable {
    enum State: UInt8 {
        /// Outgoing, and not yet known to be open.
        case connecting
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
    public let kind: ConnectionKind
    /// Whether this side has opened it.
    public let isOutgoing: Bool
    /// When the connection was accepted or begun, CLOCK_MONOTONIC.
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
    /// What is to be sent behind the output; while there is some, the output is not empty.
    private var backlog = OutputBacklog()
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
    /// The peer handler has asked to be told when little output is left.
    var wantsDrained = false
    /// How little that is.
    var drainedBytes = 0
    /// It is on the reactor's list of those to be told of.
    var isDrainNoted = false
    /// Nothing can be sent any more; the reason is known, and what was received is still to be read.
    var sendHasFailed = false
    var isQueued = false
    /// The handler looks at the kept bytes, so they must stay where they are even if it closes the connection.
    var isPresenting = false
    /// The handler's `closed` has been called.
    var wasReported = false
    public private(set) var isPaused = false

    init(
        id: UInt32, generation: UInt32, descriptor: Int32, peer: PeerAddress, localPort: UInt16, reactor: Reactor,
        kind: ConnectionKind = .client, isOutgoing: Bool = false
    ) {
        self.id = id
        self.generation = generation
        self.descriptor = descriptor
        self.localPort = localPort
        self.reactor = reactor
        self.kind = kind
        self.isOutgoing = isOutgoing
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
    /// check `isOpen`. Who sends by `send(copying:)` does not append here: those bytes may wait in other memory, behind
    /// these.
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
    public var pendingOutputBytes: Int { outputStorage.pointee.count - sentBytes + backlog.bytes }

    /// Whether the output exceeds the limit: the handler shall stop consuming and return; it will be called again.
    public var outputIsFull: Bool { pendingOutputBytes > reactor.options.outputLimitBytes }

    /// Bytes received and kept for lack of a whole frame, or because reading is paused.
    public var keptBytes: Int { kept.pointee.count }

    /// Unique among the connections that the reactor has had, as good as.
    public var number: UInt64 { key }

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
            if backlog.isEmpty { output.append(raw: buffer.bytes) } else { backlog.append(buffer.bytes) }
            buffer.removeAll()
        }
        markDirty()
    }

    /// Sends bytes that stay the caller's. Large ones go to the socket without being copied, when nothing is waiting
    /// before them; what the socket does not take is kept, and so is everything small until the end of the turn.
    public func send(copying bytes: UnsafeRawBufferPointer) {
        guard state == .open || state == .flushing, !bytes.isEmpty else { return }
        var rest = bytes
        if bytes.count >= Self.writtenThroughBytes && pendingOutputBytes == 0 && !isSendBlocked {
            let count = corral_send(descriptor, bytes.baseAddress!, bytes.count)
            if count > 0 {
                bytesSent &+= UInt64(count)
                rest = UnsafeRawBufferPointer(rebasing: bytes[count...])
                isSendBlocked = !rest.isEmpty
            } else if count == -Int(EAGAIN) {
                isSendBlocked = true
            }
            // Any other failure comes again at the end of the turn, where it can be told of.
        }
        guard !rest.isEmpty else { return }
        // Room may have been told of, and not been used yet: the backlog goes first.
        if isSendBlocked || !backlog.isEmpty { keep(rest) } else { output.append(raw: rest) }
        markDirty()
        if !isSendBlocked && pendingOutputBytes >= reactor.options.earlyFlushBytes {
            reactor.flush(self)
        }
    }

    /// Nobody knows how much more there will be before the socket takes some of it again.
    private func keep(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        if backlog.isEmpty {
            let room = max(0, OutputBacklog.chunkBytes - outputStorage.pointee.count)
            output.append(raw: UnsafeRawBufferPointer(rebasing: rest.prefix(room)))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(room))
        }
        if !rest.isEmpty { backlog.append(rest) }
    }

    /// From here on a system call of its own is cheaper than copying.
    private static let writtenThroughBytes = 16 * 1024

    /// Gives the socket what it takes of the output now rather than at the end of the turn.
    public func sendNow() {
        guard state == .open, !isPresenting || kind != .client else { return }
        reactor.flush(self)
    }

    /// Makes the connection fail when the peer's machine has not acknowledged sent bytes for so long. Without it a cut
    /// network is noticed after many minutes, and a healed one only when TCP next tries, at ever longer intervals.
    public func limitUnacknowledgedTime(millis: Int) {
        _ = corral_user_timeout(descriptor, UInt32(clamping: millis))
    }

    /// Asks for `PeerHandler.drained`, which comes in a later turn, once this much or less is unsent.
    ///
    /// - Parameter bytes: half of `ReactorOptions.peerOutputLimitBytes` unless given.
    public func notifyWhenDrained(to bytes: Int? = nil) {
        precondition(kind != .client, "only connections between servers report it")
        wantsDrained = true
        drainedBytes = bytes ?? reactor.options.peerOutputLimitBytes / 2
        reactor.noteIfDrained(self)
    }

    /// From here on exchanging memory is cheaper than copying.
    private static let exchangedBytes = 4096

    /// Tells the reactor that there is output to send at the end of the turn.
    public func markDirty() {
        if isDirty || state == .closed || state == .lingering { return }
        isDirty = true
        reactor.dirty.append(key)
    }

    /// Whether the peer has ended its side, or the connection is broken, even if reading is paused or there is input
    /// left. A system call.
    public var peerHasEnded: Bool {
        state == .closed || hasEnded || corral_peer_has_ended(descriptor) != 0
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
        guard state == .open || ((state == .flushing || state == .connecting) && !afterFlush) else { return }
        if afterFlush {
            self.reason = reason
            state = .flushing
            reactor.beginClosing(self)
            markDirty()
        } else {
            if state != .flushing { self.reason = reason }
            reactor.finish(self)
        }
    }

    func countReceived(_ bytes: Int) { bytesReceived &+= UInt64(bytes) }

    /// Sends what the socket takes.
    ///
    /// - Returns: false when the connection has failed; `reason` says why.
    func send() -> Bool {
        if isSendBlocked { return true }
        while true {
            let pending = outputStorage.pointee.count - sentBytes
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
                if backlog.isEmpty { return true }
                backlog.takeFirst(into: outputStorage)
                continue
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
    }

    /// Forgets what is unsent.
    func dropOutput() {
        sentBytes = 0
        reactor.pool.takeBack(outputStorage)
        backlog.removeAll()
    }

    /// Gives all memory back that is not being looked at.
    func releaseBuffers() {
        dropOutput()
        if !isPresenting { reactor.pool.takeBack(kept) }
    }
}
