import Foundation
import TestSupport
import Testing

/// Stock client libraries, driven through all they can do. Apache's server proves the drivers, Corral must pass them.
@Suite("Stock clients", .serialized)
struct StockClientTests {
    static let settings = ["znode.container.checkIntervalMs": "500"]

    private func expectAllPassed(_ result: (code: Int32, output: String), atLeast count: Int) {
        let lines = result.output.split(separator: "\n")
        #expect(result.code == 0, "\(result.output)")
        #expect(lines.filter { $0.hasPrefix("PASS ") }.count >= count, "\(result.output)")
    }

    @Test("kazoo", arguments: Vendor.underTest)
    func kazoo(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor, settings: Self.settings)
        expectAllPassed(try StockClients.runKazoo(port: server.port), atLeast: 12)
    }

    @Test("Apache's Java client", arguments: Vendor.underTest)
    func java(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor, settings: Self.settings)
        expectAllPassed(try StockClients.runJava(port: server.port), atLeast: 11)
    }

    @Test("Apache's C client", arguments: Vendor.underTest)
    func c(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor, settings: Self.settings)
        expectAllPassed(try StockClients.runC(port: server.port), atLeast: 8)
    }

    @Test("a driver fails against a server that lacks what it asks for")
    func driversCanFail() throws {
        // Without extended types there are no TTL nodes, and no super user without its digest.
        let server = try ServerUnderTest(
            Vendor.underTest[0],
            settings: ["extendedTypesEnabled": "false", "DigestAuthenticationProvider.superDigest": "super:none"])
        let result = try StockClients.runC(port: server.port)
        #expect(result.code != 0 && result.output.contains("FAIL c create_modes"), "\(result.output)")
    }

    @Test("Apache's shell prints the same against both servers", .enabled(if: Vendor.underTest.count == 2))
    func shell() throws {
        let commands = [
            "create /cli hello", "get /cli", "set /cli world", "stat /cli", "ls /", "create -e -s /cli/e- x",
            "create -c /cli/c", "create -t 100000 /cli/t x", "ls -s /cli", "ls -R /cli", "ls -w /cli", "get -s -w /cli",
            "set /cli changed", "create /cli/fresh", "addauth digest alice:wonder", "setAcl -s /cli auth::cdrwa",
            "getAcl -s /cli", "getEphemerals /cli", "getAllChildrenNumber /cli", "sync /",
            "addWatch -m PERSISTENT_RECURSIVE /cli/fresh", "set /cli/fresh again", "removewatches /cli/fresh",
            "whoami", "setquota -n 10 /cli", "listquota /cli", "delquota /cli", "version", "config", "history",
            "create /cli", "delete /cli", "get /none", "set /cli x -v 77", "deleteall /cli", "ls /", "bogus",
        ]
        let transcripts = try Vendor.underTest.map { vendor in
            let server = try ServerUnderTest(vendor, settings: Self.settings)
            return normalised(try StockClients.runShell(port: server.port, commands: commands))
        }
        #expect(transcripts[0].contains("[cli, zookeeper]"), "\(transcripts[0])")
        let difference = TreeDump.difference(transcripts[0], transcripts[1])
        #expect(difference.isEmpty, "\(Vendor.underTest): \(difference)")
    }

    /// Without what differs by nature (ports, times, what the shell says about itself), sorted: the order of two
    /// identities of one connection is that of a hash set.
    private func normalised(_ output: String) -> [String] {
        output.split(separator: "\n").map(String.init).filter { line in
            !["Connecting to", "SLF4J", "[zk", "ctime", "mtime", "JLine"].contains { line.hasPrefix($0) }
        }.map { $0.trimmingCharacters(in: .whitespaces) }.sorted()
    }
}
