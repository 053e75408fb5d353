import Foundation
import TestSupport
import Testing

/// Kills a server without warning, again and again, on one data directory.
///
/// `CORRAL_KILL_ROUNDS` sets how often, `CORRAL_KILL_SEED` replays the moments.
@Suite("Kill under load", .serialized)
struct KillTests {
    @Test("every acknowledged write is there after kill -9, none twice, and sessions go on", arguments: Vendor.underTest)
    func killUnderLoad(vendor: Vendor) throws {
        // Apache only proves the test itself; once is enough for that.
        let rounds = vendor == .apache ? 2 : TestEnvironment.int("CORRAL_KILL_ROUNDS", default: 15)
        let seed = TestEnvironment.seed("CORRAL_KILL_SEED")
        TestEnvironment.note(
            "kill -9 of \(vendor), \(rounds) rounds; replay with "
                + "CORRAL_KILL_SEED=\(seed) CORRAL_KILL_ROUNDS=\(rounds) Tests/run --filter KillTests")
        var random = SeededGenerator(seed: seed)
        let directory = TemporaryDirectory("kill")
        let writers = (0..<4).map { Writer(name: "w\($0)") }
        for round in 0..<rounds {
            // Few transactions a snapshot, so that kills meet snapshots, new log files and old ones.
            let settings = ["snapCount": String(random.pick([100, 500, 2000, 100_000])), "preAllocSize": "512"]
            let server = try ServerUnderTest(vendor, settings: settings, dataDirectory: directory.path)
            for writer in writers {
                if round == 0 {
                    try writer.setUp(port: server.port)
                } else {
                    try writer.resume(port: server.port)
                    try writer.verify()
                }
            }
            let delayMicros = UInt32.random(in: 1000...400_000, using: &random)
            let failures = load(writers) {
                usleep(delayMicros)
                server.kill()
            }
            #expect(failures.isEmpty, "round \(round): \(failures)")
        }
        let server = try ServerUnderTest(vendor, dataDirectory: directory.path)
        var acknowledged = 0
        for writer in writers {
            try writer.resume(port: server.port)
            try writer.verify()
            acknowledged += writer.acknowledgedCreates.count + writer.acknowledgedSets
        }
        TestEnvironment.note("\(vendor): \(acknowledged) writes survived \(rounds) kills")
        #expect(acknowledged > rounds * 20)
    }

    /// Runs the writers at once, each on its own thread, and meanwhile the action.
    private func load(_ writers: [Writer], meanwhile action: () -> Void) -> [String] {
        let group = DispatchGroup()
        let failures = Failures()
        for writer in writers {
            group.enter()
            Thread.detachNewThread {
                do { try writer.run() } catch { failures.add("\(writer.name): \(error)") }
                group.leave()
            }
        }
        action()
        group.wait()
        return failures.list
    }

    @Test("a lost write and a write applied twice are both noticed")
    func verifierCanFail() throws {
        let server = try ServerUnderTest(Vendor.underTest[0])
        let lost = Writer(name: "lost")
        let twice = Writer(name: "twice")
        for writer in [lost, twice] {
            try writer.setUp(port: server.port)
            let failures = load([writer]) {
                usleep(100_000)
                writer.cut()
            }
            #expect(failures.isEmpty)
            try writer.resume(port: server.port)
            try writer.verify()
        }
        let vandal = try server.client()
        let victim = try #require(lost.acknowledgedCreates.values.sorted().last)
        try vandal.perform(.delete(victim))
        #expect(throws: Writer.Violation.self) { try lost.verify() }
        try vandal.create("\(twice.directory)/n-", data: Array("1".utf8), flags: CreateFlag.sequential)
        #expect(throws: Writer.Violation.self) { try twice.verify() }
    }
}

/// Messages from several threads. Locked.
final class Failures: @unchecked Sendable {
    private let lock = NSLock()
    private var messages: [String] = []

    func add(_ text: String) {
        lock.lock()
        messages.append(text)
        lock.unlock()
    }

    var list: [String] {
        lock.lock()
        defer { lock.unlock() }
        return messages
    }
}
