import Testing
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
