import EtcdMessages
import GRPCCore
import GRPCNIOTransportCore
import GRPCNIOTransportHTTP2Posix
import NIOCore
import Synchronization

/// One HTTP/2 connection to one member, and the key that it reads and writes. Its tasks run on its loop. One that
/// follows the cluster has a connection to each member, and uses one of them.
final class EtcdConnection: Sendable {
    struct Settings: Sendable {
        var readPercent: Double
        var linearizable: Bool
        var valueBytes: Int
        var isOpenLoop: Bool
        /// Whether another member is asked when one cannot answer.
        var follows: Bool
    }

    typealias Bytes = HTTP2ClientTransport.Posix.Bytes

    private struct State {
        var history: KeyHistory
        var random: SeededRandom
        /// Which of the transports is in use.
        var current = 0
    }

    private static let range = MethodDescriptor(fullyQualifiedService: "etcdserverpb.KV", method: "Range", type: .unary)
    private static let put = MethodDescriptor(fullyQualifiedService: "etcdserverpb.KV", method: "Put", type: .unary)

    let executor: LoopExecutor
    private let transports: [HTTP2ClientTransport.Posix]
    private let settings: Settings
    private let recorder: Recorder
    private let phase: LoadPhase
    private let key: [UInt8]
    private let filler: [UInt8]
    private let state: Mutex<State>

    init(
        _ index: Int, endpoints: [Endpoint], executor: LoopExecutor, settings: Settings, seed: UInt64,
        recorder: Recorder, phase: LoadPhase
    ) throws {
        self.executor = executor
        self.settings = settings
        self.recorder = recorder
        self.phase = phase
        key = Array("corral-load/c\(index)".utf8)
        var random = SeededRandom(seed: seed &+ UInt64(index) &* 0x9e37_79b9)
        filler = (0..<settings.valueBytes).map { _ in UInt8(33 + random.next() % 94) }
        state = Mutex(
            State(
                history: KeyHistory(connection: UInt32(index), valueBytes: settings.valueBytes), random: random))
        let count = endpoints.count
        transports = try (0..<(settings.follows ? count : 1)).map { turn in
            let endpoint = endpoints[(index + turn) % count]
            return try HTTP2ClientTransport.Posix(
                target: .ipv4(address: endpoint.host, port: endpoint.port), transportSecurity: .plaintext,
                config: .defaults {
                    $0.channelDebuggingCallbacks.onCreateTCPConnection = { channel in
                        CauseNote.install(channel) {
                            if !settings.follows { recorder.stop("connection \(index) is closed: \($0)") }
                        }
                    }
                    if settings.follows { $0.backoff = Self.backoff }
                }, eventLoopGroup: executor.loop)
        }
    }

    /// Like the pauses of corral-bench's clients that look for a server.
    private static let backoff = HTTP2ClientTransport.Config.Backoff(
        initial: .milliseconds(20), max: .milliseconds(200), multiplier: 2, jitter: 0.25)

    /// Carries the connection until `close`; calls wait until it is there.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for transport in transports {
                tasks.addTask(executorPreference: executor) { try await transport.connect() }
            }
            try await tasks.waitForAll()
        }
    }

    func close() { for transport in transports { transport.beginGracefulShutdown() } }

    /// Writes the key for the first time, outside of what is measured.
    func prepare() async throws {
        let (stamp, floor) = state.withLock { ($0.history.nextStamp(), $0.history.newestRevision) }
        let revision = try await write(stamp)
        if let breach = state.withLock({ $0.history.acknowledge(stamp, revision: revision, floor: floor) }) {
            recorder.violated(breach.kind, breach.text)
        }
    }

    /// One of the window's slots: request after request until the run drains.
    func requests() async {
        while phase.stage != .draining, await request(planned: nil) {}
    }

    /// One request.
    ///
    /// - Parameter planned: when an open loop's schedule wanted it sent; nil in a closed loop.
    /// - Returns: false when the connection is of no use any more.
    @discardableResult
    func request(planned: UInt64?) async -> Bool {
        phase.outstanding.add(1, ordering: .relaxed)
        defer { phase.outstanding.subtract(1, ordering: .relaxed) }
        let (isRead, stamp, floor) = state.withLock { state in
            let isRead = state.random.unit() * 100 < settings.readPercent
            return (isRead, isRead ? nil : state.history.nextStamp(), state.history.newestRevision)
        }
        let sent = MonotonicClock.nanos()
        do {
            let breach: KeyHistory.Breach?
            if let stamp {
                let revision = try await write(stamp)
                breach = state.withLock { $0.history.acknowledge(stamp, revision: revision, floor: floor) }
            } else {
                let value = try await read(linearizable: settings.linearizable)
                breach = state.withLock { $0.history.check(value, floor: floor) }
            }
            if let breach { recorder.violated(breach.kind, breach.text) }
            guard phase.stage != .draining else { return true }
            recorder.completed(
                isRead: isRead,
                Recorder.Times(planned: planned ?? sent, sent: sent, answered: MonotonicClock.nanos()),
                isOpenLoop: settings.isOpenLoop)
            return true
        } catch let failure as CallFailure {
            recorder.failed(failure.code)
            if settings.follows { return true }
            recorder.violated(failure.isLost ? "connectionLost" : "unexpectedError", failure.text)
            recorder.stop(failure.text)
        } catch is Answer.Malformed {
            recorder.violated("framing", "an answer that is no message of kv.proto")
            recorder.stop("an answer that is no message of kv.proto")
        } catch {
            recorder.violated("connectionLost", "\(error)")
            recorder.stop("\(error)")
        }
        return false
    }

    private func write(_ stamp: ValueStamp) async throws -> Int64 {
        let request = PutRequest(key: key, filler: filler, stamp: stamp)
        var bytes = Bytes(repeating: 0, count: request.size)
        bytes.withUnsafeMutableBytes { request.write(to: $0) }
        return try await call(Self.put, bytes) { answer throws(Answer.Malformed) in try Answer.putRevision(answer) }
    }

    private func read(linearizable: Bool) async throws -> Answer.Value? {
        let request = RangeRequest(key: key, serializable: !linearizable)
        var bytes = Bytes(repeating: 0, count: request.size)
        bytes.withUnsafeMutableBytes { request.write(to: $0) }
        return try await call(Self.range, bytes) { answer throws(Answer.Malformed) in try Answer.value(answer) }
    }

    /// One unary call: a stream of the transport, without the interceptors, retries and hedging of `GRPCClient`.
    private func call<Result: Sendable>(
        _ method: MethodDescriptor, _ request: Bytes,
        _ read: @Sendable @escaping (UnsafeRawBufferPointer) throws(Answer.Malformed) -> Result
    ) async throws -> Result {
        let used = state.withLock { $0.current }
        do {
            return try await transports[used].withStream(descriptor: method, options: .defaults) { stream, _ in
                try await stream.outbound.write(contentsOf: [.metadata([:]), .message(request)])
                await stream.outbound.finish()
                var result: Result?
                for try await part in stream.inbound {
                    switch part {
                    case .metadata: continue
                    case .message(let bytes): result = try bytes.withUnsafeBytes { try read($0) }
                    case .status(let status, _):
                        guard status.code == .ok else {
                            throw CallFailure(code: "\(status.code)", text: status.message)
                        }
                    }
                }
                guard let result else { throw CallFailure(code: "unknown", text: "no answer") }
                return result
            }
        } catch let error as RPCError {
            leave(used)
            throw CallFailure(code: "\(error.code)", text: error.message)
        } catch let failure as CallFailure {
            leave(used)
            throw failure
        }
    }

    /// The next calls go to another member, unless they do so already.
    private func leave(_ used: Int) {
        let isMoving = state.withLock { state in
            guard transports.count > 1, state.current == used else { return false }
            state.current = (used + 1) % transports.count
            return true
        }
        if isMoving { recorder.moved() }
    }

    /// At the end of a run that followed the cluster: the key must hold what was acknowledged, asked of the leader.
    func verify() async {
        for _ in 0..<Self.verifyAttempts {
            let floor = state.withLock { $0.history.newestRevision }
            guard let value = try? await read(linearizable: true) else {
                try? await Task.sleep(for: .milliseconds(100))
                continue
            }
            if let breach = state.withLock({ $0.history.check(value, floor: floor) }) {
                recorder.violated(breach.kind, breach.text)
            }
            return
        }
        recorder.violated("unanswered", "a key could not be read at the end")
    }

    private static let verifyAttempts = 50
}

/// A call that ended with another status than ok.
struct CallFailure: Error {
    var code: String
    var text: String

    init(code: String, text: String) {
        self.code = code
        self.text = "\(code): \(text)"
    }

    var isLost: Bool { code.lowercased().contains("unavailable") || code.lowercased().contains("cancelled") }
}
