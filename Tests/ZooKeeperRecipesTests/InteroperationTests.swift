import Foundation
import Synchronization
import TestSupport
import Testing
import ZooKeeperClient
import ZooKeeperRecipes

/// Users of kazoo and Curator at the same paths.
@Suite("Recipes beside kazoo's and Curator's", .serialized)
struct InteroperationTests {
    /// One of their recipes, and ours that goes with it.
    enum Pair: String, CaseIterable, CustomTestStringConvertible {
        case kazooLock, kazooLockWithPatterns, kazooRead, kazooWrite, kazooReadWithPatterns, kazooWriteWithPatterns
        case kazooElection
        case curatorMutex, curatorRead, curatorWrite, curatorSemaphore, curatorLatch

        var testDescription: String { rawValue }

        /// The driver's word for it.
        var kind: String {
            switch self {
            case .kazooLock: "lock"
            case .kazooLockWithPatterns: "lock-patterns"
            case .kazooRead, .curatorRead: "read"
            case .kazooWrite, .curatorWrite: "write"
            case .kazooReadWithPatterns: "read-patterns"
            case .kazooWriteWithPatterns: "write-patterns"
            case .kazooElection: "election"
            case .curatorMutex: "mutex"
            case .curatorSemaphore: "semaphore"
            case .curatorLatch: "latch"
            }
        }

        var isKazoo: Bool { rawValue.hasPrefix("kazoo") }

        /// Ours, which the other one excludes: a writer for a reader.
        func source(_ client: ZooKeeper, at path: String) -> any LeaseSource {
            switch self {
            case .kazooLock: Lock(client, at: path, naming: .kazoo)
            case .kazooLockWithPatterns, .curatorMutex: Lock(client, at: path)
            case .kazooRead, .kazooWrite: ReadWriteLock(client, at: path, naming: .kazoo).write
            case .kazooReadWithPatterns, .kazooWriteWithPatterns, .curatorRead, .curatorWrite:
                ReadWriteLock(client, at: path).write
            case .kazooElection: LeaderElection(client, at: path, naming: .kazoo)
            case .curatorSemaphore: Semaphore(client, at: path, permits: 1)
            case .curatorLatch: LeaderElection(client, at: path)
            }
        }

        /// Our readers, against their writers.
        func reader(_ client: ZooKeeper, at path: String) -> (any LeaseSource)? {
            switch self {
            case .kazooWrite: ReadWriteLock(client, at: path, naming: .kazoo).read
            case .kazooWriteWithPatterns, .curatorWrite: ReadWriteLock(client, at: path).read
            default: nil
            }
        }

        /// The znode below which contenders line up.
        func line(_ path: String) -> String { self == .curatorSemaphore ? "\(path)/locks" : path }

        func start(_ servers: String, path: String, rounds: Int, output: String) throws -> ChildProcess {
            try InteroperationTests.start(
                isKazoo: isKazoo, servers, kind: kind, path: path, rounds: rounds, output: output)
        }
    }

    static func start(
        isKazoo: Bool, _ servers: String, kind: String, path: String, rounds: Int, output: String
    ) throws -> ChildProcess {
        let arguments = [servers, kind, path, String(rounds)]
        if isKazoo {
            let script = StockClients.script("kazoo_recipes.py")
            return try ChildProcess(try StockClients.kazooPython(), [script] + arguments, output: output)
        }
        return try ChildProcess("java", try StockClients.curatorRecipes() + arguments, output: output)
    }

    @Test("each keeps the other out, in turn and in a contest", arguments: Vendor.underTest, Pair.allCases)
    func exclusion(vendor: Vendor, pair: Pair) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("beside-\(pair.kind)")
        let rounds = TestEnvironment.int("CORRAL_INTEROPERATION_ROUNDS", default: 15)
        let scratch = TemporaryDirectory("interoperation")
        let output = scratch.file("output")
        try await within(.seconds(120)) {
            // All look at one server, so that what one has done is there for the other.
            let clients = try await ensemble.clients(3, port: ensemble.ports[0])
            let observer = clients[0]
            try await observer.create("\(path)-guard")
            let source = pair.source(clients[1], at: path)

            // Ours holds, the other one waits.
            let lease = try await source.acquire()
            let process = try pair.start(
                "127.0.0.1:\(ensemble.ports[0])", path: path, rounds: rounds, output: output)
            @Sendable func lined(_ count: Int) async throws -> Bool {
                guard process.isRunning else { throw Gone(output: process.output) }
                let children = try await observer.getChildren(pair.line(path))
                return children.count == count
            }
            // A semaphore's holder has left the line of those who wait.
            let holders = pair == .curatorSemaphore ? 0 : 1
            try await wait(.seconds(60)) { try await lined(holders + 1) }
            #expect(try await observer.exists("\(path)-held") == nil, "it came in beside ours")
            await lease.release()
            try await wait { try await observer.exists("\(path)-held") != nil }

            // The other one holds, ours waits.
            await #expect {
                _ = try await source.acquire(within: .milliseconds(100))
            } throws: { ($0 as? RecipeError)?.reason == .timedOut }
            let waiting = Task { try await source.acquire() }
            try await wait { try await lined(holders + 1) }
            try await observer.create("\(path)-release")
            await (try await waiting.value).release()

            // All at once.
            let violations = Shared<[String]>([])
            try await withThrowingTaskGroup { group in
                for client in clients.dropFirst() {
                    group.addTask {
                        for round in 0..<rounds {
                            let reader = round % 3 > 0 ? pair.reader(client, at: path) : nil
                            let lease = try await (reader ?? pair.source(client, at: path)).acquire()
                            let found = try await visit(client, "\(path)-guard", isShared: reader != nil)
                            violations.withLock { $0 += found }
                            await lease.release()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(violations.withLock { $0 } == [])
            try await wait(.seconds(60)) { !process.isRunning }
            #expect(process.output.contains("rounds \(rounds) violations 0\n"), "\(process.output.suffix(2000))")
            await close(clients)
        }
    }

    @Test("counters add up", arguments: Vendor.underTest, ["counter", "counter-curator", "atomic-long", "shared-count"])
    func counters(vendor: Vendor, kind: String) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("beside-\(kind)")
        let scratch = TemporaryDirectory("interoperation")
        let output = scratch.file("output")
        try await within(.seconds(90)) {
            let client = try await ensemble.client()
            let format: Counter.Format =
                switch kind {
                case "counter": .decimal
                case "atomic-long": .int64
                default: .int32
                }
            let counter = Counter(client, at: path, format: format)
            for _ in 0..<10 { try await counter.add(1) }
            let process = try Self.start(
                isKazoo: kind.hasPrefix("counter"), ensemble.connectString, kind: kind, path: path, rounds: 30,
                output: output)
            // While the other one is at it.
            try await wait(.seconds(60)) {
                guard process.isRunning else { return true }
                return try await counter.value() > 10
            }
            for _ in 0..<20 { try await counter.add(1) }
            try await wait(.seconds(60)) { !process.isRunning }
            #expect(process.output.contains("rounds 30"), "\(process.output.suffix(2000))")
            try await client.sync()
            #expect(try await counter.value() == 60)
            await client.close()
        }
    }

    @Test("each takes from the queue what the other has put", arguments: Vendor.underTest)
    func queue(vendor: Vendor) async throws {
        let ensemble = try await LiveEnsemble.shared(vendor)
        let path = LiveEnsemble.freshPath("beside-queue")
        let scratch = TemporaryDirectory("interoperation")
        let output = scratch.file("output")
        try await within(.seconds(90)) {
            let client = try await ensemble.client()
            let queue = Queue(client, at: path)
            let count = 30
            for number in 0..<count { try await queue.put(Array("swift-\(number)".utf8)) }
            let process = try Self.start(
                isKazoo: true, ensemble.connectString, kind: "queue", path: path, rounds: count, output: output)
            var taken: [String] = []
            // Half of all; kazoo takes the other half.
            while taken.count < count {
                taken.append(String(decoding: try await queue.take(within: .seconds(60)), as: UTF8.self))
                // So that kazoo has a share of ours, which come first.
                if taken.count == 5 { try await wait(.seconds(60)) { try await queue.count() > count } }
            }
            try await wait(.seconds(60)) { !process.isRunning }
            let line = process.output.split(separator: "\n").last { $0.hasPrefix("rounds") } ?? ""
            let others = line.split(separator: " ").last?.split(separator: ",").map(String.init) ?? []
            #expect(others.count == count, "\(process.output.suffix(2000))")
            let all = (taken + others).sorted()
            #expect(all == (["swift", "kazoo"].flatMap { who in (0..<count).map { "\(who)-\($0)" } }).sorted())
            #expect(try await queue.count() == 0)
            await client.close()
        }
    }
}

struct Gone: Error { var output: String }

/// Shows all that we are inside; who is there that must not be.
private func visit(_ client: ZooKeeper, _ guardPath: String, isShared: Bool) async throws -> [String] {
    let mine = try await client.create("\(guardPath)/\(isShared ? "r" : "w")-", mode: .ephemeralSequential)
    let others = try await client.getChildren(guardPath).filter { !mine.hasSuffix("/\($0)") }
    try await client.delete(mine)
    return others.filter { !isShared || $0.hasPrefix("w-") }
}
