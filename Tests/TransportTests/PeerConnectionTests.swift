import CPlatform
import Glibc
import Jute
import RequestQueue
import Testing

@testable import Transport

/// Connections between servers, as `PeerHandler` sees them; echoes what it gets unless told otherwise.
///
/// Owned by its reactor's thread, but for `sightings`.
final class PeerSightings: PeerHandler, @unchecked Sendable {
    struct Seen {
        var accepted: [ConnectionKind] = []
        var connected = 0
        var closed: [CloseReason] = []
        var received: [UInt8] = []
        var drained = 0
        var deadlines: [UInt64] = []
    }

    let sightings = LockedValue(Seen())
    var connections: [Connection] = []
    var onConnected: (Connection) -> Void = { _ in }
    var onReceive: (UnsafeRawBufferPointer, Connection) -> Int = { bytes, connection in
        connection.send(copying: bytes)
        return bytes.count
    }
    var onDeadline: (UInt64) -> Void = { _ in }
    var accepts = true

    var seen: Seen { sightings.withLock { $0 } }

    func drainInbox() {}
    var inboxIsEmpty: Bool { true }

    func accepted(_ connection: Connection) -> Bool {
        guard accepts else { return false }
        connections.append(connection)
        sightings.withLock { $0.accepted.append(connection.kind) }
        return true
    }

    func connected(_ connection: Connection) {
        connections.append(connection)
        sightings.withLock { $0.connected += 1 }
        onConnected(connection)
    }

    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int {
        let copy = Array(bytes)
        let count = onReceive(bytes, connection)
        sightings.withLock { $0.received += copy.prefix(count) }
        return count
    }

    func closed(_ connection: Connection, reason: CloseReason) {
        connections.removeAll { $0 === connection }
        sightings.withLock { $0.closed.append(reason) }
    }

    func drained(_ connection: Connection) { sightings.withLock { $0.drained += 1 } }

    func deadlinePassed(nowNanos: UInt64) {
        sightings.withLock { $0.deadlines.append(nowNanos) }
        onDeadline(nowNanos)
    }
}

@Suite("Connections between servers", .serialized, .timeLimit(.minutes(2)))
struct PeerConnectionTests {
    /// A reactor that also serves peers, with a tick too slow to help anything.
    private func run(
        options: ReactorOptions? = nil, _ body: (RunningReactor, PeerSightings) throws -> Void
    ) throws {
        var slow = ReactorOptions()
        slow.tickMillis = 60_000
        let peers = PeerSightings()
        let server = try RunningReactor(options: options ?? slow) { $0.reactor.peerHandler = peers }
        defer { server.finish() }
        try body(server, peers)
    }

    /// Runs something on the reactor's thread, and waits for it.
    private func perform<Result>(
        _ server: RunningReactor, _ body: @escaping (Reactor) throws -> Result
    ) throws -> Result {
        let result = LockedValue<Swift.Result<Result, any Error>?>(nil)
        server.handler.perform { handler in
            nonisolated(unsafe) let outcome = Swift.Result { try body(handler.reactor) }
            result.withLock { $0 = outcome }
        }
        #expect(eventually { result.withLock { $0 != nil } })
        return try result.withLock { try $0!.get() }
    }

    private static let loopback = PeerAddress(numeric: "127.0.0.1", port: 0)!

    @Test("each kind of listener makes its kind of connection; clients are counted alone")
    func kinds() throws {
        try run { server, peers in
            let ports = try perform(server) { reactor in
                try [ConnectionKind.election, .quorum].map {
                    try reactor.listen(for: $0, at: Self.loopback, keepAlive: true).port
                }
            }
            let election = try Client(port: ports[0])
            #expect(eventually { peers.seen.accepted == [.election] })
            let quorum = try Client(port: ports[1])
            #expect(eventually { peers.seen.accepted == [.election, .quorum] })
            let client = try Client(port: server.port)
            client.send(frame(20, stamp: 1))
            #expect(client.receive(24) == frame(20, stamp: 1))
            quorum.send([1, 2, 3])
            #expect(quorum.receive(3) == [1, 2, 3])
            #expect(server.reactor.connectionCount == 1)
            let options = try perform(server) { _ in
                peers.connections.map { connection in
                    [(SOL_SOCKET, SO_KEEPALIVE), (Int32(IPPROTO_TCP), TCP_NODELAY)].allSatisfy { level, name in
                        var value: Int32 = 0
                        var size = socklen_t(4)
                        getsockopt(connection.descriptor, level, name, &value, &size)
                        return value != 0
                    }
                }
            }
            #expect(options == [true, true], "keep-alive or no-delay is off")
            withExtendedLifetime(election) {}
        }
    }

    @Test("an outgoing connection opens, sends at once, and ends")
    func connects() throws {
        try run { server, peers in
            peers.onConnected = { connection in
                Array("hello".utf8).withUnsafeBytes { connection.send(copying: $0) }
            }
            peers.onReceive = { bytes, connection in
                if connection.isOutgoing == false { connection.send(copying: bytes) }
                return bytes.count
            }
            let port = try perform(server) { try $0.listen(for: .election, at: Self.loopback, keepAlive: false).port }
            try perform(server) { reactor in
                let connection = reactor.connect(
                    to: Self.loopback.with(port: port), kind: .election, timeoutMillis: 1000)
                #expect(!connection.isOpen && connection.isOutgoing)
            }
            // To itself: one end has connected, the other one echoes.
            #expect(eventually { peers.seen.connected == 1 && peers.seen.accepted == [.election] })
            #expect(eventually { peers.seen.received == Array("hellohello".utf8) })
            try perform(server) { _ in
                peers.connections[1].close(afterFlush: false, reason: .requested("enough"))
            }
            #expect(eventually { peers.seen.closed.count == 2 })
            #expect(server.reactor.connectionCount == 0)
        }
    }

    @Test("a socket that has got hold of its own port counts as refused")
    func connectedToItself() {
        // The kernel does this by chance where nobody listens on a port from which it serves outgoing connections.
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isConnected = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(socket, raw, size) == 0 && getsockname(socket, raw, &size) == 0 && connect(socket, raw, size) == 0
            }
        }
        #expect(isConnected)
        #expect(corral_connected(socket) == -ECONNREFUSED)
    }

    @Test("refused, unreachable and given up: told once, with the reason, never within the call")
    func failures() throws {
        try run { server, peers in
            let free = try perform(server) { reactor in
                let listener = try reactor.listen(for: .quorum, at: Self.loopback, keepAlive: false)
                try listener.setListening(false)
                return listener.port
            }
            try perform(server) { reactor in
                _ = reactor.connect(to: Self.loopback.with(port: free), kind: .quorum, timeoutMillis: 1000)
                #expect(peers.seen.closed.isEmpty)
            }
            #expect(eventually { peers.seen.closed == [.connectFailed(errno: ECONNREFUSED)] })
            #expect(peers.seen.closed[0].isRefusal)
            try perform(server) { reactor in
                // Not an address that anyone can connect to.
                let broadcast = PeerAddress(numeric: "255.255.255.255", port: 9)!
                _ = reactor.connect(to: broadcast, kind: .quorum, timeoutMillis: 1000)
                #expect(peers.seen.closed.count == 1)
            }
            #expect(eventually { peers.seen.closed.count == 2 })
            try perform(server) { reactor in
                let connection = reactor.connect(
                    to: Self.loopback.with(port: free), kind: .quorum, timeoutMillis: 1000)
                connection.close(afterFlush: false, reason: .requested("not needed"))
            }
            #expect(eventually { peers.seen.closed.count == 3 })
            #expect(peers.seen.closed[2] == .requested("not needed"))
            #expect(peers.seen.connected == 0)
        }
    }

    @Test("nobody answers: the attempt ends in time, without a tick")
    func timesOut() throws {
        // A listener whose queue is full answers no more.
        let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listens = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(silent, $0, size) == 0 && listen(silent, 0) == 0 && getsockname(silent, $0, &size) == 0
            }
        }
        try #require(listens)
        defer { Glibc.close(silent) }
        let port = UInt16(bigEndian: address.sin_port)
        let first = try Client(port: port)
        try run { server, peers in
            let begin = corral_monotonic_nanos()
            try perform(server) { reactor in
                for _ in 0..<3 {
                    _ = reactor.connect(to: Self.loopback.with(port: port), kind: .election, timeoutMillis: 150)
                }
            }
            #expect(eventually { peers.seen.closed.contains(.connectTimedOut) })
            let millis = (corral_monotonic_nanos() - begin) / 1_000_000
            #expect((150..<5000).contains(millis))
        }
        withExtendedLifetime(first) {}
    }

    @Test("a switched-off listener refuses and keeps its port; switched on again it takes connections")
    func switching() throws {
        try run { server, peers in
            let listener = LockedValue<PeerListener?>(nil)
            let port = try perform(server) { reactor in
                let made = try reactor.listen(for: .quorum, at: Self.loopback, keepAlive: false, listens: false)
                nonisolated(unsafe) let kept = made
                listener.withLock { $0 = kept }
                return made.port
            }
            for round in 1...3 {
                #expect(throws: Client.Failure.self) { try Client(port: port) }
                try perform(server) { _ in try listener.withLock { try $0!.setListening(true) } }
                let client = try Client(port: port)
                #expect(eventually { peers.seen.accepted.count == round })
                try perform(server) { _ in try listener.withLock { try $0!.setListening(false) } }
                client.send([UInt8(round)])
                #expect(client.receive(1) == [UInt8(round)], "its connections live on")
            }
            listener.withLock { $0 = nil }
        }
    }

    @Test("deadlines are kept to the millisecond, called once each, and cost no turns before")
    func deadlines() throws {
        try run { server, peers in
            let asked = try perform(server) { reactor in
                let now = corral_monotonic_nanos()
                peers.onDeadline = { nanos in
                    if peers.seen.deadlines.count < 5 { reactor.wakePeerHandler(atNanos: nanos + 10_000_000) }
                }
                reactor.wakePeerHandler(atNanos: now + 10_000_000)
                return now
            }
            #expect(eventually { peers.seen.deadlines.count == 5 })
            let turns = server.handler.seen.turns
            usleep(200_000)
            let seen = peers.seen.deadlines
            #expect(seen.count == 5)
            #expect(server.handler.seen.turns - turns <= 1)
            for (index, nanos) in seen.enumerated() {
                #expect(nanos >= asked + UInt64(index + 1) * 10_000_000, "deadline \(index) came early")
            }
            // Machines stall; five steps of 10 ms all the same do not take as long as one tick.
            #expect(seen[4] - asked < 5_000_000_000)
        }
    }

    @Test("two that send to each other without end and read nothing of it in between do not stop each other")
    func noMutualBlock() throws {
        var options = ReactorOptions()
        options.outputLimitBytes = 64 * 1024
        options.peerOutputLimitBytes = 64 * 1024
        try run(options: options) { server, peers in
            let total = 8 << 20
            let port = try perform(server) { try $0.listen(for: .quorum, at: Self.loopback, keepAlive: false).port }
            peers.onReceive = { bytes, _ in bytes.count }
            try perform(server) { reactor in
                _ = reactor.connect(to: Self.loopback.with(port: port), kind: .quorum, timeoutMillis: 1000)
            }
            #expect(eventually { peers.seen.connected == 1 && peers.seen.accepted.count == 1 })
            try perform(server) { _ in
                let block = [UInt8](repeating: 7, count: total)
                for connection in peers.connections { block.withUnsafeBytes { connection.send(copying: $0) } }
            }
            #expect(eventually { peers.seen.received.count == 2 * total })
        }
    }

    @Test("what a peer does not read for long arrives whole and in order, in whatever pieces it was sent")
    func longBacklog() throws {
        try run { server, peers in
            let port = try perform(server) { try $0.listen(for: .quorum, at: Self.loopback, keepAlive: false).port }
            peers.onReceive = { bytes, _ in bytes.count }
            try perform(server) { reactor in
                _ = reactor.connect(to: Self.loopback.with(port: port), kind: .quorum, timeoutMillis: 1000)
            }
            #expect(eventually { peers.seen.connected == 1 && peers.seen.accepted.count == 1 })
            // 24 MB, in pieces below and above those that the backlog is made of.
            var expected: [UInt8] = []
            var pieces: [Range<Int>] = []
            for size in [1, 100, 70_000, 300_000, 262_144, 262_143, 1_048_577, 5000] where expected.count < 24 << 20 {
                for _ in 0..<12 {
                    pieces.append(expected.count..<expected.count + size)
                    expected += (0..<size).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ (expected.count >> 8) ^ size) }
                }
            }
            try perform(server) { _ in
                let sender = peers.connections.first { $0.isOutgoing }!
                let reader = peers.connections.first { !$0.isOutgoing }!
                reader.pauseReading()
                expected.withUnsafeBytes { bytes in
                    for piece in pieces { sender.send(copying: UnsafeRawBufferPointer(rebasing: bytes[piece])) }
                }
                #expect(sender.pendingOutputBytes > expected.count / 2)
                sender.notifyWhenDrained(to: 0)
                reader.resumeReading()
            }
            #expect(eventually { peers.seen.received.count == expected.count && peers.seen.drained == 1 })
            // Not compared within the expectation, which would look for the difference of megabytes.
            let isWhole = peers.seen.received == expected
            #expect(isWhole)
            try perform(server) { _ in
                let sender = peers.connections.first { $0.isOutgoing }!
                #expect(sender.pendingOutputBytes == 0)
                // Nothing of the backlog is left behind in what comes next.
                [1, 2, 3].withUnsafeBytes { sender.send(copying: $0) }
            }
            #expect(eventually { peers.seen.received.count == expected.count + 24 })
        }
    }

    /// Room is noted at the beginning of a turn and used at its end: what is sent between the two goes behind the
    /// backlog all the same.
    @Test("what is sent while a backlog goes out comes behind it")
    func sendingBehindABacklog() throws {
        try run { server, peers in
            let port = try perform(server) { try $0.listen(for: .quorum, at: Self.loopback, keepAlive: false).port }
            try perform(server) { reactor in
                _ = reactor.connect(to: Self.loopback.with(port: port), kind: .quorum, timeoutMillis: 1000)
            }
            #expect(eventually { peers.seen.connected == 1 && peers.seen.accepted.count == 1 })
            let expected = (0..<20 << 20).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ ($0 >> 8)) }
            try perform(server) { _ in
                let sender = peers.connections.first { $0.isOutgoing }!
                let reader = peers.connections.first { !$0.isOutgoing }!
                var sent = 0
                func send(_ count: Int) {
                    let piece = sent..<min(sent + count, expected.count)
                    expected.withUnsafeBytes { sender.send(copying: UnsafeRawBufferPointer(rebasing: $0[piece])) }
                    sent = piece.upperBound
                }
                reader.pauseReading()
                send(16 << 20)
                #expect(sender.pendingOutputBytes > 4 << 20)
                // Both ends have one reactor: it hears of the room that the reader made, and has the reader read on,
                // in one turn.
                peers.onReceive = { bytes, _ in
                    send(bytes.count / 4)
                    return bytes.count
                }
                reader.resumeReading()
            }
            #expect(eventually { peers.seen.received.count == expected.count })
            // Not compared within the expectation, which would look for the difference of megabytes.
            let isWhole = peers.seen.received == expected
            #expect(isWhole)
        }
    }

    @Test("a backlog is cut into pieces of one size; what it gives back is what it was given")
    func backlogPieces() {
        var backlog = OutputBacklog()
        let bytes = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 >> 5) }
        bytes.withUnsafeBytes { all in
            backlog.append(UnsafeRawBufferPointer(rebasing: all[..<10]))
            backlog.append(UnsafeRawBufferPointer(rebasing: all[10...]))
        }
        #expect(backlog.bytes == bytes.count && !backlog.isEmpty)
        let buffer = UnsafeMutablePointer<WireBuffer>.allocate(capacity: 1)
        defer { buffer.deallocate() }
        var given: [UInt8] = []
        var sizes: [Int] = []
        while !backlog.isEmpty {
            buffer.initialize(to: WireBuffer())
            backlog.takeFirst(into: buffer)
            given += Array(buffer.pointee.bytes)
            sizes.append(buffer.pointee.count)
            buffer.deinitialize(count: 1)
        }
        #expect(sizes == [262_144, 262_144, 175_712] && given == bytes && backlog.bytes == 0)
        bytes.withUnsafeBytes { backlog.append($0) }
        backlog.removeAll()
        #expect(backlog.isEmpty && backlog.bytes == 0)
    }

    @Test("addresses: digits are read as such, names are not, resolving gives both kinds")
    func addresses() throws {
        #expect(PeerAddress(numeric: "::1", port: 5)?.description == "[::1]:5")
        #expect(PeerAddress(numeric: "::ffff:10.0.0.1", port: 5)?.description == "10.0.0.1:5")
        #expect(PeerAddress(numeric: "localhost", port: 5) == nil)
        #expect(PeerAddress(numeric: "0.0.0.0", port: 0)!.isWildcard && PeerAddress(numeric: "::", port: 0)!.isWildcard)
        #expect(!PeerAddress(numeric: "::1", port: 0)!.isWildcard)
        let found = try PeerAddress.resolve(host: "localhost", port: 77)
        #expect(!found.isEmpty && found.allSatisfy { $0.isLoopback && $0.port == 77 })
        #expect(Set(found).count == found.count)
        #expect(throws: TransportError.self) { try PeerAddress.resolve(host: "no-such-host.invalid", port: 1) }
    }
}
