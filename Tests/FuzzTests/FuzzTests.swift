import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// Damaged frames against the core in this process and against a live server: it lives, it answers each whole frame
/// once or hangs up, it keeps its memory, and nobody else waits for it.
///
/// `CORRAL_FUZZ_CORE_FRAMES` and `CORRAL_FUZZ_LIVE_FRAMES` set how many, `CORRAL_FUZZ_SEED` replays a run.
@Suite("Fuzz", .serialized)
struct FuzzTests {
    /// More than this and something keeps what hostile frames ask for.
    static let growthLimitBytes = 128 << 20
    /// What another session may wait for its write. A stall of a second would be a fault on any machine; the rest is
    /// for machines that are busy with other things.
    static let longestWaitMillis = 3000

    static func announce(_ what: String, _ frames: Int) -> UInt64 {
        let seed = TestEnvironment.seed("CORRAL_FUZZ_SEED")
        TestEnvironment.note(
            "fuzz \(what), \(frames) frames; replay with CORRAL_FUZZ_SEED=\(seed) Tests/run --filter FuzzTests")
        return seed
    }

    @Test("the corpus has every operation, each in a form that the server can read")
    func corpusIsComplete() throws {
        if TestEnvironment.string("CORRAL_RECORD_CORPUS") != nil { try Corpus.record() }
        let (seeds, handshakes) = try Corpus.load()
        #expect(seeds.count == Corpus.requests.count && handshakes.count == Corpus.handshakes.count)
        let opcodes = Set(
            seeds.map { $0.payload[4..<8].reduce(Int32(0)) { $0 << 8 | Int32($1) } })
        for opcode in OpCode.allCases where opcode != .notification && opcode != .error {
            #expect(opcodes.contains(opcode.rawValue), "no frame for \(opcode)")
        }
        for seed in seeds {
            let target = CoreTarget()
            target.fill()
            let client = target.connect()
            target.turn { client.deliver(ProtocolClient.framed(seed.payload)) }
            target.settle()
            let frames = client.takeFrames()
            #expect(!frames.isEmpty, "\(seed.name): no reply")
            for case .reply(let reply) in try frames.map({ try ProtocolClient.parse($0) }) {
                #expect(
                    reply.errorCode != .marshallingError && reply.errorCode != .runtimeInconsistency,
                    "\(seed.name): \(reply.error)")
            }
        }
        for seed in handshakes {
            let target = CoreTarget()
            let client = target.accept()
            target.turn { client.deliver(ProtocolClient.framed(seed.payload)) }
            target.settle()
            #expect(client.takeFrames().count == 1, "\(seed.name): no answer")
        }
    }

    @Test("a reply too few, too many, of another request or out of order is found")
    func expectationsCanFail() {
        func request(_ xid: UInt8, _ opcode: OpCode) -> [UInt8] {
            [0, 0, 0, xid] + withUnsafeBytes(of: opcode.rawValue.bigEndian) { Array($0) }
        }
        func reply(_ xid: Int32) -> [UInt8] {
            withUnsafeBytes(of: xid.bigEndian) { Array($0) } + [UInt8](repeating: 0, count: 12)
        }
        let reads = ExpectedReplies(to: [request(1, .getData), request(2, .ping), request(3, .whoAmI)])
        let right = [reply(1), reply(ReservedXid.notification), reply(ReservedXid.ping), reply(3)]
        #expect(reads.problem(with: right, hasEnded: false) == nil)
        #expect(reads.problem(with: right.dropLast(), hasEnded: true) == nil)
        for wrong in [Array(right.dropLast()), right + [reply(3)], right.reversed(), Array(right[..<3]) + [reply(4)]] {
            #expect(reads.problem(with: wrong, hasEnded: false) != nil)
        }
        #expect(reads.problem(with: Array(right.dropFirst()), hasEnded: true) != nil)
        #expect(reads.problem(with: right + [reply(3)], hasEnded: true) != nil)
        #expect(reads.problem(with: right.dropLast() + [[0, 0, 0, 3]], hasEnded: false) != nil)
        let proof = ExpectedReplies(to: [request(1, .create), request(2, .auth)])
        #expect(proof.problem(with: [reply(2), reply(1)], hasEnded: false) == nil)
        #expect(proof.problem(with: [reply(2), reply(2)], hasEnded: false) != nil)
    }

    @Test("the core answers each damaged frame once or hangs up, and goes on serving others")
    func core() throws {
        let frames = TestEnvironment.int("CORRAL_FUZZ_CORE_FRAMES", default: 900_000)
        let fuzz = try CoreFuzz(seed: Self.announce("of the core", frames))
        TestEnvironment.note("fuzz of the core: what a trap leaves behind is in \(fuzz.journal.path)")
        var residentAfterWarmUp = 0
        while fuzz.delivered < frames, fuzz.problems.isEmpty {
            fuzz.runOneCore(frames: min(20_000, frames - fuzz.delivered))
            if fuzz.cores == 2 { residentAfterWarmUp = ownResidentBytes() }
        }
        let growth = fuzz.cores > 2 ? ownResidentBytes() - residentAfterWarmUp : 0
        TestEnvironment.note(
            "fuzz of the core: \(fuzz.delivered) frames, \(fuzz.replies) replies, \(fuzz.errors) of them errors, "
                + "\(fuzz.closes) connections closed, \(fuzz.handshakes) damaged handshakes, "
                + "resident memory grew by \(growth >> 10) KiB")
        #expect(growth < Self.growthLimitBytes)
        // Damage that nothing survives, or that changes nothing, would try little.
        if fuzz.problems.isEmpty {
            #expect(
                fuzz.replies > frames / 2 && fuzz.errors > frames / 20 && fuzz.replies - fuzz.errors > frames / 20
                    && fuzz.closes > frames / 1000)
        }
        try? FileManager.default.removeItem(atPath: fuzz.journal.path)
    }

    private func ownResidentBytes() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
    }

    private func requestsTaken(by server: ServerUnderTest) throws -> Int {
        let lines = try fourLetterWord("srvr", port: server.port).split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("Received: ") }, "no count of requests in srvr's answer")
        return try #require(Int(line.dropFirst("Received: ".count)))
    }

    @Test("a live server answers or hangs up, stalls nobody, stays small, and starts again with all it took")
    func liveServer() throws {
        let frames = TestEnvironment.int("CORRAL_FUZZ_LIVE_FRAMES", default: 120_000)
        let server = try ServerUnderTest(
            .corral, settings: ["maxSessionTimeout": "4000", "forceSync": "no", "snapCount": "5000"])
        var fuzz = try LiveFuzz(port: server.port, seed: Self.announce("of a live server", frames))
        let witness = try server.client()
        let own = "/witness-\(UInt64.random(in: 0...UInt64.max))"
        try witness.create(own, flags: CreateFlag.ephemeral)
        var slowestMillis = 0
        var rounds = 0
        var taken = 0
        var residentAfterWarmUp = 0
        // A frame that ends its connection takes those behind it along: only what the server counts counts.
        while taken < frames, fuzz.problems.isEmpty {
            rounds += 1
            try fuzz.burst()
            if rounds % 50 == 0 {
                let started = Date()
                try witness.perform(.setData(own, data: [1]))
                slowestMillis = max(slowestMillis, Int(Date().timeIntervalSince(started) * 1000))
            }
            if rounds % 200 == 0 { taken = try requestsTaken(by: server) }
            if rounds == 1000 { residentAfterWarmUp = try #require(server.process).residentBytes }
        }
        let process = try #require(server.process)
        #expect(process.isRunning, "\(process.output.suffix(4000))")
        let growth = residentAfterWarmUp > 0 ? process.residentBytes - residentAfterWarmUp : 0
        TestEnvironment.note(
            "fuzz of a live server: \(fuzz.sent) frames sent, \(taken) taken, \(fuzz.replies) replies counted, "
                + "\(fuzz.closes) connections closed, slowest write of another session \(slowestMillis) ms, "
                + "resident memory grew by \(growth >> 10) KiB")
        #expect(fuzz.problems.isEmpty && fuzz.replies > frames / 10)
        #expect(slowestMillis < Self.longestWaitMillis)
        #expect(growth < Self.growthLimitBytes)
        #expect(try fourLetterWord("ruok", port: server.port) == "imok")
        fuzz.end()
        try witness.close()
        try expectRestart(of: server)
    }

    /// All that damaged frames made goes through the log.
    private func expectRestart(of server: ServerUnderTest) throws {
        // The sessions of dropped connections end first, so that nothing changes while the trees are read.
        let isQuiet = try eventually(within: 30) {
            try fourLetterWord("mntr", port: server.port).contains("zk_global_sessions\t0\n")
        }
        #expect(isQuiet)
        let before = try TreeDump.lines(port: server.port)
        server.kill()
        try server.start()
        #expect(TreeDump.difference(before, try TreeDump.lines(port: server.port)) == [])
        #expect(server.stop() == 0)
    }
}
