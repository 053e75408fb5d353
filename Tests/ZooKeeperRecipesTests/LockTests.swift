import TestSupport
import Testing
import ZooKeeperClient
import ZooKeeperRecipes

/// The locks while nothing fails: exclusion, order, wake-ups.
@Suite("Locks", .serialized)
struct LockTests {
    @Test("contenders exclude each other, tokens grow, and the lock leaves nothing behind", arguments: Vendor.underTest)
    func exclusion(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("lock")
        let (register, referee) = (FencedRegister(), Referee())
        try await within {
            let clients = try await ensemble.clients(6)
            try await withThrowingTaskGroup { group in
                for client in clients {
                    group.addTask {
                        let lock = Lock(client, at: path)
                        for _ in 0..<10 {
                            try await lock.withLock { lease in
                                referee.enter(lease)
                                #expect(register.write(lease.fencingToken))
                                await Task.yield()
                                #expect(register.write(lease.fencingToken))
                                referee.leave(lease)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await clients[0].sync()
            #expect(try await clients[0].getChildren(path).isEmpty)
            await close(clients)
        }
        #expect(referee.violations.isEmpty, "\(referee.violations)")
        #expect(referee.entries == 60 && register.state.accepted == 120)
    }

    @Test("a release wakes exactly one, who reads twice", arguments: Vendor.underTest)
    func noHerd(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("herd")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let count = 12
            let clients = try await ensemble.clients(count, port: proxy.port)
            let holder = try await Lock(clients[0], at: path).acquire()
            let order = Tally()
            try await withThrowingTaskGroup { group in
                for (index, client) in clients.enumerated().dropFirst() {
                    let before = proxy.counts
                    group.addTask {
                        let lease = try await Lock(client, at: path).acquire()
                        #expect(order.add() == index, "the lock goes round in the order of arrival")
                        // What this one's turn has cost all, itself included.
                        try await wait { proxy.counts.notifications == index }
                        await lease.release()
                    }
                    // It waits as soon as it has asked for the znode before it.
                    try await wait { proxy.counts[.getData] == before[.getData] + 1 }
                }
                #expect(proxy.counts.notifications == 0)
                let before = proxy.counts
                #expect(before.writes - before[.createContainer] - 1 == count, "one creation each, one in vain")
                #expect(before.reads == count + (count - 1), "each lists the children, all but one watch a znode")
                await holder.release()
                try await group.waitForAll()
                let after = proxy.counts
                #expect(after.notifications == count - 1, "one wake-up for each release that somebody waited for")
                #expect(after[.delete] == count)
                #expect(after.reads - before.reads == count - 1, "who wakes lists the children once more")
                #expect(after.writes - before.writes == count)
            }
            await close(clients)
        }
    }

    @Test("one that gives up wakes the one behind it, and nobody gets the lock", arguments: Vendor.underTest)
    func givingUp(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("giving-up")
        try await within {
            // All at one server, so that each sees at once what the others have done.
            let clients = try await ensemble.clients(3, port: ensemble.ports[1])
            let locks = clients.map { Lock($0, at: path) }
            let first = try await locks[0].acquire()
            let second = Task { try await locks[1].acquire() }
            try await wait { try await locks[0].contenders().count == 2 }
            let third = Task { try await locks[2].acquire() }
            try await wait { try await locks[0].contenders().count == 3 }

            second.cancel()
            await #expect { _ = try await second.value } throws: { ($0 as? RecipeError)?.reason == .cancelled }
            #expect(try await locks[0].contenders().count == 2, "the cancelled one's znode is gone when it returns")

            await #expect {
                _ = try await locks[1].acquire(within: .milliseconds(50))
            } throws: { ($0 as? RecipeError)?.reason == .timedOut }
            #expect(try await locks[0].contenders().count == 2)
            #expect(try await locks[1].tryAcquire() == nil)
            #expect(try await locks[0].contenders().count == 2)
            #expect(try await locks[0].contenders().first?.fencingToken == first.fencingToken)

            await first.release()
            let lease = try await third.value
            #expect(lease.fencingToken > first.fencingToken && lease.state == .held)
            #expect(try await lease.confirm())
            await lease.release()
            #expect(try await !lease.confirm() && lease.state == .released)
            let again = try await locks[1].tryAcquire()
            #expect(again?.state == .held)
            await again?.release()
            await close(clients)
        }
    }

    @Test("a waiter whose znode is deleted by hand lines up again", arguments: Vendor.underTest)
    func deletedByHand(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("by-hand")
        try await within {
            let clients = try await ensemble.clients(2, port: ensemble.ports[1])
            let locks = clients.map { Lock($0, at: path) }
            let first = try await locks[0].acquire()
            let second = Task { try await locks[1].acquire() }
            try await wait { try await locks[0].contenders().count == 2 }
            let waiting = try await locks[0].contenders()[1]
            try await clients[0].delete(waiting.path)
            try await clients[0].delete(first.path)
            let lease = try await second.value
            #expect(lease.fencingToken > waiting.fencingToken)
            #expect(try await !first.confirm(), "its znode is gone, which only the servers know")
            await lease.release()
            await close(clients)
        }
    }

    @Test("a release leaves alone what another has made at the same path since", arguments: Vendor.underTest)
    func deletedByHandAndTaken(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("taken-over")
        try await within {
            let clients = try await ensemble.clients(2, port: ensemble.ports[1])
            let first = try await SimpleLock(clients[0], at: "\(path)/lock").acquire()
            let member = try await Group(clients[0], at: path).join(name: "one")
            try await clients[1].multi([.delete(first.path), .delete(member.path)])
            let second = try await SimpleLock(clients[1], at: first.path).acquire()
            let other = try await Group(clients[1], at: path).join(name: "one")
            await first.release()
            await member.release()
            #expect(try await second.confirm())
            #expect(try await other.confirm())
            await second.release()
            await other.release()
            #expect(try await clients[0].getChildren(path).isEmpty)
            await close(clients)
        }
    }

    @Test("the simple lock excludes, and wakes all at each release", arguments: Vendor.underTest)
    func simpleLock(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("simple") + "/lock"
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let clients = try await ensemble.clients(4, port: proxy.port)
            let (register, referee) = (FencedRegister(), Referee())
            let holder = try await SimpleLock(clients[3], at: path).acquire()
            try await withThrowingTaskGroup { group in
                for client in clients.prefix(3) {
                    group.addTask {
                        try await SimpleLock(client, at: path).withLock { lease in
                            referee.enter(lease)
                            #expect(register.write(lease.fencingToken))
                            referee.leave(lease)
                        }
                    }
                }
                try await wait { proxy.counts[.getData] == 3 }
                #expect(proxy.counts.notifications == 0)
                await holder.release()
                try await group.waitForAll()
            }
            #expect(proxy.counts.notifications >= 3, "the herd: all three wake for one release")
            #expect(register.state.accepted == 3 && referee.violations.isEmpty)
            #expect(try await SimpleLock(clients[0], at: path).tryAcquire() != nil)
            await close(clients)
        }
    }

    @Test("readers share, writers do not; each in the order of arrival", arguments: Vendor.underTest)
    func readWriteLock(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("read-write")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let clients = try await ensemble.clients(6, port: proxy.port)
            let locks = clients.map { ReadWriteLock($0, at: path) }
            // Looks from outside, so that its requests are not counted.
            let observer = ReadWriteLock(try await ensemble.client(), at: path)
            @Sendable func lineUp(_ count: Int) async throws {
                try await wait { try await observer.contenders().count == count }
            }
            let first = try await locks[0].write.acquire()
            #expect(try await locks[1].read.tryAcquire() == nil)
            let readers = (1...3).map { index in Task { try await locks[index].read.acquire() } }
            try await lineUp(4)
            let writer = Task { try await locks[4].write.acquire() }
            try await lineUp(5)
            let late = Task { try await locks[5].read.acquire() }
            try await lineUp(6)
            // All of them wait for one event each, before it is time to count.
            try await wait { proxy.counts[.getData] == 5 }
            proxy.reset()

            await first.release()
            var leases: [Lease] = []
            for reader in readers { leases.append(try await reader.value) }
            #expect(leases.allSatisfy { $0.state == .held }, "three readers at once")
            #expect(proxy.counts.notifications == 3, "a writer's release wakes all readers behind it, as it should")
            // The writer waits for the last reader before it only.
            let inOrder = leases.sorted { $0.fencingToken < $1.fencingToken }
            await inOrder[0].release()
            await inOrder[1].release()
            #expect(proxy.counts.notifications == 3, "nobody waits for these")
            try await lineUp(3)
            await inOrder[2].release()
            let exclusive = try await writer.value
            #expect(proxy.counts.notifications == 4)
            // The late reader waits behind the writer.
            try await lineUp(2)
            await exclusive.release()
            await (try await late.value).release()
            #expect(proxy.counts.notifications == 5)
            await close(clients)
        }
    }

    @Test("readers and writers at random exclude each other as they should", arguments: Vendor.underTest)
    func readersAndWriters(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("read-write-random")
        let seed = TestEnvironment.seed("CORRAL_RECIPE_SEED")
        TestEnvironment.note("readers and writers: CORRAL_RECIPE_SEED=\(seed)")
        let referee = Referee()
        try await within {
            let clients = try await ensemble.clients(6)
            try await withThrowingTaskGroup { group in
                for (index, client) in clients.enumerated() {
                    group.addTask {
                        var random = SeededGenerator(seed: seed &+ UInt64(index))
                        let lock = ReadWriteLock(client, at: path)
                        for _ in 0..<10 {
                            let isReader = Int.random(in: 0..<3, using: &random) > 0
                            try await (isReader ? lock.read : lock.write).withLock { lease in
                                referee.enter(lease, isShared: isReader)
                                for _ in 0..<Int.random(in: 0..<20, using: &random) { await Task.yield() }
                                referee.leave(lease)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            await close(clients)
        }
        #expect(referee.violations.isEmpty, "\(referee.violations)")
        #expect(referee.entries == 60)
    }

    @Test("the semaphore gives out as many permits as it has, and no more", arguments: Vendor.underTest)
    func semaphore(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("semaphore")
        let referee = Referee(limit: 3)
        try await within {
            let clients = try await ensemble.clients(7)
            try await withThrowingTaskGroup { group in
                for client in clients {
                    group.addTask {
                        let semaphore = Semaphore(client, at: path, permits: 3)
                        for _ in 0..<6 {
                            try await semaphore.withPermit { lease in
                                referee.enter(lease)
                                // Those who can be in at once are, unless they are all through.
                                for _ in 0..<5 { await Task.yield() }
                                referee.leave(lease)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let semaphore = Semaphore(clients[0], at: path, permits: 3)
            var leases: [Lease] = []
            for _ in 0..<3 { leases.append(try await semaphore.acquire()) }
            #expect(try await semaphore.holders().count == 3)
            await #expect {
                _ = try await semaphore.acquire(within: .milliseconds(50))
            } throws: { ($0 as? RecipeError)?.reason == .timedOut }
            #expect(try await semaphore.holders().count == 3, "who gave up has left nothing")
            // Not the oldest one: any permit will do.
            await leases[1].release()
            let fourth = try await semaphore.acquire()
            #expect(fourth.state == .held)
            await close(clients)
        }
        #expect(referee.violations.isEmpty, "\(referee.violations)")
        #expect(referee.entries == 42 && referee.most <= 3)
    }
}
