import Testing

@testable import Simulation

@Suite("Checks of the servers' state")
struct StateCheckTests {
    private let world = World()

    private func log(start: Int64 = 0, _ entries: [(Int64, UInt8)]) -> ServerLog {
        var log = ServerLog()
        log.restart(at: start)
        for (zxid, content) in entries { [content].withUnsafeBytes { log.append(zxid, $0) } }
        return log
    }

    @Test("equal histories, behind snapshots or not")
    func equal() {
        let checker = StateChecker(world)
        checker.leads(1, epoch: 1, term: 1, lastZxid: 0)
        checker.applied(1, log([(0x1_0000_0001, 1), (0x1_0000_0002, 2)]), from: 0, upTo: 0x1_0000_0002)
        checker.applied(2, log([(0x1_0000_0001, 1)]), from: 0, upTo: 0x1_0000_0001)
        checker.applied(3, log(start: 0x1_0000_0001, [(0x1_0000_0002, 2)]), from: 0x1_0000_0001, upTo: 0x1_0000_0002)
        checker.tree(1, zxid: 0x1_0000_0002, digest: 5)
        checker.tree(2, zxid: 0x1_0000_0002, digest: 5)
        #expect(world.violation == nil)
        #expect(checker.contains(0x1_0000_0002))
    }

    @Test("two leaders of an epoch")
    func leaders() {
        let checker = StateChecker(world)
        checker.leads(1, epoch: 1, term: 1, lastZxid: 0)
        checker.leads(2, epoch: 2, term: 1, lastZxid: 0)
        #expect(world.violation == nil)
        checker.leads(3, epoch: 2, term: 1, lastZxid: 0)
        #expect(world.violation?.property == .oneLeaderPerEpoch)
    }

    @Test("one server that leads an epoch twice")
    func leaderTwice() {
        let checker = StateChecker(world)
        checker.leads(1, epoch: 1, term: 1, lastZxid: 0)
        checker.leads(1, epoch: 1, term: 2, lastZxid: 0)
        #expect(world.violation?.property == .oneLeaderPerEpoch)
    }

    @Test("a leader without what is committed")
    func incompleteLeader() {
        let checker = StateChecker(world)
        checker.applied(1, log([(0x1_0000_0001, 1), (0x1_0000_0002, 2)]), from: 0, upTo: 0x1_0000_0002)
        checker.leads(2, epoch: 2, term: 1, lastZxid: 0x1_0000_0002)
        checker.leads(2, epoch: 1, term: 2, lastZxid: 0x1_0000_0001)
        #expect(world.violation == nil)
        checker.leads(3, epoch: 3, term: 1, lastZxid: 0x1_0000_0001)
        #expect(world.violation?.property == .committedPrefix)
    }

    @Test("a history that goes on without what is committed")
    func leftOut() {
        let checker = StateChecker(world)
        checker.applied(1, log([(0x1_0000_0001, 1), (0x1_0000_0002, 2)]), from: 0, upTo: 0x1_0000_0002)
        checker.applied(2, log([(0x1_0000_0001, 1), (0x2_0000_0001, 3)]), from: 0, upTo: 0x2_0000_0001)
        #expect(world.violation?.property == .committedPrefix)
    }

    @Test("another transaction under the same zxid")
    func different() {
        let checker = StateChecker(world)
        checker.applied(1, log([(0x1_0000_0001, 1)]), from: 0, upTo: 0x1_0000_0001)
        checker.applied(2, log([(0x1_0000_0001, 2)]), from: 0, upTo: 0x1_0000_0001)
        #expect(world.violation?.property == .committedPrefix)
    }

    @Test("a transaction left out")
    func gap() {
        let checker = StateChecker(world)
        checker.applied(1, log([(0x1_0000_0001, 1), (0x1_0000_0003, 3)]), from: 0, upTo: 0x1_0000_0003)
        #expect(world.violation?.property == .noGap)
    }

    @Test("what an earlier leader proposed, behind what a later one did")
    func primaryOrder() {
        let checker = StateChecker(world)
        checker.applied(1, log([(0x2_0000_0001, 2), (0x1_0000_0001, 1)]), from: 0, upTo: 0x2_0000_0001)
        #expect(world.violation?.property == .primaryOrder)
    }

    @Test("the end of an epoch left out")
    func gapAtEpoch() {
        let checker = StateChecker(world)
        checker.applied(
            1, log([(0x1_0000_0001, 1), (0x1_0000_0002, 2), (0x2_0000_0001, 3)]), from: 0, upTo: 0x2_0000_0001)
        checker.applied(2, log([(0x1_0000_0001, 1), (0x2_0000_0001, 3)]), from: 0, upTo: 0x2_0000_0001)
        #expect(world.violation?.property == .noGap)
    }

    @Test("history slipped in behind what was committed")
    func insertedLate() {
        let checker = StateChecker(world)
        checker.applied(1, log([(0x1_0000_0001, 1), (0x2_0000_0001, 2)]), from: 0, upTo: 0x2_0000_0001)
        checker.applied(2, log([(0x1_0000_0001, 1), (0x1_0000_0002, 9)]), from: 0, upTo: 0x1_0000_0002)
        #expect(world.violation?.property == .committedPrefix)
    }

    @Test("applied further than logged")
    func appliedAhead() {
        let checker = StateChecker(world)
        checker.applied(1, log([(0x1_0000_0001, 1)]), from: 0, upTo: 0x1_0000_0002)
        #expect(world.violation?.property == .noGap)
    }

    @Test("different trees at one zxid")
    func digests() {
        let checker = StateChecker(world)
        checker.tree(1, zxid: 5, digest: 1)
        checker.tree(2, zxid: 6, digest: 2)
        #expect(world.violation == nil)
        checker.tree(3, zxid: 5, digest: 2)
        #expect(world.violation?.property == .digest)
    }
}
