import Testing
import ZooKeeperProtocol

@testable import Simulation

/// Each check accepts a history that may be, and rejects one that may not, made by hand.
@Suite("Checks of histories")
struct HistoryCheckTests {
    private static let noNode = Simulation.Operation.Outcome.error(ErrorCode.noNode.rawValue)
    private static let badVersion = Simulation.Operation.Outcome.error(ErrorCode.badVersion.rawValue)

    @Test("a plain history is accepted")
    func plain() {
        var made = HistoryBuilder()
        made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2) { $0.createdPath = "/r/0" }
        made.add(.setData(path: "/r/0", value: 2, version: 0), zxid: 3) { $0.seen = seen(mzxid: 3, version: 1) }
        made.add(.getData(path: "/r/0", watch: false), zxid: 3) {
            $0.valueRead = 2
            $0.seen = seen(mzxid: 3, version: 1)
        }
        made.add(.delete(path: "/r/0", version: -1), zxid: 4)
        made.add(.exists(path: "/r/0", watch: false), zxid: 4, outcome: Self.noNode)
        #expect(made.found() == nil)
    }

    @Test("a write lost between two others is no order")
    func lostWrite() {
        var made = HistoryBuilder()
        made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2) { $0.createdPath = "/r/0" }
        made.add(.setData(path: "/r/0", value: 2, version: -1), client: 1, session: 2, zxid: 3) {
            $0.seen = seen(mzxid: 3, version: 1)
        }
        made.add(.setData(path: "/r/0", value: 3, version: -1), client: 2, session: 3, zxid: 5) {
            $0.seen = seen(mzxid: 5, version: 1, czxid: 2)
        }
        #expect(made.found() == .linearizableWrites)
    }

    @Test("a refusal that no state explains")
    func refusal() {
        var made = HistoryBuilder()
        made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2) { $0.createdPath = "/r/0" }
        made.add(.setData(path: "/r/0", value: 2, version: 0), zxid: 3, outcome: Self.badVersion)
        #expect(made.found() == .linearizableWrites)
    }

    @Test("a write of unknown outcome may explain a refusal, and a version")
    func unknownExplains() {
        var made = HistoryBuilder()
        made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2) { $0.createdPath = "/r/0" }
        made.add(.setData(path: "/r/0", value: 2, version: -1), client: 1, session: 2, outcome: .unknown)
        made.add(.setData(path: "/r/0", value: 3, version: 0), client: 2, session: 3, zxid: 4, outcome: Self.badVersion)
        made.add(.setData(path: "/r/0", value: 4, version: 1), client: 2, session: 3, zxid: 5) {
            $0.seen = seen(mzxid: 5, version: 2)
        }
        #expect(made.found() == nil)
    }

    @Test("a read does not show the write that was asked after it, answered or not", arguments: [true, false])
    func readBeforeWrite(_ isAnswered: Bool) {
        func history(read: Int64) -> HistoryBuilder {
            var made = HistoryBuilder()
            made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2) { $0.createdPath = "/r/0" }
            made.add(.exists(path: "/r/1", watch: false), zxid: read, outcome: Self.noNode)
            made.add(
                .setData(path: "/r/0", value: 2, version: -1), zxid: isAnswered ? 4 : 0,
                outcome: isAnswered ? .ok : .unknown
            ) {
                if isAnswered { $0.seen = seen(mzxid: 4, version: 1, czxid: 2) } else { $0.committedZxid = 4 }
            }
            return made
        }
        #expect(history(read: 3).found() == nil)
        #expect(history(read: 4).found() == .sessionOrder)
    }

    @Test("real time binds: what ended before cannot come after")
    func realTime() {
        var made = HistoryBuilder()
        made.add(.delete(path: "/r/0", version: -1), client: 1, session: 2, zxid: 3, invoked: 100, answered: 110)
        made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2, invoked: 200, answered: 210) {
            $0.createdPath = "/r/0"
        }
        #expect(made.found() == .linearizableWrites)
        var overlapping = HistoryBuilder()
        overlapping.add(.delete(path: "/r/0", version: -1), client: 1, session: 2, zxid: 3, invoked: 100, answered: 250)
        overlapping.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2, invoked: 200, answered: 210) {
            $0.createdPath = "/r/0"
        }
        #expect(overlapping.found() == nil)
    }

    @Test("an ephemeral may go with its session, and only then")
    func ephemeralEnds() {
        func history(owner: Int64) -> HistoryBuilder {
            var made = HistoryBuilder()
            made.add(.create(path: "/e/0", value: 1, flags: 1), session: owner, zxid: 2) { $0.createdPath = "/e/0" }
            made.end(7, zxid: 3)
            made.add(.create(path: "/e/0", value: 2, flags: 0), client: 1, session: 9, zxid: 4) {
                $0.createdPath = "/e/0"
            }
            return made
        }
        #expect(history(owner: 7).found() == nil)
        var plain = HistoryBuilder()
        plain.add(.create(path: "/e/0", value: 1, flags: 0), session: 7, zxid: 2) { $0.createdPath = "/e/0" }
        plain.end(7, zxid: 3)
        plain.add(.create(path: "/e/0", value: 2, flags: 0), client: 1, session: 9, zxid: 4) { $0.createdPath = "/e/0" }
        #expect(plain.found() == .linearizableWrites)
    }

    @Test("an ephemeral gone while its session lives")
    func ephemeralGoneEarly() {
        var made = HistoryBuilder()
        made.add(.create(path: "/e/0", value: 1, flags: 1), session: 7, zxid: 2) { $0.createdPath = "/e/0" }
        made.add(.exists(path: "/e/0", watch: false), client: 1, session: 9, zxid: 5, outcome: Self.noNode)
        made.add(.sync, session: 7, zxid: 6)
        #expect(made.found() == .ephemeralLifetime)
    }

    @Test("an ephemeral there after its session's end")
    func ephemeralThereLate() {
        var made = HistoryBuilder()
        made.add(.create(path: "/e/0", value: 1, flags: 1), session: 7, zxid: 2) { $0.createdPath = "/e/0" }
        made.end(7, zxid: 3)
        made.add(.exists(path: "/e/0", watch: false), client: 1, session: 9, zxid: 4) {
            $0.seen = seen(mzxid: 2, owner: 7)
        }
        #expect(made.found() == .ephemeralLifetime)
    }

    @Test("writes of a session out of order")
    func writesOutOfOrder() {
        var made = HistoryBuilder()
        made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 3) { $0.createdPath = "/r/0" }
        made.add(.create(path: "/r/1", value: 2, flags: 0), zxid: 3) { $0.createdPath = "/r/1" }
        #expect(made.found() == .sessionOrder)
    }

    @Test("reads that go back")
    func readsGoBack() {
        var made = HistoryBuilder()
        made.add(.sync, connection: 1, zxid: 5)
        made.add(.getChildren(path: "/s", watch: false), connection: 2, zxid: 4) { $0.children = [] }
        #expect(made.found() == .readsGoBack)
    }

    @Test("a read that misses its own session's write")
    func readOwnWrites() {
        var made = HistoryBuilder()
        made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 5) { $0.createdPath = "/r/0" }
        made.add(.getChildren(path: "/s", watch: false), connection: 2, zxid: 4) { $0.children = [] }
        #expect(made.found() == .readOwnWrites)
    }

    @Test("a sync that did not reach what was acknowledged before it")
    func sync() {
        var made = HistoryBuilder()
        made.add(.sync, zxid: 4, invoked: 100)
        made.add(.getChildren(path: "/s", watch: false), zxid: 4) { $0.children = [] }
        #expect(made.found(acknowledgedBefore: { $0 >= 100 ? 5 : 0 }) == .syncThenRead)
        #expect(made.found(acknowledgedBefore: { $0 >= 100 ? 4 : 0 }) == nil)
    }

    @Test("sequence numbers that repeat, or fall")
    func sequence() {
        func made(_ first: String, _ second: String) -> Property? {
            var made = HistoryBuilder()
            made.add(.create(path: "/s/n-", value: 1, flags: 2), zxid: 2) { $0.createdPath = "/s/n-" + first }
            made.add(.create(path: "/s/n-", value: 2, flags: 2), zxid: 3) { $0.createdPath = "/s/n-" + second }
            return made.found()
        }
        #expect(made("0000000000", "0000000001") == nil)
        #expect(made("0000000001", "0000000001") == .sequenceNumbers)
        #expect(made("0000000002", "0000000001") == .sequenceNumbers)
    }

    @Test("a version that is made twice")
    func versionTwice() {
        var made = HistoryBuilder()
        made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2) { $0.createdPath = "/r/0" }
        for (client, zxid) in [(1, Int64(3)), (2, Int64(4))] {
            made.add(
                .setData(path: "/r/0", value: client + 1, version: 0), client: client, session: Int64(client + 1),
                zxid: zxid
            ) { $0.seen = seen(mzxid: zxid, version: 1, czxid: 2) }
        }
        #expect(made.found() == .versionCheck)
    }

    @Test("a read of the future, of the past, of nothing, of what was refused")
    func reads() {
        func read(_ value: Int, mzxid: Int64, at zxid: Int64) -> Property? {
            var made = HistoryBuilder()
            made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2) { $0.createdPath = "/r/0" }
            made.add(.setData(path: "/r/0", value: 2, version: -1), zxid: 4) { $0.seen = seen(mzxid: 4, version: 1) }
            made.add(
                .multi([.setData(path: "/r/0", value: 3, version: 7)]), zxid: 5, outcome: Self.badVersion)
            made.add(.getData(path: "/r/0", watch: false), client: 1, session: 2, zxid: zxid) {
                $0.valueRead = value
                $0.seen = seen(mzxid: mzxid, version: 1)
            }
            return made.found()
        }
        #expect(read(2, mzxid: 4, at: 5) == nil)
        #expect(read(1, mzxid: 2, at: 3) == nil)
        #expect(read(2, mzxid: 4, at: 3) == .readValue)
        #expect(read(1, mzxid: 2, at: 4) == .readValue)
        #expect(read(99, mzxid: 4, at: 4) == .readValue)
        #expect(read(3, mzxid: 5, at: 5) == .multiAtomicity)
    }

    @Test("a znode that is not there though nobody deleted it")
    func missing() {
        var made = HistoryBuilder()
        made.add(.create(path: "/r/0", value: 1, flags: 0), zxid: 2) { $0.createdPath = "/r/0" }
        made.add(.exists(path: "/r/0", watch: false), client: 1, session: 2, zxid: 3, outcome: Self.noNode)
        #expect(made.found() == .readValue)
    }

    @Test("lists of children with too many, or too few")
    func children() {
        func list(_ names: [String], at zxid: Int64) -> Property? {
            var made = HistoryBuilder()
            made.add(.create(path: "/s/n-", value: 1, flags: 2), zxid: 2) { $0.createdPath = "/s/n-0000000000" }
            made.add(.create(path: "/s/n-", value: 2, flags: 2), zxid: 4) { $0.createdPath = "/s/n-0000000001" }
            made.add(.delete(path: "/s/n-0000000000", version: -1), zxid: 6)
            made.add(.getChildren(path: "/s", watch: false), client: 1, session: 2, zxid: zxid) { $0.children = names }
            return made.found()
        }
        #expect(list(["n-0000000000"], at: 3) == nil)
        #expect(list(["n-0000000000", "n-0000000001"], at: 5) == nil)
        #expect(list(["n-0000000001"], at: 6) == nil)
        #expect(list(["n-0000000001"], at: 5) == .readValue)
        #expect(list(["n-0000000000", "n-0000000001"], at: 6) == .readValue)
        #expect(list(["n-0000000000", "n-0000000001"], at: 3) == .readValue)
    }

    @Test("a change seen before its event")
    func watchAfterView() {
        func run(answersBefore: Int?) -> Property? {
            var made = HistoryBuilder()
            made.add(.create(path: "/r/0", value: 1, flags: 0), client: 1, session: 2, zxid: 2) {
                $0.createdPath = "/r/0"
            }
            made.add(.getData(path: "/r/0", watch: true), zxid: 2) {
                $0.valueRead = 1
                $0.seen = seen(mzxid: 2)
            }
            made.add(.setData(path: "/r/0", value: 2, version: -1), client: 1, session: 2, zxid: 3) {
                $0.seen = seen(mzxid: 3, version: 1)
            }
            if let answersBefore { made.hear(.nodeDataChanged, "/r/0", answersBefore: answersBefore) }
            made.add(.getData(path: "/r/0", watch: false), zxid: 3) {
                $0.valueRead = 2
                $0.seen = seen(mzxid: 3, version: 1)
            }
            return made.found()
        }
        #expect(run(answersBefore: 1) == nil)
        #expect(run(answersBefore: nil) == .watchBeforeView)
        #expect(run(answersBefore: 2) == .watchBeforeView)
    }

    @Test("an event nobody watches for any more")
    func watchTwice() {
        var made = HistoryBuilder()
        made.add(.exists(path: "/r/0", watch: true), zxid: 2, outcome: Self.noNode)
        made.hear(.nodeCreated, "/r/0", answersBefore: 1)
        #expect(made.found() == nil)
        made.hear(.nodeDataChanged, "/r/0", answersBefore: 1)
        #expect(made.found() == .watchOnce)
    }
}
