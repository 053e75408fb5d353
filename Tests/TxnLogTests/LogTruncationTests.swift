import Testing

@testable import TxnLog

/// Cutting a history: exactly what is after the new end goes, at every crash.
struct LogTruncationTests {
    /// A data directory whose history is known.
    struct History {
        let disk = MemoryDisk()
        /// The state after each transaction, by zxid.
        var states: [Int64: ToyState] = [0: ToyState()]
        var zxids: [Int64] = [0]

        var last: Int64 { zxids.last! }

        func floor(_ zxid: Int64) -> Int64 { zxids.last { $0 <= zxid }! }
    }

    /// Three epochs of twelve transactions, rolls and snapshots in between, the last segment with its zeros, as after
    /// a kill.
    static func history(seed: UInt64, snapshots: Bool = true) throws -> History {
        var die = SplitMix(seed: seed)
        var history = History()
        var state = ToyState()
        try history.disk.createDirectory("/data")
        try state.save(history.disk, "/data")
        let writer = LogWriter(
            disk: history.disk, directory: "/data", preallocationBytes: 64 << 10, sliceBytes: 8 << 10)
        for epoch in [Int64(0), 1, 4] {
            for counter in 1...Int64(12) {
                let zxid = epoch << 32 | counter
                let batch = TxnBatch()
                let size = [3, 700, 5000].randomElement(using: &die)!
                batch.appendSetData(zxid: zxid, data: (0..<size).map { _ in UInt8.random(in: 0...255, using: &die) })
                state.apply(zxid: zxid, body: [UInt8](batch.txn(at: 0).dropFirst(32)))
                history.states[zxid] = state
                history.zxids.append(zxid)
                try writer.append([batch])
                switch Int.random(in: 0..<6, using: &die) {
                case 0 where snapshots:
                    writer.roll()
                    try state.save(history.disk, "/data")
                case 1: writer.roll()
                default: break
                }
            }
        }
        withExtendedLifetime(writer) {}
        return history
    }

    static func truncate(_ disk: any Disk, _ zxid: Int64) throws -> Int64 {
        try LogTruncation(disk: disk, logDirectory: "/data", snapshotDirectory: "/data").run(to: zxid)
    }

    @Test func everyEndIsReachedAndTheLogGoesOn() throws {
        let seed = UInt64.random(in: 1...(1 << 32))
        print("seed \(seed)")
        for round in 0..<3 {
            let history = try Self.history(seed: seed &+ UInt64(round))
            for zxid in history.zxids + [0x1_0000_0000, 0x1_0000_0040, 0x3_0000_0000, history.last + 1] {
                let what: Comment = "seed \(seed), round \(round), to \(zxid)"
                let disk = CrashModel.copy(of: history.disk)
                let end = history.floor(zxid)
                #expect(try Self.truncate(disk, zxid) == end, what)
                #expect(ToyState(try recover(disk).collector) == history.states[end], what)
                let changes = disk.changeCount
                #expect(try Self.truncate(disk, zxid) == end, what)
                #expect(disk.changeCount == changes, "a second run changes nothing: \(what)")

                // Another history goes on from here, in the segment's place if it comes to that.
                let writer = LogWriter(
                    disk: disk, directory: "/data", preallocationBytes: 64 << 10, lastZxid: history.last,
                    sliceBytes: 8 << 10)
                writer.close()
                writer.reopen(after: end)
                var state = history.states[end]!
                for next in [end + 1, 0x7_0000_0001] {
                    let batch = TxnBatch()
                    batch.appendSetData(zxid: next, data: [1, 2, 3])
                    state.apply(zxid: next, body: [UInt8](batch.txn(at: 0).dropFirst(32)))
                    try writer.append([batch])
                }
                #expect(ToyState(try recover(CrashModel.copy(of: disk)).collector) == state, what)
            }
        }
    }

    @Test func everyCrashLeavesAHistoryBetweenOldAndNew() throws {
        let seed = UInt64.random(in: 1...(1 << 32))
        var states = 0
        var between = 0
        for round in 0..<2 {
            let history = try Self.history(seed: seed &+ UInt64(round))
            for zxid in [0, 4, 11, 0x1_0000_0003, 0x1_0000_000c, 0x4_0000_0002, 0x4_0000_000b] as [Int64] {
                let enumeration = try CrashEnumeration(history.disk, seed: seed) { _ = try Self.truncate($0, zxid) }
                let total = enumeration.changes.count
                states += enumeration.run { disk, position, what in
                    let state = ToyState(try recover(CrashModel.copy(of: disk)).collector)
                    #expect(state == history.states[state.zxid], what)
                    #expect(state.zxid >= zxid && (position < total || state.zxid == zxid), what)
                    if state.zxid > zxid && state.zxid < history.last { between += 1 }
                    // With and without a recovery before it, the next run comes to the end.
                    for isRecovered in [false, true] {
                        let again = CrashModel.copy(of: disk)
                        if isRecovered { _ = try recover(again) }
                        let end = try Self.truncate(again, zxid)
                        #expect(end == zxid, what)
                        #expect(ToyState(try recover(again).collector) == history.states[zxid], what)
                    }
                }
            }
        }
        print("truncation crash states: \(states), \(between) between old and new, seed \(seed)")
        #expect(between > 20)
    }

    @Test func everyFailingChangeSurfaces() throws {
        let history = try Self.history(seed: 3)
        var failures = 0
        for number in 0..<100 {
            let disk = CrashModel.copy(of: history.disk)
            disk.failChange(number, code: 5)
            do throws(TruncationError) {
                _ = try LogTruncation(disk: disk, logDirectory: "/data", snapshotDirectory: "/data").run(to: 5)
                break
            } catch {
                guard case .disk(let failure) = error else { throw error }
                #expect(failure.code == 5)
                failures += 1
            }
            disk.stopFailing()
            let state = ToyState(try recover(disk).collector)
            #expect(state == history.states[state.zxid] && state.zxid >= 5)
        }
        #expect(failures > 5)
    }

    /// A snapshot named before the new end may hold traces of what came after it (ZOOKEEPER-1549).
    @Test func snapshotThatReachesBeyondTheEndGoes() throws {
        let history = try Self.history(seed: 9, snapshots: false)
        let writer = try SnapshotWriter(disk: history.disk, directory: "/data", zxid: 5)
        writer.beginSessions(count: 0)
        try writer.appendTree([("", [UInt8](repeating: 0, count: 8))])
        try writer.finish(SnapshotTrailer(digest: SnapshotDigest(zxid: 7, value: 1), lastProcessedZxid: 8))
        for (zxid, remains) in [(Int64(5), false), (7, false), (8, true)] {
            let disk = CrashModel.copy(of: history.disk)
            _ = try Self.truncate(disk, zxid)
            #expect((disk.contents(of: "/data/snapshot.5") != nil) == remains)
        }
    }

    @Test func withoutASnapshotBeforeTheEndNothingChanges() throws {
        let history = try Self.history(seed: 11, snapshots: false)
        var state = history.states[0x1_0000_0004]!
        try state.save(history.disk, "/data")
        state.zxid = 7
        try state.save(history.disk, "/data")
        var bytes = history.disk.contents(of: "/data/snapshot.7")!
        bytes[40] ^= 1
        history.disk.setContents(bytes, of: "/data/snapshot.7")
        try history.disk.unlink("/data/snapshot.0")
        let changes = history.disk.changeCount
        #expect(throws: TruncationError.noSnapshot(zxid: 9, directory: "/data")) {
            try Self.truncate(history.disk, 9)
        }
        #expect(history.disk.changeCount == changes)
        #expect(try Self.truncate(history.disk, 0x1_0000_0005) == 0x1_0000_0005)
    }

    /// The log ends before the new end, and only a snapshot has what is between; or the log starts after it.
    @Test func missingTransactionsBeforeTheEndAreNoticed() throws {
        let log = try DamagedLog([3, 3, 3])
        var state = ToyState()
        state.zxid = 9
        try state.save(log.disk, "/data")
        try log.disk.unlink(log.path(7))
        #expect(throws: TruncationError.unreachable(zxid: 8, snapshot: 0, last: 6)) { try Self.truncate(log.disk, 8) }
        #expect(try Self.truncate(log.disk, 9) == 9)
        #expect(log.disk.contents(of: "/data/snapshot.9") != nil)
        try log.disk.unlink(log.path(1))
        #expect(throws: TruncationError.unreachable(zxid: 5, snapshot: 0, last: 0)) { try Self.truncate(log.disk, 5) }
    }

    /// A gap after the new end, as it is left where a snapshot was received: at every crash the log can be read.
    @Test func gapBehindTheEndIsNoObstacle() throws {
        let log = try DamagedLog([3, 3, 3])
        let offset = log.ends[7]!
        log.append(7, zxid: 0x2_0000_0005)
        var state = ToyState()
        state.zxid = 0x2_0000_0004
        try state.save(log.disk, "/data")
        #expect(log.disk.contents(of: log.path(7))!.count > offset)
        let enumeration = try CrashEnumeration(log.disk) { _ = try Self.truncate($0, 5) }
        enumeration.run { disk, position, what in
            let last = try recover(CrashModel.copy(of: disk)).result.lastZxid
            #expect([5, 0x2_0000_0004, 0x2_0000_0005].contains(last), what)
            #expect(position < enumeration.changes.count || last == 5, what)
            #expect(try Self.truncate(disk, 5) == 5, what)
            #expect(try recover(disk).collector.zxids == [1, 2, 3, 4, 5], what)
        }
    }
}
