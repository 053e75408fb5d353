import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

/// A rolling migration from Apache's servers to Corral's and back, on the same directories, with kazoo clients at work.
@Suite("Rolling replacement", .serialized)
struct RollingTests {
    /// The vendors that each server becomes in turn.
    static let path: [Vendor] = Combination.vendors.contains(.corral) ? [.corral, .apache] : [.apache, .apache]

    @Test("every server, to and fro, with kazoo clients holding locks and ephemerals", arguments: [3])
    func replaceEveryServer(count: Int) throws {
        let ensemble = EnsembleHarness([Vendor](repeating: .apache, count: count))
        try ensemble.start()
        let stopFile = ensemble.scratch.file("stop")
        let clients = try ChildProcess(
            try StockClients.kazooPython(),
            [StockClients.script("rolling_clients.py"), ensemble.connectString, stopFile],
            output: ensemble.scratch.file("clients"))
        guard eventually(within: 120, { clients.output.contains("READY") || !clients.isRunning }), clients.isRunning
        else { throw ensemble.failure("the clients did not start: \(clients.output)") }
        for vendor in Self.path {
            // The leader last, as operators do it; then the lead goes over to the new kind at once.
            let leader = try ensemble.waitForRoles()
            let order = ensemble.members.map(\.id).filter { $0 != leader } + [leader]
            for id in order {
                try ensemble.replace(id, with: vendor)
                try ensemble.waitForRoles()
                try waitForTurns(20, ensemble, clients)
            }
            try ensemble.check { try expectEqualDigests(ensemble) }
        }
        _ = FileManager.default.createFile(atPath: stopFile, contents: nil)
        let code = clients.waitForExit(within: 150)
        let output = clients.output
        #expect(code == 0 && output.contains("PASS rolling"), "\(output)")
        TestEnvironment.note("rolling replacement by \(Self.path): \(output.split(separator: "\n").dropFirst())")
        try ensemble.check { try ensemble.expectAgreement() }
    }

    /// Waits until the clients have passed their lock on so many times.
    private func waitForTurns(_ count: Int, _ ensemble: EnsembleHarness, _ clients: ChildProcess) throws {
        func turns() -> Int? {
            for member in ensemble.running {
                guard let client = try? member.client(timeoutMillis: 10_000) else { continue }
                defer { try? client.close() }
                guard let (data, _) = try? client.call(.getData("/rolling/counter")).dataAndStat() else { continue }
                return Int(String(decoding: data, as: UTF8.self))
            }
            return nil
        }
        var first: Int?
        let reached = eventually(within: 90) {
            guard clients.isRunning, let now = turns() else { return false }
            if first == nil { first = now }
            return now >= (first ?? 0) + count
        }
        guard reached else { throw ensemble.failure("the clients do not get on: \(clients.output)") }
    }

    /// Servers print digests of every 128th transaction, at the same zxids: under load, too, these must agree.
    private func expectEqualDigests(_ ensemble: EnsembleHarness) throws {
        let differences = try ensemble.digestDifferences()
        #expect(differences.isEmpty, "\(differences)")
    }
}
