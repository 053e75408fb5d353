import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// `kill -9` at random moments under load: after each restart, over the protocol, every acknowledged write is there
/// and none was applied twice. `CORRAL_KILL_ROUNDS` rounds, `CORRAL_KILL_SEED` to repeat a run's choices;
/// `CORRAL_KILL_RESULT` names a file that what was done is added to.
@Suite(.serialized) struct KillTests {
    /// Small, so that kills meet snapshots and rolls of the log.
    static let settings = [
        "snapCount": "500", "preAllocSize": "256", "maxSessionTimeout": "\(sessionTimeoutMillis)",
    ]
    /// Sessions are gone back to some rounds later, which slow disks make long.
    static let sessionTimeoutMillis: Int32 = 3_600_000
    static let sessionsPerRound = 4

    /// Half of the rounds on one reactor, half on three, where replies cross threads.
    @Test(arguments: [1, 3])
    func acknowledgedWritesSurviveKills(reactors: Int) throws {
        let rounds = max(1, TestEnvironment.int("CORRAL_KILL_ROUNDS", default: 10) / 2)
        let seed = TestEnvironment.seed("CORRAL_KILL_SEED")
        TestEnvironment.note("kill -9: \(rounds) rounds with \(reactors) reactors, CORRAL_KILL_SEED=\(seed)")
        let settings = Self.settings.merging(["corral.reactors": String(reactors)]) { $1 }
        let run = try KillRun(seed: seed, settings: settings)
        var problems: [String] = []
        var done = 0
        while done < rounds && problems.isEmpty {
            problems = try run.round(done)
            done += 1
        }
        #expect(problems.isEmpty, "round \(done - 1), seed \(seed): \(problems.prefix(5))")
        if let file = TestEnvironment.string("CORRAL_KILL_RESULT") {
            try KillRecord(reactors: reactors, seed: seed, rounds: done, problems: problems, run: run).add(to: file)
        }
        TestEnvironment.note(
            "kill -9: \(done) rounds, \(run.acknowledged) writes acknowledged of \(run.submitted) sent, "
                + "\(run.killedStarts) starts killed, \(run.snapshots) snapshots and \(run.segments) log segments")
        #expect(run.acknowledged > rounds * 100)
    }

    /// The check itself: it must see what a server that lies about durability loses.
    @Test func theCheckSeesLostWrites() throws {
        // Without a snapshot that would still hold them.
        let run = try KillRun(seed: 1, settings: ["snapCount": "1000000"])
        let problems = try run.round(0, acknowledgements: 1000...3000) { directory in
            // What each session's setup takes stays, and a torn end is no damage.
            let log = try FileManager.default.contentsOfDirectory(atPath: directory).first { $0.hasPrefix("log.") }
            truncate("\(directory)/\(try #require(log))", 32_768)
        }
        #expect(problems.contains { $0.contains("lost from") }, "\(problems.prefix(5))")
    }
}

/// The rounds' server and what is known of it. One thread.
final class KillRun {
    private let server: ServerUnderTest
    private var random: SeededGenerator
    /// The last rounds' sessions, checked again after every restart until their trees are deleted.
    private var kept: [[LoadSession]] = []
    private var veteran: SessionTicket
    private(set) var acknowledged = 0
    private(set) var submitted = 0
    private(set) var killedStarts = 0
    private var files: Set<String> = []
    var snapshots: Int { files.count { $0.hasPrefix("snapshot.") } }
    var segments: Int { files.count { $0.hasPrefix("log.") } }

    init(seed: UInt64, settings: [String: String] = KillTests.settings) throws {
        random = SeededGenerator(seed: seed)
        server = try ServerUnderTest(.corral, settings: settings)
        let client = try server.client(timeoutMillis: KillTests.sessionTimeoutMillis)
        try client.create("/veteran", flags: CreateFlag.ephemeral)
        veteran = client.session
    }

    /// One round: load, kill, restart, check; what was wrong.
    ///
    /// - Parameters:
    ///   - acknowledgements: after how many of them the server may be killed.
    ///   - tamper: called with the directory of the log while the server is dead.
    func round(
        _ number: Int, acknowledgements: ClosedRange<Int> = 20...3000, tamper: (String) throws -> Void = { _ in }
    ) throws -> [String] {
        let tally = Tally()
        let setup = try server.client()
        try setup.create("/r\(number)")
        let sessions = try (0..<KillTests.sessionsPerRound).map {
            try LoadSession(port: server.port, base: "/r\(number)/c\($0)", seed: random.next(), tally: tally)
        }
        let churn = try SessionChurn(port: server.port, base: "/r\(number)/churn")
        let ended = DispatchGroup()
        for work in sessions.map({ $0.run }) + [churn.run] {
            ended.enter()
            Thread {
                work()
                ended.leave()
            }.start()
        }
        // A moment in the load that no timer of the server's knows.
        let target = Int.random(in: acknowledgements, using: &random)
        let reached = tally.wait(for: target, within: 180)
        usleep(UInt32.random(in: 0...5000, using: &random))
        server.kill()
        ended.wait()
        guard reached else { return ["only \(tally.total) of \(target) writes were acknowledged in 180 s"] }
        acknowledged += sessions.reduce(0) { $0 + $1.acknowledged }
        submitted += sessions.reduce(0) { $0 + $1.submitted.count }
        noteFiles()
        try tamper("\(server.dataDirectory)/version-2")

        if random.chance(30) { try killAStart() }
        try server.start()
        var problems = try check(sessions, churn)
        if number % 10 == 9 {
            // Now and then an orderly end as well: its files must serve the next start just so.
            let code = server.stop()
            if code != 0 { problems.append("SIGTERM: exit code \(code.map(String.init) ?? "none")") }
            try server.start()
            problems += try check(sessions, churn)
        }
        return problems
    }

    private func check(_ sessions: [LoadSession], _ churn: SessionChurn) throws -> [String] {
        let reader = try server.client()
        let last = try reader.call(.exists("/")).zxid
        var problems: [String] = []
        for session in sessions where last < session.highestZxid {
            problems.append("zxid \(last) after \(session.highestZxid) had been acknowledged")
        }
        if !kept.contains(where: { $0.first === sessions.first }) { kept.append(sessions) }
        for session in kept.joined() { problems += try session.check(reader) }
        problems += try churn.check(reader, port: server.port)
        problems += try resume(sessions, reader)
        for session in kept.joined() { problems += try session.check(reader) }
        while kept.count > 3 {
            let old = kept.removeFirst()
            for session in old where !session.isSessionClosed {
                try ProtocolClient(port: server.port, resuming: session.client.session).close()
            }
            let base = old[0].base
            try LoadTree.delete(reader, String(base[..<base.lastIndex(of: "/")!]))
        }
        try reader.close()
        return problems
    }

    /// Goes back to sessions by password, which ends half of them for good, and their ephemerals.
    private func resume(_ sessions: [LoadSession], _ reader: ProtocolClient) throws -> [String] {
        var problems: [String] = []
        let old = try ProtocolClient(port: server.port, resuming: veteran)
        if old.session != veteran { problems.append("the veteran came back as \(old.session)") }
        if try reader.call(.exists("/veteran")).error != 0 { problems.append("/veteran is gone") }
        old.drop()
        for (index, session) in sessions.enumerated() where !session.isSessionClosed {
            let ticket = session.client.session
            guard
                let back = try? ProtocolClient(
                    port: server.port, resuming: ticket, lastZxidSeen: session.highestZxid)
            else {
                problems.append("session \(ticket.id), which has seen zxid \(session.highestZxid), was refused")
                continue
            }
            if back.session != ticket { problems.append("\(ticket) came back as \(back.session)") }
            guard index % 2 == 0 else {
                back.drop()
                continue
            }
            try back.close()
            session.isSessionClosed = true
        }
        return problems
    }

    /// Starts the server and kills it before or soon after it is ready: recovery itself must survive that.
    private func killAStart() throws {
        killedStarts += 1
        var arguments = [
            "server", "--standalone", "--data-dir", server.dataDirectory, "--client-port", "0",
            "--set", "clientPortAddress=127.0.0.1",
        ]
        for (key, value) in ServerUnderTest.defaults.merging(KillTests.settings, uniquingKeysWith: { $1 }) {
            arguments += ["--set", "\(key)=\(value)"]
        }
        let child = try ChildProcess(
            ServerUnderTest.corralBinary, arguments, output: server.scratch.file("killed-\(killedStarts)"))
        usleep(UInt32.random(in: 0...120_000, using: &random))
        child.signal(SIGKILL)
        child.waitForExit()
        noteFiles()
    }

    private func noteFiles() {
        files.formUnion(
            (try? FileManager.default.contentsOfDirectory(atPath: "\(server.dataDirectory)/version-2")) ?? [])
    }
}
