import TestSupport
import Testing
import ZooKeeperClient

@testable import ZooKeeperRecipes

/// Those who follow something and are late.
@Suite("Slow readers", .serialized)
struct SlowReaderTests {
    @Test("who does not listen for a while is told the newest, and nothing piles up", arguments: Vendor.underTest)
    func following(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("slow")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let writer = try await ensemble.client(port: ensemble.ports[0])
            let reader = try await ensemble.client(port: proxy.port)
            try await SharedValue(writer, at: path).set([0])
            let values = SharedValue(reader, at: path).values
            try await wait { proxy.counts[.getData] == 1 }
            for number in 1...30 {
                try await SharedValue(writer, at: path).set([UInt8(number)])
                try await wait { proxy.counts[.getData] == number + 1 }
            }
            // The answer to its last look may still be on its way.
            var taken: [UInt8] = []
            for try await node in values {
                taken.append(node?.data.first ?? 0)
                if taken.last == 30 { break }
            }
            #expect(taken.count <= 2, "\(taken)")
            await close([writer, reader])
        }
    }

    @Test("a cached subtree's changes are kept up to a limit; beyond, all is to be looked at")
    func changes() async throws {
        let ensemble = try await LiveEnsemble.shared(.corral)
        let client = try await ensemble.client()
        let cache = CachedSubtree(client, at: "/")
        let changes = cache.changes(keeping: 4)
        for number in 0..<10 { cache.tell(.added(path: "/\(number)")) }
        cache.tell(.removed(path: "/last"))
        var seen: [CachedSubtree.Change] = []
        for await change in changes {
            seen.append(change)
            if seen.count == 4 { break }
        }
        let dropped = seen.lastIndex(of: .loaded)
        #expect(dropped != nil, "nothing says that changes were dropped: \(seen)")
        #expect(seen.contains(.removed(path: "/last")))
        await client.close()
    }

    @Test("a cached subtree whose watch somebody has taken off sets it again", arguments: Vendor.underTest)
    func watchTakenOff(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("taken-off")
        try await within(.seconds(20)) {
            let client = try await ensemble.client()
            try await CachedSubtree.with(client, at: path) { cache in
                try await client.create(path)
                try await cache.wait { $0[path] != nil }
                try await client.removeWatches(path)
                try await client.setData(path, [7])
                try await cache.wait { $0[path]?.data == [7] }
            }
            await client.close()
        }
    }

    @Test("a cached znode never becomes older than it was", arguments: Vendor.underTest)
    func neverOlder(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("never-older")
        try await within {
            let client = try await ensemble.client()
            // What happened before the copy is read; its events come behind that.
            let watch = try await client.addWatch(path, .persistentRecursive)
            try await client.create(path)
            try await client.delete(path)
            try await client.create(path, data: [2])
            let cache = CachedSubtree(client, at: path)
            for kind in [ZnodeEvent.Kind.created, .deleted, .created] {
                let event = try #require(try await watch.next())
                #expect(event.kind == kind)
                try await cache.apply(event)
                #expect(cache[path]?.data == [2], "back to what was before, by \(event)")
            }
            try await client.delete(path)
            try await cache.apply(try #require(try await watch.next()))
            #expect(cache[path] == nil)
            await client.close()
        }
    }
}
