import Testing
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// What `zoo.cfg` says of an ensemble beyond its members, and how long it is without a leader.
@Suite("Stage: rules of ensembles")
struct EnsembleRuleTests {
    @Test("leaderServes=no: the leader turns clients away, the others serve and forward to it")
    func leaderServesNobody() throws {
        let stage = try Stage(leaderServes: false)
        try stage.start()
        #expect(stage.leader?.id == 3)
        let refused = try TestClient(stage, stage[3])
        refused.handshake(timeoutMillis: 60_000)
        _ = refused.push()
        stage.settle()
        #expect(refused.isGone && refused.sessionId == 0)
        let client = try stage.connect(to: 2)
        #expect(client.wait(client.create("/a")) == 0)
        // Who leads now has served until now.
        stage[3].kill()
        stage.awaitService()
        #expect(stage.leader?.id == 2)
        #expect(client.isGone)
        let moved = try stage.reconnect(client, to: 1)
        #expect(moved.wait(moved.set("/a", "two")) == 0)
        #expect(stage.audit() == [])
    }

    @Test("groups: a majority of groups, each with a majority of its weight, is a quorum; more servers are not")
    func groups() throws {
        let ids = (1...9).map { ServerID($0) }
        let rule = try QuorumRule(voters: ids, groups: [[1, 2, 3], [4, 5, 6], [7, 8, 9]], weights: [3: 0, 6: 0])
        let stage = try Stage(9, rule: rule)
        try stage.start()
        #expect(stage.leader?.id == 9)
        for id in [9, 8, 7, 6, 3] as [ServerID] { stage[id].kill() }
        // Four of nine, but two whole groups' weight.
        stage.awaitService()
        #expect(stage.leader?.id == 5)
        let client = try stage.connect(to: 1)
        #expect(client.wait(client.create("/a")) == 0)
        // Seven of nine, but of the first two groups none has a majority of its weight.
        for id in [1, 4] as [ServerID] { stage[id].kill() }
        for id in [3, 6, 7, 8, 9] as [ServerID] { try stage[id].start() }
        stage.pass(millis: 3000)
        #expect(stage.members.allSatisfy { !$0.isEstablished })
        try stage[1].start()
        stage.awaitService()
        #expect(stage[3].value("/a") != nil)
        #expect(stage.audit() == [])
    }

    /// Its vote says that its epoch is not this ensemble's; it comes on another connection, so possibly later.
    @Test("an empty server of a foreign, newer epoch takes nothing from the ensemble, heard before it comes or not")
    func foreignEpoch() throws {
        let stage = try Stage()
        try stage.start(2, 3)
        let client = try stage.connect(to: 3)
        client.wait(client.create("/kept"))
        let store = try EpochStore(disk: stage[1].disk, directory: DiskHand.directory)
        try store.reconcile(lastZxid: 0)
        try store.store(EpochRecord(accepted: 40, current: 40, committedZxid: 0))
        var times = 0
        stage.verdict = { said in
            if said.from == 1, said.to == 3, said.type == .followerInfo {
                times += 1
                if times == 1 { stage[3].process?.replica.claimedEpochs[1] = nil }
            }
            return .pass
        }
        try stage[1].start()
        stage.pass(millis: 5000)
        #expect(times > 1)
        #expect(stage[3].value("/kept") != nil && stage[2].value("/kept") != nil)
        #expect(stage[3].isEstablished && stage[2].isEstablished && !stage[1].isEstablished)
        stage[1].kill()
        #expect(client.wait(client.set("/kept", "two")) == 0)
    }

    /// The paper's figure is 200 ms. Virtual time: messages take none, a connection 5 ms, so this is all timers.
    @Test("an idle ensemble has a new leader within 100 ms of the old one's end", arguments: [3, 5, 13])
    func failOverTime(servers: Int) throws {
        let stage = try Stage(servers)
        try stage.start()
        stage.pass(millis: 1000)
        let ended = stage.clock.nanos
        try #require(stage.leader).kill()
        stage.wait("another leads") { stage.leader != nil }
        let millis = (stage.clock.nanos - ended) / 1_000_000
        #expect(millis <= 100, "\(millis) ms")
        #expect(stage.audit() == [])
    }
}
