import Testing
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// Epochs are on the disk before anybody hears of them. The stage looks at the disk, as a power failure would leave
/// it, whenever a server says something that depends on it.
@Suite("Catalogue: epochs")
struct EpochTests {
    @Test(
        "ZOOKEEPER-1264: a learner stores the epoch that it promises before it says so",
        arguments: [[], .zk1264] as [Mutations])
    func promiseIsStored(mutations: Mutations) throws {
        expect(try firstTerm(mutations), found: !mutations.isEmpty)
    }

    @Test(
        "ZOOKEEPER-1282: a leader stores the epoch that it proposes before it says so",
        arguments: [[], .zk1282] as [Mutations])
    func proposedEpochIsStored(mutations: Mutations) throws {
        expect(try firstTerm(mutations), found: !mutations.isEmpty)
    }

    @Test(
        "ZOOKEEPER-1291: the new epoch is stored before NEWLEADER is acknowledged, not at UPTODATE",
        arguments: [[], .zk1291] as [Mutations])
    func epochBeforeAcknowledgement(mutations: Mutations) throws {
        expect(try firstTerm(mutations), found: !mutations.isEmpty)
    }

    private func firstTerm(_ mutations: Mutations) throws -> [String] {
        let stage = try Stage(mutations: mutations)
        stage.looksAtDisks = true
        try stage.start()
        let client = try stage.connect(to: 1)
        client.wait(client.create("/a"))
        return stage.audit()
    }

    @Test(
        "ZOOKEEPER-4643: at no crash is there a new epoch without the history that it stands for",
        arguments: [[], .zk4643] as [Mutations])
    func epochAfterHistory(mutations: Mutations) throws {
        let stage = try Stage(mutations: mutations)
        try stage.start(2, 3)
        let client = try stage.connect(to: 3)
        for number in 0..<5 { client.wait(client.create("/node\(number)")) }
        let end = try #require(stage[3].inspection?.appliedZxid)
        stage[1].holdsDisk = true
        try stage[1].start()
        stage.wait("NEWLEADER") { stage.transcript.contains { $0.to == 1 && $0.type == .newLeader } }
        stage.settle()
        stage[1].holdsDisk = false
        var problems = stage.audit()
        let epoch = try #require(stage[1].inspection?.epoch)
        #expect(stage[1].isEstablished)
        var oldStates = 0
        for position in 0...stage[1].disk.changes.count {
            for fate in [CrashModel.Fate.lost, .kept, .torn(seed: UInt64(position))] {
                let found = try RecoveredState.load(stage[1].disk(afterChange: position, fate))
                if found.epochs.current < epoch { oldStates += 1 }
                guard found.epochs.current == epoch, found.zxid < end else { continue }
                problems.append("after change \(position) epoch \(epoch) without its history")
            }
        }
        #expect(oldStates > 10)
        expect(problems, found: !mutations.isEmpty)
    }
}
