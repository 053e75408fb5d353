import CPlatform
import Glibc
import Jute
import RequestQueue
import Testing

@testable import Transport

/// A thread of its own, joined by the test.
final class TestThread: @unchecked Sendable {
    private var handle = pthread_t()
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
        let context = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &handle, nil,
            { argument in
                Unmanaged<TestThread>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, context)
        precondition(code == 0, "pthread_create: \(code)")
    }

    func join() { pthread_join(handle, nil) }
}

/// Waits until a condition holds; false when it does not within the time.
func eventually(withinMillis millis: UInt64 = 20_000, _ condition: () -> Bool) -> Bool {
    let deadline = corral_monotonic_nanos() + millis * 1_000_000
    while !condition() {
        if corral_monotonic_nanos() > deadline { return false }
        usleep(200)
    }
    return true
}

/// Work for a reactor's thread, sent from a test.
final class Job: @unchecked Sendable {
    let body: (FrameHandler) -> Void
    init(_ body: @escaping (FrameHandler) -> Void) { self.body = body }
}

/// What a handler saw, readable by the test's thread.
struct Sightings {
    var accepted = 0
    var closed: [CloseReason] = []
    var frames = 0
    var bytesSeen = 0
    var turns = 0
    var ticks = 0
    var refusedReads = 0
    var mostPendingOutput = 0
    var mostReceivedInTurn: UInt64 = 0
    var acceptErrors: [TransportError] = []
    /// Broken promises of the reactor.
    var violations: [String] = []
}

/// Echoes frames of four bytes length and payload, or does with them what the test says; checks the order of the calls.
///
/// Owned by its reactor's thread, but for `sightings` and `inbox`.
final class FrameHandler: ReactorHandler, @unchecked Sendable {
    let sightings = LockedValue(Sightings())
    private(set) var inbox: BatchQueue<Job>!
    private(set) var reactor: Reactor!
    var connections: [UInt32: Connection] = [:]
    /// What to do with a frame's payload.
    var onFrame: (Connection, UnsafeRawBufferPointer) -> Void = { connection, payload in
        connection.output.append(buffer: payload)
        connection.markDirty()
    }
    var onAccept: (Connection) -> Bool = { _ in true }
    var onTick: () -> Void = {}
    var onMayRead: (Connection) -> Bool = { _ in true }
    private var isInTurn = false
    private var receivedBefore: [UInt32: UInt64] = [:]

    func attach(_ reactor: Reactor) {
        self.reactor = reactor
        inbox = BatchQueue(capacity: 1024, wakeUp: reactor.wakeUp)
    }

    /// Runs something on the reactor's thread.
    func perform(_ body: @escaping (FrameHandler) -> Void) {
        let job = Job(body)
        while !inbox.tryPush(job) { sched_yield() }
    }

    private func require(_ condition: Bool, _ what: String) {
        if !condition { sightings.withLock { $0.violations.append(what) } }
    }

    func turnWillBegin() {
        require(!isInTurn, "a turn begins within a turn")
        isInTurn = true
        receivedBefore = connections.mapValues { $0.bytesReceived }
        sightings.withLock { $0.turns += 1 }
    }

    func drainInbox() {
        require(isInTurn, "drainInbox outside of a turn")
        inbox.popAll { $0.body(self) }
    }

    var inboxIsEmpty: Bool { inbox.isEmpty }

    func accepted(_ connection: Connection) -> Bool {
        require(isInTurn, "accepted outside of a turn")
        require(connections[connection.id] == nil, "an id is used twice")
        guard onAccept(connection) else { return false }
        connections[connection.id] = connection
        sightings.withLock { $0.accepted += 1 }
        return true
    }

    func mayRead(_ connection: Connection) -> Bool {
        let may = onMayRead(connection)
        if !may { sightings.withLock { $0.refusedReads += 1 } }
        return may
    }

    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int {
        require(isInTurn, "receive outside of a turn")
        require(connection.isOpen && !connection.isPaused, "receive from a paused or closed connection")
        require(!bytes.isEmpty, "receive without bytes")
        require(connections[connection.id] === connection, "receive from a stranger")
        sightings.withLock { $0.bytesSeen = max($0.bytesSeen, Int(connection.bytesReceived)) }
        var reader = JuteReader(bytes)
        var consumed = 0
        while connection.isOpen, !connection.isPaused, !connection.outputIsFull,
            let payload = try? reader.readBuffer()
        {
            consumed = bytes.count - reader.remaining
            sightings.withLock { $0.frames += 1 }
            onFrame(connection, payload)
        }
        return consumed
    }

    func closed(_ connection: Connection, reason: CloseReason) {
        require(isInTurn, "closed outside of a turn")
        require(connections[connection.id] === connection, "closed twice, or a stranger")
        require(!connection.isOpen, "closed while open")
        connections[connection.id] = nil
        sightings.withLock { $0.closed.append(reason) }
    }

    func turnDidEnd() {
        require(isInTurn, "a turn ends that has not begun")
        isInTurn = false
        sightings.withLock { seen in
            for connection in connections.values {
                seen.mostPendingOutput = max(seen.mostPendingOutput, connection.pendingOutputBytes)
                let before = receivedBefore[connection.id] ?? 0
                seen.mostReceivedInTurn = max(seen.mostReceivedInTurn, connection.bytesReceived - before)
            }
        }
    }

    func tick(nowNanos: UInt64) {
        require(isInTurn, "tick outside of a turn")
        sightings.withLock { $0.ticks += 1 }
        onTick()
    }

    func acceptingPaused(_ error: TransportError) {
        sightings.withLock { $0.acceptErrors.append(error) }
    }

    var seen: Sightings { sightings.withLock { $0 } }
}

/// A reactor with its handler and thread, listening on the loopback; stops and checks for violations at `finish`.
final class RunningReactor: @unchecked Sendable {
    let handler = FrameHandler()
    let reactor: Reactor
    let port: UInt16
    private var thread: TestThread?

    init(
        options: ReactorOptions = ReactorOptions(), others: [RunningReactor] = [], listens: Bool = true,
        setUp: (FrameHandler) -> Void = { _ in }
    ) throws {
        reactor = try Reactor(handler: handler, options: options)
        handler.attach(reactor)
        port = listens ? try reactor.listen(address: "127.0.0.1", port: 0) : 0
        reactor.shareAccepted(among: others.map(\.reactor))
        setUp(handler)
        let reactor = reactor
        thread = TestThread { reactor.run() }
    }

    func finish() {
        reactor.stop()
        thread?.join()
        thread = nil
        #expect(handler.seen.violations == [])
        #expect(handler.connections.isEmpty)
        #expect(reactor.connectionCount == 0)
        #expect(handler.seen.closed.count == handler.seen.accepted)
    }
}

/// A blocking client socket with a time limit on every call.
final class Client: @unchecked Sendable {
    struct Failure: Error { let errno: Int32 }

    let descriptor: Int32

    /// - Parameter receiveBufferBytes: what the kernel keeps for a client that does not read; nil lets it grow, to tens
    ///   of megabytes in the end.
    init(port: UInt16, receiveBufferBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(errno: errno) }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        if var size = receiveBufferBytes { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let code = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(errno: errno) }
    }

    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { Glibc.close(descriptor) }

    /// Sends all of it; false when the connection fails.
    @discardableResult
    func send(_ bytes: some Sequence<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// Exactly `count` bytes; fewer when the stream ends or fails.
    func receive(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { space, filled in
            filled = 0
            while filled < count {
                let received = recv(descriptor, space.baseAddress! + filled, count - filled, 0)
                if received <= 0 { break }
                filled += received
            }
        }
    }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Whether the peer ends its stream in order, with nothing before it.
    func seesEnd() -> Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, 0) == 0
    }

    /// Makes the closing of this socket a reset.
    func resetWhenClosed() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }
}

/// A frame whose payload is a recognizable pattern.
func frame(_ size: Int, stamp: Int) -> [UInt8] {
    let length = withUnsafeBytes(of: UInt32(size).bigEndian) { Array($0) }
    return length + (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ stamp) }
}
