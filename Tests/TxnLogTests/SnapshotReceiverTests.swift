import Testing
import ZooKeeperProtocol

@testable import TxnLog

/// A received snapshot replaces a whole history: at every crash there is all of the old one or all of the new.
struct SnapshotReceiverTests {
    /// The history of another server: its state at some zxid, and the body of that snapshot.
    static func theirs(_ zxid: Int64) throws -> (state: ToyState, body: [UInt8]) {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        var state = ToyState()
        state.zxid = zxid
        state.sum = 0xfeed_0000 &+ UInt64(zxid)
        try state.save(disk, "/data")
        let file = disk.contents(of: "/data/" + DataFileName.snapshot(zxid))!
        return (state, SnapshotBodyTests.body(file))
    }

    static func receive(
        _ disk: any Disk, _ body: [UInt8], zxid: Int64, logDirectory: String = "/data",
        sections: SnapshotReceiver.Sections = .init()
    ) throws -> SnapshotReceiver {
        let receiver = try SnapshotReceiver(
            disk: disk, logDirectory: logDirectory, snapshotDirectory: "/data", zxid: zxid, sections: sections)
        var position = 0
        while position < body.count {
            let end = min(body.count, position + 37)
            try body[position..<end].withUnsafeBytes { try receiver.write($0) }
            position = end
        }
        return receiver
    }

    /// The zxids at which a snapshot may come: newer than all, in the middle, on a snapshot, before everything.
    static func places(_ history: LogTruncationTests.History) throws -> [Int64] {
        let snapshots = try DataFile.snapshots(history.disk, "/data").map(\.zxid)
        return [history.last + 1, 0x9_0000_0000, history.last, 0x1_0000_0006, 2, 0] + snapshots.dropFirst().prefix(2)
    }

    @Test func nothingElseIsLeftAndTheLogGoesOn() throws {
        let history = try LogTruncationTests.history(seed: 21)
        for zxid in try Self.places(history) {
            let disk = CrashModel.copy(of: history.disk)
            let (state, body) = try Self.theirs(zxid)
            let receiver = try Self.receive(disk, body, zxid: zxid)
            #expect(ToyState(try recover(CrashModel.copy(of: disk)).collector) == history.states[history.last])
            try receiver.finish(digest: (zxid, 77))
            #expect(try disk.list("/data") == [DataFileName.snapshot(zxid)])
            let recovered = try recover(disk)
            #expect(ToyState(recovered.collector) == state)
            #expect(
                recovered.collector.trailer
                    == SnapshotTrailer(digest: SnapshotDigest(zxid: zxid, value: 77), lastProcessedZxid: zxid))

            let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 0, lastZxid: history.last)
            writer.close()
            writer.reopen(after: zxid)
            let batch = TxnBatch()
            batch.appendSetData(zxid: zxid + 1, data: [4])
            var next = state
            next.apply(zxid: zxid + 1, body: [UInt8](batch.txn(at: 0).dropFirst(32)))
            try writer.append([batch])
            #expect(ToyState(try recover(CrashModel.copy(of: disk)).collector) == next)
        }
    }

    @Test func sectionsAreAsConfigured() throws {
        for (sections, size) in [
            (SnapshotReceiver.Sections(digest: false, zxid: false), 0), (.init(digest: true, zxid: false), 33),
            (.init(digest: false, zxid: true), 21), (.init(), 54),
        ] {
            let disk = MemoryDisk()
            try disk.createDirectory("/data")
            let (_, body) = try Self.theirs(6)
            try Self.receive(disk, body, zxid: 6, sections: sections).finish(digest: nil)
            let file = disk.contents(of: "/data/snapshot.6")!
            #expect(SnapshotBodyTests.body(file, sections: size) == body)
            try SnapshotReader(disk: disk, path: "/data/snapshot.6", zxid: 6).validate()
        }
    }

    @Test func everyCrashGivesAllOfTheOldOrAllOfTheNew() throws {
        let seed = UInt64.random(in: 1...(1 << 32))
        var counts = (old: 0, new: 0, resumed: 0)
        let history = try LogTruncationTests.history(seed: seed)
        for zxid in try Self.places(history) {
            let (theirs, body) = try Self.theirs(zxid)
            let enumeration = try CrashEnumeration(history.disk, seed: seed) { disk in
                try Self.receive(disk, body, zxid: zxid).finish(digest: (zxid, 1))
            }
            enumeration.run { disk, position, what in
                let copy = CrashModel.copy(of: disk)
                let recovered = try recover(copy)
                let state = ToyState(recovered.collector)
                let isNew = state == theirs
                #expect(isNew || state == history.states[history.last], "\(state), zxid \(zxid), \(what)")
                #expect(isNew || position < enumeration.changes.count, what)
                let names = try copy.list("/data")
                #expect(!isNew || names == [DataFileName.snapshot(zxid)], "\(names), zxid \(zxid), \(what)")
                #expect(!names.contains { $0.hasPrefix("corral.received") || $0.hasPrefix("corral.replacing") }, what)
                let isResumed = recovered.notices.contains(.resumedReplacement(zxid: zxid))
                if isResumed { counts.resumed += 1 }
                if isNew { counts.new += 1 } else { counts.old += 1 }

                // A second crash, while recovery goes on with the first.
                guard isResumed, counts.resumed % 10 == 1 else { return }
                let second = try CrashEnumeration(disk) { _ = try recover($0) }
                second.run(tornStates: 1) { again, _, _ in
                    let state = ToyState(try recover(again).collector)
                    #expect(state == theirs, "\(state), zxid \(zxid), \(what)")
                }
            }
        }
        print("received snapshots: \(counts), seed \(seed)")
        #expect(counts.old > 50 && counts.new > 50 && counts.resumed > 20)
    }

    /// A snapshot older than what is here comes in force only with the history behind it: until then a crash gives back
    /// all that was acknowledged.
    @Test(arguments: ["/data", "/logs"])
    func everyCrashWhileTheRestIsComing(logs: String) throws {
        let seed = UInt64.random(in: 1...(1 << 32))
        var counts = (old: 0, new: 0, resumed: 0)
        let history = try LogTruncationTests.history(seed: seed)
        let start = try Self.copy(history.disk, logs: logs)
        for zxid in [0, 7, 0x1_0000_0006] as [Int64] {
            let (theirs, body) = try Self.theirs(zxid)
            var complete = theirs
            let enumeration = try CrashEnumeration(start, seed: seed) { disk in
                let writer = LogWriter(
                    disk: disk, directory: logs, preallocationBytes: 64 << 10, lastZxid: history.last,
                    sliceBytes: 8 << 10)
                _ = writer.prepareAhead()
                let receiver = try Self.receive(disk, body, zxid: zxid, logDirectory: logs)
                writer.close()
                try receiver.stage(digest: nil)
                writer.reopen(after: zxid, staged: true)
                // Names that the old history has too, and an end beyond it.
                for next in (1...8).map({ zxid + $0 }) + (1...4).map({ 0x6_0000_0000 + $0 }) {
                    let batch = TxnBatch()
                    batch.appendSetData(zxid: next, data: [1])
                    complete.apply(zxid: next, body: [UInt8](batch.txn(at: 0).dropFirst(32)))
                    try writer.append([batch])
                    if next % 3 == 0 { writer.roll() }
                    _ = writer.prepareAhead()
                }
                #expect(try Self.recoverState(CrashModel.copy(of: disk), logs).state == history.states[history.last])
                writer.close()
                try receiver.install()
                writer.reopen(after: writer.lastZxid)
            }
            enumeration.run(tornStates: 3) { disk, position, what in
                let (state, notices) = try Self.recoverState(disk, logs)
                let isNew = state == complete
                #expect(isNew || state == history.states[history.last], "\(state), zxid \(zxid), \(what)")
                #expect(isNew || position < enumeration.changes.count, what)
                let names = try disk.list("/data") + (logs == "/data" ? [] : disk.list(logs))
                #expect(!names.contains { $0.hasPrefix("corral.") }, "\(names), \(what)")
                #expect(!isNew || names.count { $0.hasPrefix("snapshot.") } == 1, "\(names), \(what)")
                if isNew { counts.new += 1 } else { counts.old += 1 }
                if notices.contains(.resumedReplacement(zxid: zxid)) { counts.resumed += 1 }
            }
        }
        print("snapshots with a history behind them: \(counts), seed \(seed)")
        #expect(counts.old > 100 && counts.new > 100 && counts.resumed > 100)
    }

    /// Logs in a directory of their own, which has its own order of reaching the disk.
    @Test(arguments: [true, false])
    func everyCrashWithSeparateDirectories(snapshots: Bool) throws {
        let history = try LogTruncationTests.history(seed: 5, snapshots: snapshots)
        let start = try Self.copy(history.disk, logs: "/logs")
        for zxid in [history.last + 1, 0x1_0000_0006] {
            let (theirs, body) = try Self.theirs(zxid)
            let enumeration = try CrashEnumeration(start) { disk in
                try Self.receive(disk, body, zxid: zxid, logDirectory: "/logs").finish(digest: nil)
            }
            enumeration.run { disk, position, what in
                let state = try Self.recoverState(disk, "/logs").state
                #expect(state == theirs || state == history.states[history.last], what)
                #expect(state == theirs || position < enumeration.changes.count, what)
                let logs = try disk.list("/logs")
                #expect(state != theirs || logs.isEmpty, what)
            }
        }
    }

    /// A copy with the logs in this directory.
    static func copy(_ disk: MemoryDisk, logs: String) throws -> MemoryDisk {
        let copy = MemoryDisk()
        try copy.createDirectory("/data")
        try copy.createDirectory(logs)
        for name in try disk.list("/data") {
            let directory = DataFileName(name) == .own || !name.hasPrefix("log.") ? "/data" : logs
            copy.setContents(disk.contents(of: "/data/" + name)!, of: directory + "/" + name)
        }
        return copy
    }

    static func recoverState(_ disk: any Disk, _ logs: String) throws -> (state: ToyState, notices: [RecoveryNotice]) {
        let collector = Collector()
        var notices: [RecoveryNotice] = []
        _ = try Recovery { notices.append($0) }.run(
            disk: disk, logDirectory: logs, snapshotDirectory: "/data", visitor: collector)
        return (ToyState(collector), notices)
    }

    /// An Apache server that starts after a crash on the way knows no mark: with a snapshot newer than everything it
    /// finds all of the old state or, by the newest snapshot, the new one.
    @Test func crashesAreHarmlessToAServerThatKnowsNoMark() throws {
        let history = try LogTruncationTests.history(seed: 31)
        let (theirs, body) = try Self.theirs(0x9_0000_0000)
        let enumeration = try CrashEnumeration(history.disk) { disk in
            try Self.receive(disk, body, zxid: theirs.zxid).finish(digest: nil)
        }
        enumeration.run { disk, _, what in
            for name in try disk.list("/data") where name.hasPrefix("corral.") { try disk.unlink("/data/" + name) }
            let state = ToyState(try recover(disk).collector)
            #expect(state == theirs || state == history.states[history.last], what)
        }
    }

    /// A server that went on in the directory after such a crash keeps what it wrote.
    @Test func replacementSparesWhatCameAfterIt() throws {
        let history = try LogTruncationTests.history(seed: 41)
        let (theirs, body) = try Self.theirs(0x9_0000_0004)
        let enumeration = try CrashEnumeration(history.disk) { disk in
            try Self.receive(disk, body, zxid: theirs.zxid).finish(digest: nil)
        }
        var spared = 0
        enumeration.run { disk, _, what in
            guard try disk.size(of: "/data/snapshot.900000004") != nil else { return }
            let isMarked = try disk.list("/data").contains { $0.hasPrefix(DataFileName.replacementPrefix) }
            let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 0, lastZxid: theirs.zxid)
            let batch = TxnBatch()
            batch.appendSetData(zxid: theirs.zxid + 1, data: [8])
            try writer.append([batch])
            var state = theirs
            state.apply(zxid: theirs.zxid + 1, body: [UInt8](batch.txn(at: 0).dropFirst(32)))
            #expect(ToyState(try recover(disk).collector) == state, what)
            if isMarked { spared += 1 }
        }
        #expect(spared > 5)
    }

    @Test func everyFailingChangeSurfaces() throws {
        let history = try LogTruncationTests.history(seed: 51)
        let (theirs, body) = try Self.theirs(0x9_0000_0000)
        var failures = 0
        for number in 0..<100 {
            let disk = CrashModel.copy(of: history.disk)
            disk.failChange(number, code: 28)
            do {
                try Self.receive(disk, body, zxid: theirs.zxid).finish(digest: nil)
                break
            } catch {
                #expect((error as? DiskError)?.isNoSpace == true)
                failures += 1
            }
            disk.stopFailing()
            let state = ToyState(try recover(disk).collector)
            #expect(state == theirs || state == history.states[history.last])
        }
        #expect(failures > 10)
    }

    @Test func abandonedSnapshotLeavesNothing() throws {
        let history = try LogTruncationTests.history(seed: 61)
        let before = try history.disk.list("/data")
        let (_, body) = try Self.theirs(0x9_0000_0000)
        try Self.receive(history.disk, body, zxid: 0x9_0000_0000).abandon()
        #expect(try history.disk.list("/data") == before)
        // Dropped by a server that was killed: recovery clears up.
        history.disk.setContents([1, 2, 3], of: "/data/corral.received.tmp")
        let recovered = try recover(history.disk)
        #expect(recovered.notices.contains(.removedUnfinishedFile(path: "/data/corral.received.tmp")))
        #expect(ToyState(recovered.collector) == history.states[history.last])
    }
}
