import Testing
import Zab

@testable import ServerCore

/// What a replica tells an operator to put right, and for how long.
@Suite("Replication: problems")
struct ProblemTests {
    private func problems(_ member: Member) -> [ReplicationProblem] { member.process?.replica.report().problems ?? [] }

    private func see(_ problem: ReplicationProblem, of server: ServerID, by member: Member) {
        member.turn { $0.replica.peerProblem(problem, of: server) }
    }

    @Test("what connections show is told until it was not seen again for a while")
    func expiry() throws {
        let stage = try Stage()
        try stage.start()
        let problem = ReplicationProblem.duplicateID(1, at: "10.0.0.9")
        see(problem, of: 1, by: stage[1])
        let lifeMillis = UInt64(4 * stage.limits.initMillis)
        stage.pass(millis: lifeMillis - 500)
        #expect(problems(stage[1]) == [problem])
        // Seen again, it counts from then on.
        see(problem, of: 1, by: stage[1])
        stage.pass(millis: lifeMillis - 500)
        #expect(problems(stage[1]) == [problem])
        stage.pass(millis: 1000)
        #expect(problems(stage[1]).isEmpty && problems(stage[2]).isEmpty)
    }

    @Test("a member that introduces itself as listed is in order; who shares an id may be the other one")
    func inOrder() throws {
        let stage = try Stage()
        try stage.start()
        let other = ReplicationProblem.otherAddress(2, says: "a:1", listed: "b:1")
        see(other, of: 2, by: stage[1])
        see(.sharedID(2), of: 2, by: stage[1])
        stage[1].turn { $0.replica.peerInOrder(3) }
        #expect(problems(stage[1]) == [.sharedID(2), other])
        stage[1].turn { $0.replica.peerInOrder(2) }
        #expect(problems(stage[1]) == [.sharedID(2)])
    }

    @Test("the last of a kind is told, and one's own finding before others'")
    func oneOfAKind() throws {
        let stage = try Stage()
        try stage.start()
        for id in 10..<1000 { see(.unknownPeer(ServerID(id), at: "x"), of: ServerID(id), by: stage[1]) }
        #expect(problems(stage[1]) == [.unknownPeer(999, at: "x")])
        see(.otherAddress(2, says: "a:1", listed: "b:1"), of: 2, by: stage[1])
        stage[1].turn { $0.replica.note(.unequalMembers(3, "it lists another")) }
        #expect(problems(stage[1]).first == .unequalMembers(3, "it lists another"))
        #expect(problems(stage[1]).count == 2)
    }

    @Test("who is silent is named when nobody can be elected without them, and only then")
    func majority() throws {
        let stage = try Stage(5)
        // Three of five: enough to elect.
        try stage.start(3, 4, 5)
        stage.pass(millis: 2 * UInt64(stage.limits.initMillis))
        for id: ServerID in [3, 4, 5] { #expect(problems(stage[id]).isEmpty, "server \(id)") }
        stage[5].kill()
        stage.pass(millis: 2 * UInt64(stage.limits.initMillis))
        let missed = ReplicationProblem.unreachableMajority(silent: [1, 2, 5], voters: 5)
        #expect(problems(stage[3]) == [missed] && problems(stage[4]) == [missed])
        #expect(missed.text == "server.1, server.2, server.5 do not answer; without them the 5 voters have no majority")
        let told = stage[3].notices.count {
            if case .refused(let text) = $0 { text == missed.text } else { false }
        }
        #expect(told == 1)
        try stage[1].start()
        stage.awaitService()
        for id: ServerID in [1, 3, 4] { #expect(problems(stage[id]).isEmpty, "server \(id)") }
        #expect(stage.problems.isEmpty, "\(stage.problems)")
    }

    @Test("one silent voter of five is no reason why nobody is elected")
    func oneSilent() throws {
        let stage = try Stage(5)
        // The others are linked, and nothing that they say arrives: it is not the fifth that is missed.
        stage.losesElectionMessages = true
        for id: ServerID in [1, 2, 3, 4] { try stage[id].start() }
        stage.pass(millis: 2 * UInt64(stage.limits.initMillis))
        #expect(stage.members.allSatisfy { !$0.isEstablished })
        for id: ServerID in [1, 2, 3, 4] { #expect(problems(stage[id]).isEmpty, "server \(id)") }
    }
}
