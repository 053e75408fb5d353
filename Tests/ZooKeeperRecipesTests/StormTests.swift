import TestSupport
import Testing
import ZooKeeperClient
import ZooKeeperRecipes

/// All recipes at work at once, through few sessions, while the leader and other servers are killed and come back.
@Suite("Recipes while servers die", .serialized)
struct StormTests {
    @Test("nothing is broken, everything goes on", arguments: Vendor.underTest)
    func storm(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let kills = TestEnvironment.int("CORRAL_RECIPE_KILLS", default: 4)
        let root = LiveEnsemble.freshPath("storm")
        try await within(.seconds(90 + 45 * Int64(kills))) {
            // Nothing here waits for the end of a session, and the machine may be slow.
            let clients = try await ensemble.clients(6, timeout: .seconds(60))
            let storm = Storm(clients, root: root)
            try await withThrowingTaskGroup { group in
                for workload in Storm.Workload.allCases {
                    group.addTask {
                        do {
                            try await workload.run(storm)
                        } catch {
                            throw Storm.Failed(workload: workload, error: error)
                        }
                    }
                }
                group.addTask {
                    defer { storm.stop() }
                    for kill in 0..<kills {
                        try await storm.waitForProgress()
                        // Leaders and others in turn; at most one is away, so a quorum stays.
                        let killed = try await ensemble.with { harness in
                            guard let leader = harness.leader else { throw harness.failure("nobody leads") }
                            let id = kill % 2 == 0 ? leader : harness.members.first { $0.id != leader }!.id
                            harness[id].kill()
                            return id
                        }
                        // With one server less everything has to go on.
                        try await storm.waitForProgress()
                        try await ensemble.with { harness in
                            try harness.start(killed)
                            try harness.waitForRoles()
                        }
                    }
                    try await storm.waitForProgress()
                }
                try await group.waitForAll()
            }
            for workload in Storm.Workload.allCases { try await workload.check(storm) }
            TestEnvironment.note("\(vendor): \(kills) servers killed; \(storm.summary)")
            #expect(clients.allSatisfy { $0.state == .connected })
            await close(clients)
        }
    }
}

/// What the workloads share.
final class Storm: Sendable {
    struct Failed: Error, CustomStringConvertible {
        var workload: Workload
        var error: any Error

        var description: String { "\(workload): \(error)" }
    }

    enum Workload: String, CaseIterable {
        case lock, simpleLock, readWriteLock, semaphore, election, queue, counter, barrier, group, configuration
        case rendezvous, subtree
    }

    let clients: [ZooKeeper]
    let root: String
    private let isStopped = Shared(false)
    let progress: [Workload: Tally]
    let referees: [Workload: Referee]
    let register = FencedRegister()
    let put = Tally()
    let taken = Shared<[Int: Int]>([:])
    let added = Tally()
    let published = Shared(0)

    init(_ clients: [ZooKeeper], root: String) {
        self.clients = clients
        self.root = root
        progress = Dictionary(uniqueKeysWithValues: Workload.allCases.map { ($0, Tally()) })
        referees = [
            .lock: Referee(), .simpleLock: Referee(), .readWriteLock: Referee(), .semaphore: Referee(limit: 2),
            .election: Referee(),
        ]
    }

    func stop() { isStopped.withLock { $0 = true } }
    var goesOn: Bool { !isStopped.withLock { $0 } }
    func path(_ workload: Workload) -> String { "\(root)-\(workload)" }
    func moved(_ workload: Workload) { progress[workload]?.add() }

    /// Waits until every workload has got on by something that began after this call.
    func waitForProgress() async throws {
        let before = progress.mapValues(\.value)
        let moved = await eventually(.seconds(90)) { self.progress.allSatisfy { $1.value >= before[$0]! + 3 } }
        guard moved else {
            let stuck = progress.filter { $1.value < before[$0]! + 3 }.map(\.key)
            throw Failed(workload: stuck[0], error: Stuck(all: stuck))
        }
    }

    struct Stuck: Error { var all: [Workload] }

    var summary: String {
        Workload.allCases.map { "\($0) \(progress[$0]!.value)" }.joined(separator: ", ")
    }

    /// Runs something for some of the clients, over and over, until the end.
    func each(
        _ count: Int, _ body: @escaping @Sendable (ZooKeeper, _ index: Int) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup { group in
            for (index, client) in clients.prefix(count).enumerated() {
                group.addTask {
                    while self.goesOn { try await body(client, index) }
                }
            }
            try await group.waitForAll()
        }
    }

    func inside(_ workload: Workload, _ lease: Lease, isShared: Bool = false) async {
        let referee = referees[workload]!
        referee.enter(lease, isShared: isShared)
        for _ in 0..<3 { await Task.yield() }
        referee.leave(lease)
        moved(workload)
    }
}

extension Storm.Workload {
    func run(_ storm: Storm) async throws {
        let path = storm.path(self)
        switch self {
        case .lock:
            try await storm.each(4) { client, _ in
                try await Lock(client, at: path).withLock { lease in
                    // Refused only when the lease was lost, which it says itself.
                    if !storm.register.write(lease.fencingToken) { #expect(lease.state != .held) }
                    await storm.inside(self, lease)
                }
            }
        case .simpleLock:
            try await storm.each(3) { client, _ in
                try await SimpleLock(client, at: path).withLock { await storm.inside(self, $0) }
            }
        case .readWriteLock:
            try await storm.each(5) { client, index in
                let lock = ReadWriteLock(client, at: path)
                try await (index < 2 ? lock.write : lock.read).withLock {
                    await storm.inside(self, $0, isShared: index >= 2)
                }
            }
        case .semaphore:
            try await storm.each(4) { client, _ in
                try await Semaphore(client, at: path, permits: 2).withPermit { await storm.inside(self, $0) }
            }
        case .election:
            try await storm.each(3) { client, _ in
                try await LeaderElection(client, at: path).withLeadership { await storm.inside(self, $0) }
            }
        case .queue: try await runQueue(storm, path)
        case .counter:
            try await storm.each(3) { client, _ in
                try await Counter(client, at: path).add(1)
                storm.added.add()
                storm.moved(self)
            }
        case .barrier: try await runBarrier(storm, path)
        case .group:
            try await storm.each(3) { client, index in
                try await Group(client, at: path).withMembership(name: index == 0 ? "zero" : nil) { lease in
                    let isThere = try await lease.confirm()
                    #expect(isThere)
                    storm.moved(self)
                }
            }
        case .configuration: try await runConfiguration(storm, path)
        case .rendezvous:
            try await storm.each(1) { client, _ in
                let (place, lease) = try await Rendezvous.open(client, below: path)
                async let met = Rendezvous(storm.clients[1], at: place.path).announcement()
                async let gone: Void = Rendezvous(storm.clients[2], at: place.path).waitUntilGone()
                try await place.announce([1, 2])
                #expect(try await met == [1, 2])
                await lease.release()
                try await gone
                storm.moved(self)
            }
        case .subtree: try await runSubtree(storm, path)
        }
    }

    private func runQueue(_ storm: Storm, _ path: String) async throws {
        try await storm.each(4) { client, index in
            let queue = Queue(client, at: path)
            if index < 2 {
                // So that there is not more and more to be listed.
                if storm.put.value - storm.taken.withLock({ $0.count }) > 20 {
                    try await Task.sleep(for: .milliseconds(2))
                    return
                }
                try await queue.put(Array("\(storm.put.add())".utf8))
            } else {
                do {
                    let data = try await queue.take(within: .milliseconds(200))
                    storm.taken.withLock { $0[Int(String(decoding: data, as: UTF8.self)) ?? -1, default: 0] += 1 }
                    storm.moved(self)
                } catch let error as RecipeError where error.reason == .timedOut {
                }
            }
        }
    }

    private func runBarrier(_ storm: Storm, _ path: String) async throws {
        let participants = 4
        let inside = Tally()
        let isLast = Shared(false)
        try await withThrowingTaskGroup { group in
            for (index, client) in storm.clients.prefix(participants).enumerated() {
                group.addTask {
                    let barrier = DoubleBarrier(client, at: path, participants: participants)
                    var round = 0
                    while true {
                        try await barrier.with { _ in
                            #expect((inside.add() - 1) / participants == round)
                            // Told to all before anybody leaves.
                            if index == 0, !storm.goesOn { isLast.withLock { $0 = true } }
                        }
                        round += 1
                        storm.moved(self)
                        if isLast.withLock({ $0 }) { return }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func runConfiguration(_ storm: Storm, _ path: String) async throws {
        func content(_ round: Int) -> [String: [UInt8]] {
            Dictionary(uniqueKeysWithValues: (0..<20).map { ("\($0)", Array("\(round)".utf8)) })
        }
        try await withThrowingTaskGroup { group in
            for client in storm.clients.prefix(2) {
                group.addTask {
                    for try await snapshot in Configuration(client, at: path).snapshots {
                        #expect(snapshot.parts.count == 20 && Set(snapshot.parts.values).count == 1)
                        storm.moved(self)
                        if snapshot.parts["0"] == Array("0".utf8) { return }
                    }
                }
            }
            let writer = Configuration(storm.clients[2], at: path)
            while storm.goesOn {
                try await writer.publish(content(storm.published.withLock { $0 += 1; return $0 }))
            }
            try await writer.publish(content(0))
            try await group.waitForAll()
        }
    }

    private func runSubtree(_ storm: Storm, _ path: String) async throws {
        try await CachedSubtree.with(storm.clients[3], at: path) { cache in
            let value = SharedValue(storm.clients[0], at: "\(path)/value")
            var number = 0
            while storm.goesOn {
                number += 1
                let data = Array("\(number)".utf8)
                try await value.set(data)
                try await cache.wait { $0["\(path)/value"]?.data == data }
                storm.moved(self)
            }
        }
    }

    /// What must be true at the end.
    func check(_ storm: Storm) async throws {
        let client = storm.clients[5]
        try await client.sync()
        let path = storm.path(self)
        if let referee = storm.referees[self] {
            #expect(referee.violations.isEmpty, "\(self): \(referee.violations)")
        }
        switch self {
        case .lock, .simpleLock, .readWriteLock, .election:
            #expect(try await WaitUntilEmpty(client: client, path: path).isReached, "\(self) left contenders behind")
        case .semaphore:
            #expect(try await WaitUntilEmpty(client: client, path: "\(path)/leases").isReached)
        case .queue:
            let queue = Queue(client, at: path)
            while storm.taken.withLock({ $0.count }) < storm.put.value {
                let data = try await queue.take(within: .seconds(10))
                storm.taken.withLock { $0[Int(String(decoding: data, as: UTF8.self)) ?? -1, default: 0] += 1 }
            }
            #expect(try await queue.count() == 0)
            let twice = storm.taken.withLock { $0.filter { $0.value != 1 } }
            #expect(twice.isEmpty, "elements were taken twice, by number: \(twice)")
        case .counter:
            #expect(try await Counter(client, at: path).value() == storm.added.value)
        case .barrier, .group, .configuration, .rendezvous, .subtree: break
        }
    }
}

/// Deletions that followed a lost connection may still be under way.
private struct WaitUntilEmpty {
    let client: ZooKeeper
    let path: String

    var isReached: Bool {
        get async throws {
            try await eventually(.seconds(10)) {
                guard try await client.exists(path) != nil else { return true }
                return try await client.getChildren(path).isEmpty
            }
        }
    }
}
