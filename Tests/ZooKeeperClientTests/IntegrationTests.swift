import Metrics
import MetricsTestKit
import ServiceLifecycle
import TestSupport
import Testing
import ZooKeeperClient

/// The client among a program's other parts: metrics, logs, lifecycle, a server without a quorum.
@Suite("In a program", .serialized)
struct IntegrationTests {
    private static let metrics: TestMetrics = {
        let metrics = TestMetrics()
        MetricsSystem.bootstrap(metrics)
        return metrics
    }()

    @Test("metrics count what happens")
    func metrics() async throws {
        let metrics = Self.metrics
        let server = try await LiveServer.shared(.corral)
        let proxy = try TestProxy(to: server.port)
        var configuration = try server.configuration()
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        configuration.metricsLabel = "metrics-test"
        try await within { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            for _ in 0..<10 { try await client.sync() }
            await #expect(throws: ZooKeeperError.self) { try await client.getData("/no-such-znode") }
            proxy.cut()
            try await client.wait(for: .suspended)
            try await client.wait(for: .connected)
            try await client.sync()
            func total(_ name: String) throws -> Int64 {
                try metrics.expectCounter("zookeeper_client_\(name)_total", [("client", "metrics-test")]).totalValue
            }
            #expect(try total("requests") == 12)
            #expect(try total("replies") == 12)
            #expect(try total("refusals") == 1)
            #expect(try total("connections") == 2)
            #expect(try total("connection_losses") == 1)
            #expect(try total("sent_bytes") > 100)
            let latency = try metrics.expectTimer("zookeeper_client_latency", [("client", "metrics-test")])
            #expect(latency.values.count == 12 && latency.values.allSatisfy { (1..<10_000_000_000).contains($0) })
            await client.close()
        }
    }

    @Test("a service ends its session when its group shuts down", arguments: Vendor.underTest)
    func gracefulShutdown(vendor: Vendor) async throws {
        let configuration = try await LiveServer.shared(vendor).configuration()
        let path = LiveServer.freshPath("service")
        try await within {
            let client = try ZooKeeper(configuration)
            let group = ServiceGroup(services: [client], logger: configuration.logger)
            let running = Task { try await group.run() }
            try await client.create(path, mode: .ephemeral)
            await group.triggerGracefulShutdown()
            try await running.value
            #expect(client.state == .closed)
            let witness = try await ZooKeeper.connect(configuration)
            #expect(try await witness.exists(path) == nil)
            await witness.close()
        }
    }

    @Test("a service whose session expires says so to its group")
    func serviceExpiry() async throws {
        let server = try await LiveServer.shared(.corral)
        let proxy = try TestProxy(to: server.port)
        var configuration = try server.configuration(timeout: .seconds(1))
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        try await within { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            let running = Task { try await client.run() }
            proxy.refuse(true)
            proxy.cut()
            await #expect(throws: ZooKeeperError(.sessionExpired)) { try await running.value }
        }
    }

    @Test("a cancelled service closes its session")
    func serviceCancellation() async throws {
        let configuration = try await LiveServer.shared(.corral).configuration()
        try await within {
            let client = try await ZooKeeper.connect(configuration)
            let running = Task { try await client.run() }
            running.cancel()
            await #expect(throws: CancellationError.self) { try await running.value }
            try await client.wait(for: .closed)
        }
    }

    @Test("reads at a server of Apache's without a quorum, and moves on when there is one")
    func readOnly() async throws {
        // Since 3.6 a server without a quorum makes local sessions or none.
        let settings = [
            "readonlymode.enabled": "true", "localSessionsEnabled": "true", "localSessionsUpgradingEnabled": "true",
        ]
        let ensemble = EnsembleHarness([.apache, .apache, .apache], settings: settings)
        try ensemble.start()
        var configuration = try ClientConfiguration(ensemble.connectString)
        configuration.sessionTimeout = .seconds(20)
        configuration.allowsReadOnly = true
        configuration.logger = .ofTests
        try await within(.seconds(120)) { [configuration] in
            try await ZooKeeper.withSession(configuration) { _ = try await $0.create("/a", data: [1]) }
            ensemble[1].kill()
            ensemble[2].kill()
            let isReadOnly = await eventually(.seconds(60)) {
                (try? fourLetterWord("isro", port: ensemble[3].clientPort))?.hasPrefix("ro") == true
            }
            #expect(isReadOnly)
            // Servers without a quorum refuse sessions that were made with one, so this takes a new client.
            let client = try await ZooKeeper.connect(configuration, within: .seconds(60))
            #expect(client.state == .connectedReadOnly)
            let id = client.identity?.id
            #expect(try await client.getData("/a").data == [1])
            await #expect(throws: ZooKeeperError(.server(.notReadOnly), operation: .setData, path: "/a")) {
                try await client.setData("/a", [2])
            }
            try await Self.expectMove(from: ensemble[3].clientPort, configuration)
            try ensemble.start(1)
            try await client.wait(for: .connected, within: .seconds(60))
            #expect(client.identity?.id != id)
            try await client.setData("/a", [2])
            await client.close()
        }
    }

    /// A client of a server without a quorum finds one with a quorum by asking around.
    private static func expectMove(from port: Int, _ configuration: ClientConfiguration) async throws {
        let proxy = try await TestProxy(to: LiveServer.shared(.corral).port)
        proxy.refuse(true)
        var configuration = configuration
        configuration.connectString = try ConnectString("127.0.0.1:\(port),127.0.0.1:\(proxy.port)")
        let client = try await ZooKeeper.connect(configuration)
        #expect(client.state == .connectedReadOnly && client.server?.port == port)
        proxy.refuse(false)
        try await client.wait(for: .connected)
        #expect(client.server?.port == proxy.port)
        await client.close()
    }
}
