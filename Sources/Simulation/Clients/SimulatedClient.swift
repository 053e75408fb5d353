import Jute
import ZooKeeperProtocol

/// Where clients write down what happens to them; shared by all of a run.
final class Recorder {
    var history = History()
    var lastValue = 0
    /// The newest zxid that a write's answer has named, to anybody.
    var acknowledgedZxid: Int64 = 0
    /// When the clients first knew of each newer one: times rise, and zxids with them.
    private var acknowledgements: [(time: UInt64, zxid: Int64)] = []
    /// Answers that were successes, for the rule that a run with too little traffic proves nothing.
    var successes = 0

    func acknowledged(_ zxid: Int64, at time: UInt64) {
        guard zxid > acknowledgedZxid else { return }
        acknowledgedZxid = zxid
        acknowledgements.append((time, zxid))
    }

    /// The newest zxid that was acknowledged to anybody before a time.
    func acknowledgedZxid(before time: UInt64) -> Int64 {
        var low = 0
        var high = acknowledgements.count
        while low < high {
            let middle = (low + high) / 2
            if acknowledgements[middle].time < time { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? 0 : acknowledgements[low - 1].zxid
    }
}

struct ClientSettings {
    var timeoutMillis: Int32 = 6000
    /// The ensemble's tick, which the rules of expiry are stated in.
    var tickMillis: Int32 = 2000
    var syncLimitTicks: Int64 = 5
    /// Between two moves to another server without need; 0 for none.
    var roamNanos: UInt64 = 0
    /// Hosts of the servers.
    var servers: [Int] = []
}

/// A client of the real protocol: sessions, pings, reconnection to any server with what it has seen.
final class SimulatedClient: StreamOwner {
    enum State { case idle, dialling, handshaking, connected, retired }

    let index: Int
    let host: Int
    let world: World
    let network: SimulatedNetwork
    let recorder: Recorder
    let settings: ClientSettings
    let workload: Workload
    var dice: Dice

    private(set) var state = State.idle
    private(set) var session: Int64 = 0
    private var password = [UInt8](repeating: 0, count: 16)
    private(set) var lastZxid: Int64 = 0
    private var timeoutMillis: Int32
    private var end: StreamEnd?
    private(set) var server = 0
    /// Raised with every connection; timers of an older one do nothing.
    private(set) var connection = 0
    private var nextXid: Int32 = 1
    /// Requests of this connection without an answer, oldest first.
    private var outstanding: [Int] = []
    private var answersOnConnection = 0
    private var lastHeard: UInt64 = 0
    private var lastSent: UInt64 = 0
    private var pingSent: UInt64 = 0
    /// When the last request was sent that a server is known to have seen.
    private var lastExchange: UInt64 = 0
    private var isClosing = false
    private var versions: [Int32]
    private var created: [String] = []
    /// Sends operations of its own; off while a run only waits.
    var isActive = true
    /// Operations to send before anything of the workload, one connection's worth at a time.
    var script: [Operation.Kind] = []
    /// What of the script has been answered.
    var scriptAnswer: ((Operation) -> Void)?

    init(
        index: Int, host: Int, world: World, network: SimulatedNetwork, recorder: Recorder, settings: ClientSettings,
        workload: Workload, dice: Dice
    ) {
        self.index = index
        self.host = host
        self.world = world
        self.network = network
        self.recorder = recorder
        self.settings = settings
        self.workload = workload
        self.dice = dice
        timeoutMillis = settings.timeoutMillis
        versions = Array(repeating: 0, count: workload.registers)
    }

    func perform(_ action: @escaping () -> Void) { action() }

    func start() {
        connect(after: dice.around(100 * Span.millisecond))
        think()
        roam()
    }

    /// Goes to another server with its session, as a client does whose network has changed.
    private func roam() {
        guard settings.roamNanos > 0 else { return }
        world.after(dice.around(settings.roamNanos)) { [self] in
            guard state != .retired else { return }
            if isActive, state == .connected, !isClosing {
                world.say("client \(index): moves on")
                end?.close(losesUnsent: dice.chance(0.5))
                dropConnection()
                connect(after: dice.around(Span.millisecond))
            }
            roam()
        }
    }

    /// Ends for good: its session is left to expire.
    func retire() {
        end?.close(losesUnsent: false)
        dropConnection()
        state = .retired
    }

    var hasOutstanding: Bool { !outstanding.isEmpty }

    // MARK: connections

    private func connect(after delay: UInt64) {
        guard state != .retired else { return }
        state = .idle
        world.after(delay) { [self] in
            guard state == .idle else { return }
            state = .dialling
            server = dice.pick(settings.servers)
            network.dial(from: host, to: server, .clients, owner: self) { [self] made in connected(made) }
        }
    }

    private func connected(_ made: StreamEnd?) {
        guard state == .dialling, let made else {
            made?.close(losesUnsent: true)
            if state == .dialling { connect(after: dice.around(100 * Span.millisecond)) }
            return
        }
        connection += 1
        answersOnConnection = 0
        end = made
        state = .handshaking
        lastHeard = world.now
        lastSent = world.now
        made.owner = self
        world.say(
            "client \(index): connects to server \(server), session \(hex(session)), has seen \(hex(lastZxid))")
        send(
            ClientWire.handshake(
                lastZxid: lastZxid, timeoutMillis: settings.timeoutMillis, session: session, password: password))
        watchOver(connection)
    }

    private func send(_ buffer: consuming WireBuffer) {
        lastSent = world.now
        end?.send(buffer.bytes)
    }

    /// Pings while nothing else is sent, and gives a silent server up.
    private func watchOver(_ current: Int) {
        let interval = UInt64(max(timeoutMillis, 300)) * Span.millisecond / 10
        world.after(interval) { [self] in
            guard connection == current, end != nil else { return }
            let silence = world.now - lastHeard
            let limit = UInt64(timeoutMillis) * Span.millisecond * 2 / 3
            if silence > (state == .handshaking ? limit / 2 : limit) {
                world.say("client \(index): server \(server) is silent")
                end?.close(losesUnsent: true)
                dropConnection()
                connect(after: dice.around(50 * Span.millisecond))
                return
            }
            if state == .connected, world.now - lastSent >= UInt64(timeoutMillis) * Span.millisecond / 4 {
                pingSent = world.now
                send(ClientWire.ping())
            }
            watchOver(current)
        }
    }

    /// What was asked on this connection has no answer, and never will.
    private func dropConnection() {
        end = nil
        connection += 1
        outstanding.removeAll()
        if isClosing {
            // Whether the session lives is unknown; this client does not come back to it.
            isClosing = false
            forgetSession()
        }
    }

    private func forgetSession() {
        session = 0
        password = [UInt8](repeating: 0, count: 16)
        lastZxid = 0
        created.removeAll()
    }

    func streamClosed(_ end: StreamEnd) {
        guard end === self.end else { return }
        world.say("client \(index): connection lost, \(outstanding.count) requests without answer")
        dropConnection()
        connect(after: dice.around(50 * Span.millisecond))
    }

    func streamDrained(_ end: StreamEnd) {}

    // MARK: what arrives

    func streamReceived(_ end: StreamEnd, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard end === self.end else { return bytes.count }
        var offset = 0
        while bytes.count - offset >= 4, end === self.end {
            let length = Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
            guard length >= 0, length < 1 << 26 else {
                world.fail(.protocolBroken, "client \(index): a frame of \(length) bytes from server \(server)")
                return bytes.count
            }
            guard bytes.count - offset >= 4 + length else { break }
            take(UnsafeRawBufferPointer(rebasing: bytes[offset + 4..<offset + 4 + length]))
            offset += 4 + length
        }
        return offset
    }

    private func take(_ frame: UnsafeRawBufferPointer) {
        lastHeard = world.now
        var reader = JuteReader(frame)
        do {
            if state == .handshaking {
                try takeHandshake(&reader)
                return
            }
            let xid = try reader.readInt32()
            let zxid = try reader.readInt64()
            let error = try reader.readInt32()
            switch xid {
            case ReservedXid.notification: try takeNotification(&reader)
            case ReservedXid.ping:
                lastExchange = max(lastExchange, pingSent)
                noteZxid(zxid, "a ping's answer")
            default: try takeAnswer(xid, zxid, error, &reader)
            }
        } catch {
            world.fail(.protocolBroken, "client \(index): an answer of server \(server) cannot be read: \(error)")
        }
    }

    private func takeHandshake(_ reader: inout JuteReader) throws {
        _ = try reader.readInt32()
        let timeout = try reader.readInt32()
        let id = try reader.readInt64()
        let word = try reader.readBuffer().map { Array($0) } ?? []
        guard id != 0, timeout > 0 else {
            sessionExpired()
            return
        }
        if session == 0 {
            recorder.history.starts.append(
                SessionStart(session: id, client: index, time: world.now, timeoutMillis: timeout))
        } else if session != id {
            world.fail(.protocolBroken, "client \(index): asked for session \(hex(session)), got \(hex(id))")
        }
        session = id
        password = word
        timeoutMillis = timeout
        lastExchange = lastSent
        state = .connected
        world.note(.client, Int64(index), id)
        world.say("client \(index): session \(hex(id)) on server \(server)")
        issue()
    }

    /// The ensemble says that the session is gone. It must not have been this client's silence that was too short.
    private func sessionExpired() {
        let silence = world.now - lastExchange
        // A server that answers its client may be cut off from the leader: for one syncLimit until the leader knows,
        // for another until the server does. Signs of life are passed on twice a tick; clocks may differ a little.
        let detours = (2 * settings.syncLimitTicks + 2) * Int64(settings.tickMillis)
        let allowance = Int64(timeoutMillis) - detours - Int64(timeoutMillis) / 10
        world.say("client \(index): session \(hex(session)) has expired, after \(silence / Span.millisecond) ms")
        if session != 0 {
            if Int64(silence / Span.millisecond) < allowance {
                world.fail(
                    .sessionLost,
                    "session \(hex(session)) of client \(index) is gone \(silence / Span.millisecond) ms after its "
                        + "last exchange; its timeout is \(timeoutMillis) ms")
            }
            recorder.history.ends.append(
                SessionEnd(session: session, time: world.now, wasClosed: false, zxid: 0))
        }
        end?.close(losesUnsent: false)
        dropConnection()
        forgetSession()
        timeoutMillis = settings.timeoutMillis
        connect(after: dice.around(50 * Span.millisecond))
    }

    private func noteZxid(_ zxid: Int64, _ what: @autoclosure () -> String) {
        guard zxid > 0 else { return }
        if zxid < lastZxid {
            world.fail(
                .readsGoBack,
                "client \(index), session \(hex(session)): \(what()) of server \(server) is at \(hex(zxid)), after "
                    + hex(lastZxid))
        }
        lastZxid = max(lastZxid, zxid)
    }

    private func takeNotification(_ reader: inout JuteReader) throws {
        let type = try reader.readInt32()
        _ = try reader.readInt32()
        let path = try reader.readString() ?? ""
        world.say("client \(index): event \(type) of \(path)")
        recorder.history.heard.append(
            Heard(
                client: index, connection: connection, type: type, path: path, time: world.now,
                answersBefore: answersOnConnection))
    }

    private func takeAnswer(_ xid: Int32, _ zxid: Int64, _ error: Int32, _ reader: inout JuteReader) throws {
        guard let first = outstanding.first, recorder.history.operations[first].xid == xid else {
            let expected = outstanding.first.map { recorder.history.operations[$0].xid }
            world.fail(
                .sessionOrder,
                "client \(index): answer to request \(xid) from server \(server), expected "
                    + (expected.map(String.init) ?? "none"))
            return
        }
        outstanding.removeFirst()
        answersOnConnection += 1
        var operation = recorder.history.operations[first]
        operation.answered = world.now
        operation.zxid = zxid
        operation.outcome = error == 0 ? .ok : .error(error)
        try ClientWire.read(&reader, into: &operation)
        recorder.history.operations[first] = operation
        world.note(.client, Int64(xid), zxid)
        world.say("client \(index): \(xid) \(operation.kind) -> \(operation.outcome) \(hex(zxid))")
        noteZxid(zxid, "the answer to request \(xid)")
        lastExchange = max(lastExchange, operation.invoked)
        digest(operation)
        scriptAnswer?(operation)
        issue()
    }

    /// Remembers what helps to choose the next operations.
    private func digest(_ operation: Operation) {
        if operation.kind.isWrite, operation.zxid > 0, operation.outcome == .ok {
            recorder.acknowledged(operation.zxid, at: world.now)
        }
        if operation.outcome == .ok { recorder.successes += 1 }
        switch operation.kind {
        case .create(let path, _, let flags):
            if flags >= 2, let made = operation.createdPath { created.append(made) }
            if operation.outcome == .ok { saw(path, version: 0) }
        case .setData(let path, _, _), .getData(let path, _), .exists(let path, _):
            if let seen = operation.seen { saw(path, version: seen.version) }
        case .delete(let path, _): created.removeAll { $0 == path }
        case .closeSession: sessionClosed(operation)
        default: break
        }
    }

    private func saw(_ path: String, version: Int32) {
        for index in versions.indices where workload.register(index) == path { versions[index] = version }
    }

    private func sessionClosed(_ operation: Operation) {
        isClosing = false
        if operation.outcome == .ok {
            recorder.history.ends.append(
                SessionEnd(session: session, time: world.now, wasClosed: true, zxid: operation.zxid))
        }
        end?.close(losesUnsent: false)
        dropConnection()
        forgetSession()
        connect(after: dice.around(100 * Span.millisecond))
    }

    // MARK: what is asked

    private func think() {
        world.after(dice.around(workload.thinkNanos) + Span.microsecond) { [self] in
            guard state != .retired else { return }
            if isActive, script.isEmpty { work() }
            think()
        }
    }

    private func work() {
        guard state == .connected, !isClosing, outstanding.count < workload.depth else { return }
        let kinds = workload.next(
            &dice, value: &recorder.lastValue, versions: versions, created: created)
        for kind in kinds { ask(kind) }
    }

    /// Sends what the script wants.
    private func issue() {
        guard state == .connected, outstanding.isEmpty, !script.isEmpty else { return }
        for kind in script { ask(kind) }
        script.removeAll()
    }

    /// Gives the client something to ask once it is connected and has nothing outstanding.
    func run(_ kinds: [Operation.Kind]) {
        script = kinds
        issue()
    }

    private func ask(_ kind: Operation.Kind) {
        guard !isClosing else { return }
        let xid = nextXid
        nextXid += 1
        let operation = Operation(
            id: recorder.history.operations.count, client: index, session: session, connection: connection,
            server: server, xid: xid, kind: kind, invoked: world.now)
        recorder.history.operations.append(operation)
        outstanding.append(operation.id)
        if kind == .closeSession { isClosing = true }
        send(ClientWire.request(xid, kind, digits: workload.valueDigits))
    }

    /// Breaks the cycles of a world that has ended.
    func dismantle() {
        end = nil
        scriptAnswer = nil
    }
}
