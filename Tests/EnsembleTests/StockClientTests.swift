import TestSupport
import Testing

/// Stock client libraries through servers in each part of an ensemble.
@Suite("Stock clients of an ensemble", .serialized)
struct StockClientTests {
    static let settings = ["znode.container.checkIntervalMs": "500"]

    @Test("kazoo, Java and C", arguments: Combination.oneUnderTest)
    func drivers(_ combination: Combination) throws {
        let ensemble = try combination.start(settings: Self.settings)
        // The leader, and a follower of each kind that has one.
        var servers = [ensemble[combination.leader]]
        for vendor in Combination.vendors {
            servers += ensemble.members.filter { $0.vendor == vendor && $0.id != combination.leader }.prefix(1)
        }
        for (index, server) in servers.enumerated() {
            let what = "\(server.vendor) \(server.role ?? "?"), \(combination.testDescription)"
            expectAllPassed(try StockClients.runKazoo(port: server.clientPort), "kazoo on \(what)")
            // One driver of the others on each server: they take the same paths through it.
            if index % 2 == 0 {
                expectAllPassed(try StockClients.runC(port: server.clientPort), "C on \(what)")
            } else {
                expectAllPassed(try StockClients.runJava(port: server.clientPort), "Java on \(what)")
            }
        }
        try ensemble.expectAgreement()
    }

    private func expectAllPassed(_ result: (code: Int32, output: String), _ what: String) {
        let passed = result.output.split(separator: "\n").count { $0.hasPrefix("PASS ") }
        #expect(result.code == 0 && passed >= 8, "\(what): \(result.output)")
    }
}
