import CorralTesting
import Foundation
import TestSupport
import Testing
import ZooKeeperClient
import ZooKeeperRecipes

/// The examples of README.md and of the documentation catalogues stand here too, word for word, so that they compile,
/// and those that need no hosts of their own run.
@Suite("examples of the documentation", .serialized)
struct DocumentationExamples {
    /// All of them.
    @Test(arguments: [
        "README.md", "Sources/ZooKeeperClient/ZooKeeperClient.docc/ZooKeeperClient.md",
        "Sources/ZooKeeperRecipes/ZooKeeperRecipes.docc/ZooKeeperRecipes.md",
        "Sources/CorralTesting/CorralTesting.docc/CorralTesting.md",
    ])
    func compile(page: String) throws {
        let text = try String(contentsOf: TestEnvironment.packageRoot.appendingPathComponent(page), encoding: .utf8)
        let here = Self.bare(try String(contentsOfFile: #filePath, encoding: .utf8)[...])
        let examples = text.components(separatedBy: "```swift\n").dropFirst()
        #expect(!examples.isEmpty)
        for example in examples {
            let code = example[..<(try #require(example.range(of: "\n```")).lowerBound)]
            #expect(here.contains(Self.bare(code)), "\(page) has an example that is not tested:\n\(code)")
        }
    }

    /// Code without imports, comments and white space.
    private static func bare(_ text: Substring) -> String {
        text.split(separator: "\n").filter { !$0.hasPrefix("import ") }.map { line in
            let code = line.range(of: "//").map { line[..<$0.lowerBound] } ?? line
            return code.filter { !$0.isWhitespace }
        }.joined()
    }

    // MARK: What the examples take for granted

    private struct MyService {
        var limit: Int?

        init(zookeeper: String) async throws {
            let client = try await connect(zookeeper)
            limit = Int(String(decoding: try await client.getData("/configuration").data, as: UTF8.self))
            await client.close()
        }
    }

    private struct MyLock {
        let client: ZooKeeper

        init(_ connectString: String) async throws {
            client = try await connect(connectString)
            try await client.create("/lock", mode: .ephemeral)
        }

        var isHeld: Bool {
            get async throws {
                try await client.exists("/lock")?.ephemeralOwner == client.identity?.id
            }
        }
    }

    private struct Register {
        func write(_ report: String, token: Int64) async throws {}
    }

    private static let register = Register()
    private static let report = "the report"
    private static func lead() async throws {}

    // MARK: CorralTesting

    @Test func configurationIsRead() async throws {
        try await CorralServer.withServer { server in
            let client = try await ZooKeeper.connect(server.connectString)
            try await client.create("/configuration", data: Array("42".utf8))
            let service = try await MyService(zookeeper: server.connectString)
            #expect(service.limit == 42)
            await client.close()
        }
    }

    @Test func lockSurvivesItsLeader() async throws {
        try await CorralEnsemble.withEnsemble { ensemble in
            let holder = try await MyLock(ensemble.connectString)
            await ensemble.leader()?.kill()
            try await ensemble.waitUntilServing()
            #expect(try await holder.isHeld)
        }
    }

    @Test func readme() async throws {
        try await CorralEnsemble.withEnsemble { ensemble in
            let client = try await ZooKeeper.connect(ensemble.connectString)
            try await client.create("/leader", mode: .ephemeral)
            await ensemble.leader()?.kill()
            try await ensemble.waitUntilServing()
            #expect(try await client.exists("/leader") != nil)
            await ensemble.expireSession(client.identity!.id)
        }
    }

    // MARK: ZooKeeperClient and ZooKeeperRecipes, which name hosts

    private static func session() async throws {
        var configuration = try ClientConfiguration("10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181/my-service")
        configuration.sessionTimeout = .seconds(10)

        try await ZooKeeper.withSession(configuration) { client in
            let path = try await client.create("/members/m-", mode: .ephemeralSequential)
            let (members, watch) = try await client.getChildrenAndWatch("/members")
            print("\(path) is one of \(members.names.count)")
            if let event = try await watch.next() { print("something changed: \(event.kind)") }
        }
    }

    private static func pipelined(_ client: ZooKeeper) async throws {
        let creations = (0..<5000).map { client.submit(.create("/configuration/\($0)", data: [1])) }
        for creation in creations { _ = try await creation.value }
    }

    private static func client() async throws {
        let client = try await ZooKeeper.connect("10.0.0.1:2181,10.0.0.2:2181/my-service")
        let path = try await client.create("/members/m-", mode: .ephemeralSequential)
        let replies = (0..<5000).map { client.submit(.setData("/configuration/\($0)", [1])) }
        for reply in replies { _ = try await reply.value }
        for try await event in try await client.addWatch("/configuration", .persistentRecursive) {
            print(event.kind, event.path)
        }
        _ = path
    }

    private static func lock() async throws {
        let client = try await ZooKeeper.connect("10.0.0.1:2181,10.0.0.2:2181/my-service")
        let lock = Lock(client, at: "/locks/report")
        try await lock.withLock { lease in
            try await register.write("the report", token: lease.fencingToken)
        }
    }

    private static func election(_ election: LeaderElection) async throws {
        try await election.withLeadership(cancellingOn: .doubt) { lease in
            try await lead()
        }
    }

    private static func recipes(_ client: ZooKeeper) async throws {
        try await Lock(client, at: "/locks/report").withLock { lease in
            try await register.write(report, token: lease.fencingToken)
        }
        try await LeaderElection(client, at: "/election").withLeadership(cancellingOn: .doubt) { _ in try await lead() }
    }

    private static func expiry(_ ensemble: CorralEnsemble, _ client: ZooKeeper) async {
        await ensemble.expireSession(client.identity!.id)
    }
}
