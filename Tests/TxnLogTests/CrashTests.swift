import Testing

@testable import TxnLog

/// Every state that a power failure may leave during a recorded run must recover to a prefix of what was submitted
/// that contains everything acknowledged.
struct CrashTests {
    /// A recorded run and what was promised when.
    struct Run {
        var start: MemoryDisk
        var changes: [MemoryDisk.Change] = []
        /// After how many changes which zxid was acknowledged, and which was submitted.
        var acknowledged: [(changes: Int, zxid: Int64)] = []
        var submitted: [(changes: Int, zxid: Int64)] = []
        /// The state after each transaction.
        var states: [ToyState] = [ToyState()]

        func acknowledgedZxid(at changes: Int) -> Int64 { acknowledged.last { $0.changes <= changes }?.zxid ?? 0 }
        func submittedZxid(at changes: Int) -> Int64 { submitted.last { $0.changes <= changes }?.zxid ?? 0 }
    }

    /// Random batches, with rolls, snapshots, purges and work ahead between them.
    static func record(seed: UInt64, transactions: Int, supportsDirect: Bool) throws -> Run {
        var die = SplitMix(seed: seed)
        let disk = MemoryDisk(supportsDirect: supportsDirect)
        try disk.createDirectory("/data")
        var run = Run(start: CrashModel.copy(of: disk))
        disk.startRecording()
        var state = ToyState()
        try state.save(disk, "/data")
        let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 64 << 10, sliceBytes: 8 << 10)
        while state.zxid < transactions {
            var batches: [TxnBatch] = []
            for _ in 0..<Int.random(in: 1...3, using: &die) {
                let batch = TxnBatch()
                for _ in 0..<Int.random(in: 1...6, using: &die) {
                    let size = [3, 100, 700, 2000].randomElement(using: &die)!
                    // Zeros in the data look like sectors that were never written.
                    let isZeros = Int.random(in: 0..<4, using: &die) == 0
                    let data = (0..<size).map { _ in isZeros ? 0 : UInt8.random(in: 0...255, using: &die) }
                    batch.appendSetData(zxid: state.zxid + 1, data: data)
                    let body = [UInt8](batch.txn(at: batch.count - 1).dropFirst(32))
                    state.apply(zxid: state.zxid + 1, body: body)
                    run.states.append(state)
                }
                batches.append(batch)
            }
            run.submitted.append((disk.changes.count, state.zxid))
            try writer.append(batches)
            run.acknowledged.append((disk.changes.count, state.zxid))
            switch Int.random(in: 0..<24, using: &die) {
            case 0..<4: _ = writer.prepareAhead()
            case 4: writer.roll()
            case 5:
                writer.roll()
                try state.save(disk, "/data")
            case 6: try Purge(retainCount: 3).run(disk: disk, logDirectory: "/data", snapshotDirectory: "/data")
            default: break
            }
        }
        run.changes = disk.changes
        return run
    }

    /// Recovers a crashed disk and compares with what was promised; the state recovered.
    static func check(_ disk: MemoryDisk, _ run: Run, at position: Int, _ what: Comment) throws -> ToyState {
        let recovered = try recover(disk)
        let state = ToyState(recovered.collector)
        #expect(state.zxid >= run.acknowledgedZxid(at: position), what)
        #expect(state.zxid <= run.submittedZxid(at: position), what)
        #expect(state == run.states[Int(state.zxid)], what)
        return state
    }

    @Test(arguments: [true, false])
    func everyCrashRecovers(supportsDirect: Bool) throws {
        let seed = UInt64.random(in: 1...(1 << 32))
        let run = try Self.record(seed: seed, transactions: 400, supportsDirect: supportsDirect)
        var model = CrashModel(from: run.start, changes: run.changes)
        var die = SplitMix(seed: seed &+ 1)
        var states = 0
        var cut = 0
        while true {
            var fates: [CrashModel.Fate] = [.lost, .kept]
            for _ in 0..<6 { fates.append(.torn(seed: die.next())) }
            for fate in fates {
                let what: Comment = "seed \(seed), direct \(supportsDirect), change \(model.position), \(fate)"
                let disk = model.crash(fate)
                do {
                    let state = try Self.check(disk, run, at: model.position, what)
                    if states % 5 == 0 { try Self.continueAfter(disk, state, what) }
                    if states % 40 == 0 {
                        try Self.crashDuringRecovery(model.crash(fate), run, at: model.position, what)
                    }
                } catch {
                    Issue.record("\(error): \(what)")
                }
                if case .torn = fate, try recover(model.crash(fate)).notices.contains(where: \.isCut) { cut += 1 }
                states += 1
            }
            if model.isAtEnd { break }
            model.advance()
        }
        print("crash states: \(states) over \(run.changes.count) changes, \(cut) with a torn end; "
            + "direct \(supportsDirect), seed \(seed)")
        #expect(cut > 20)
    }

    /// A server that starts on the recovered disk appends after it; the next start finds both.
    static func continueAfter(_ disk: MemoryDisk, _ recovered: ToyState, _ what: Comment) throws {
        var state = recovered
        if state.zxid == 0 { try state.save(disk, "/data") }
        let writer = LogWriter(
            disk: disk, directory: "/data", preallocationBytes: 64 << 10, lastZxid: state.zxid, sliceBytes: 8 << 10)
        let batch = TxnBatch()
        for _ in 0..<3 {
            batch.appendSetData(zxid: state.zxid + 1, data: [9, 9])
            state.apply(zxid: state.zxid + 1, body: [UInt8](batch.txn(at: batch.count - 1).dropFirst(32)))
        }
        try writer.append([batch])
        // As after kill -9: the writer never closes.
        let again = try recover(CrashModel.copy(of: disk))
        #expect(ToyState(again.collector) == state, what)
    }

    /// A second power failure while the first one's damage is repaired.
    static func crashDuringRecovery(_ disk: MemoryDisk, _ run: Run, at position: Int, _ what: Comment) throws {
        let start = CrashModel.copy(of: disk)
        disk.startRecording()
        let first = ToyState(try recover(disk).collector)
        var model = CrashModel(from: start, changes: disk.changes)
        while true {
            for fate in [CrashModel.Fate.lost, .kept, .torn(seed: UInt64(position))] {
                let state = try check(model.crash(fate), run, at: position, what)
                #expect(state == first, what)
            }
            if model.isAtEnd { break }
            model.advance()
        }
    }
}

extension RecoveryNotice {
    var isCut: Bool { if case .cutTornTail = self { true } else { false } }
}
