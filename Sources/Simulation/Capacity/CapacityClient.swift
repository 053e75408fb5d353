import Jute
import ZooKeeperProtocol

/// What all clients of a capacity run have answered so far, and when the part of it that counts began and ended.
final class CapacityCounter {
    private let world: World
    private let warmup: Int
    private let measured: Int
    private(set) var completed = 0
    private var start: (time: UInt64, count: Int)?
    private(set) var outcome: (nanos: UInt64, count: Int)?

    init(_ world: World, warmup: Int, measured: Int) {
        self.world = world
        self.warmup = warmup
        self.measured = measured
    }

    func answered(_ count: Int) {
        completed += count
        guard completed >= warmup, outcome == nil else { return }
        guard let start else {
            start = (world.now, completed)
            return
        }
        if completed - start.count >= measured { outcome = (world.now - start.time, completed - start.count) }
    }
}

/// A client that keeps its window full with reads and writes of its own znode, as the load generator's do.
final class CapacityClient: StreamOwner {
    enum State { case idle, dialling, handshaking, creating, ready, loading, failed }

    private(set) var state = State.idle
    private let path: String
    private let host: Int
    private let server: Int
    private let network: SimulatedNetwork
    private let scenario: CapacityScenario
    private let counter: CapacityCounter
    private var dice: Dice
    private var end: StreamEnd?
    private var nextXid: Int32 = 1
    private let read: [UInt8]
    private let write: [UInt8]
    private var output: [UInt8] = []
    /// What went wrong; nil while nothing did.
    private(set) var failure: String?

    init(
        index: Int, host: Int, server: Int, network: SimulatedNetwork, scenario: CapacityScenario,
        counter: CapacityCounter, dice: Dice
    ) {
        path = "/capacity-\(index)"
        self.host = host
        self.server = server
        self.network = network
        self.scenario = scenario
        self.counter = counter
        self.dice = dice
        read = Self.request(.getData(path: path, watch: false), digits: 0)
        write = Self.request(.setData(path: path, value: 1, version: -1), digits: scenario.valueBytes)
    }

    private static func request(_ kind: Operation.Kind, digits: Int) -> [UInt8] {
        // Owned until it is copied.
        let buffer = ClientWire.request(0, kind, digits: digits)
        return Array(buffer.bytes)
    }

    func perform(_ action: @escaping () -> Void) { action() }

    func start() {
        state = .dialling
        network.dial(from: host, to: server, .clients, owner: self) { [self] end in
            guard let end else {
                // Nobody leads yet.
                state = .idle
                return
            }
            self.end = end
            state = .handshaking
            let hello = ClientWire.handshake(
                lastZxid: 0, timeoutMillis: 40_000, session: 0, password: [UInt8](repeating: 0, count: 16))
            end.send(hello.bytes)
        }
    }

    /// Fills the window; from now on each answer brings the next request.
    func load() {
        precondition(state == .ready)
        state = .loading
        send(scenario.window)
    }

    private func send(_ count: Int) {
        output.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            let start = output.count
            output += dice.chance(scenario.readPercent / 100) ? read : write
            let xid = nextXid.bigEndian
            nextXid += 1
            withUnsafeBytes(of: xid) { bytes in
                for index in 0..<4 { output[start + 4 + index] = bytes[index] }
            }
        }
        output.withUnsafeBytes { end?.send($0) }
    }

    func streamReceived(_ end: StreamEnd, _ bytes: UnsafeRawBufferPointer) -> Int {
        var taken = 0
        var answers = 0
        while taken + 4 <= bytes.count {
            let length = Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: taken, as: Int32.self)))
            guard taken + 4 + length <= bytes.count else { break }
            let frame = UnsafeRawBufferPointer(rebasing: bytes[(taken + 4)..<(taken + 4 + length)])
            taken += 4 + length
            switch state {
            case .handshaking:
                state = .creating
                let create = ClientWire.request(
                    1, .create(path: path, value: 1, flags: 0), digits: scenario.valueBytes)
                nextXid = 2
                end.send(create.bytes)
            case .creating, .loading:
                let code = length >= 16 ? Int32(bigEndian: frame.loadUnaligned(fromByteOffset: 12, as: Int32.self)) : -1
                guard code == 0 else {
                    fail("a request was answered with code \(code)")
                    return taken
                }
                if state == .creating { state = .ready } else { answers += 1 }
            case .idle, .dialling, .ready, .failed: break
            }
        }
        if answers > 0 {
            counter.answered(answers)
            send(answers)
        }
        return taken
    }

    func streamClosed(_ end: StreamEnd) {
        // While the attempt is under way its outcome tells.
        guard end === self.end else { return }
        if state == .loading {
            return fail("server \(server + 1) closed a connection after \(counter.completed) answers to all")
        }
        // A server that does not serve yet hangs up; the next attempt is the run's.
        state = .idle
        self.end = nil
    }

    func streamDrained(_ end: StreamEnd) {}

    private func fail(_ reason: String) {
        state = .failed
        failure = failure ?? reason
    }
}
