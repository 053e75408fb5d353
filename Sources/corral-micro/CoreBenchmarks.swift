import DataTree
import Jute
import RequestQueue
import ServerCore
import TxnLog
import ZooKeeperProtocol

/// The server's core with everything around it blank: requests as bytes in, replies as bytes out, a log that is durable
/// at once. Fifty requests of one connection make a turn.
final class CoreBenchmarks {
    private final class Clock: CoreClock {
        var nanos: UInt64 = 1_000_000_000
        func monotonicNanos() -> UInt64 { nanos }
        func wallMillis() -> Int64 { 1_700_000_000_000 }
    }

    private final class Log: TxnSink {
        var batches: [TxnBatch] = []
        func submit(_ batch: TxnBatch) { batches.append(batch) }
        func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) {}
    }

    private final class Link: ClientLink {
        var bytes = 0
        let outputIsFull = false
        let peerHasEnded = false
        let remoteHost = "127.0.0.1"
        let remotePort = 1
        func send(_ buffer: inout WireBuffer) {
            bytes += buffer.count
            buffer.removeAll()
        }
        func pauseReading() {}
        func resumeReading() {}
        func close(afterFlush: Bool) { fail("the server ended the connection") }
    }

    private struct Random: RandomNumberGenerator {
        var state: UInt64 = 1
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    private static let turn = 50
    private let clock = Clock()
    private let log = Log()
    private let link = Link()
    private let core: Core
    private let front: Front
    private let connection: ClientConnection

    private init() {
        var configuration = CoreConfiguration()
        configuration.snapCount = .max / 4
        core = Core(
            configuration: configuration, tree: DataTree(seed: 42), lock: ReaderLock(slots: 1),
            registry: ConnectionRegistry(), clock: clock, log: log, random: Random(), recoveredSessions: [])
        front = Front(core: core)
        guard let connection = front.accept(link) else { fail("the connection was refused") }
        self.connection = connection
        var handshake = WireBuffer()
        Requests.handshake(to: &handshake)
        send(Kept(handshake))
        var creations = WireBuffer()
        Requests.create(xid: 1, path: "/bench", value: [], to: &creations)
        let value = [UInt8](repeating: 7, count: Benchmarks.valueBytes)
        for number in 0..<Self.turn {
            Requests.create(xid: Int32(number + 2), path: Self.path(number), value: value, to: &creations)
        }
        send(Kept(creations))
        if core.tree.nodeCount < Self.turn { fail("the znodes were not created") }
    }

    private static func path(_ number: Int) -> String { "/bench/node-\(100 + number)" }

    /// One turn with these requests, and one for each batch that became durable by it.
    private func send(_ frames: Kept) {
        clock.nanos += 1_000_000
        front.beginTurn(nanos: clock.nanos)
        let used = front.receive(frames.bytes, from: connection)
        front.endTurn()
        if used != frames.bytes.count { fail("\(used) of \(frames.bytes.count) bytes were taken") }
        while !log.batches.isEmpty {
            let batch = log.batches.removeFirst()
            front.beginTurn(nanos: clock.nanos)
            core.durable(batch)
            front.endTurn()
        }
    }

    /// - Parameter perTurn: operations that a turn's requests count as.
    private func repeated(_ frames: [Kept], perTurn: Int) -> (Int) -> Void {
        var position = 0
        return { [self] count in
            let before = link.bytes
            for _ in 0..<count / perTurn {
                send(frames[position % frames.count])
                position += 1
            }
            if link.bytes == before { fail("nothing was answered") }
        }
    }

    static func read() -> (Int) -> Void {
        var frames = WireBuffer()
        for number in 0..<turn { Requests.getData(xid: Int32(number + 100), path: path(number), to: &frames) }
        return CoreBenchmarks().repeated([Kept(frames)], perTurn: turn)
    }

    static func write() -> (Int) -> Void {
        var frames = WireBuffer()
        let value = [UInt8](repeating: 9, count: Benchmarks.valueBytes)
        for number in 0..<turn {
            Requests.setData(xid: Int32(number + 100), path: path(number), value: value, to: &frames)
        }
        return CoreBenchmarks().repeated([Kept(frames)], perTurn: turn)
    }

    /// Half of a turn's requests create what the other half of the turn after deletes.
    static func createDelete() -> (Int) -> Void {
        let value = [UInt8](repeating: 9, count: Benchmarks.valueBytes)
        let frames = (0..<2).map { _ in
            var buffer = WireBuffer()
            for number in 0..<turn / 2 {
                Requests.create(xid: Int32(number + 100), path: "/bench/new-\(100 + number)", value: value, to: &buffer)
            }
            for number in 0..<turn / 2 {
                Requests.delete(xid: Int32(number + 200), path: "/bench/new-\(100 + number)", to: &buffer)
            }
            return Kept(buffer)
        }
        return CoreBenchmarks().repeated(frames, perTurn: turn / 2)
    }
}
