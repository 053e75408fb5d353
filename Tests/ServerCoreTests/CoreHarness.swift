import DataTree
import Jute
import RequestQueue
import Testing
import TxnLog
import ZooKeeperProtocol

@testable import ServerCore

/// The core with its fronts, its seams in the test's hands: a clock that stands still, a log that is durable when the
/// test says so, links that keep what they are sent. Further fronts have real queues to the core and back, all pumped
/// by the test's one thread.
final class CoreHarness {
    final class Clock: CoreClock {
        var nanos: UInt64 = 1_000_000_000
        var wall: Int64 = 1_700_000_000_000
        func monotonicNanos() -> UInt64 { nanos }
        func wallMillis() -> Int64 { wall }
    }

    final class Sink: TxnSink {
        var batches: [TxnBatch] = []
        var snapshots: [Int64] = []
        func submit(_ batch: TxnBatch) { batches.append(batch) }
        func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) { snapshots.append(zxid) }
    }

    final class Link: ClientLink {
        var received: [UInt8] = []
        var isPaused = false
        var peerHasEnded = false
        var isClosed = false
        var outputLimitBytes = Int.max
        var outputIsFull: Bool { received.count > outputLimitBytes }
        let remoteHost = "127.0.0.1"
        let remotePort = 1
        func send(_ buffer: inout WireBuffer) {
            received += Array(buffer.bytes)
            buffer.removeAll()
        }
        func pauseReading() { isPaused = true }
        func resumeReading() { isPaused = false }
        func close(afterFlush: Bool) { isClosed = true }
    }

    /// One client: its connection, and what it has been sent, frame by frame.
    final class Client {
        let link = Link()
        let connection: ClientConnection
        let harness: CoreHarness
        let front: Front
        var sessionId: Int64 = 0
        var password: [UInt8] = []

        init?(_ harness: CoreHarness, front: Int = 0) {
            self.harness = harness
            self.front = harness.fronts[front]
            guard let connection = harness.fronts[front].accept(link) else { return nil }
            self.connection = connection
        }

        /// Sends a frame in a turn of its own.
        func send(_ xid: Int32, _ opcode: Int32, _ body: (inout WireBuffer) -> Void = { _ in }) {
            var buffer = WireBuffer()
            append(xid, opcode, to: &buffer, body)
            sendRaw(Array(buffer.bytes))
        }

        func append(
            _ xid: Int32, _ opcode: Int32, to buffer: inout WireBuffer, _ body: (inout WireBuffer) -> Void = { _ in }
        ) {
            let start = buffer.count
            buffer.append(int32: 0)
            buffer.append(int32: xid)
            buffer.append(int32: opcode)
            body(&buffer)
            buffer.patch(int32: Int32(buffer.count - start - 4), at: start)
        }

        @discardableResult
        func sendRaw(_ bytes: [UInt8]) -> Int {
            var used = 0
            harness.turn(front) { used = bytes.withUnsafeBytes { front.receive($0, from: connection) } }
            return used
        }

        /// The connection ends, in a turn of its own.
        func disconnect() { harness.turn(front) { front.disconnected(connection) } }

        func handshake(timeoutMillis: Int32 = 10_000, sessionId: Int64 = 0, password: [UInt8] = [], zxid: Int64 = 0) {
            var buffer = WireBuffer()
            buffer.append(int32: 0)
            buffer.append(int32: 0)
            buffer.append(int64: zxid)
            buffer.append(int32: timeoutMillis)
            buffer.append(int64: sessionId)
            password.withUnsafeBytes { buffer.append(buffer: $0) }
            buffer.append(bool: false)
            buffer.patch(int32: Int32(buffer.count - 4), at: 0)
            sendRaw(Array(buffer.bytes))
        }

        /// Takes the handshake's answer; the negotiated timeout, zero for a refusal.
        func takeHandshake() throws -> Int32 {
            let frame = try #require(takeFrame())
            return try frame.withUnsafeBytes { bytes in
                var reader = JuteReader(bytes)
                _ = try reader.readInt32()
                let timeout = try reader.readInt32()
                sessionId = try reader.readInt64()
                password = Array(try reader.readBuffer()!)
                return timeout
            }
        }

        func takeFrame() -> [UInt8]? {
            guard link.received.count >= 4 else { return nil }
            let length = link.received.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard link.received.count >= 4 + length else { return nil }
            defer { link.received.removeFirst(4 + length) }
            return Array(link.received[4..<4 + length])
        }

        /// The next reply or notification.
        func takeReply() -> Reply? {
            guard let frame = takeFrame(), frame.count >= 16 else { return nil }
            return frame.withUnsafeBytes { bytes in
                Reply(
                    xid: Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)),
                    zxid: Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: Int64.self)),
                    error: Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 12, as: Int32.self)),
                    body: Array(bytes[16...]))
            }
        }
    }

    struct Reply: Equatable {
        var xid: Int32
        var zxid: Int64
        var error: Int32
        var body: [UInt8]
    }

    let clock = Clock()
    let sink = Sink()
    let core: Core
    var front: Front { fronts[0] }
    private(set) var fronts: [Front] = []
    private let requests = BatchQueue<RequestBatch>(capacity: 64, wakeUp: nil)

    /// - Parameter inboxCapacity: of each further front.
    init(fronts count: Int = 1, inboxCapacity: Int = 64, _ change: (inout CoreConfiguration) -> Void = { _ in }) {
        var configuration = CoreConfiguration()
        change(&configuration)
        core = Core(
            configuration: configuration,
            tree: DataTree(
                digestEnabled: configuration.treeDigestEnabled,
                extendedTypesEnabled: configuration.extendedTypesEnabled),
            lock: ReaderLock(slots: count), registry: ConnectionRegistry(), clock: clock, log: sink,
            random: SeededRandom(seed: 1), recoveredSessions: [])
        fronts.append(Front(core: core))
        for index in stride(from: 1, to: count, by: 1) {
            let inbox = BatchQueue<ReplyBatch>(capacity: inboxCapacity, wakeUp: nil)
            fronts.append(Front(index: index, core: core, requestQueue: requests, inbox: inbox))
        }
    }

    /// One turn of a front. The core's takes no requests from the others: `takeRequests` does.
    func turn(_ front: Front, _ body: () -> Void = {}) {
        front.beginTurn(nanos: clock.nanos)
        body()
        front.endTurn()
        if front === self.front { core.flushRemoteFronts() }
    }

    /// The core takes what the other fronts have sent.
    func takeRequests() {
        turn(front) { _ = requests.popAll { core.take($0) } }
    }

    /// Everything under way runs its course on all fronts.
    func settle() {
        takeRequests()
        makeDurable()
        for other in fronts.dropFirst() { turn(other) }
        takeRequests()
    }

    /// Makes everything submitted so far durable, oldest first, one turn each.
    func makeDurable() {
        while !sink.batches.isEmpty {
            turn(front) { core.durable(sink.batches.removeFirst()) }
        }
    }

    func connect(front: Int = 0) throws -> Client {
        let client = try #require(Client(self, front: front))
        client.handshake()
        settle()
        _ = try client.takeHandshake()
        return client
    }

    func tick(afterMillis millis: UInt64) {
        clock.nanos += millis * 1_000_000
        turn(front) { core.tick() }
    }
}
