import Foundation
import TestSupport
import Testing
import ZooKeeperClient

/// Clients of ensembles of three real servers, which are killed, stopped and started under them.
@Suite("Ensembles", .serialized)
struct EnsembleSessionTests {
    private static func configuration(
        _ ensemble: EnsembleHarness, timeout: Duration = .seconds(20)
    ) throws -> ClientConfiguration {
        var configuration = try ClientConfiguration(ensemble.connectString)
        configuration.sessionTimeout = timeout
        // A server that looks for its quorum may hold a client up.
        configuration.attemptTimeout = .seconds(2)
        configuration.logger = .ofTests
        return configuration
    }

    @Test("leaders killed under pipelined writes: the session lives, and each outcome is the truth", arguments: [
        Vendor.corral, .apache,
    ].filter(Vendor.underTest.contains))
    func leaderKilled(vendor: Vendor) async throws {
        let ensemble = EnsembleHarness([vendor, vendor, vendor])
        try ensemble.start()
        let configuration = try Self.configuration(ensemble)
        let rounds = vendor == .corral ? 3 : 2
        try await within(.seconds(180)) {
            let client = try await ZooKeeper.connect(configuration)
            let session = client.identity?.id
            try await client.create("/w")
            try await client.create("/mine", mode: .ephemeral)
            let writer = PipelinedWriter(client, below: "/w")
            for _ in 0..<rounds {
                let leader = try ensemble.waitForRoles()
                try await writer.write(acknowledged: 1000)
                writer.fill()
                ensemble[leader].kill()
                let (losses, before) = (writer.unknownCount, writer.acknowledgedCount)
                try await writer.write(until: { writer.unknownCount > losses || client.state == .suspended })
                try await writer.write(acknowledged: 500)
                #expect(writer.acknowledgedCount >= before + 500)
                try ensemble.start(leader)
            }
            try await writer.finish()
            #expect(client.state == .connected && client.identity?.id == session)
            #expect(try await client.exists("/mine")?.ephemeralOwner == session)

            // The truth, by another session.
            let witness = try await ZooKeeper.connect(configuration)
            try await witness.sync("/w")
            let there = Set(try await witness.getChildren("/w"))
            #expect(writer.untruths(there).isEmpty, "\(writer.untruths(there).prefix(10))")
            #expect(writer.unknownCount > 0, "no write was under way when a leader was killed")
            TestEnvironment.note(
                "\(vendor): \(writer.acknowledgedCount) writes acknowledged, \(writer.unknownCount) unknown of which "
                    + "\(writer.unknownApplied(there)) applied, \(writer.notAppliedCount) not applied")
            await witness.close()
            await client.close()
        }
        try ensemble.expectAgreement()
    }

    @Test("the server of a client is killed, then stands still: session, watches and own writes are kept")
    func serverLost() async throws {
        let ensemble = EnsembleHarness([.corral, .corral, .corral])
        try ensemble.start()
        let configuration = try Self.configuration(ensemble, timeout: .seconds(6))
        try await within(.seconds(90)) {
            let client = try await ZooKeeper.connect(configuration)
            let writer = try await ZooKeeper.connect(configuration)
            let session = client.identity?.id
            try await client.create("/a")
            try await client.create("/e", mode: .ephemeral)
            for isKilled in [true, false] {
                let (_, watch) = try await client.getDataAndWatch("/a")
                let persistent = try await client.addWatch("/a", .persistentRecursive)
                let written = try await client.setData("/a", [1])
                #expect(try await watch.next()?.kind == .dataChanged)
                #expect(try await persistent.next()?.kind == .dataChanged)
                let (_, next) = try await client.getDataAndWatch("/a")

                let port = try #require(client.server?.port)
                let id = try #require(ensemble.members.first { $0.clientPort == port }).id
                if isKilled { ensemble[id].kill() } else { ensemble[id].pause() }
                try await client.wait(for: .suspended)
                try await client.wait(for: .connected)
                #expect(client.server?.port != port && client.identity?.id == session)
                // The other server may be behind, but not behind what this client has seen.
                #expect(try await client.getData("/a").stat.mzxid >= written.mzxid)
                #expect(try await client.exists("/e")?.ephemeralOwner == session)
                #expect(try await persistent.next()?.kind == .gap)
                try await writer.waitUntilConnected(within: .seconds(30))
                try await Self.retrying { try await writer.setData("/a", [2]) }
                #expect(try await next.next()?.kind == .dataChanged)
                #expect(try await persistent.next()?.kind == .dataChanged)
                if isKilled { try ensemble.start(id) } else { ensemble[id].resume() }
                try ensemble.waitForRoles()
            }
            await writer.close()
            await client.close()
        }
    }

    @Test("a client looks for its ensemble while there is no quorum, and finds it when there is one")
    func quorumLost() async throws {
        let ensemble = EnsembleHarness([.corral, .corral, .corral])
        try ensemble.start()
        let configuration = try Self.configuration(ensemble)
        try await within(.seconds(90)) {
            let client = try await ZooKeeper.connect(configuration)
            let session = client.identity?.id
            try await client.create("/e", mode: .ephemeral)
            for id in [1, 2, 3] { ensemble[id].kill() }
            try await client.wait(for: .suspended)
            let waiting = client.submit(.setData("/e", [1]))
            try ensemble.start(1)
            try await Task.sleep(for: .milliseconds(500))
            #expect(client.state == .suspended && !waiting.isReady)
            try ensemble.start(2)
            #expect(try await waiting.value.version == 1)
            #expect(client.identity?.id == session)
            await client.close()
        }
    }

    @Test("the members, read and watched below any chroot; what reconfiguration answers", arguments: Vendor.underTest)
    func members(vendor: Vendor) async throws {
        let ensemble = EnsembleHarness(
            [vendor, vendor, vendor],
            settings: ["reconfigEnabled": "true", "skipACL": "yes"].filter { _ in vendor == .apache })
        let leader = try ensemble.start()
        let other = leader == 1 ? 2 : 1
        try await within(.seconds(90)) {
            var configuration = try Self.configuration(ensemble)
            try await ZooKeeper.withSession(configuration) { _ = try await $0.create("/inner") }
            // At the leader, because a member that leaves ends its clients' connections.
            configuration.connectString = try ConnectString("127.0.0.1:\(ensemble[leader].clientPort)/inner")
            let client = try await ZooKeeper.connect(configuration)
            let (before, watch) = try await client.getConfigAndWatch()
            let text = String(decoding: before.data, as: UTF8.self)
            for member in ensemble.members { #expect(text.contains("server.\(member.id)=127.0.0.1:"), "\(text)") }
            guard vendor == .apache else {
                await #expect(throws: ZooKeeperError(.server(.reconfigDisabled), operation: .reconfig)) {
                    try await client.reconfigure(leaving: "\(other)")
                }
                return await client.close()
            }
            let after = try await client.reconfigure(leaving: "\(other)")
            #expect(!String(decoding: after.data, as: UTF8.self).contains("server.\(other)="))
            let event = try await watch.next()
            #expect(event?.kind == .dataChanged && event?.path == ZooKeeper.configurationPath)
            #expect(try await client.getConfig().data == after.data)
            await #expect(throws: ZooKeeperError(.server(.badVersion), operation: .reconfig)) {
                try await client.reconfigure(leaving: "\(leader)", fromVersion: 1)
            }
            await client.close()
        }
    }

    /// A write that may be repeated, until it is acknowledged.
    private static func retrying(_ body: () async throws -> Void) async throws {
        while true {
            do {
                return try await body()
            } catch let error as ZooKeeperError where error.isTransient {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

/// Creates znodes with numbers for names, many at once, and keeps what became of each. Used by one task.
private final class PipelinedWriter {
    enum Fate {
        case applied
        case unknown
        case notApplied
    }

    static let window = 500

    private let client: ZooKeeper
    private let parent: String
    private var pending: [PendingReply<String>] = []
    private var fates: [Fate] = []

    init(_ client: ZooKeeper, below parent: String) {
        self.client = client
        self.parent = parent
    }

    var acknowledgedCount: Int { fates.count { $0 == .applied } }
    var unknownCount: Int { fates.count { $0 == .unknown } }
    var notAppliedCount: Int { fates.count { $0 == .notApplied } }

    func write(acknowledged count: Int) async throws {
        let goal = acknowledgedCount + count
        try await write { self.acknowledgedCount >= goal }
    }

    /// Keeps the window full until something holds.
    func write(until isReached: () -> Bool) async throws {
        while !isReached() {
            fill()
            try await take()
        }
    }

    func fill() {
        while pending.count < Self.window {
            pending.append(client.submit(.create("\(parent)/\(fates.count + pending.count)")))
        }
    }

    func finish() async throws {
        while !pending.isEmpty { try await take() }
    }

    private func take() async throws {
        let reply = pending.removeFirst()
        do throws(ZooKeeperError) {
            _ = try await reply.value
            fates.append(.applied)
        } catch {
            guard error.reason == .connectionLoss, error.path == "\(parent)/\(fates.count)" else { throw error }
            fates.append(error.outcome == .unknown ? .unknown : .notApplied)
        }
    }

    func unknownApplied(_ there: Set<String>) -> Int {
        fates.indices.count { fates[$0] == .unknown && there.contains("\($0)") }
    }

    /// What was said that is not so.
    func untruths(_ there: Set<String>) -> [String] {
        var wrong: [String] = []
        for (number, fate) in fates.enumerated() {
            let isThere = there.contains("\(number)")
            switch fate {
            case .applied: if !isThere { wrong.append("\(number) was acknowledged and is not there") }
            case .notApplied: if isThere { wrong.append("\(number) was not sent and is there") }
            case .unknown: break
            }
        }
        if there.count > fates.count { wrong.append("\(there.count) znodes of \(fates.count) that were written") }
        return wrong
    }
}
