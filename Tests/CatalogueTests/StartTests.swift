import DataTree
import Testing
import TxnLog
import Zab
import ZooKeeperProtocol

@testable import ServerCore

/// What a start finds must load.
@Suite("Catalogue: starts")
struct StartTests {
    /// A server that has been through two terms, with a snapshot and several log segments, as each power failure on
    /// the way may have left it.
    private func everyCrash(_ check: (MemoryDisk, Comment) throws -> Void) throws -> Int {
        let stage = try Stage()
        try stage.start()
        let client = try stage.connect(to: 2)
        client.wait(client.create("/a"))
        stage[1].startSnapshot()
        stage.settle()
        client.wait(client.create("/b"))
        stage[3].kill()
        stage.awaitService()
        let second = try stage.connect(to: 2)
        second.wait(second.create("/c"))
        stage[1].startSnapshot()
        stage.settle()
        second.wait(second.create("/d"))
        #expect(stage.audit().isEmpty, "\(stage.problems)")
        let count = stage[1].disk.changes.count
        for position in 0...count {
            for fate in [CrashModel.Fate.lost, .kept, .torn(seed: UInt64(position)), .torn(seed: ~UInt64(position))] {
                try check(stage[1].disk(afterChange: position, fate), "after change \(position) of \(count), \(fate)")
            }
        }
        return count
    }

    @Test("ZOOKEEPER-1653: a crash between two epoch files leaves a server that starts, with no epoch fallen")
    func everyCrashBetweenEpochs() throws {
        var epochs: Set<Int64> = []
        var differing = 0
        let changes = try everyCrash { disk, what in
            let accepted = number(disk, "acceptedEpoch")
            let current = number(disk, "currentEpoch")
            if let accepted, let current, current > accepted { Issue.record("current above accepted, \(what)") }
            let store = try EpochStore(disk: disk, directory: DiskHand.directory)
            if store.record.accepted != accepted ?? 0 || store.record.current != current ?? 0 { differing += 1 }
            let last = try RecoveredState.load(disk).zxid
            try store.reconcile(lastZxid: last)
            #expect(store.record.accepted >= store.record.current, what)
            #expect(store.record.current >= Zxid.epoch(of: last), what)
            epochs.insert(store.record.current)
        }
        #expect(changes > 40)
        // Every term was seen, and crashes between Corral's record and Apache's files among them.
        #expect(epochs == [0, 1, 2] && differing > 0)

        // What such a crash leaves of Apache's two files alone, whichever was first.
        for (accepted, current) in [("2", "1"), ("1", "2"), ("", "")] {
            let disk = MemoryDisk()
            try disk.createDirectory(DiskHand.directory)
            if !accepted.isEmpty { disk.setContents(Array(accepted.utf8), of: "/data/acceptedEpoch") }
            if !current.isEmpty { disk.setContents(Array(current.utf8), of: "/data/currentEpoch") }
            let store = try EpochStore(disk: disk, directory: DiskHand.directory)
            try store.reconcile(lastZxid: 0)
            #expect(store.record.accepted >= store.record.current)
            #expect(store.record.accepted == (accepted.isEmpty ? 0 : 2))
        }
    }

    private func number(_ disk: MemoryDisk, _ name: String) -> Int64? {
        disk.contents(of: "/data/" + name).flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
    }

    @Test("ZOOKEEPER-2332: a log file that a crash left empty, or with its header only, is no obstacle")
    func emptyLogs() throws {
        let stage = try Stage()
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/a"))
        let last = try #require(stage[1].inspection?.appliedZxid)
        stage[1].kill()
        let logs = try DataFile.logs(stage[1].disk, "/data")
        let path = try #require(logs.first).path
        let first = try #require(stage[1].disk.contents(of: path))
        let name = "/data/" + DataFileName.log(last + 1)
        for length in [0, 1, 15, 16, 17, 40] {
            let disk = CrashModel.copy(of: stage[1].disk)
            disk.setContents(Array(first.prefix(length)), of: name)
            #expect(try RecoveredState.load(disk).zxid == last, "\(length) bytes")
        }
        stage[1].disk.setContents([], of: name)
        try stage.start(1)
        client.wait(client.create("/b"))
        #expect(stage.audit().isEmpty, "\(stage.problems)")
    }

    @Test("ZOOKEEPER-1573: a fuzzy snapshot without the parent that its log still needs loads to the same tree")
    func missingParent() throws {
        let stage = try Stage()
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/parent"))
        client.wait(client.create("/stays"))
        stage[1].holdsSnapshots = true
        stage[1].startSnapshot()
        stage.settle()
        // Walked behind all this, the snapshot has neither parent nor child; the log creates a child first.
        client.wait(client.create("/parent/child"))
        client.wait(client.set("/parent", "changed"))
        client.wait(client.delete("/parent/child"))
        client.wait(client.delete("/parent"))
        client.wait(client.create("/stays/child"))
        stage[1].holdsSnapshots = false
        stage.settle()
        let found = try RecoveredState.load(stage[1].durableDisk())
        #expect(found.state.tree.digest == stage[1].inspection?.digest)
        #expect(found.zxid == stage[1].inspection?.appliedZxid)
        stage[1].kill()
        try stage.start(1)
        #expect(stage[1].value("/stays/child") != nil && stage[1].value("/parent") == nil)
        #expect(stage.audit().isEmpty, "\(stage.problems)")
    }

    @Test("ZOOKEEPER-4846: a snapshot whose znode names a list of permissions that is not in it loads")
    func missingPermissions() throws {
        let stage = try Stage()
        try stage.start()
        let client = try stage.connect(to: 3)
        client.wait(client.create("/a"))
        stage[1].holdsSnapshots = true
        stage[1].startSnapshot()
        stage.settle()
        client.wait(client.create("/secret", acl: [ACL(permissions: 5, identity: .anyone)]))
        stage[1].holdsSnapshots = false
        stage.settle()
        client.wait(client.create("/later", acl: [ACL(permissions: 5, identity: .anyone)]))
        stage[1].kill()
        // The snapshot alone: nobody is let in.
        let disk = CrashModel.copy(of: stage[1].disk)
        for log in try DataFile.logs(disk, "/data") { try disk.unlink(log.path) }
        let alone = try RecoveredState.load(disk).state.tree
        let node = try #require(Array("/secret".utf8).withUnsafeBytes { alone.find($0) })
        #expect(alone.unresolvedACLCount == 1 && alone.worldPermissions(of: node) == 0)
        // With its log it is what it was.
        try stage.start(1)
        for id in [1, 3] as [ServerID] {
            #expect(try stage[id].permissions(of: "/secret") == [5])
            #expect(try stage[id].permissions(of: "/later") == [5])
        }
        #expect(stage[1].tree?.unresolvedACLCount == 0)
        #expect(stage.audit().isEmpty, "\(stage.problems)")
    }
}
