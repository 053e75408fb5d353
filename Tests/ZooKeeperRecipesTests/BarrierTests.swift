import TestSupport
import Testing
import ZooKeeperClient
import ZooKeeperRecipes

@Suite("Double barrier", .serialized)
struct BarrierTests {
    @Test("200 clients enter and leave together, at the paper's cost", arguments: Vendor.underTest)
    func twoHundred(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("barrier")
        let count = 200
        let rounds = TestEnvironment.int("CORRAL_BARRIER_ROUNDS", default: 3)
        // One for each server, as clients would be spread.
        let proxies = try ensemble.ports.map { try FrameProxy(to: $0) }
        try await within(.seconds(120)) {
            var clients: [ZooKeeper] = []
            for proxy in proxies {
                let share = count / 3 + (proxy === proxies[0] ? count % 3 : 0)
                clients += try await ensemble.clients(share, timeout: .seconds(40), port: proxy.port)
            }
            try await clients[0].create(path)
            @Sendable func counts() -> (writes: Int, reads: Int, notifications: Int) {
                proxies.map(\.counts).reduce((0, 0, 0)) {
                    ($0.0 + $1.writes, $0.1 + $1.reads, $0.2 + $1.notifications)
                }
            }
            for round in 1...rounds {
                let (arrived, gone) = (Tally(), Tally())
                let inside = Shared<[DoubleBarrier.Participation]>([])
                let start = counts()
                let entering = try await ContinuousClock().measure {
                    try await withThrowingTaskGroup { group in
                        for client in clients {
                            group.addTask {
                                let barrier = DoubleBarrier(client, at: path, participants: count)
                                arrived.add()
                                let participation = try await barrier.enter()
                                #expect(arrived.value == count, "one was let in before all had come")
                                inside.withLock { $0.append(participation) }
                            }
                        }
                        try await group.waitForAll()
                    }
                }
                try await wait { counts().notifications - start.notifications == count }
                let entered = counts()
                let (writes, reads) = (entered.writes - start.writes, entered.reads - start.reads)
                #expect(writes == count + 1, "each creates its child, and one creates `ready`")
                #expect(reads == 2 * count, "each looks for `ready` and lists the children, once")

                let leaving = try await ContinuousClock().measure {
                    try await withThrowingTaskGroup { group in
                        for participation in inside.withLock({ $0 }) {
                            group.addTask {
                                gone.add()
                                try await participation.leave()
                                #expect(gone.value == count, "one was let go before all had left")
                            }
                        }
                        try await group.waitForAll()
                    }
                }
                let left = counts()
                let (leavingWrites, leavingReads) = (left.writes - entered.writes, left.reads - entered.reads)
                #expect(leavingWrites == count, "each deletes its child, the last one `ready` in the same request")
                // List, watch, list: three for each, and a pair more for the lowest each time that the highest goes.
                let lowest = leavingReads - 3 * (count - 1)
                #expect(lowest >= 1 && lowest <= 2 * count)
                TestEnvironment.note(
                    "\(vendor): barrier of \(count), round \(round): entered in \(entering) with \(writes) writes and"
                        + " \(reads) reads, left in \(leaving) with \(leavingWrites) and \(leavingReads)")
            }
            #expect(try await clients[0].getChildren(path).isEmpty, "`ready` went with the last one")
            await close(clients)
        }
    }

    @Test("entering again at once does not find the last round's `ready`", arguments: Vendor.underTest)
    func again(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("barrier-again")
        try await within {
            let clients = try await ensemble.clients(5)
            let (inside, rounds) = (Tally(), 15)
            try await withThrowingTaskGroup { group in
                for client in clients {
                    group.addTask {
                        let barrier = DoubleBarrier(client, at: path, participants: clients.count)
                        for round in 1...rounds {
                            try await barrier.with { _ in
                                // All are in the same round while anybody is in it.
                                let entered = inside.add()
                                #expect((entered - 1) / clients.count == round - 1)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(inside.value == rounds * clients.count)
            await close(clients)
        }
    }

    @Test("participants that die inside hold nobody up, nor does what they leave", arguments: Vendor.underTest)
    func deathInside(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("barrier-death")
        try await within {
            let clients = try await ensemble.clients(4, timeout: .seconds(4))
            var inside: [DoubleBarrier.Participation] = []
            try await withThrowingTaskGroup(of: DoubleBarrier.Participation.self) { group in
                for client in clients {
                    group.addTask { try await DoubleBarrier(client, at: path, participants: 4).enter() }
                }
                for try await participation in group { inside.append(participation) }
            }
            inside.sort { $0.lease.fencingToken < $1.lease.fencingToken }
            let leaving = inside[1...2].map { participation in Task { try await participation.leave() } }
            try await wait { try await clients[0].getChildren(path).count <= 3 }
            // The lowest, for which the others wait, and the highest, for which it would wait.
            let owners = try await [inside[0], inside[3]].asyncMap {
                try await clients[0].exists($0.lease.path)?.ephemeralOwner
            }
            let (dying, living) = clients.split { owners.contains($0.identity?.id) }
            await close(dying)
            for task in leaving { try await task.value }
            #expect(try await living[0].getChildren(path).isEmpty)
            await close(living)

            // All die inside: `ready` is left, and nobody is let in because of it.
            let round = try await ensemble.clients(2)
            try await withThrowingTaskGroup { group in
                for client in round {
                    group.addTask { _ = try await DoubleBarrier(client, at: path, participants: 2).enter() }
                }
                try await group.waitForAll()
            }
            await close(round)
            let late = try await ensemble.clients(2)
            try await late[0].sync()
            let (first, isIn) = (DoubleBarrier(late[0], at: path, participants: 2), Tally())
            let waiting = Task {
                let participation = try await first.enter()
                isIn.add()
                return participation
            }
            try await wait {
                let names = try await late[0].getChildren(path)
                return names.count == 1 && names != ["ready"]
            }
            #expect(isIn.value == 0, "what the dead have left lets nobody in")
            let second = try await DoubleBarrier(late[1], at: path, participants: 2).enter()
            let other = try await waiting.value
            async let last: Void = second.leave()
            try await other.leave()
            try await last
            await close(late)
        }
    }

    @Test("who gives up entering is not counted", arguments: Vendor.underTest)
    func givingUp(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("barrier-giving-up")
        try await within {
            let clients = try await ensemble.clients(2, port: ensemble.ports[2])
            let barriers = clients.map { DoubleBarrier($0, at: path, participants: 2) }
            await #expect {
                _ = try await barriers[0].enter(within: .milliseconds(100))
            } throws: { ($0 as? RecipeError)?.reason == .timedOut }
            #expect(try await clients[1].getChildren(path).isEmpty)
            await #expect {
                _ = try await barriers[1].enter(within: .milliseconds(100))
            } throws: { ($0 as? RecipeError)?.reason == .timedOut }
            await close(clients)
        }
    }

    @Test("lost creations and answers: each is counted once", arguments: Vendor.underTest)
    func lostRequests(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("barrier-lost")
        let proxy = try FrameProxy(to: ensemble.ports[0])
        try await within {
            let client = try await ensemble.client(port: proxy.port)
            let barrier = DoubleBarrier(client, at: path, participants: 1)
            try await barrier.with { _ in }
            for loss in [
                FrameProxy.Loss.reply(.create2), .request(.create2), .reply(.create), .request(.create),
                .reply(.multi), .request(.multi),
            ] {
                let before = proxy.lostCount
                proxy.lose(loss)
                try await barrier.with { _ in
                    let names = try await client.getChildren(path)
                    #expect(names.count == 2)
                }
                #expect(proxy.lostCount == before + 1)
                #expect(try await client.getChildren(path).isEmpty)
            }
            await client.close()
        }
    }
}

extension Array {
    func asyncMap<Other>(_ transform: (Element) async throws -> Other) async rethrows -> [Other] {
        var result: [Other] = []
        for element in self { result.append(try await transform(element)) }
        return result
    }

    /// Those for which something is true, and the others.
    func split(_ isFirst: (Element) -> Bool) -> ([Element], [Element]) {
        (filter(isFirst), filter { !isFirst($0) })
    }
}
