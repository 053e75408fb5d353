import DataTree
import Jute
import Testing
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// A learner's history becomes the leader's.
@Suite("Catalogue: synchronization")
struct SynchronizationTests {
    @Test("the stage itself: three servers, a fail-over and a return, and nothing is wrong")
    func quiet() throws {
        let stage = try Stage()
        try stage.start()
        #expect(stage.leader?.id == 3)
        let client = try stage.connect(to: 1)
        #expect(client.wait(client.create("/a")) == 0)
        stage[3].kill()
        stage.awaitService()
        #expect(stage.leader?.id == 2)
        let second = try stage.connect(to: 2)
        #expect(second.wait(second.set("/a", "two")) == 0)
        try stage.start(3)
        #expect(stage[3].value("/a") == "two")
        #expect(stage.audit().isEmpty, "\(stage.problems)")
    }

    @Test(
        "ZOOKEEPER-962: what is proposed while a learner synchronizes reaches it",
        arguments: [[], [.zk962, .proposalGap]] as [Mutations])
    func proposedMeanwhile(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        try stage.start(2, 3)
        let client = try stage.connect(to: 3)
        client.wait(client.create("/before"))
        // Proposed and not committed when server 1 goes live.
        stage[2].holdsDisk = true
        client.create("/meanwhile")
        stage.settle()
        try stage[1].start()
        stage.wait("server 1 follows") { stage[1].isEstablished }
        let told = stage[1].notices.count
        stage[2].holdsDisk = false
        client.wait(client.create("/after"))
        stage.settle()
        if stage[1].hasGivenUp(since: told) { stage.complain("server 1 had to begin anew") }
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test(
        "ZOOKEEPER-1154: a server that was absent at the election with the highest zxid gives up what it alone has",
        arguments: [[], .zk1154] as [Mutations])
    func absentWithTheHighest(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        try stage.orphanWithServerThree { stage in
            // It comes back before the new leader is established, when that one's history is the shorter.
            stage.verdict = { $0.from == 1 && $0.type == .ack ? .hold : .pass }
            stage.wait("server 2 synchronizes") { stage[2].leader?.phase == .synchronization }
            try stage[3].start()
            stage.wait("server 3 is told how") {
                stage.transcript.contains { $0.to == 3 && [.diff, .trunc, .snap].contains($0.type) }
            }
        }
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test(
        "ZOOKEEPER-1156: no more is cut than what the leader does not have", arguments: [[], .zk1156] as [Mutations])
    func cutNoMore(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        try stage.orphanWithServerThree { stage in
            stage.awaitService()
            try stage[3].start()
            stage.pass(millis: 100)
        }
        if stage[3].notices.contains(where: { if case .termEnded = $0 { true } else { false } }) {
            stage.complain("server 3 had to begin anew")
        }
        #expect(stage.transcript.contains { $0.type == .trunc && $0.to == 3 })
        expect(stage.audit(), found: !mutations.isEmpty)
    }
}

/// The leader's choice between DIFF, TRUNC and SNAP, and what it sends.
@Suite("Catalogue: the leader's stream")
struct LeaderStreamTests {
    @Test(
        "ZOOKEEPER-1319: a member that is far behind, or new, gets all there is",
        arguments: [([], true), ([], false), (.zk1319, false)] as [(Mutations, Bool)])
    func farBehind(mutations: Mutations, isNew: Bool) throws {
        let stage = try Stage(mutations: mutations, recentBytesMax: 1)
        if isNew {
            try stage.start(2, 3)
        } else {
            try stage.start()
        }
        let client = try stage.connect(to: 3)
        client.wait(client.create("/first"))
        if !isNew { stage[1].kill() }
        for number in 0..<20 { client.wait(client.create("/node\(number)")) }
        try stage[1].start()
        stage.wait("server 1 follows", withinMillis: 3000) { stage[1].isEstablished }
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test(
        "ZOOKEEPER-2832: a tail that the leader does not have is cut, though the leader's zxid is the higher",
        arguments: [[], .zk2832] as [Mutations])
    func tailWithLowerZxid(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        try stage.orphanWithServerThree { stage in
            stage.awaitService()
            let client = try stage.connect(to: 2)
            client.wait(client.create("/new"))
            try stage[3].start()
        }
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test(
        "ZOOKEEPER-2846: nothing is told as committed to a learner that synchronizes before it is",
        arguments: [[], .zk2846] as [Mutations])
    func uncommittedHistory(mutations: Mutations) throws {
        let stage = try Stage(5, mutations: mutations)
        try stage.start(3, 4, 5)
        let client = try stage.connect(to: 5)
        client.wait(client.create("/committed"))
        for id in [3, 4] as [ServerID] { stage[id].holdsDisk = true }
        client.create("/uncommitted")
        stage.settle()
        try stage[1].start()
        stage.wait("server 1 follows") { stage[1].isEstablished }
        // Two of five have it.
        if stage[1].value("/uncommitted") != nil { stage.complain("server 1 shows what is not committed") }
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test("ZOOKEEPER-3104: NEWLEADER follows the whole snapshot, however slowly that is taken")
    func newLeaderBehindSnapshot() throws {
        let stage = try Stage(recentBytesMax: 1)
        try stage.start(2, 3)
        let client = try stage.connect(to: 3)
        stage.overwrite(client, snapshotAt: 3, bytes: 400_000)
        client.wait(client.create("/behind"))
        // The connection takes nothing, so the leader cannot send it all at once.
        stage.windowBytes = 0
        stage.holdsSnapshotBytes = true
        try stage[1].start()
        stage.wait("the snapshot is under way") { stage.transcript.contains { $0.type == .snap && $0.to == 1 } }
        stage.pass(millis: 50)
        let isPart = { (said: Said) in said.to == 1 && said.type == .newLeader }
        try #require(!stage.transcript.contains(where: isPart))
        try #require(stage[1].learner?.phase == .receivingSnapshot)
        stage.holdsSnapshotBytes = false
        // A stream that cannot be read would be begun again and again.
        try #require(stage.wait("server 1 follows", withinMillis: 200) { stage[1].isEstablished })
        #expect(stage.transcript.contains(where: isPart))
        #expect(stage[1].value("/full3")?.count == 400_000)
        #expect(stage.audit().isEmpty, "\(stage.problems)")
    }

    @Test("ZOOKEEPER-3306: lists of permissions are the same behind a fuzzy snapshot as before it")
    func permissionsAfterSnapshot() throws {
        let stage = try Stage(recentBytesMax: 1)
        try stage.start(2, 3)
        let client = try stage.connect(to: 3)
        func list(_ permissions: Int32) -> [ACL] { [ACL(permissions: permissions, identity: .anyone)] }
        client.wait(client.create("/a", acl: list(3)))
        client.wait(client.create("/b", acl: list(5)))
        stage.overwrite(client)
        // Lists come and go while the znodes are not walked yet.
        stage[3].holdsSnapshots = true
        stage[3].startSnapshot()
        stage.settle()
        client.wait(client.delete("/b"))
        client.wait(client.create("/c", acl: list(7)))
        client.wait(client.create("/b", acl: list(9)))
        stage[3].holdsSnapshots = false
        stage.settle()
        try stage[1].start()
        stage.awaitService()
        #expect(stage.transcript.contains { $0.type == .snap && $0.to == 1 })
        client.wait(client.create("/d", acl: list(7)))
        stage.settle()
        let lists = try ["/a", "/b", "/c", "/d", "/full3"].map { path in
            try [1, 2, 3].map { try stage[$0].permissions(of: path) }
        }
        for found in lists { #expect(found[0] == found[1] && found[1] == found[2]) }
        #expect(lists.map { $0[0] } == [[3], [9], [7], [7], [31]])
        // What a restart makes of it is no different.
        stage[1].kill()
        try stage.start(1)
        #expect(try stage[1].permissions(of: "/b") == [9])
        #expect(stage.audit().isEmpty, "\(stage.problems)")
    }

    /// Else the write is applied before the sync, takes nobody's request for its own, and is never answered.
    @Test("a sync that is asked while its server catches up is answered before the write behind it")
    func syncWhileCatchingUp() throws {
        let stage = try Stage()
        try stage.start(2, 3)
        let client = try stage.connect(to: 2)
        client.wait(client.create("/a"))
        stage.verdict = { $0.from == 1 && $0.type == .ack ? .hold : .pass }
        try stage[1].start()
        stage.wait("NEWLEADER") { stage.transcript.contains { $0.to == 1 && $0.type == .newLeader } }
        client.wait(client.create("/b"))
        // What server 1 still lacks is held back, until nobody has written for a while.
        try #require(stage.leader).turn { $0.replica.pace.fed(1 << 40, at: stage.clock.nanos) }
        stage.verdict = { _ in .pass }
        stage.settle()
        #expect(stage[1].isEstablished)
        let moved = try stage.reconnect(client, to: 1)
        let sync = moved.send(.sync) { $0.append(string: "/") }
        let create = moved.create("/c")
        stage.settle()
        #expect(moved.replies.isEmpty, "server 1 has caught up already")
        moved.wait(sync)
        moved.wait(create)
        let told = [sync, create].compactMap { moved.replies[$0] }
        #expect(told.map(\.error) == [0, 0])
        #expect(told.count == 2 && told[0].zxid < told[1].zxid)
        #expect(stage.audit() == [])
    }

    /// Else it must go to the disk, where it may never come near what is written meanwhile.
    @Test("what a learner that catches up is to be sent next stays in memory")
    func keptForTheLearner() throws {
        let stage = try Stage(recentBytesMax: 4096)
        try stage.start(2, 3)
        let client = try stage.connect(to: 2)
        stage.verdict = { $0.from == 1 && $0.type == .ack ? .hold : .pass }
        try stage[1].start()
        stage.wait("NEWLEADER") { stage.transcript.contains { $0.to == 1 && $0.type == .newLeader } }
        for index in 0..<100 { client.wait(client.create("/\(index)", String(repeating: "x", count: 100))) }
        let replica = try #require(stage.leader?.process?.replica)
        let link = try #require(replica.orderedLinks.last)
        #expect(link.serverID == 1 && link.isCatchingUp)
        #expect(replica.recent.startZxid <= link.position)
        stage.verdict = { _ in .pass }
        stage.awaitService()
        stage.settle()
        #expect(link.isLive)
        client.wait(client.create("/last"))
        #expect(replica.recent.startZxid > link.position - 100, "kept for nobody")
        #expect(stage.audit() == [])
    }

    @Test("the broadcast's own load waits for learners that catch up")
    func broadcastWaits() throws {
        let stage = try Stage()
        stage.broadcastOutstanding = 8
        var limit: Int64 = 0
        var holdsHistory = true
        stage.verdict = { said in
            guard said.type == .ack else { return .pass }
            if Zxid.counter(of: said.zxid) == 0 { return said.from == 1 && holdsHistory ? .hold : .pass }
            return Zxid.counter(of: said.zxid) > limit ? .hold : .pass
        }
        try stage.start(2, 3)
        stage.settle()
        let core = try #require(stage.leader?.process?.core)
        let made = { Zxid.counter(of: core.lastZxid) }
        let first = made()
        #expect((6...8).contains(first))
        limit = 4
        stage.settle()
        let second = made()
        #expect(second > first)
        try stage[1].start()
        stage.wait("NEWLEADER") { stage.transcript.contains { $0.to == 1 && $0.type == .newLeader } }
        limit = second
        stage.settle()
        #expect(made() == second && Zxid.counter(of: core.tree.lastProcessedZxid) == second)
        holdsHistory = false
        stage.awaitService()
        stage.settle()
        #expect(stage[1].isEstablished)
        #expect(made() > second)
        // An audit would wait for the load's end.
        #expect(stage.problems == [])
    }

    @Test("commits and pings go out before what a learner catches up on")
    func liveLinksFirst() throws {
        let stage = try Stage()
        try stage.start(2, 3)
        let client = try stage.connect(to: 2)
        stage.verdict = { $0.from == 1 && $0.type == .ack ? .hold : .pass }
        try stage[1].start()
        stage.wait("NEWLEADER") { stage.transcript.contains { $0.to == 1 && $0.type == .newLeader } }
        client.wait(client.create("/a"))
        let leader = try #require(stage.leader)
        leader.turn { $0.replica.pace.fed(1 << 40, at: stage.clock.nanos) }
        stage.verdict = { _ in .pass }
        stage.settle()
        let said = stage.transcript.count
        leader.turn {
            $0.replica.pace = CatchUpPace()
            $0.replica.pingLearners()
        }
        let turn = stage.transcript.dropFirst(said)
        let ping = try #require(turn.firstIndex { $0.to == 2 && $0.type == .ping })
        let history = try #require(turn.firstIndex { $0.to == 1 && $0.type == .proposal })
        #expect(ping < history)
        #expect(stage.audit() == [])
    }

    /// Else a sync waits for what is no more, and is answered behind its session's next write.
    @Test("what a leader that was never established told as committed is forgotten when it is cut")
    func commitOfTheNeverEstablished() throws {
        let stage = try Stage(5)
        try stage.start()
        let client = try stage.connect(to: 5)
        client.wait(client.create("/kept"))
        stage.verdict = { $0.from == 5 && $0.type == .proposal ? .drop : .pass }
        client.create("/orphan")
        stage.settle()
        stage.acknowledged["/orphan"] = .some(nil)
        for id in 1...5 as ClosedRange<ServerID> { stage[id].kill() }
        // Server 5 tells it to server 1, which hears no more of that term.
        stage.verdict = { $0.type == .newLeader || ($0.to == 2 && $0.type == .proposal) ? .hold : .pass }
        let said = stage.transcript.count
        for id in [1, 2, 5] as [ServerID] { try stage[id].start() }
        stage.wait("server 1 is told") {
            stage.transcript.dropFirst(said).contains { $0.to == 1 && $0.type == .commit }
        }
        stage.settle()
        stage.isolate(1)
        for id in [2, 5] as [ServerID] { stage[id].kill() }
        stage.verdict = { _ in .pass }
        for id in [2, 3, 4] as [ServerID] { try stage[id].start() }
        stage.wait("server 4 leads") { stage[4].isEstablished }
        stage.rejoin(1)
        stage.awaitService()
        #expect(stage.transcript.contains { $0.to == 1 && $0.type == .trunc })
        let moved = try stage.reconnect(client, to: 1)
        for id in [2, 3] as [ServerID] { stage[id].holdsDisk = true }
        let sync = moved.send(.sync) { $0.append(string: "/") }
        let create = moved.create("/c")
        moved.wait(sync)
        #expect(moved.replies[create] == nil)
        for id in [2, 3] as [ServerID] { stage[id].holdsDisk = false }
        moved.wait(create)
        #expect([sync, create].map { moved.replies[$0]?.error } == [0, 0])
        #expect(stage.audit() == [])
    }
}
