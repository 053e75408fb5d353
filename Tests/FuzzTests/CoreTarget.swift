import DataTree
import Jute
import RequestQueue
import ServerCore
import TxnLog

/// A whole core in this process, its log and its clock in the test's hands.
final class CoreTarget {
    private final class Clock: CoreClock {
        var nanos: UInt64 = 1_000_000_000
        func monotonicNanos() -> UInt64 { nanos }
        func wallMillis() -> Int64 { 1_700_000_000_000 + Int64(nanos / 1_000_000) }
    }

    private final class Sink: TxnSink {
        var batches: [TxnBatch] = []
        func submit(_ batch: TxnBatch) { batches.append(batch) }
        func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) {}
    }

    /// What one client was sent, and whether the core wants it gone.
    final class Link: ClientLink {
        var received: [UInt8] = []
        var isClosed = false
        let remoteHost = "127.0.0.1"
        let remotePort = 1
        func send(_ buffer: inout WireBuffer) {
            received += Array(buffer.bytes)
            buffer.removeAll()
        }
        let outputIsFull = false
        func pauseReading() {}
        func resumeReading() {}
        func close(afterFlush: Bool) { isClosed = true }
    }

    struct Client {
        let link: Link
        let connection: ClientConnection
    }

    private let clock = Clock()
    private let sink = Sink()
    private let core: Core
    private let front: Front

    init() {
        var configuration = CoreConfiguration()
        configuration.extendedTypesEnabled = true
        core = Core(
            configuration: configuration,
            tree: DataTree(digestEnabled: true, extendedTypesEnabled: true), lock: ReaderLock(slots: 1),
            registry: ConnectionRegistry(), clock: clock, log: sink, random: SystemRandomNumberGenerator(),
            recoveredSessions: [])
        front = Front(core: core)
    }

    func connect() -> Client? {
        let link = Link()
        guard let connection = front.accept(link) else { return nil }
        let client = Client(link: link, connection: connection)
        var handshake = WireBuffer()
        handshake.append(int32: 0)
        handshake.append(int64: 0)
        handshake.append(int32: 10_000)
        handshake.append(int64: 0)
        handshake.append(int32: 0)
        handshake.append(bool: false)
        var frame = WireBuffer()
        frame.append(buffer: handshake.bytes)
        receive(Array(frame.bytes), from: client)
        guard link.received.count > 20, !link.isClosed else { return nil }
        link.received = []
        return client
    }

    /// Bytes arrive, are worked on, and all they cause becomes durable.
    func receive(_ bytes: [UInt8], from client: Client) {
        front.beginTurn(nanos: clock.nanos)
        _ = bytes.withUnsafeBytes { front.receive($0, from: client.connection) }
        front.endTurn()
        while !sink.batches.isEmpty {
            front.beginTurn(nanos: clock.nanos)
            core.durable(sink.batches.removeFirst())
            front.endTurn()
        }
    }

    func disconnect(_ client: Client) {
        front.beginTurn(nanos: clock.nanos)
        front.disconnected(client.connection)
        front.endTurn()
    }

    /// Time passes: sessions without a connection expire.
    func tick(millis: UInt64) {
        clock.nanos += millis * 1_000_000
        front.beginTurn(nanos: clock.nanos)
        core.tick()
        front.endTurn()
        while !sink.batches.isEmpty {
            front.beginTurn(nanos: clock.nanos)
            core.durable(sink.batches.removeFirst())
            front.endTurn()
        }
    }
}
