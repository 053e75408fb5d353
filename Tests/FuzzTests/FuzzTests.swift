import Foundation
import Jute
import TestSupport
import Testing
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// Mutated frames against the core in this process and against a live server.
///
/// `CORRAL_FUZZ_CORE_FRAMES` and `CORRAL_FUZZ_LIVE_FRAMES` set how many, `CORRAL_FUZZ_SEED` replays a run.
@Suite("Fuzz", .serialized)
struct FuzzTests {
    /// More than this and something keeps what hostile frames ask for.
    static let residentLimitBytes = 1 << 30

    static func announce(_ what: String, _ frames: Int) -> UInt64 {
        let seed = TestEnvironment.seed("CORRAL_FUZZ_SEED")
        TestEnvironment.note(
            "fuzz \(what), \(frames) frames; replay with CORRAL_FUZZ_SEED=\(seed) Tests/run --filter FuzzTests")
        return seed
    }

    @Test("the corpus has every operation of a client, each in a form that the server can read")
    func corpusIsComplete() throws {
        if TestEnvironment.string("CORRAL_RECORD_CORPUS") != nil { try Corpus.record() }
        let seeds = try Corpus.load()
        let opcodes = Set(
            seeds.map { $0.payload[4..<8].reduce(Int32(0)) { $0 << 8 | Int32($1) } })
        let serverOnly: Set<OpCode> = [
            .notification, .check, .reconfig, .sasl, .deleteContainer, .createSession, .error,
        ]
        for opcode in OpCode.allCases where !serverOnly.contains(opcode) {
            #expect(opcodes.contains(opcode.rawValue), "no frame for \(opcode)")
        }
        for seed in seeds {
            let target = CoreTarget()
            let client = try #require(target.connect())
            target.receive(ProtocolClient.framed(seed.payload), from: client)
            guard client.link.received.count >= 20 else {
                Issue.record("\(seed.name): no reply")
                continue
            }
            let frame = Array(client.link.received.dropFirst(4))
            if case .reply(let reply) = try ProtocolClient.parse(frame) {
                #expect(
                    reply.errorCode != .marshallingError && reply.errorCode != .unimplemented,
                    "\(seed.name): \(reply.error)")
            }
        }
    }

    @Test("the core survives mutated frames, and goes on serving others")
    func core() throws {
        let frames = TestEnvironment.int("CORRAL_FUZZ_CORE_FRAMES", default: 900_000)
        var mutator = Mutator(seed: Self.announce("of the core", frames), seeds: try Corpus.load())
        var target = CoreTarget()
        var witness = try #require(target.connect())
        var attackers: [CoreTarget.Client] = []
        var closed = 0
        for number in 0..<frames {
            // A fresh core now and then, so that what earlier frames created does not pile up.
            if number % 20_000 == 19_999 {
                target = CoreTarget()
                witness = try #require(target.connect())
                attackers = []
            }
            if attackers.count < 4 { attackers.append(try #require(target.connect())) }
            let index = Int.random(in: 0..<attackers.count, using: &mutator.random)
            let attacker = attackers[index]
            target.receive(mutator.frame(), from: attacker)
            attacker.link.received = []
            if attacker.link.isClosed || number % 500 == 499 {
                closed += attacker.link.isClosed ? 1 : 0
                target.disconnect(attacker)
                attackers.remove(at: index)
            }
            if number % 1000 == 0 { target.tick(millis: 500) }
            if number % 100 == 0 { try expectService(target, witness, number: number) }
        }
        let resident = ownResidentBytes()
        TestEnvironment.note("fuzz of the core: \(frames) frames, \(closed) connections closed, \(resident >> 20) MiB")
        #expect(resident < Self.residentLimitBytes, "\(resident >> 20) MiB resident")
    }

    private func expectService(_ target: CoreTarget, _ witness: CoreTarget.Client, number: Int) throws {
        witness.link.received = []
        target.receive(ProtocolClient.framed(Request.whoAmI.payload(xid: 4711)), from: witness)
        let frame = Array(witness.link.received.dropFirst(4))
        guard frame.count >= 16, case .reply(let reply) = try ProtocolClient.parse(frame) else {
            Issue.record("frame \(number): the witness got \(frame)")
            return
        }
        #expect(reply.xid == 4711 && reply.error == 0, "frame \(number): \(reply)")
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

    @Test("a live server survives mutated frames, stalls nobody, and stays small")
    func liveServer() throws {
        let frames = TestEnvironment.int("CORRAL_FUZZ_LIVE_FRAMES", default: 120_000)
        var mutator = Mutator(seed: Self.announce("of a live server", frames), seeds: try Corpus.load())
        let server = try ServerUnderTest(.corral, settings: ["maxSessionTimeout": "4000", "forceSync": "no"])
        let witness = try server.client()
        let own = "/witness-\(UInt64.random(in: 0...UInt64.max))"
        try witness.create(own, flags: CreateFlag.ephemeral)
        var attackers: [ProtocolClient] = []
        var slowestMillis = 0
        var sent = 0
        var taken = 0
        // A frame that ends its connection takes those behind it along: only what the server counts counts.
        while taken < frames {
            if sent % 2000 == 0 { taken = try requestsTaken(by: server) }
            while attackers.count < 6 { attackers.append(try server.client(timeoutMillis: 4000)) }
            let index = Int.random(in: 0..<attackers.count, using: &mutator.random)
            let attacker = attackers[index]
            // Short bursts: what follows a frame that ends the connection is never looked at.
            let burst = (0..<10).flatMap { _ in mutator.frame() }
            sent += 10
            // Replies are left unread now and then, so that the server meets a full socket as well.
            try? attacker.socket.send(burst, within: 0.2)
            if mutator.random.chance(70) { attacker.socket.discardInput() }
            if attacker.socket.isAtEnd || mutator.random.chance(5) {
                attacker.drop()
                attackers.remove(at: index)
            }
            if sent % 500 == 0 {
                let started = Date()
                try witness.perform(.setData(own, data: [1]))
                slowestMillis = max(slowestMillis, Int(Date().timeIntervalSince(started) * 1000))
            }
        }
        let process = try #require(server.process)
        #expect(process.isRunning, "\(process.output.suffix(4000))")
        let resident = process.residentBytes
        TestEnvironment.note(
            "fuzz of a live server: \(sent) frames sent, \(taken) taken, "
                + "slowest write of another session \(slowestMillis) ms, "
                + "\(resident >> 20) MiB resident")
        #expect(slowestMillis < 3000)
        #expect(resident < Self.residentLimitBytes)
        #expect(try fourLetterWord("ruok", port: server.port) == "imok")
        for attacker in attackers { attacker.drop() }
        #expect(server.stop() == 0)
    }
}
