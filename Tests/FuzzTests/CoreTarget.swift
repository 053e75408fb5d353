import DataTree
import Jute
import RequestQueue
import ServerCore
import TestSupport
import TxnLog

/// The core with one front in this process: no sockets, no disk, a clock that the test moves.
final class CoreTarget {
    private final class Clock: CoreClock {
        var nanos: UInt64 = 1_000_000_000
        func monotonicNanos() -> UInt64 { nanos }
        func wallMillis() -> Int64 { 1_700_000_000_000 + Int64(nanos / 1_000_000) }
    }

    private final class Sink: TxnSink {
        var batches: [TxnBatch] = []
        var snapshotsDue = 0
        func submit(_ batch: TxnBatch) { batches.append(batch) }
        func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) { snapshotsDue += 1 }
    }

    /// What one client was sent, and whether the core wants it gone.
    private final class Link: ClientLink {
        var received: [UInt8] = []
        var isClosed = false
        let remoteHost = "127.0.0.1"
        let remotePort = 1
        func send(_ buffer: inout WireBuffer) {
            received += buffer.bytes
            buffer.removeAll()
        }
        let outputIsFull = false
        let peerHasEnded = false
        func pauseReading() {}
        func resumeReading() {}
        func close(afterFlush: Bool) { isClosed = true }
    }

    /// A connection with what has arrived and is not yet taken.
    final class Client {
        private let link = Link()
        let connection: ClientConnection
        private let front: Front
        private(set) var pending: [UInt8] = []

        fileprivate init?(_ front: Front) {
            guard let connection = front.accept(link) else { return nil }
            self.front = front
            self.connection = connection
        }

        /// Within a turn: as the transport hands bytes over, once more with what was left.
        func deliver(_ bytes: some Sequence<UInt8>) {
            pending += bytes
            let used = pending.withUnsafeBytes { front.receive($0, from: connection) }
            precondition(used >= 0 && used <= pending.count, "took \(used) of \(pending.count) bytes")
            pending.removeFirst(used)
        }

        /// Takes all frames received; their contents. The core sends whole frames only.
        func takeFrames() -> [[UInt8]] {
            var frames: [[UInt8]] = []
            let bytes = link.received
            var at = 0
            while bytes.count - at >= 4 {
                let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
                precondition(at + 4 + length <= bytes.count, "a reply of \(length) bytes was sent in part")
                frames.append(Array(bytes[at + 4..<at + 4 + length]))
                at += 4 + length
            }
            precondition(at == bytes.count, "\(bytes.count - at) bytes behind the last reply")
            link.received.removeAll(keepingCapacity: true)
            return frames
        }

        /// The core has hung up.
        var isEnded: Bool { link.isClosed }
    }

    private let clock = Clock()
    private let sink = Sink()
    private let core: Core
    private let front: Front

    init(seed: UInt64 = 1) {
        var configuration = CoreConfiguration()
        configuration.maxClientConnections = 0
        configuration.extendedTypesEnabled = true
        configuration.superDigest = ServerUnderTest.superDigest
        configuration.snapCount = 5000
        core = Core(
            configuration: configuration,
            tree: DataTree(digestEnabled: true, extendedTypesEnabled: true), lock: ReaderLock(slots: 1),
            registry: ConnectionRegistry(), clock: clock, log: sink, random: SeededGenerator(seed: seed),
            recoveredSessions: [])
        front = Front(core: core)
    }

    func turn(_ body: () -> Void) {
        front.beginTurn(nanos: clock.nanos)
        body()
        front.endTurn()
    }

    /// Makes everything submitted durable; snapshots end as soon as they begin.
    func settle() {
        while !sink.batches.isEmpty { turn { core.durable(sink.batches.removeFirst()) } }
        while sink.snapshotsDue > 0 {
            sink.snapshotsDue -= 1
            turn { core.snapshotFinished() }
        }
    }

    /// Time passes: sessions without a connection expire, containers go.
    func pass(millis: UInt64) {
        clock.nanos += millis * 1_000_000
        turn {
            core.tick()
            front.tick()
        }
        settle()
    }

    /// A connection without a session yet.
    func accept() -> Client { Client(front)! }

    /// A connection with a session.
    func connect() -> Client {
        let client = accept()
        var handshake = WireBuffer()
        handshake.append(int32: 0)
        handshake.append(int64: 0)
        handshake.append(int32: 40_000)
        handshake.append(int64: 0)
        [UInt8](repeating: 0, count: 16).withUnsafeBytes { handshake.append(buffer: $0) }
        handshake.append(bool: false)
        turn { client.deliver(ProtocolClient.framed(Array(handshake.bytes))) }
        settle()
        precondition(client.takeFrames().count == 1 && !client.isEnded)
        return client
    }

    func drop(_ client: Client) { turn { front.disconnected(client.connection) } }

    /// Runs requests on a connection to their end; the frames it was sent.
    func run(_ requests: [Request], on client: Client) -> [[UInt8]] {
        turn {
            for (index, request) in requests.enumerated() {
                client.deliver(ProtocolClient.framed(request.payload(xid: Int32(index))))
            }
        }
        settle()
        return client.takeFrames()
    }

    /// The znodes that the corpus speaks of.
    func fill() {
        let client = connect()
        let answers = run(Corpus.znodes.map { .create($0, data: Array("seed".utf8)) }, on: client)
        precondition(answers.count == Corpus.znodes.count)
        drop(client)
    }
}
