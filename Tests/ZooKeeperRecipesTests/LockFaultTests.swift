import TestSupport
import Testing
import ZooKeeperClient
import ZooKeeperRecipes

/// The locks while connections break at the worst moment.
@Suite("Locks and lost connections", .serialized)
struct LockFaultTests {
    /// Every way of getting a lease that goes through a protected creation.
    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case lock, simpleLock, reader, writer, semaphore, election, member, numberedMember

        var testDescription: String { rawValue }

        func acquire(_ client: ZooKeeper, at path: String) async throws -> Lease {
            switch self {
            case .lock: try await Lock(client, at: path).acquire()
            case .simpleLock: try await SimpleLock(client, at: "\(path)/simple").acquire()
            case .reader: try await ReadWriteLock(client, at: path).read.acquire()
            case .writer: try await ReadWriteLock(client, at: path).write.acquire()
            case .semaphore: try await Semaphore(client, at: path, permits: 1).acquire()
            case .election: try await LeaderElection(client, at: path).acquire()
            case .member: try await Group(client, at: path).join(name: "one")
            case .numberedMember: try await Group(client, at: path).join()
            }
        }
    }

    @Test(
        "a creation or its answer is lost with the connection: one znode, one lease",
        arguments: Vendor.underTest, Kind.allCases)
    func lostCreation(vendor: Vendor, kind: Kind) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("lost-creation")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let client = try await ensemble.client(port: proxy.port)
            // What is above is there, so that the one creation is that of the contender.
            await (try await kind.acquire(client, at: path)).release()
            for loss in [FrameProxy.Loss.reply(.create2), .request(.create2)] {
                let before = proxy.lostCount
                proxy.lose(loss)
                let lease = try await kind.acquire(client, at: path)
                #expect(proxy.lostCount == before + 1, "the creation was not the one that was lost")
                #expect(try await lease.confirm())
                let parent = lease.path.split(separator: "/").dropLast().joined(separator: "/")
                #expect(try await client.getChildren("/\(parent)").count == 1, "a second znode was created")
                await lease.release()
                #expect(try await client.getChildren("/\(parent)").isEmpty)
            }
            await client.close()
        }
    }

    @Test("a creation that is still under way when its connection is back is waited for", arguments: Vendor.underTest)
    func creationUnderWay(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("under-way")
        let leader = try await ensemble.with { try $0.waitForRoles() }
        let proxy = try FrameProxy(to: ensemble.ports[leader - 1])
        let others = (1...3).filter { $0 != leader }
        try await within {
            let client = try await ensemble.client(port: proxy.port)
            let observer = try await ensemble.client(port: ensemble.ports[leader - 1])
            await (try await Lock(client, at: path).acquire()).release()
            proxy.reset()

            // Without the others nothing is committed. The leader waits for them for 4 s.
            try await ensemble.with { harness in for id in others { harness[id].pause() } }
            let acquiring = Task { try await Lock(client, at: path).acquire() }
            let isSent = await eventually(.seconds(2)) { proxy.counts[.create2] == 1 }
            // The leader has taken the creation up by the time it has answered others.
            for _ in 0..<20 { _ = try? await observer.exists(path) }
            proxy.cut()
            let isBack = await eventually(.seconds(1)) { proxy.counts[.setData, .sync] > 0 }
            for _ in 0..<20 { _ = try? await observer.exists(path) }
            try await ensemble.with { harness in for id in others { harness[id].resume() } }
            #expect(isSent && isBack, "it asks for the creation's fate")
            let lease = try await acquiring.value
            try await client.sync()
            #expect(try await client.getChildren(path).count == 1, "the creation was taken for lost, and done again")
            #expect(proxy.counts[.create2] == 1)
            await lease.release()
            await close([client, observer])
        }
        _ = try await ensemble.with { try $0.waitForRoles() }
    }

    @Test("who is cancelled while the answer to the creation is out leaves nothing", arguments: Vendor.underTest)
    func cancelledCreation(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("cancelled-creation")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let client = try await ensemble.client(port: proxy.port)
            let observer = try await ensemble.client()
            let lock = Lock(client, at: path)
            await (try await lock.acquire()).release()
            let created = proxy.counts[.create2]
            proxy.lose(.reply(.create2))
            proxy.refuse(true)
            let waiting = Task { try await lock.acquire() }
            // The server has the request, and the client cannot come back yet.
            try await wait { proxy.lostCount == 1 && !client.state.isConnected }
            try await wait { try await observer.getChildren(path).count == 1 }
            #expect(proxy.counts[.create2] == created + 1)
            waiting.cancel()
            await #expect { _ = try await waiting.value } throws: { ($0 as? RecipeError)?.reason == .cancelled }
            proxy.refuse(false)
            try await wait { try await observer.getChildren(path).isEmpty }
            #expect(client.state == .connected, "it is gone because it was deleted, not because the session ended")
            await close([client, observer])
        }
    }

    @Test("a release whose deletion is lost with the connection is repeated", arguments: Vendor.underTest)
    func lostRelease(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("lost-release")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let client = try await ensemble.client(port: proxy.port)
            let other = try await ensemble.client()
            for loss in [FrameProxy.Loss.request(.delete), .reply(.delete)] {
                let lease = try await Lock(client, at: path).acquire()
                let next = Task { try await Lock(other, at: path).acquire() }
                try await wait { try await Lock(other, at: path).contenders().count == 2 }
                proxy.lose(loss)
                await lease.release()
                #expect(lease.state == .released)
                await (try await next.value).release()
            }
            #expect(proxy.lostCount == 2)
            await close([client, other])
        }
    }

    @Test("a waiter survives the loss of its watch", arguments: Vendor.underTest)
    func lostWatch(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("lost-watch")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let client = try await ensemble.client(port: proxy.port)
            let other = try await ensemble.client()
            let lease = try await Lock(other, at: path).acquire()
            let waiting = Task { try await Lock(client, at: path).acquire() }
            try await wait { proxy.counts[.getData] == 1 }
            // The release happens while nobody can be told of it.
            proxy.refuse(true)
            proxy.cut()
            try await client.wait(for: .suspended)
            await lease.release()
            proxy.refuse(false)
            #expect(try await waiting.value.state == .held)
            await close([client, other])
        }
    }

    @Test("a holder learns of the doubt and of the end; its token is refused then", arguments: Vendor.underTest)
    func holderInDoubt(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("doubt")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let client = try await ensemble.client(timeout: .seconds(3), port: proxy.port)
            let other = try await ensemble.client()
            let register = FencedRegister()
            let lease = try await Lock(client, at: path).acquire()
            #expect(register.write(lease.fencingToken))
            var states = lease.states.makeAsyncIterator()
            #expect(await states.next() == .held)

            proxy.cut()
            #expect(await states.next() == .inDoubt, "the connection is broken")
            #expect(await states.next() == .held, "and there is a new one, the session lives")
            #expect(register.write(lease.fencingToken))

            // From now on the holder is alone; the servers end its session, and the next one has the lock.
            let next = Task { try await Lock(other, at: path).acquire() }
            try await wait { try await Lock(other, at: path).contenders().count == 2 }
            proxy.hold(true)
            proxy.refuse(true)
            #expect(await states.next() == .inDoubt)
            let successor = try await next.value
            #expect(lease.state != .held, "when another holds it, the former holder has known for some time")
            #expect(register.write(successor.fencingToken))
            #expect(!register.write(lease.fencingToken), "an older token is refused")
            #expect(await states.next() == .lost, "known without hearing from any server")
            #expect(await states.next() == nil)
            #expect(lease.state == .lost)
            await lease.release()
            await close([client, other])
        }
    }

    @Test("a body is cancelled when its lease is in doubt, or lost", arguments: Vendor.underTest)
    func cancellingBody(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("cancelling")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let client = try await ensemble.client(timeout: .seconds(2), port: proxy.port)
            let lock = Lock(client, at: path)
            #expect(try await lock.withLock(cancellingOn: .doubt) { _ in 7 } == 7)
            let isCancelled = Tally()
            @Sendable func untilCancelled(_ lease: Lease) async {
                proxy.cut()
                while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
                isCancelled.add()
            }
            await #expect {
                try await lock.withLock(cancellingOn: .doubt) { await untilCancelled($0) }
            } throws: { ($0 as? RecipeError)?.reason == .leaseLost }
            #expect(isCancelled.value == 1)
            await #expect {
                try await lock.withLock(cancellingOn: .loss) {
                    proxy.refuse(true)
                    await untilCancelled($0)
                }
            } throws: { ($0 as? RecipeError)?.reason == .leaseLost }
            #expect(isCancelled.value == 2 && client.state == .expired)
            await #expect { _ = try await lock.acquire() } throws: { ($0 as? RecipeError)?.isSessionEnded == true }
        }
    }

    @Test("a lease that nobody holds on to is released", arguments: Vendor.underTest)
    func droppedLease(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("dropped")
        try await within {
            let client = try await ensemble.client()
            var lease: Lease? = try await Lock(client, at: path).acquire()
            #expect(lease?.state == .held)
            var states = try #require(lease?.states.makeAsyncIterator())
            #expect(await states.next() == .held)
            lease = nil
            #expect(await states.next() == .released, "who follows it is told")
            #expect(await states.next() == nil)
            try await wait { try await client.getChildren(path).isEmpty }
            await client.close()
        }
    }
}

extension ZooKeeper {
    /// Waits until it has one of these states.
    func wait(for wanted: SessionState..., within limit: Duration = .seconds(20)) async throws {
        let states = states
        try await ZooKeeperRecipesTests.within(limit) {
            for await state in states where wanted.contains(state) { return }
            throw TimedOut()
        }
    }
}
