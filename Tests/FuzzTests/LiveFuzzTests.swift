import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

/// Damaged frames over sockets against a running server: it lives, it answers or hangs up, it keeps its memory, and
/// nobody else waits for it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LiveFuzzTests {
    /// What another session may have to wait for one reply. A stall of a second would be a fault on any machine;
    /// the rest is for test machines that are busy with other things.
    static let longestWaitSeconds = 3.0
    static let framesPerConnection = 70

    @Test func serverLivesAndOthersAreServed() throws {
        let frames = TestEnvironment.int("CORRAL_FUZZ_LIVE_FRAMES", default: 20_000)
        let seed = TestEnvironment.seed("CORRAL_FUZZ_SEED")
        TestEnvironment.note("live fuzz: \(frames) frames, CORRAL_FUZZ_SEED=\(seed)")
        let server = try ServerUnderTest(.corral, settings: ["snapCount": "5000", "preAllocSize": "1024"])
        try fill(server)
        let bystander = try Bystander(port: server.port)
        defer { bystander.stop() }
        var fuzz = try LiveFuzz(port: server.port, seed: seed)
        var residentAfterWarmUp = 0
        while fuzz.sent < frames, server.process?.isRunning == true {
            try fuzz.runOneConnection(frames: min(Self.framesPerConnection, frames - fuzz.sent))
            if fuzz.connections == 60 { residentAfterWarmUp = server.process?.residentBytes ?? 0 }
        }
        let process = try #require(server.process)
        #expect(process.isRunning, "seed \(seed): \(process.output.suffix(3000))")
        let growth = residentAfterWarmUp > 0 ? process.residentBytes - residentAfterWarmUp : 0
        #expect(growth < 64 << 20, "the server grew by \(growth) bytes")
        bystander.stop()
        #expect(bystander.failure == nil)
        #expect(bystander.served > 10 && bystander.longestSeconds < Self.longestWaitSeconds)
        #expect(fuzz.problems == [], "seed \(seed)")
        #expect(!process.output.contains("Fatal error"), "\(process.output.suffix(3000))")
        // And everything it took goes through a restart.
        let before = try TreeDump.lines(port: server.port, skipping: ["/f"])
        server.kill()
        try server.start()
        #expect(TreeDump.difference(before, try TreeDump.lines(port: server.port, skipping: ["/f"])) == [])
        #expect(server.stop() == 0)
        TestEnvironment.note(
            "live fuzz: \(fuzz.sent) frames on \(fuzz.connections) connections, \(fuzz.replies) replies, \(fuzz.closes) "
                + "connections ended by the server, \(fuzz.broken) left half said; the server grew by \(growth >> 10) "
                + "KiB; another session was served \(bystander.served) times, waiting at most "
                + "\(Int(bystander.longestSeconds * 1000)) ms")
    }

    private func fill(_ server: ServerUnderTest) throws {
        let client = try server.client()
        for path in ["/f", "/f/a", "/f/b", "/f/b/c", "/f/container"] { try client.create(path) }
        try client.close()
    }
}

/// Sends damaged frames, a connection at a time. One thread.
struct LiveFuzz {
    private let port: Int
    private let corpus: Corpus
    private var mutator: Mutator
    private(set) var sent = 0
    private(set) var connections = 0
    private(set) var replies = 0
    private(set) var closes = 0
    private(set) var broken = 0
    private(set) var problems: [String] = []

    init(port: Int, seed: UInt64) throws {
        self.port = port
        corpus = try Corpus()
        mutator = Mutator(seed: seed, corpus: corpus.requests)
    }

    mutating func runOneConnection(frames: Int) throws {
        connections += 1
        if mutator.random.chance(20) { try damagedHandshake() }
        let client = try ProtocolClient(port: port, timeoutMillis: 4000)
        var left = frames
        while left > 0 {
            let count = min(left, Int.random(in: 1...20, using: &mutator.random))
            left -= count
            sent += count
            let group = (0..<count).map { _ in mutator.request() }
            try client.socket.send(group.flatMap(ProtocolClient.framed))
            guard try replies(to: group, on: client) else {
                closes += 1
                break
            }
        }
        if mutator.random.chance(30), !client.socket.isAtEnd {
            // A frame that never ends, then silence or a reset.
            broken += 1
            try client.socket.send([0, 0, 1, 0] + mutator.request().prefix(20))
        }
        if mutator.random.chance(50) { client.drop() } else { client.socket.disconnect() }
    }

    /// One reply for each frame; false when the server hung up instead.
    private mutating func replies(to group: [[UInt8]], on client: ProtocolClient) throws -> Bool {
        var answered = 0
        while answered < group.count {
            do {
                guard let frame = try client.readFrame(within: 15) else { return false }
                // Notifications: a request never carries their xid here.
                if frame.prefix(4).allSatisfy({ $0 == 0xff }) { continue }
            } catch SocketError.timedOut {
                let text = group.map { $0.map { String($0, radix: 16) }.joined(separator: " ") }
                problems.append("\(answered) replies in 15 s to \(text)")
                return false
            }
            answered += 1
            replies += 1
        }
        return true
    }

    private mutating func damagedHandshake() throws {
        let socket = try Socket(port: port)
        var bytes = ProtocolClient.framed(mutator.mutated(mutator.random.pick(corpus.handshakes)))
        if mutator.random.chance(30) { bytes = mutator.mutated(bytes) }
        try socket.send(bytes)
        if mutator.random.chance(50) { _ = socket.waitForInput(seconds: 0.2) }
        socket.disconnect()
    }
}

/// A well-behaved session that asks again and again, and keeps the longest wait. Its own thread; locked.
final class Bystander: @unchecked Sendable {
    private let lock = NSLock()
    private let ended = DispatchSemaphore(value: 0)
    private var isStopping = false
    private var longest = 0.0
    private var count = 0
    private var error: String?

    init(port: Int) throws {
        let client = try ProtocolClient(port: port)
        try client.create("/bystander", flags: CreateFlag.ephemeral)
        Thread { [self] in
            do {
                while !lock.withLock({ isStopping }) {
                    let start = Date()
                    try client.perform(.setData("/bystander", data: [1]))
                    try client.perform(.getData("/bystander"))
                    let seconds = Date().timeIntervalSince(start)
                    lock.withLock {
                        longest = max(longest, seconds)
                        count += 1
                    }
                    usleep(1000)
                }
                try client.close()
            } catch {
                lock.withLock { self.error = "\(error)" }
            }
            ended.signal()
        }.start()
    }

    func stop() {
        let isFirst = lock.withLock {
            defer { isStopping = true }
            return !isStopping
        }
        if isFirst { ended.wait() }
    }

    var longestSeconds: Double { lock.withLock { longest } }
    var served: Int { lock.withLock { count } }
    var failure: String? { lock.withLock { error } }
}
