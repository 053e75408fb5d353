import TestSupport
import Testing
import ZooKeeperClient
import ZooKeeperRecipes

/// The recipes that are not locks, while nothing fails.
@Suite("Recipes", .serialized)
struct RecipeTests {
    @Test("rendezvous: the workers meet the master, and learn that the client has gone", arguments: Vendor.underTest)
    func rendezvous(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("rendezvous")
        try await within {
            let clients = try await ensemble.clients(4)
            let (place, lease) = try await Rendezvous.open(clients[0], below: path)
            #expect(place.path.hasPrefix(path) && lease.state == .held)
            let (met, gone) = (Tally(), Tally())
            try await withThrowingTaskGroup { group in
                for client in clients.dropFirst(2) {
                    group.addTask {
                        let worker = Rendezvous(client, at: place.path)
                        #expect(try await worker.announcement() == Array("10.0.0.1:80".utf8))
                        met.add()
                        try await worker.waitUntilGone()
                        #expect(lease.state == .released)
                        gone.add()
                    }
                }
                group.addTask {
                    let master = Rendezvous(clients[1], at: place.path)
                    try await clients[1].sync()
                    try await master.announce(Array("10.0.0.1:80".utf8))
                }
                try await wait { met.value == 2 }
                #expect(gone.value == 0)
                await lease.release()
                try await group.waitForAll()
            }
            #expect(gone.value == 2)
            await #expect {
                _ = try await Rendezvous(clients[1], at: place.path).announcement()
            } throws: {
                guard case .zooKeeper(let error)? = ($0 as? RecipeError)?.reason else { return false }
                return error.reason == .server(.noNode)
            }
            await close(clients)
        }
    }

    @Test("group: who comes and goes is told, a name belongs to one", arguments: Vendor.underTest)
    func group(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("group")
        try await within {
            let clients = try await ensemble.clients(3)
            var changes = Group(clients[0], at: path).changes.makeAsyncIterator()
            #expect(try await changes.next() == [])
            let alpha = try await Group(clients[1], at: path).join(name: "alpha", data: [1])
            #expect(try await changes.next()?.map(\.name) == ["alpha"])
            await #expect {
                _ = try await Group(clients[2], at: path).join(name: "alpha")
            } throws: { ($0 as? RecipeError)?.reason == .taken(bySession: clients[1].identity?.id ?? 0) }
            let numbered = try await Group(clients[2], at: path).join(data: [2])
            let both = try await changes.next()
            #expect(both?.count == 2 && both?.contains { $0.name == "alpha" && $0.data == [1] } == true)
            #expect(both?.contains { $0.data == [2] && $0.session == clients[2].identity?.id } == true)
            await alpha.release()
            #expect(try await changes.next()?.count == 1)
            // The session's end is the member's.
            await clients[2].close()
            #expect(try await changes.next() == [])
            #expect(numbered.state == .lost)
            await close(clients)
        }
    }

    @Test("election: one leads at a time, in the order of candidacy, and all know who", arguments: Vendor.underTest)
    func election(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("election")
        try await within {
            let clients = try await ensemble.clients(5)
            var leaders = LeaderElection(clients[4], at: path).leaders.makeAsyncIterator()
            #expect(try await leaders.next() == .some(nil))
            let referee = Referee()
            let terms = Shared<[Int]>([])
            let resigns = (0..<4).map { _ in AsyncStream.makeStream(of: Void.self) }
            try await withThrowingTaskGroup { group in
                for index in 0..<4 {
                    group.addTask {
                        let election = LeaderElection(clients[index], at: path, identifier: [UInt8(index)])
                        try await election.withLeadership { lease in
                            referee.enter(lease)
                            terms.withLock { $0.append(index) }
                            for await _ in resigns[index].stream {}
                            referee.leave(lease)
                        }
                    }
                    try await wait {
                        try await LeaderElection(clients[4], at: path).candidates().count == index + 1
                    }
                }
                #expect(try await LeaderElection(clients[4], at: path).candidates().map(\.data) == [[0], [1], [2], [3]])
                for index in 0..<4 {
                    let leader = try await leaders.next()
                    #expect(leader??.data == [UInt8(index)])
                    #expect(leader??.session == clients[index].identity?.id)
                    try await wait { terms.withLock { $0.count } == index + 1 }
                    resigns[index].continuation.finish()
                }
                try await group.waitForAll()
            }
            #expect(try await leaders.next() == .some(nil))
            #expect(terms.withLock { $0 } == [0, 1, 2, 3] && referee.violations.isEmpty)
            await close(clients)
        }
    }

    @Test("election: who follows it is not led astray by a child that is no candidate", arguments: Vendor.underTest)
    func strangerInElection(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("election-stranger")
        try await within(.seconds(20)) {
            let client = try await ensemble.client()
            _ = try await client.multi([.create(path), .create("\(path)/notes")])
            let election = LeaderElection(client, at: path)
            var leaders = election.leaders.makeAsyncIterator()
            #expect(try await leaders.next() == .some(nil))
            let lease = try await election.acquire()
            let leader = try await leaders.next()
            #expect(leader??.fencingToken == lease.fencingToken)
            await lease.release()
            #expect(try await leaders.next() == .some(nil))
            await client.close()
        }
    }

    @Test("a missing chroot is said, also by recipes at the root itself", arguments: Vendor.underTest)
    func missingChroot(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let configuration = try ensemble.configuration(chroot: LiveEnsemble.freshPath("missing"))
        try await within(.seconds(20)) {
            let client = try await ZooKeeper.connect(configuration)
            let uses: [@Sendable () async throws -> Void] = [
                { _ = try await Lock(client, at: "/").acquire() },
                { _ = try await Lock(client, at: "/lock").acquire() },
                { _ = try await Semaphore(client, at: "/", permits: 1).acquire() },
                { _ = try await DoubleBarrier(client, at: "/", participants: 1).enter() },
                { _ = try await Group(client, at: "/").join(name: "one") },
                { for try await _ in Group(client, at: "/").changes {} },
                { _ = try await Rendezvous.open(client, below: "/") },
                { try await Configuration(client, at: "/").publish(["a": []]) },
                { try await SharedValue(client, at: "/").set([]) },
                { _ = try await Counter(client, at: "/").add(1) },
                { try await Queue(client, at: "/").put([]) },
                { for try await _ in LeaderElection(client, at: "/").leaders {} },
            ]
            for (index, use) in uses.enumerated() {
                var code: ZooKeeperError.Reason?
                do {
                    try await use()
                } catch let error as RecipeError {
                    if case .zooKeeper(let cause) = error.reason { code = cause.reason }
                }
                #expect(code == .server(.noNode), "\(index)")
            }
            await client.close()
        }
    }

    @Test("queue: everything is taken once, in order, priorities first", arguments: Vendor.underTest)
    func queue(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("queue")
        try await within {
            let clients = try await ensemble.clients(4)
            let queue = Queue(clients[0], at: path)
            for number in UInt8(0)..<5 { try await queue.put([number]) }
            try await queue.put([9], priority: 7)
            #expect(try await queue.count() == 6)
            var taken: [UInt8] = []
            for _ in 0..<6 { taken += try await queue.take() }
            #expect(taken == [9, 0, 1, 2, 3, 4])
            await #expect { _ = try await queue.take(within: .milliseconds(50)) } throws: {
                ($0 as? RecipeError)?.reason == .timedOut
            }

            // Given back, it is the next one again.
            try await queue.put([1])
            let claimed = try await queue.claim()
            #expect(claimed.data == [1] && claimed.state == .held)
            #expect(try await Queue(clients[1], at: path).tryClaim() == nil)
            struct Failed: Error {}
            await claimed.giveBack()
            await #expect(throws: Failed.self) { try await queue.withElement { _ in throw Failed() } }
            #expect(try await queue.take() == [1])

            let (count, sum) = (60, Tally())
            let numbers = Shared<[UInt8]>([])
            try await withThrowingTaskGroup { group in
                for client in clients.prefix(2) {
                    group.addTask {
                        for _ in 0..<count / 2 { try await Queue(client, at: path).put([UInt8(sum.add())]) }
                    }
                }
                for client in clients.dropFirst(2) {
                    group.addTask {
                        while numbers.withLock({ $0.count }) < count {
                            do {
                                let data = try await Queue(client, at: path).take(within: .milliseconds(500))
                                numbers.withLock { $0 += data }
                            } catch let error as RecipeError where error.reason == .timedOut {
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(numbers.withLock { $0 }.sorted() == (1...count).map { UInt8($0) })
            #expect(try await queue.count() == 0)
            await close(clients)
        }
    }

    @Test("queue: lost requests double nothing and lose nothing", arguments: Vendor.underTest)
    func lostQueueRequests(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("queue-lost")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let client = try await ensemble.client(port: proxy.port)
            let queue = Queue(client, at: path)
            try await queue.put([0])
            #expect(try await queue.take() == [0])
            var number: UInt8 = 0
            // The putting is a multi, the claim a creation, the removal a multi again.
            for put in [FrameProxy.Loss.reply(.multi), .request(.multi)] {
                for take in [FrameProxy.Loss.reply(.create2), .request(.create2), .reply(.multi), .request(.multi)] {
                    number += 1
                    let before = proxy.lostCount
                    proxy.lose(put)
                    try await queue.put([number])
                    #expect(try await queue.count() == 1)
                    proxy.lose(take)
                    #expect(try await queue.take() == [number])
                    #expect(proxy.lostCount == before + 2)
                    #expect(try await queue.count() == 0)
                    #expect(try await client.getChildren("\(path)/taken").isEmpty)
                }
            }
            try await wait { try await client.getChildren(path).count == 2 }

            // Another takes the element before its author knows that it was put.
            let other = try await ensemble.client()
            proxy.lose(.reply(.multi), isLast: true)
            let putting = Task { try await queue.put([77]) }
            #expect(try await Queue(other, at: path).take() == [77])
            proxy.refuse(false)
            try await putting.value
            #expect(try await queue.count() == 0, "it was put twice")
            await other.close()
            await client.close()
        }
    }

    @Test("counter: each change counts once, in all formats", arguments: Vendor.underTest)
    func counter(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("counter")
        try await within {
            let clients = try await ensemble.clients(4)
            for format in [Counter.Format.int64, .int32, .decimal] {
                let place = "\(path)/\(format)"
                try await withThrowingTaskGroup { group in
                    for client in clients {
                        group.addTask {
                            let counter = Counter(client, at: place, format: format)
                            for _ in 0..<10 { try await counter.add(3) }
                            try await counter.add(-5)
                        }
                    }
                    try await group.waitForAll()
                }
                let counter = Counter(clients[0], at: place, format: format)
                try await clients[0].sync()
                #expect(try await counter.value() == 100)
                #expect(try await counter.compareAndSet(100, to: -7))
                #expect(try await !counter.compareAndSet(100, to: 1))
                #expect(try await counter.value() == -7)
                #expect(try await counter.add(7) == 0)
            }
            let small = Counter(clients[0], at: "\(path)/int32", format: .int32)
            await #expect(throws: RecipeError.self) { try await small.add(1 << 31) }
            await #expect(throws: RecipeError.self) {
                _ = try await Counter(clients[0], at: "\(path)/int32", format: .int64).value()
            }
            await close(clients)
        }
    }

    @Test("counter: lost requests count once", arguments: Vendor.underTest)
    func lostCounterRequests(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("counter-lost")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let client = try await ensemble.client(port: proxy.port)
            let counter = Counter(client, at: path)
            try await counter.add(1)
            for (index, loss) in [FrameProxy.Loss.reply(.multi), .request(.multi), .reply(.multi)].enumerated() {
                proxy.lose(loss)
                #expect(try await counter.add(1) == Int64(index) + 2)
            }
            #expect(proxy.lostCount == 3)
            try await wait { try await client.getChildren(path).isEmpty }
            await client.close()
        }
    }

    @Test("cached subtree: it becomes what the servers have, also across lost connections", arguments: Vendor.underTest)
    func cachedSubtree(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("subtree")
        let seed = TestEnvironment.seed("CORRAL_RECIPE_SEED")
        TestEnvironment.note("cached subtree: CORRAL_RECIPE_SEED=\(seed)")
        let proxy = try FrameProxy(to: ensemble.ports[2])
        try await within {
            let writer = try await ensemble.client()
            let reader = try await ensemble.client(port: proxy.port)
            try await writer.create(path)
            try await CachedSubtree.with(reader, at: path) { cache in
                var random = SeededGenerator(seed: seed)
                for step in 1...300 {
                    let place = "\(path)/\(Int.random(in: 0..<4, using: &random))"
                    let below = "\(place)/\(Int.random(in: 0..<3, using: &random))"
                    let data = Array("\(step)".utf8)
                    // Whether it can be done depends on what is there.
                    switch Int.random(in: 0..<6, using: &random) {
                    case 0: _ = try? await writer.create(place, data: data)
                    case 1, 2: _ = try? await writer.create(below, data: data)
                    case 3: _ = try? await writer.setData(Bool.random(using: &random) ? place : below, data)
                    case 4: try? await writer.delete(below)
                    default: try? await writer.delete(place)
                    }
                    if step % 60 == 0 { proxy.cut() }
                }
                let mark = try await writer.create("\(path)/last")
                try await cache.wait { $0[mark] != nil }
                var expected: [String: [UInt8]] = [:]
                var places = [path]
                while let place = places.popLast() {
                    expected[place] = try await writer.getData(place).data
                    places += try await writer.getChildren(place).map { "\(place)/\($0)" }
                }
                #expect(cache.nodes.mapValues(\.data) == expected)
                let names = try await writer.getChildren(path).sorted()
                #expect(cache.children(of: path) == names)
                var changes = cache.changes.makeAsyncIterator()
                try await writer.setData(mark, [1])
                #expect(await changes.next() == .changed(path: mark))
                try await writer.delete(mark)
                #expect(await changes.next() == .removed(path: mark))
                #expect(cache[mark] == nil)
            }
            await close([writer, reader])
        }
    }
}
