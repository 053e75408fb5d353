import Logging
import NIOConcurrencyHelpers
import NIOCore
import TestSupport
import Testing

@testable import ZooKeeperClient

/// Host names that move, and what a client says in the log.
@Suite("Names and logs", .serialized)
struct ResolutionTests {
    @Test("a name is looked up at each attempt; one that has several addresses leads to any of them")
    func moving() async throws {
        let server = try await LiveServer.shared(.corral)
        let proxies = [try TestProxy(to: server.port), try TestProxy(to: server.port)]
        // The name leads to nobody, then to the first, then to the second.
        let place = NIOLockedValueBox<(lookUps: Int, port: Int?)>((0, nil))
        var configuration = try server.configuration()
        configuration.connectString = try ConnectString("ensemble.test:1")
        configuration.lookUp = { endpoint in
            let port = place.withLockedValue { place -> Int? in
                place.lookUps += 1
                return place.port
            }
            #expect(endpoint.host == "ensemble.test")
            guard let port else { throw Resolver.Failure(description: "no such host") }
            return [try SocketAddress(ipAddress: "127.0.0.1", port: port)]
        }
        try await within { [configuration] in
            let client = try ZooKeeper(configuration)
            #expect(await eventually { place.withLockedValue { $0.lookUps } >= 3 })
            #expect(client.state == .connecting)
            place.withLockedValue { $0.port = proxies[0].port }
            try await client.waitUntilConnected()
            #expect(proxies[0].openCount == 1)
            place.withLockedValue { $0.port = proxies[1].port }
            proxies[0].cut()
            try await client.wait(for: .suspended)
            try await client.waitUntilConnected()
            #expect(proxies[1].openCount == 1 && proxies[0].acceptedCount == 1)
            await client.close()
        }
    }

    @Test("names of this machine have addresses, others say what is wrong")
    func lookUp() throws {
        let addresses = try Resolver.lookUp(Endpoint(host: "localhost", port: 81))
        #expect(addresses.contains { $0.port == 81 })
        #expect(throws: Resolver.Failure.self) { try Resolver.lookUp(Endpoint(host: "no.such.host.invalid", port: 1)) }
    }

    @Test("the log tells of connections and losses, and of no secret")
    func log() async throws {
        let server = try await LiveServer.shared(.corral)
        let proxy = try TestProxy(to: server.port)
        var configuration = try server.configuration()
        configuration.connectString = try ConnectString("127.0.0.1:\(proxy.port)")
        configuration.credentials = [.digest(user: "someone", password: "hush-hush")]
        let lines = NIOLockedValueBox<[String]>([])
        configuration.logger = Logger(label: "test") { _ in LineKeeper(lines: lines) }
        configuration.logger.logLevel = .trace
        try await within { [configuration] in
            let client = try await ZooKeeper.connect(configuration)
            let session = "0x" + String(UInt64(bitPattern: client.identity?.id ?? 0), radix: 16)
            proxy.cut()
            try await client.wait(for: .suspended)
            try await client.wait(for: .connected)
            let password = client.identity?.password ?? []
            await client.close()
            let said = lines.withLockedValue { $0 }
            let place = "127.0.0.1:\(proxy.port)"
            #expect(said.count { $0.hasPrefix("info session \(session) at \(place)") } == 2, "\(said)")
            #expect(said.contains { $0.hasPrefix("info connection to \(place): ") }, "\(said)")
            #expect(!said.contains { $0.contains("hush") || $0.contains("\(password)") })
        }
    }

    struct LineKeeper: LogHandler {
        let lines: NIOLockedValueBox<[String]>
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.withLockedValue { $0.append("\(event.level) \(event.message)") }
        }
    }
}
