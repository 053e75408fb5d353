import CorralTesting
import Glibc
import Logging
import TestSupport
import Testing
import ZooKeeperClient

@Suite("Settings of a test's server")
struct SettingsTests {
    @Test("keys of zoo.cfg have their effect")
    func effect() async throws {
        let settings = ["minSessionTimeout": "7000", "zookeeper.tickTime": "300", "jute.maxbuffer": "2000"]
        try await CorralServer.withServer(ServerOptions(settings: settings)) { server in
            let client = try await connect(server.connectString, timeout: .seconds(1))
            #expect(client.identity?.timeoutMillis == 7000)
            let text = try fourLetterWord("conf", port: server.clientPort)
            #expect(text.contains("tickTime=300\n"))
            await #expect(throws: ZooKeeperError.self) {
                try await client.create("/a", data: Array(repeating: 1, count: 3000))
            }
            await client.close()
        }
    }

    @Test(
        "a key that is unknown, not the test's to set, or has no such value is refused by name",
        arguments: [
            ("tickTimeMillis", "5", "unknown key \"tickTimeMillis\""), ("clientPort", "5", "clientPort is decided"),
            ("dataDir", "/", "dataDir is decided"), ("server.1", "a:1:2", "server.1 is decided"),
            ("tickTime", "soon", "tickTime"),
        ])
    func refused(key: String, value: String, text: String) async {
        await #expect {
            try await CorralServer.start(ServerOptions(settings: [key: value]))
        } throws: {
            guard case CorralTestingError.settings(let description) = $0 else { return false }
            return description.contains(text)
        }
    }

    @Test("log lines go to the logger given, each with its server, and nowhere without one")
    func logging() async throws {
        let (first, second) = (KeptLines(), KeptLines())
        let one = try await CorralServer.start(ServerOptions(logger: first.logger))
        let other = try await CorralServer.start(ServerOptions(logger: second.logger))
        await one.close()
        await other.close()
        #expect(!first.all.isEmpty)
        #expect(first.all.allSatisfy { $0.server == one.connectString }, "\(first.all)")
        #expect(!second.all.isEmpty)
        #expect(second.all.allSatisfy { $0.server == other.connectString }, "\(second.all)")
        #expect(ServerOptions().logger.handler is SwiftLogNoOpLogHandler)
    }
}
