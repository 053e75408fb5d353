import DataTree
import Jute
import RequestQueue
import TestSupport
import TxnLog
import ZooKeeperProtocol

@testable import ServerCore

/// The core with one front in this process: no sockets, no disk, a clock that the test moves.
final class FuzzCore {
    final class Clock: CoreClock {
        var nanos: UInt64 = 1_000_000_000
        func monotonicNanos() -> UInt64 { nanos }
        func wallMillis() -> Int64 { 1_700_000_000_000 + Int64(nanos / 1_000_000) }
    }

    final class Sink: TxnSink {
        var batches: [TxnBatch] = []
        var snapshotsDue = 0
        func submit(_ batch: TxnBatch) { batches.append(batch) }
        func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) { snapshotsDue += 1 }
    }

    final class Link: ClientLink {
        var received: [UInt8] = []
        var isClosed = false
        let remoteHost = "127.0.0.1"
        let remotePort = 1
        func send(_ buffer: inout WireBuffer) {
            received += buffer.bytes
            buffer.removeAll()
        }
        func pauseReading() {}
        func resumeReading() {}
        func close(afterFlush: Bool) { isClosed = true }
    }

    /// A connection with what has arrived and is not yet taken.
    final class Peer {
        let link = Link()
        let connection: ClientConnection
        private let front: Front
        private(set) var pending: [UInt8] = []

        init(_ front: Front) {
            self.front = front
            connection = front.accept(link)!
        }

        /// Within a turn: as the transport hands bytes over, once more with what was left.
        func deliver(_ bytes: ArraySlice<UInt8>) {
            pending += bytes
            let used = pending.withUnsafeBytes { front.receive($0, from: connection) }
            precondition(used >= 0 && used <= pending.count, "took \(used) of \(pending.count) bytes")
            pending.removeFirst(used)
        }

        /// Takes all whole frames received; their contents.
        func takeFrames() -> [ArraySlice<UInt8>] {
            var frames: [ArraySlice<UInt8>] = []
            let bytes = link.received
            var at = 0
            while bytes.count - at >= 4 {
                let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
                precondition(at + 4 + length <= bytes.count, "a reply of \(length) bytes was sent in part")
                frames.append(bytes[at + 4..<at + 4 + length])
                at += 4 + length
            }
            precondition(at == bytes.count, "\(bytes.count - at) bytes behind the last reply")
            link.received.removeAll(keepingCapacity: true)
            return frames
        }

        /// Nothing more will come from either side.
        var isEnded: Bool { link.isClosed }
    }

    let clock = Clock()
    let sink = Sink()
    let core: Core
    let front: Front

    init(seed: UInt64) {
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
        front.beginTurn()
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

    func pass(millis: UInt64) {
        clock.nanos += millis * 1_000_000
        turn {
            core.tick()
            front.tick()
        }
        settle()
    }

    /// A connection with a session.
    func connected() -> Peer {
        let peer = Peer(front)
        var request = WireBuffer()
        request.append(int32: 0)
        request.append(int64: 0)
        request.append(int32: 40_000)
        request.append(int64: 0)
        [UInt8](repeating: 0, count: 16).withUnsafeBytes { request.append(buffer: $0) }
        request.append(bool: false)
        turn { peer.deliver(ProtocolClient.framed(Array(request.bytes))[...]) }
        settle()
        precondition(peer.takeFrames().count == 1 && !peer.isEnded)
        return peer
    }

    func drop(_ peer: Peer) { turn { front.disconnected(peer.connection) } }

    /// Runs requests on a connection to their end; the replies.
    func run(_ requests: [Request], on peer: Peer) -> [ArraySlice<UInt8>] {
        turn { for (index, request) in requests.enumerated() { peer.deliver(ProtocolClient.framed(request.payload(xid: Int32(index)))[...]) } }
        settle()
        return peer.takeFrames()
    }
}
