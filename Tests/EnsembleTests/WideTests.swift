import TestSupport
import Testing

/// As many servers as the paper measured.
@Suite("Wide ensembles", .serialized, .enabled(if: Combination.vendors.contains(.corral)))
struct WideTests {
    @Test("thirteen servers elect, serve and fail over, twice")
    func thirteen() throws {
        let ensemble = EnsembleHarness(Array(repeating: .corral, count: 13))
        var leader = try ensemble.start()
        var made = 0
        for _ in 0..<2 {
            for member in ensemble.members where member.isRunning {
                let client = try member.client()
                try client.create("/from\(member.id)-\(made)")
                try client.close()
                made += 1
            }
            ensemble[leader].kill()
            leader = try ensemble.waitForRoles()
        }
        for member in ensemble.members where !member.isRunning { try ensemble.start(member.id) }
        try ensemble.waitForRoles()
        let client = try ensemble[leader].client()
        #expect(try client.call(.getChildren("/")).strings().count { $0.hasPrefix("from") } == made)
        try client.close()
        try ensemble.expectAgreement()
    }
}
