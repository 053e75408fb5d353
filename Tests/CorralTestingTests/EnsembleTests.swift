import CorralTesting
import Logging
import TestSupport
import Testing
import ZooKeeperClient

@Suite("An ensemble in the test's process", .serialized)
struct EnsembleTests {
    @Test("one leads, the others follow or observe", arguments: [(1, 0), (1, 1), (2, 0), (3, 0), (3, 2), (5, 0)])
    func roles(participants: Int, observers: Int) async throws {
        try await CorralEnsemble.withEnsemble(participants: participants, observers: observers) { ensemble in
            #expect(ensemble.servers.map(\.id) == Array(1...participants + observers))
            #expect(ensemble.connectString.split(separator: ",").count == participants + observers)
            let leader = try #require(await ensemble.leader())
            for server in ensemble.servers {
                let status = try #require(await server.status())
                let observes = try #require(server.id) > participants
                #expect(status.role == (server === leader ? .leading : observes ? .observing : .following))
                #expect(status.isServing)
                #expect(status.leaderID == leader.id)
                // What one of them acknowledges, all have.
                let client = try await connect(server.connectString)
                try await client.create("/of-\(server.id ?? 0)")
                await client.close()
            }
            let last = try await connect(ensemble[1].connectString)
            try await last.sync()
            #expect(try await last.getAllChildrenNumber("/") >= participants + observers)
            await last.close()
        }
    }

    @Test("the leader is killed: clients go on with their sessions, and it comes back as a follower")
    func leaderKilled() async throws {
        try await CorralEnsemble.withEnsemble { ensemble in
            try await within(.seconds(60)) {
                let first = try #require(await ensemble.leader())
                var clients: [ZooKeeper] = []
                for server in ensemble.servers {
                    // Each begins with another server, and knows all.
                    let rest = ensemble.servers.filter { $0 !== server }.map(\.connectString)
                    clients.append(try await connect(([server.connectString] + rest).joined(separator: ",")))
                }
                let ids = clients.map { $0.identity?.id }
                for (number, client) in clients.enumerated() {
                    try await client.create("/e-\(number)", mode: .ephemeral)
                }
                await first.kill()
                let second = try await ensemble.waitUntilServing()
                #expect(second !== first)
                for (number, client) in clients.enumerated() {
                    try await client.create("/after-\(number)")
                    #expect(try await client.exists("/e-\(number)")?.ephemeralOwner == ids[number])
                }
                #expect(clients.map { $0.identity?.id } == ids)
                try await first.start()
                #expect(try await ensemble.waitUntilServing() === second)
                #expect(await first.status()?.role == .following)
                let late = try await connect(first.connectString)
                try await late.sync()
                for number in clients.indices { #expect(try await late.exists("/after-\(number)") != nil) }
                await late.close()
                for client in clients { await client.close() }
            }
        }
    }

    @Test("without a quorum nobody leads or serves; with one again, all is there")
    func quorumLost() async throws {
        try await CorralEnsemble.withEnsemble { ensemble in
            try await within(.seconds(60)) {
                let client = try await connect(ensemble.connectString)
                try await client.create("/kept")
                await ensemble[1].stop()
                try await ensemble.waitUntilServing()
                await ensemble[2].stop()
                #expect(await eventually { await ensemble.leader() == nil })
                #expect(await eventually { await ensemble[3].status()?.isServing == false })
                #expect(ensemble.running.map(\.id) == [3])
                await #expect {
                    try await ensemble.waitUntilServing(within: .milliseconds(300))
                } throws: {
                    "\($0)".contains("server 3 looking")
                }
                try await ensemble.start()
                let kept = try await repeating { () async throws(ZooKeeperError) in try await client.exists("/kept") }
                #expect(kept != nil)
                await client.close()
            }
        }
    }

    @Test("all are killed at once, as by a power failure: what was acknowledged is there")
    func powerFailure() async throws {
        try await CorralEnsemble.withEnsemble { ensemble in
            try await within(.seconds(60)) {
                let client = try await connect(ensemble.connectString)
                for number in 0..<100 { try await client.create("/\(number)") }
                await ensemble.kill()
                #expect(ensemble.running.isEmpty)
                try await ensemble.start()
                let count = try await repeating { () async throws(ZooKeeperError) in
                    try await client.getAllChildrenNumber("/")
                }
                #expect(count >= 100)
                for number in 0..<100 { #expect(try await client.exists("/\(number)") != nil) }
                await client.close()
            }
        }
    }

    @Test("a session ends by force on whichever server its client is", arguments: 1...3)
    func expiry(id: Int) async throws {
        try await CorralEnsemble.withEnsemble { ensemble in
            try await within {
                let victim = try await connect(ensemble[id].connectString)
                let witness = try await connect(ensemble[id % 3 + 1].connectString)
                try await victim.create("/mine", mode: .ephemeral)
                try await witness.sync()
                let (stat, watch) = try await witness.existsAndWatch("/mine")
                let session = try #require(victim.identity?.id)
                #expect(stat?.ephemeralOwner == session)
                #expect(await ensemble.expireSession(session))
                try await victim.wait(for: .expired)
                #expect(try await watch.next()?.kind == .deleted)
                #expect(witness.state == .connected)
                await witness.close()
            }
        }
    }

    @Test("a member's disk fails: it ends and tells why, the others go on", arguments: [true, false])
    func diskFails(leads: Bool) async throws {
        let disks = (1...3).map { _ in FaultyDisk() }
        let lines = KeptLines()
        var options = ServerOptions(logger: lines.logger)
        options.disk = { id in disks[(id ?? 1) - 1] }
        try await CorralEnsemble.withEnsemble(options) { ensemble in
            try await within(.seconds(60)) {
                let leader = try #require(await ensemble.leader())
                let victim = leads ? leader : try #require(ensemble.servers.first { $0 !== leader })
                let id = try #require(victim.id)
                let others = ensemble.servers.filter { $0 !== victim }
                let client = try await connect(others.map(\.connectString).joined(separator: ","))
                try await client.create("/a")
                disks[id - 1].fail()
                // Of a write through a leader that ends, its client does not know; the next one is the new leader's.
                do throws(ZooKeeperError) { try await client.create("/b") } catch { #expect(error.outcome == .unknown) }
                guard case .diskFailed? = await victim.waitUntilEnded() else {
                    Issue.record("no reason: \(String(describing: victim.failure))")
                    return
                }
                try await ensemble.waitUntilServing()
                try await client.create("/c")
                #expect(others.allSatisfy { $0.isRunning && $0.failure == nil })
                #expect(lines.all.filter { $0.level == .critical }.map(\.server) == ["\(id)"])
                disks[id - 1].heal()
                try await ensemble.start()
                #expect(await victim.status()?.role == .following)
                let late = try await connect(victim.connectString)
                try await late.sync()
                #expect(try await late.exists("/c") != nil)
                await late.close()
                await client.close()
            }
        }
    }

    @Test("ensembles side by side do not know of each other")
    func sideBySide() async throws {
        try await CorralEnsemble.withEnsemble { one in
            try await CorralEnsemble.withEnsemble { other in
                let client = try await connect(one.connectString)
                try await client.create("/only-here")
                let stranger = try await connect(other.connectString)
                try await stranger.sync()
                #expect(try await stranger.exists("/only-here") == nil)
                await client.close()
                await stranger.close()
            }
        }
    }

    @Test("sizes and options that make no sense are refused")
    func refused() async {
        for (participants, observers) in [(0, 0), (6, 0), (3, 6), (3, -1)] {
            await #expect(throws: CorralTestingError.self) {
                try await CorralEnsemble.start(participants: participants, observers: observers)
            }
        }
        await #expect(throws: CorralTestingError.self) {
            try await CorralEnsemble.start(ServerOptions(clientPort: 12345))
        }
    }
}
