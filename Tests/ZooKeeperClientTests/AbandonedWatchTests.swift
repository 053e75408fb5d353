import TestSupport
import Testing
import ZooKeeperClient

/// Watches whose listener goes before, or while, the server sets them.
@Suite("Watches that nobody waits for any more", .serialized)
struct AbandonedWatchTests {
    @Test("a persistent watch whose task is cancelled before the answer is taken off", arguments: Vendor.underTest)
    func cancelledRequest(vendor: Vendor) async throws {
        let configuration = try await LiveServer.shared(vendor).configuration()
        let root = LiveServer.freshPath("abandoned")
        try await within(.seconds(40)) {
            try await ZooKeeper.withSession(configuration) { client in
                try await client.create(root)
                for round in 0..<20 {
                    let path = "\(root)/\(round)"
                    let setting = Task { try await client.addWatch(path, .persistentRecursive) }
                    setting.cancel()
                    let watch = try? await setting.value
                    watch?.cancel()
                    #expect(try await eventually { try await !client.hasWatch(path) }, "round \(round)")
                }
            }
        }
    }
}
