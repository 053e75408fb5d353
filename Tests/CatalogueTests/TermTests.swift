import Testing
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// What happens at the turn from one term to the next.
@Suite("Catalogue: elections and terms")
struct TermTests {
    /// Server 1 has logged what server 3 has told a client is done; nobody has told server 1 that it is committed.
    private func committedUnheard(_ mutations: Mutations, _ whoElse: (Stage) throws -> Void) throws -> Stage {
        let stage = try Stage(mutations: mutations)
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/known"))
        stage.verdict = {
            $0.from == 3 && ($0.to == 2 && $0.type == .proposal || $0.to == 1 && $0.type == .commit) ? .drop : .pass
        }
        #expect(client.wait(client.create("/committed")) == 0)
        #expect(stage[1].value("/committed") == nil)
        stage.verdict = { _ in .pass }
        stage[3].kill()
        try whoElse(stage)
        return stage
    }

    @Test(
        "ZOOKEEPER-2845: a server votes with what it has logged, and leads with all of it",
        arguments: [[], [.zk2845, .newerFollower], .zk2845b] as [Mutations])
    func loggedTail(mutations: Mutations) throws {
        let stage = try committedUnheard(mutations) { stage in stage.awaitService() }
        expect(stage.audit(), found: !mutations.isEmpty)
        if mutations.isEmpty { #expect(stage.leader?.id == 1) }
    }

    @Test(
        "ZOOKEEPER-1549: what is logged and not committed is in no tree, no snapshot, and gone after the next election",
        arguments: [[], .zk1549] as [Mutations])
    func uncommittedIsNotApplied(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/known"))
        stage[3].holdsDisk = true
        stage[2].holdsDisk = true
        client.create("/logged")
        stage.settle()
        // Server 1 has it on its disk; nobody else has.
        #expect(stage[1].inspection.map { $0.loggedZxid > $0.committedZxid } ?? false)
        stage[1].startSnapshot()
        stage.settle()
        // Who is told of a leader's end makes all durable that it has: the leader ends behind server 2.
        for id in [2, 3, 1] as [ServerID] { stage[id].kill() }
        stage[3].holdsDisk = false
        stage[2].holdsDisk = false
        stage.acknowledged["/logged"] = .some(nil)
        try stage.start(2, 3)
        try stage.start(1)
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test(
        "ZOOKEEPER-4541, ZOOKEEPER-4502: nothing of a leader's future state is left in its next term",
        arguments: [[], .zk4541] as [Mutations])
    func futureStateEnds(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        try stage.start()
        let client = try stage.connect(to: 3)
        let other = try stage.connect(to: 1)
        client.wait(client.create("/known"))
        // Only server 3 has it, and then loses it to server 2's history.
        stage.verdict = { $0.from == 3 && $0.type == .proposal ? .drop : .pass }
        client.create("/lost")
        stage.settle()
        stage.isolate(3)
        stage.verdict = { _ in .pass }
        stage.wait("server 2 leads") { stage[2].isEstablished && stage[1].isEstablished }
        stage.rejoin(3)
        stage.awaitService()
        #expect(stage[3].value("/lost") == nil && stage[3].value("/known") != nil)
        // The same process leads again.
        stage[2].kill()
        stage.awaitService()
        #expect(stage.leader?.id == 3)
        let third = try stage.reconnect(other, to: 1)
        if third.wait(third.create("/lost")) != 0 { stage.complain("/lost cannot be created, though it is not there") }
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test(
        "ZOOKEEPER-4925: what a learner took while it synchronized is not missing from what it gives when it leads",
        arguments: [[], .zk4925] as [Mutations])
    func passedOnWithoutHole(mutations: Mutations) throws {
        let stage = try Stage(5, mutations: mutations)
        try stage.start()
        let client = try stage.connect(to: 5)
        client.wait(client.create("/known"))
        stage[4].kill()
        stage[1].kill()
        for number in 0..<3 { client.wait(client.create("/node\(number)")) }
        // All of it becomes durable behind NEWLEADER.
        stage[4].holdsDisk = true
        try stage[4].start()
        stage.wait("NEWLEADER") { stage[4].learner?.phase == .awaitingDurability }
        stage[4].holdsDisk = false
        stage.awaitService()
        client.wait(client.create("/later"))
        stage[5].kill()
        stage.awaitService()
        #expect(stage.leader?.id == 4)
        try stage.start(1)
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test("ZOOKEEPER-4712: a term's writes end with it: none is logged behind the next term's, or twice")
    func writesEndWithTheirTerm() throws {
        let stage = try Stage()
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/known"))
        // Server 1's log has work under way when its leader goes.
        stage[1].holdsDisk = true
        for number in 0..<4 { client.create("/late\(number)") }
        stage.settle()
        let durable = stage[1].durableZxid
        let told = stage[1].notices.count
        stage[3].kill()
        #expect(stage[1].hasGivenUp(since: told))
        // All of it is durable before the next term begins, and so is what server 1 votes with.
        #expect(stage[1].durableZxid > durable)
        #expect(stage[1].inspection?.loggedZxid == stage[1].durableZxid)
        let atTurn = stage[1].disk.changes.count
        stage[1].holdsDisk = false
        stage.wait("the old term's writes are not written again") { !(stage[1].process?.hand.work() ?? false) }
        #expect(stage[1].disk.changes.count == atTurn || stage[1].isEstablished)
        stage.awaitService()
        let second = try stage.connect(to: 1)
        #expect(second.wait(second.create("/next")) == 0)
        try stage.start(3)
        #expect(stage.audit().isEmpty, "\(stage.problems)")
        // Recovery refuses a log in which transactions come twice or out of order.
        let found = try RecoveredState.load(stage[1].durableDisk())
        #expect(found.zxid == stage[1].inspection?.appliedZxid)
    }

    @Test("ZOOKEEPER-4409: when its connection has ended, a learner acknowledges nothing any more")
    func nothingAfterTheEnd() throws {
        let stage = try Stage()
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/known"))
        stage[1].holdsDisk = true
        client.create("/late")
        stage.settle()
        let late = try #require(stage.transcript.last { $0.type == .proposal && $0.to == 1 }).zxid
        stage.cutConnection(of: 1)
        stage[1].holdsDisk = false
        // The stage complains of every word on a closed connection.
        stage.wait("server 1 is back") { stage[1].isEstablished }
        #expect(!stage.transcript.contains { $0.from == 1 && $0.type == .ack && $0.zxid == late })
        #expect(stage.audit().isEmpty, "\(stage.problems)")

        // And by itself: no call of a machine whose term is over has an effect.
        var machine = LearnerMachine.following(leader: 3, epoch: 1, historyEnd: 0)
        var effects: [ZabEffect] = []
        #expect(machine.proposal(zxid: 0x1_0000_0001, &effects))
        machine.linkClosed("gone", &effects)
        #expect(machine.phase == .ended)
        effects.removeAll()
        machine.durable(0x1_0000_0001, &effects)
        machine.commit(zxid: 0x1_0000_0001, &effects)
        machine.upToDate(&effects)
        machine.tick(nowMillis: 1 << 40, &effects)
        #expect(!machine.proposal(zxid: 0x1_0000_0002, &effects))
        #expect(effects.isEmpty)
    }
}
