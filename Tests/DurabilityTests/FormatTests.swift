import Foundation
import Jute
import TestSupport
import Testing
import ZooKeeperProtocol

/// Apache's server and Corral on each other's data directories, and Apache's tools on Corral's files.
@Suite("Formats", .serialized, .enabled(if: Vendor.underTest.count == 2))
struct FormatTests {
    static let settings = [
        "snapCount": "200", "preAllocSize": "256", "znode.container.checkIntervalMs": "100000000",
        "maxSessionTimeout": "600000",
    ]

    /// A bit of everything that ends up on disk.
    private func populate(port: Int, label: String, random: inout SeededGenerator) throws {
        let client = try ProtocolClient(port: port, timeoutMillis: 600_000)
        _ = try client.authenticate(scheme: "digest", "alice:wonder")
        let root = "/\(label)"
        try client.create(root)
        let identity = Identity(scheme: "digest", id: "alice:8y0lhh/7xkdEiwhX7vo9i+/Nmzc=")
        let acls: [[ACL]] = [
            ACL.open, [ACL(permissions: 31, identity: identity)],
            [ACL(permissions: 1, identity: .anyone), ACL(permissions: 31, identity: identity)],
        ]
        for number in 0..<400 {
            let path = "\(root)/n\(number)"
            let data: [UInt8]? = random.chance(10) ? nil : Array("value \(number)".utf8)
            switch number % 8 {
            case 0...3: _ = try client.call(.create(path, data: data, acl: random.pick(acls)))
            case 4: _ = try client.call(.create(path, data: data, flags: CreateFlag.ephemeral))
            case 5: _ = try client.call(.create(path, data: data, flags: 4, opcode: .createContainer))
            case 6:
                _ = try client.call(.create(path, data: data, flags: 5, opcode: .createTTL, ttlMillis: 50_000_000))
            default:
                _ = try client.call(
                    .multi([
                        .create("\(root)/s-", data: data, flags: CreateFlag.sequential), .create(path),
                        .create("\(path)/below", data: data), .setData(path, data: [1, 2, 3]), .check(path, version: 1),
                    ]))
            }
            let other = "\(root)/n\(Int.random(in: 0...number, using: &random))"
            switch Int.random(in: 0..<6, using: &random) {
            case 0: _ = try client.call(.setData(other, data: Array("changed \(number)".utf8)))
            case 1: _ = try client.call(.delete(other))
            case 2: _ = try client.call(.setACL(other, acl: random.pick(acls)))
            case 3: _ = try client.call(.create("\(other)/child-\(number)"))
            case 4: _ = try client.call(.multi([.delete(other), .delete("\(root)/none")]))
            default: break
            }
        }
        try client.create("/zookeeper/quota\(root)")
        try client.create("/zookeeper/quota\(root)/zookeeper_limits", data: Array("count=5000,bytes=-1".utf8))
        try client.create("/zookeeper/quota\(root)/zookeeper_stats", data: Array("count=1,bytes=0".utf8))
        try client.create("\(root)/k\u{e4}se-\u{4e2d}", data: [0, 255])
        client.drop()
    }

    @Test("each starts on what the other left, after a clean end and after kill -9, and shows the same tree")
    func relay() throws {
        let seed = TestEnvironment.seed("CORRAL_FORMAT_SEED")
        TestEnvironment.note("formats; replay with CORRAL_FORMAT_SEED=\(seed) Tests/run --filter FormatTests")
        var random = SeededGenerator(seed: seed)
        let directory = TemporaryDirectory("formats")
        var before: [String] = []
        for (leg, vendor) in [Vendor.corral, .apache, .corral, .apache, .corral].enumerated() {
            let server = try ServerUnderTest(vendor, settings: Self.settings, dataDirectory: directory.path)
            if leg > 0 {
                let now = try TreeDump.lines(port: server.port)
                let difference = TreeDump.difference(before, now)
                #expect(difference.isEmpty, "leg \(leg), \(vendor) reads what the other wrote: \(difference)")
                #expect(now.count > 200)
            }
            try populate(port: server.port, label: "leg\(leg)", random: &random)
            before = try TreeDump.lines(port: server.port)
            if leg.isMultiple(of: 2) { server.kill() } else { server.stop() }
        }
    }

    @Test("Apache's log and snapshot tools read Corral's files")
    func tools() throws {
        var random = SeededGenerator(seed: 1)
        let server = try ServerUnderTest(.corral, settings: Self.settings)
        try populate(port: server.port, label: "tools", random: &random)
        server.kill()
        let version2 = server.dataDirectory + "/version-2"
        let files = try FileManager.default.contentsOfDirectory(atPath: version2).sorted()
        let logs = files.filter { $0.hasPrefix("log.") }
        let snapshots = files.filter { $0.hasPrefix("snapshot.") && !$0.hasSuffix(".tmp") }
        #expect(logs.count >= 2 && snapshots.count >= 2, "\(files)")
        var transactions = 0
        for file in logs {
            let (code, output) = try tool("TxnLogToolkit", ["--dump", "\(version2)/\(file)"])
            #expect(code == 0 && !output.contains("CRC ERROR"), "\(file): \(output.suffix(2000))")
            transactions += output.split(separator: "\n").filter { $0.contains(" zxid 0x") }.count
        }
        #expect(transactions > 400, "\(transactions) transactions in \(logs)")
        for file in snapshots where file != "snapshot.0" {
            let (code, output) = try tool("SnapshotFormatter", ["\(version2)/\(file)"])
            #expect(code == 0 && output.contains("/tools"), "\(file): \(output.prefix(2000))")
        }
    }

    private func tool(_ name: String, _ arguments: [String]) throws -> (code: Int32, output: String) {
        let package = name == "TxnLogToolkit" ? "org.apache.zookeeper.server.persistence" : "org.apache.zookeeper.server"
        return try ChildProcess.run(
            "java", ["-cp", ServerUnderTest.apacheClassPath, "\(package).\(name)"] + arguments, timeoutSeconds: 60)
    }
}
