import TestSupport
import Testing
import ZooKeeperClient
import ZooKeeperRecipes

/// The documentation's examples, one for each recipe.
@Suite("Examples of recipes", .serialized)
struct ExampleTests {
    /// A client whose root is a znode that no other test uses.
    private func client(_ vendor: Vendor) async throws -> ZooKeeper {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let root = LiveEnsemble.freshPath("example")
        try await ZooKeeper.withSession(try ensemble.configuration()) { _ = try await $0.create(root) }
        let client = try await ZooKeeper.connect(try ensemble.configuration(chroot: root))
        try await client.sync()
        return client
    }

    @Test("holding something", arguments: Vendor.underTest)
    func holding(vendor: Vendor) async throws {
        let client = try await client(vendor)
        let register = FencedRegister()
        try await within {
            let lock = Lock(client, at: "/locks/report")
            try await lock.withLock { lease in
                #expect(register.write(lease.fencingToken))
            }
            let lease = try await lock.acquire(within: .seconds(5))
            #expect(lease.state == .held)
            await lease.release()

            let table = ReadWriteLock(client, at: "/locks/table")
            let (one, two) = (try await table.read.acquire(), try await table.read.acquire())
            #expect(try await table.write.tryAcquire() == nil)
            await one.release()
            await two.release()
            try await table.write.withLock { #expect($0.state == .held) }

            try await SimpleLock(client, at: "/locks/simple").withLock { #expect($0.path == "/locks/simple") }

            let semaphore = Semaphore(client, at: "/locks/printers", permits: 2)
            try await semaphore.withPermit { _ in
                let holders = try await semaphore.withPermit { _ in try await semaphore.holders() }
                #expect(holders.count == 2)
            }

            let election = LeaderElection(client, at: "/election", identifier: Array("10.0.0.1".utf8))
            let led = try await election.withLeadership(cancellingOn: .doubt) { lease in
                try await election.leader()?.fencingToken == lease.fencingToken
            }
            #expect(led)
        }
        await client.close()
    }

    @Test("doing something together", arguments: Vendor.underTest)
    func together(vendor: Vendor) async throws {
        let client = try await client(vendor)
        try await within {
            let barrier = DoubleBarrier(client, at: "/barrier", participants: 2)
            async let other: Void = barrier.with { _ in }
            try await barrier.with { lease in #expect(lease.state == .held) }
            try await other

            let (place, lease) = try await Rendezvous.open(client, below: "/jobs")
            async let address = Rendezvous(client, at: place.path).announcement()
            try await place.announce(Array("10.0.0.1:80".utf8))
            #expect(try await address == Array("10.0.0.1:80".utf8))
            await lease.release()

            let group = Group(client, at: "/members")
            let members = try await group.withMembership(name: "alpha", data: [1]) { _ in try await group.members() }
            #expect(members.map(\.name) == ["alpha"])
            for try await members in group.changes {
                #expect(members.isEmpty)
                break
            }
        }
        await client.close()
    }

    @Test("sharing something", arguments: Vendor.underTest)
    func sharing(vendor: Vendor) async throws {
        let client = try await client(vendor)
        try await within {
            let configuration = Configuration(client, at: "/configuration")
            try await configuration.publish(["host": Array("10.0.0.1".utf8), "port": Array("80".utf8)])
            #expect(try await configuration.read().parts["port"] == Array("80".utf8))

            let switches = SharedValue(client, at: "/switches")
            try await switches.set([1])
            #expect(try await switches.value(newest: true)?.data == [1])

            let counter = Counter(client, at: "/visits")
            #expect(try await counter.add(5) == 5)

            let queue = Queue(client, at: "/work")
            try await queue.put(Array("first".utf8))
            try await queue.put(Array("urgent".utf8), priority: 1)
            #expect(try await queue.take() == Array("urgent".utf8))
            try await queue.withElement { data in #expect(data == Array("first".utf8)) }

            try await CachedSubtree.with(client, at: "/configuration") { cache in
                #expect(cache["/configuration/host"]?.data == Array("10.0.0.1".utf8))
                #expect(cache.children(of: "/configuration") == ["host", "port", "ready"])
            }
        }
        await client.close()
    }
}
