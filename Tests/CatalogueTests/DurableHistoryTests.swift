import Testing
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// A history is durable, then its epoch is stored, then both are acknowledged: the many bugs of `syncWithLeader`.
@Suite("Catalogue: durable before acknowledged")
struct DurableHistoryTests {
    /// Server 1 is sent a DIFF while its disk stands still. What has it done by then?
    private func stalledDiff(_ mutations: Mutations) throws -> Stage {
        let stage = try Stage(mutations: mutations)
        stage.looksAtDisks = true
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/known"))
        stage[1].kill()
        for number in 0..<5 { client.wait(client.create("/node\(number)")) }
        stage[1].holdsDisk = true
        try stage[1].start()
        stage.wait("NEWLEADER") { stage.transcript.contains { $0.to == 1 && $0.type == .newLeader } }
        stage.pass(millis: 200)
        #expect(stage.transcript.contains { $0.to == 1 && $0.type == .diff })
        return stage
    }

    @Test(
        "ZOOKEEPER-3023: NEWLEADER is acknowledged once the whole DIFF is durable, not before",
        arguments: [[], .zk3023] as [Mutations])
    func acknowledgedWhenDurable(mutations: Mutations) throws {
        let stage = try stalledDiff(mutations)
        if stage[1].learner?.phase == .awaitingStart { stage.complain("NEWLEADER was acknowledged before") }
        expect(stage.audit(), found: !mutations.isEmpty)
        #expect(stage[1].learner?.phase == .broadcast)
    }

    @Test(
        "ZOOKEEPER-3911: a learner shows nothing of a DIFF, and serves nobody, before it is durable",
        arguments: [[], .zk3023] as [Mutations])
    func servesWhenDurable(mutations: Mutations) throws {
        let stage = try stalledDiff(mutations)
        var problems: [String] = []
        if stage[1].isEstablished { problems.append("server 1 serves without its leader's history") }
        if stage[1].value("/node4") != nil { problems.append("server 1 shows what is not durable") }
        expect(problems, found: !mutations.isEmpty)
        #expect(mutations.isEmpty == stage.audit().isEmpty)
        #expect(stage[1].value("/node4") != nil)
    }

    @Test(
        "ZOOKEEPER-1465, ZOOKEEPER-2678: a DIFF needs no snapshot, and is applied and durable all the same",
        arguments: [[], .zk3023] as [Mutations])
    func withoutSnapshot(mutations: Mutations) throws {
        let stage = try stalledDiff(mutations)
        var problems: [String] = []
        if stage[1].isEstablished { problems.append("server 1 serves without its leader's history") }
        stage[1].holdsDisk = false
        stage.wait("server 1 follows", withinMillis: 2000) { stage[1].isEstablished }
        for number in 0..<5 where stage[1].value("/node\(number)") == nil {
            problems.append("/node\(number) is missing")
        }
        expect(problems, found: !mutations.isEmpty)
        for id in [1, 2, 3] as [ServerID] { #expect(stage[id].process?.hand.snapshotCount == 0) }
    }

    /// Server 3 has a transaction of its own, is elected by server 1, and whatever clients see then must survive the
    /// loss of both servers' memory and of server 3.
    @Test(
        "ZOOKEEPER-4785: what a new leader's first follower was sent by DIFF survives the loss of the leader",
        arguments: [[], .zk3023] as [Mutations])
    func diffSurvives(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        stage.looksAtDisks = true
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/known"))
        stage.verdict = { $0.from == 3 && $0.type == .proposal ? .drop : .pass }
        client.create("/only")
        stage.settle()
        for id in [1, 2, 3] as [ServerID] { stage[id].kill() }
        stage.verdict = { _ in .pass }
        try stage[3].start()
        stage[1].holdsDisk = true
        try stage[1].start()
        stage.wait("NEWLEADER") { stage[1].learner.map { $0.phase.isBehindNewLeader } ?? false }
        stage.pass(millis: 200)
        if !stage[3].isEstablished {
            stage[1].holdsDisk = false
            stage.wait("server 3 leads") { stage[3].isEstablished }
        }
        let seen = stage[3].value("/only")
        #expect(seen == "x")
        stage[1].kill()
        stage[3].kill()
        stage[1].holdsDisk = false
        try stage.start(1, 2)
        if stage.leader?.value("/only") != seen { stage.complain("what server 3 showed is lost") }
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test(
        "ZOOKEEPER-4646: a proposal is acknowledged when it is durable; no crash takes back an acknowledgement",
        arguments: [[], .zk4646] as [Mutations])
    func acknowledgedProposals(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        stage.looksAtDisks = true
        try stage.start()
        let client = try stage.connect(to: 3)
        for number in 0..<3 { client.wait(client.create("/early\(number)")) }
        stage[1].holdsDisk = true
        for number in 0..<3 { client.create("/late\(number)") }
        stage.settle()
        stage[1].holdsDisk = false
        stage.settle()
        var problems = stage.audit()
        let promises = stage[1].promises
        #expect(promises.count >= 3)
        for position in 0...stage[1].disk.changes.count {
            for fate in [CrashModel.Fate.lost, .kept, .torn(seed: UInt64(position))] {
                for (changes, promise) in promises where changes <= position {
                    if let wrong = promise.broken(by: stage[1].disk(afterChange: position, fate)) {
                        problems.append("after change \(position) \(wrong)")
                    }
                }
            }
        }
        expect(problems, found: !mutations.isEmpty)
    }
}

extension LearnerMachine.Phase {
    var isBehindNewLeader: Bool {
        switch self {
        case .awaitingDurability, .awaitingStart, .broadcast: true
        default: false
        }
    }
}
