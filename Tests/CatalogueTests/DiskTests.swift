import DataTree
import Jute
import Testing
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// Crashes and failing disks.
@Suite("Catalogue: disks")
struct DiskTests {
    /// Server 1 knows little; server 3 will send a snapshot.
    private func snapshotUnderWay(
        _ mutations: Mutations = [], _ mistakes: Set<DiskMistake> = []
    ) throws -> (stage: Stage, old: Int64) {
        let stage = try Stage(mutations: mutations, mistakes: mistakes, recentBytesMax: 1)
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/known"))
        let old = try #require(stage[1].inspection?.appliedZxid)
        stage[1].kill()
        stage.overwrite(client, snapshotAt: 3)
        client.wait(client.create("/behind"))
        return (stage, old)
    }

    @Test(
        "ZOOKEEPER-2872: a received snapshot counts once it is durable; no crash on the way loses what was there",
        arguments: [[], [.forgetsSnapshotSync]] as [Set<DiskMistake>])
    func receivedSnapshot(mistakes: Set<DiskMistake>) throws {
        let (stage, old) = try snapshotUnderWay([], mistakes)
        let first = stage[1].disk.changes.count
        try stage.start(1)
        #expect(stage[1].notices.contains { if case .receivingSnapshot = $0 { true } else { false } })
        let new = try #require(stage[1].inspection?.appliedZxid)
        var problems: [String] = []
        var seen: Set<Int64> = []
        for position in first...stage[1].disk.changes.count {
            for fate in [CrashModel.Fate.lost, .kept, .torn(seed: UInt64(position))] {
                guard let found = try? RecoveredState.load(stage[1].disk(afterChange: position, fate)) else {
                    problems.append("after change \(position), \(fate), the server cannot start")
                    continue
                }
                seen.insert(found.zxid)
                let isWhole = found.zxid < new || found.state.tree.digest == stage[1].inspection?.digest
                if found.zxid < old || !isWhole {
                    problems.append("after change \(position), \(fate), a server starts with \(found.zxid)")
                }
            }
        }
        #expect(!mistakes.isEmpty || seen.contains(old) && seen.contains(new))
        expect(problems, found: !mistakes.isEmpty)
    }

    @Test(
        "ZOOKEEPER-3642: half a snapshot is no history to continue by DIFF", arguments: [[], .zk3642] as [Mutations])
    func halfSnapshot(mutations: Mutations) throws {
        let (stage, old) = try snapshotUnderWay(mutations)
        // The snapshot's first bytes only, and then no connection.
        stage.holdsSnapshotBytes = true
        try stage[1].start()
        stage.wait("the snapshot begins") { stage[1].learner?.phase == .receivingSnapshot }
        let told = stage[1].notices.count
        stage.cutConnection(of: 1)
        #expect(stage[1].hasGivenUp(since: told))
        if stage[1].inspection?.loggedZxid != old { stage.complain("server 1 takes half a snapshot for a history") }
        stage.holdsSnapshotBytes = false
        expect(stage.audit(), found: !mutations.isEmpty)
    }

    @Test("ZOOKEEPER-3644: trusting an empty directory never turns what is damaged or missing into nothing")
    func trustIsNotLoss() throws {
        for trusts in [false, true] {
            // What is there is found, trusted or not.
            let (disk, zxid) = try oneServersDisk()
            let state = RecoveredState()
            let found = try Recovery(trustsEmptySnapshot: trusts).run(
                disk: disk, logDirectory: "/data", snapshotDirectory: "/data", visitor: state)
            #expect(found.lastZxid == zxid && state.tree.nodeCount > 4)
            // A log whose beginning is only in a snapshot that is damaged is no history; still less is no log at all.
            let (damaged, _) = try oneServersDisk(isSnapshotDamaged: true)
            for hasLog in [true, false] {
                if !hasLog { for log in try DataFile.logs(damaged, "/data") { try damaged.unlink(log.path) } }
                #expect(throws: RecoveryError.self) {
                    _ = try Recovery(trustsEmptySnapshot: trusts).run(
                        disk: damaged, logDirectory: "/data", snapshotDirectory: "/data", visitor: RecoveredState())
                }
            }
        }
    }

    /// A directory with a snapshot in the middle of its history, and no log from before it.
    private func oneServersDisk(isSnapshotDamaged: Bool = false) throws -> (disk: MemoryDisk, zxid: Int64) {
        let stage = try Stage(1)
        try stage.start()
        let client = try stage.connect(to: 1)
        client.wait(client.create("/early"))
        stage[1].startSnapshot()
        stage.settle()
        client.wait(client.create("/late"))
        let disk = stage[1].durableDisk()
        let snapshots = try DataFile.snapshots(disk, "/data")
        let logs = try DataFile.logs(disk, "/data")
        #expect(snapshots.count == 2 && logs.count == 2)
        try disk.unlink(snapshots[1].path)
        try disk.unlink(logs[0].path)
        if isSnapshotDamaged {
            var bytes = try #require(disk.contents(of: snapshots[0].path))
            bytes[bytes.count / 2] ^= 1
            disk.setContents(bytes, of: snapshots[0].path)
        }
        return (disk, try #require(stage[1].inspection?.appliedZxid))
    }

    @Test("ZOOKEEPER-4362: only transactions count for the next snapshot, and only they are logged")
    func onlyTransactionsCount() throws {
        let stage = try Stage(1, snapCount: 20)
        try stage.start()
        let client = try stage.connect(to: 1)
        client.wait(client.create("/a"))
        let size = try DataFile.logs(stage[1].disk, "/data").count
        let durable = stage[1].durableZxid
        var last: Int32 = 0
        for _ in 0..<100 {
            // Reads, syncs and pings.
            client.send(.getData) { buffer in
                buffer.append(string: "/a")
                buffer.append(bool: false)
            }
            client.send(.sync) { $0.append(string: "/a") }
            client.send(.ping, xid: -2)
            last = client.send(.sync) { $0.append(string: "/a") }
        }
        #expect(client.wait(last) == 0)
        #expect(stage[1].process?.hand.snapshotCount == 0)
        #expect(stage[1].durableZxid == durable)
        #expect(try DataFile.logs(stage[1].disk, "/data").count == size)
        // Transactions do count.
        for number in 0..<25 { client.wait(client.create("/node\(number)")) }
        #expect(stage[1].process?.hand.snapshotCount ?? 0 > 0)
    }

    @Test(
        "ZOOKEEPER-4882: the first failed write ends the server; nothing is acknowledged behind it",
        arguments: [[], [.passesOverErrors]] as [Set<DiskMistake>])
    func firstErrorIsTheEnd(mistakes: Set<DiskMistake>) throws {
        let stage = try Stage(mistakes: mistakes)
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/before"))
        // For a while server 1's disk is full.
        stage.disksFail = true
        stage[1].disk.failChange(0, code: 28)
        client.wait(client.create("/during"))
        stage[1].disk.stopFailing()
        client.wait(client.create("/after"))
        var problems: [String] = []
        if stage[1].isRunning {
            problems.append("server 1 runs on")
            stage[1].kill()
        }
        try? stage[1].start()
        problems += stage.audit()
        expect(problems, found: !mistakes.isEmpty)
        if mistakes.isEmpty { #expect(stage.deaths.count == 1) }
    }

    @Test(
        "ZOOKEEPER-4837: a log that was cut brings nothing back by a snapshot that was not",
        arguments: [[], [.keepsNewerSnapshots]] as [Set<DiskMistake>])
    func cutBehindSnapshot(mistakes: Set<DiskMistake>) throws {
        let stage = try Stage(mistakes: mistakes)
        try stage.orphanWithServerThree { stage in
            stage.awaitService()
            // An Apache server that started on this directory would have left a snapshot of all that is logged.
            let left = try RecoveredState.load(stage[3].disk)
            #expect(Array("/orphan".utf8).withUnsafeBytes { left.state.tree.find($0) } != nil)
            try SnapshotWalk(stage[3].disk, left.state.tree, zxid: left.zxid, sessions: left.state.sortedSessions)
                .finish(isNamedAtEnd: false)
            try stage.start(3)
            stage[3].kill()
            try? stage.start(3)
        }
        #expect(stage.transcript.contains { $0.type == .trunc && $0.to == 3 })
        expect(stage.audit(), found: !mistakes.isEmpty)
    }
}
