import Jute
import ZooKeeperProtocol

@testable import ZooKeeperClient

/// A session machine with a clock that stands still until moved, and the server's side of the wire.
struct MachineDriver {
    var machine: SessionMachine
    var now: Int64 = 1_000_000_000
    var effects: [SessionEffect] = []
    private var nextXid: Int32 = 1

    static let endpoints = ["a", "b", "c"].map { Endpoint(host: $0, port: 1) }

    init(
        _ settings: SessionMachine.Settings = Self.settings(), endpoints: [Endpoint] = Self.endpoints, seed: UInt64 = 1
    ) {
        machine = SessionMachine(settings, hosts: HostList(endpoints, random: CountingGenerator(state: seed)))
    }

    static func settings(timeoutMillis: Int32 = 9000) -> SessionMachine.Settings {
        var settings = SessionMachine.Settings()
        settings.timeoutMillis = timeoutMillis
        return settings
    }

    /// Runs an event and takes its effects.
    @discardableResult
    mutating func run(_ event: (inout SessionMachine, Int64) -> Void) -> [SessionEffect] {
        event(&machine, now)
        effects = takeEffects()
        return effects
    }

    /// Executes what is to be done in memory.
    private mutating func takeEffects() -> [SessionEffect] {
        let effects = machine.takeEffects()
        for effect in effects {
            switch effect {
            case .fail(let batch, let reason): batch.fail(reason)
            case .answer(let batch, let code): batch.answer(code: code, machine.context)
            case .finishWatches(let reason): machine.finishWatches(reason)
            default: break
            }
        }
        return effects
    }

    /// Moves the clock from one deadline of the machine's to the next; the effects of all.
    @discardableResult
    mutating func pass(millis: Int64) -> [SessionEffect] {
        let end = now + millis * 1_000_000
        var all: [SessionEffect] = []
        while let next = machine.nextDeadlineNanos, next <= end {
            precondition(next >= now || machine.phase == .ended, "a deadline in the past stays due")
            now = max(now, next)
            machine.tick(now: now)
            all += takeEffects()
        }
        now = end
        effects = all
        return all
    }

    /// From the start, or from a pause, to a session.
    @discardableResult
    mutating func connect(
        id: Int64 = 77, timeoutMillis: Int32 = 9000, readOnly: Bool = false
    ) -> [SessionEffect] {
        open()
        return answerHandshake(id: id, timeoutMillis: timeoutMillis, readOnly: readOnly)
    }

    /// As far as the connection; the request for the session.
    @discardableResult
    mutating func open() -> ConnectRequest? {
        if machine.phase == .idle { run { $0.start(now: $1) } }
        if case .pausing(let until) = machine.phase {
            now = max(now, until)
            run { $0.tick(now: $1) }
        }
        let number = machine.transport
        run { $0.opened(transport: number, now: $1) }
        return sentFrames.first.flatMap { frame in
            frame.withUnsafeBytes {
                var reader = JuteReader($0)
                return try? ConnectRequest(from: &reader)
            }
        }
    }

    @discardableResult
    mutating func answerHandshake(id: Int64, timeoutMillis: Int32, readOnly: Bool = false) -> [SessionEffect] {
        let response = ConnectResponse(
            timeoutMillis: timeoutMillis, sessionId: id, password: Array(repeating: 9, count: 16), readOnly: readOnly)
        return receive { response.encode(to: &$0) }
    }

    /// The connection breaks.
    @discardableResult
    mutating func breakConnection() -> [SessionEffect] {
        let number = machine.transport
        return run { $0.closed(transport: number, now: $1, why: "test") }
    }

    @discardableResult
    mutating func receive(_ fill: (inout WireBuffer) -> Void) -> [SessionEffect] {
        var buffer = WireBuffer()
        fill(&buffer)
        let bytes = Array(buffer.bytes)
        let number = machine.transport
        return run { machine, now in
            machine.heard(transport: number, now: now)
            bytes.withUnsafeBytes { machine.received($0, transport: number, now: now) }
        }
    }

    @discardableResult
    mutating func reply(
        xid: Int32, zxid: Int64 = 0, error: ErrorCode = .ok, _ fill: (inout WireBuffer) -> Void = { _ in }
    ) -> [SessionEffect] {
        receive {
            ReplyHeader(xid: xid, zxid: zxid, error: error.rawValue).encode(to: &$0)
            fill(&$0)
        }
    }

    @discardableResult
    mutating func notify(_ type: EventType, _ path: String, zxid: Int64 = -1) -> [SessionEffect] {
        reply(xid: ReservedXid.notification, zxid: zxid) {
            WatcherEvent(type: type.rawValue, state: KeeperState.syncConnected.rawValue, path: path).encode(to: &$0)
        }
    }

    /// A request goes out on the connection.
    @discardableResult
    mutating func send<Value>(
        _ request: ZooKeeperRequest<Value>, deadlineAfterMillis: Int64? = nil, watch sink: WatchSink? = nil
    ) -> PendingReply<Value> {
        let slot = ReplySlot(
            request, submittedNanos: now, deadlineNanos: deadlineAfterMillis.map { now + $0 * 1_000_000 } ?? .max)
        slot.xid = nextXid
        nextXid += 1
        if case .auth(let credential) = request.body { slot.credential = credential }
        if request.operation == .removeWatches { slot.removal = (request.path!, .any) }
        if let sink { slot.registration = WatchRegistration(sink: sink, outbox: Self.outbox) }
        run { $0.sent([slot], now: $1) }
        return PendingReply(slot: slot)
    }

    static let outbox = Outbox(maximumRequestBytes: 1 << 20, maximumUnsentBytes: 1 << 20)

    static func sink(_ path: String, _ kind: WatchKind, limit: Int = 100) -> WatchSink {
        WatchSink(path: path, clientPath: path, kind: kind, limit: limit)
    }

    // MARK: What the last event brought

    /// The contents of the frames sent.
    var sentFrames: [[UInt8]] {
        effects.compactMap {
            if case .send(let bytes) = $0 { return Array(bytes.dropFirst(4)) }
            return nil
        }
    }

    /// The xids and opcodes of the frames sent.
    var sentHeaders: [[Int32]] {
        sentFrames.map { frame in
            (0..<2).map { field in frame[field * 4..<field * 4 + 4].reduce(0) { $0 << 8 | Int32($1) } }
        }
    }

    var posted: [SessionState] {
        effects.compactMap {
            if case .post(let state) = $0 { return state }
            return nil
        }
    }

    var connectedTo: [Endpoint] {
        effects.compactMap {
            if case .connect(let endpoint, _) = $0 { return endpoint }
            return nil
        }
    }
}

/// SplitMix64.
struct CountingGenerator: RandomNumberGenerator, Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

extension PendingReply {
    /// The result, when it is there.
    var now: Result<Value, ZooKeeperError>? { slot.isDone ? slot.result : nil }

    var error: ZooKeeperError? {
        if case .failure(let error)? = now { return error }
        return nil
    }
}
