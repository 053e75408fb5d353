import DataTree
import Testing
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// Sessions, and the ephemerals that must end with them.
@Suite("Catalogue: sessions")
struct SessionTests {
    @Test(
        "ZOOKEEPER-1367: the ephemerals of a dead session end everywhere, whoever restarts meanwhile",
        arguments: [[], .zk1367] as [Mutations])
    func deadSessionsEnd(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        try stage.start()
        let client = try stage.connect(to: 2, timeoutMillis: 2000)
        client.wait(client.create("/ephemeral", isEphemeral: true))
        // Its client is gone with its server; and all others restart before it can expire.
        for id in [2, 3, 1] as [ServerID] { stage[id].kill() }
        try stage.start()
        #expect(stage.leader?.value("/ephemeral") != nil)
        stage.wait("the session expires") { stage.leader?.value("/ephemeral") == nil }
        stage[3].kill()
        try stage.start(3)
        for member in stage.members where member.value("/ephemeral") != nil {
            stage.complain("server \(member.id) keeps the ephemeral")
        }
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    /// The end of a session gets lost on its way to server 1.
    @Test(
        "ZOOKEEPER-2355: a proposal that is lost or cannot be read is not passed over",
        arguments: [([], false), ([], true), (.proposalGap, false)] as [(Mutations, Bool)])
    func unreadProposal(mutations: Mutations, isGarbled: Bool) throws {
        let stage = try Stage(mutations: mutations)
        try stage.start()
        let keeper = try stage.connect(to: 3)
        let client = try stage.connect(to: 3)
        client.wait(client.create("/ephemeral", isEphemeral: true))
        var lost: Int64?
        stage.verdict = { said in
            guard said.from == 3, said.to == 1 else { return .pass }
            if said.type == .proposal, lost == nil {
                lost = said.zxid
                return isGarbled ? .garble : .drop
            }
            return said.type == .commit && said.zxid == lost ? .drop : .pass
        }
        let before = try #require(stage[1].inspection?.loggedZxid)
        client.send(.closeSession)
        stage.settle()
        #expect(lost != nil)
        stage.verdict = { _ in .pass }
        if mutations.isEmpty { #expect(stage[1].inspection?.loggedZxid == before) }
        keeper.wait(keeper.create("/after"))
        stage.pass(millis: 200)
        stage.awaitService()
        if stage[1].value("/ephemeral") != nil { stage.complain("server 1 keeps the ephemeral") }
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    /// A session begins and gets an ephemeral while a snapshot is written; its owner dies, and so does the server.
    @Test(
        "ZOOKEEPER-3144: a fuzzy snapshot's sessions and znodes agree, whatever happened while it was written",
        arguments: [[], [.namesSnapshotAtEnd]] as [Set<DiskMistake>])
    func fuzzySnapshotAgrees(mistakes: Set<DiskMistake>) throws {
        let stage = try Stage(mistakes: mistakes)
        try stage.start()
        let early = try stage.connect(to: 3)
        early.wait(early.create("/early", isEphemeral: true))
        stage[1].holdsSnapshots = true
        stage[1].startSnapshot()
        stage.settle()
        let late = try stage.connect(to: 3)
        late.wait(late.create("/late", isEphemeral: true))
        early.send(.closeSession)
        stage.settle()
        stage[1].holdsSnapshots = false
        stage.settle()
        var problems: [String] = []
        let found = try RecoveredState.load(stage[1].durableDisk())
        if found.state.sessions != [late.sessionId: 60_000] {
            problems.append("sessions after a restart: \(found.state.sessions.keys.sorted())")
        }
        let live = try #require(stage.leader?.process?.core.committedSessions().map(\.id))
        #expect(live == [late.sessionId])
        #expect(found.state.tree.ephemeralCount == 1)
        // The restarted server leads alone with another, and must know whose ephemerals to end.
        stage[1].kill()
        try stage.start(1)
        stage[3].kill()
        stage[2].kill()
        try stage.start(2)
        let owners = stage[1].process?.core.sessions[late.sessionId]
        if owners == nil { problems.append("server 1 knows nothing of the session") }
        expect(problems + stage.audit(), found: !mistakes.isEmpty)
    }

    @Test("ZOOKEEPER-3526: a server without a quorum serves nobody and logs nothing")
    func aloneItWritesNothing() throws {
        let stage = try Stage()
        try stage.start()
        let client = try stage.connect(to: 1)
        client.wait(client.create("/known"))
        let durable = stage[1].durableZxid
        stage[3].kill()
        stage[2].kill()
        stage.pass(millis: 3000)
        #expect(!stage[1].isEstablished && client.isGone)
        let changes = stage[1].disk.changes.count
        let lonely = try TestClient(stage, stage[1])
        lonely.handshake(timeoutMillis: 10_000)
        lonely.create("/alone")
        stage.pass(millis: 3000)
        #expect(lonely.sessionId == 0 && lonely.replies.isEmpty)
        #expect(stage[1].durableZxid == durable)
        // Neither a transaction nor anything else.
        #expect(stage[1].disk.changes.count == changes)
        // What it has is what the ensemble goes on with: nothing is cut.
        try stage.start(2)
        #expect(!stage.transcript.contains { $0.type == .trunc })
        #expect(stage.audit().isEmpty, "\(stage.problems)")
    }
}
