import TestSupport
import Testing
import ZooKeeperClient

/// Many sessions of one process. The whole size: `corral-bench sessions`.
@Suite("Many sessions", .serialized)
struct ManySessionsTests {
    @Test("500 sessions lose their server at once and all come back", arguments: Vendor.underTest)
    func storm(vendor: Vendor) async throws {
        let server = try ServerUnderTest(vendor)
        var configuration = try server.configuration(timeout: .seconds(40))
        configuration.attemptTimeout = .seconds(5)
        try await within(.seconds(120)) { [configuration] in
            let clients = try (0..<500).map { _ in try ZooKeeper(configuration) }
            let creations = clients.enumerated().map { $1.submit(.create("/s-\($0)", mode: .ephemeral)) }
            for creation in creations { _ = try await creation.value }
            let identities = clients.map { $0.identity?.id ?? 0 }
            #expect(Set(identities).count == 500 && !identities.contains(0))

            server.kill()
            #expect(await eventually { clients.allSatisfy { $0.state == .suspended } })
            let begin = ContinuousClock.now
            try server.start()
            #expect(await eventually(.seconds(40)) { clients.allSatisfy { $0.state == .connected } })
            TestEnvironment.note("500 sessions were back at \(vendor)'s server after \(ContinuousClock.now - begin)")
            let owners = clients.enumerated().map { $1.submit(.exists("/s-\($0)")) }
            for (index, owner) in owners.enumerated() {
                #expect(try await owner.value?.ephemeralOwner == identities[index])
                #expect(clients[index].identity?.id == identities[index])
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for client in clients { group.addTask { await client.close() } }
                try await group.waitForAll()
            }
            let witness = try await ZooKeeper.connect(configuration)
            #expect(try await witness.getChildren("/") == ["zookeeper"])
            await witness.close()
        }
    }
}
