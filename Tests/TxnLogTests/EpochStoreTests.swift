import Testing

@testable import TxnLog

/// The epochs on the disk: Corral's record and Apache's files beside it.
struct EpochStoreTests {
    static func disk(_ files: [String: String] = [:]) throws -> MemoryDisk {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        for (name, text) in files { disk.setContents(Array(text.utf8), of: "/data/" + name) }
        return disk
    }

    static func text(_ disk: MemoryDisk, _ name: String) -> String? {
        disk.contents(of: "/data/" + name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Loads, as a server does at its start.
    static func load(_ disk: any Disk, lastZxid: Int64 = 0) throws -> (EpochStore, [EpochNotice]) {
        var notices: [EpochNotice] = []
        let store = try EpochStore(disk: disk, directory: "/data") { notices.append($0) }
        try store.reconcile(lastZxid: lastZxid)
        return (store, notices)
    }

    @Test func newDirectoryStartsWithZero() throws {
        let disk = try Self.disk()
        let (store, notices) = try Self.load(disk)
        #expect(store.record == EpochRecord() && notices.isEmpty)
        #expect(try disk.list("/data") == ["acceptedEpoch", "corral.epochs", "currentEpoch"])
        #expect(Self.text(disk, "acceptedEpoch") == "0" && Self.text(disk, "currentEpoch") == "0")
    }

    @Test func storedRecordIsFoundAgain() throws {
        let disk = try Self.disk()
        let (store, _) = try Self.load(disk)
        let record = EpochRecord(accepted: 7, current: 6, committedZxid: 0x6_0000_0123)
        try store.store(record)
        #expect(Self.text(disk, "acceptedEpoch") == "7" && Self.text(disk, "currentEpoch") == "6")
        let changes = disk.changeCount
        try store.store(record)
        #expect(disk.changeCount == changes, "nothing to write")
        let (again, notices) = try Self.load(disk, lastZxid: 0x6_0000_0200)
        #expect(again.record == record && notices.isEmpty)
        #expect(disk.changeCount == changes, "a second load changes nothing")
        try again.store(EpochRecord(accepted: 7, current: 6, committedZxid: 0x6_0000_0200))
        #expect(disk.changeCount == changes + 5, "only the own record: create, write, sync, rename, directory")
    }

    @Test func whatWasAcknowledgedAloneIsCommitted() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        let store = try EpochStore(disk: disk, directory: "/data")
        #expect(try store.reconcile(lastZxid: 0x66) == EpochRecord(accepted: 0, current: 0, committedZxid: 0x66))
        // From then on it is a member's, whatever it logs.
        let again = try EpochStore(disk: disk, directory: "/data")
        #expect(try again.reconcile(lastZxid: 0x70).committedZxid == 0x66)
    }

    @Test func missingFilesTakeTheEpochOfTheDatabase() throws {
        let disk = try Self.disk()
        let (store, _) = try Self.load(disk, lastZxid: 0x5_0000_0009)
        #expect(store.record == EpochRecord(accepted: 5, current: 5))
        #expect(Self.text(disk, "currentEpoch") == "5")
    }

    @Test func apacheThatRanMeanwhileWins() throws {
        let disk = try Self.disk()
        try Self.load(disk).0.store(EpochRecord(accepted: 3, current: 3, committedZxid: 0x3_0000_0001))
        disk.setContents(Array("9".utf8), of: "/data/acceptedEpoch")
        disk.setContents(Array("8\n".utf8), of: "/data/currentEpoch")
        let (store, notices) = try Self.load(disk, lastZxid: 0x8_0000_0001)
        #expect(store.record == EpochRecord(accepted: 9, current: 8, committedZxid: 0x3_0000_0001))
        #expect(notices.count == 1, "\(notices)")
        let (again, silent) = try Self.load(disk, lastZxid: 0x8_0000_0001)
        #expect(again.record == store.record && silent.isEmpty)
    }

    /// What Apache refuses to start on (ZOOKEEPER-1653): every combination of the two files and the last zxid.
    @Test func noCombinationStopsTheStart() throws {
        let values: [Int64?] = [nil, 0, 1, 2, 5]
        for accepted in values {
            for current in values {
                for epoch in [Int64(0), 1, 3, 6] {
                    var files: [String: String] = [:]
                    if let accepted { files["acceptedEpoch"] = "\(accepted)" }
                    if let current { files["currentEpoch"] = "\(current)" }
                    let disk = try Self.disk(files)
                    let record = try Self.load(disk, lastZxid: epoch << 32 | 17).0.record
                    #expect(record.current == max(current ?? 0, epoch))
                    #expect(record.accepted == max(accepted ?? 0, record.current))
                    #expect(Self.text(disk, "acceptedEpoch") == "\(record.accepted)")
                    #expect(Self.text(disk, "currentEpoch") == "\(record.current)")
                }
            }
        }
    }

    @Test func leftoversGo() throws {
        let names = ["acceptedEpoch.tmp", "currentEpoch.tmp", "corral.epochs.tmp", "updatingEpoch"]
        var files = ["acceptedEpoch": "4", "currentEpoch": "4"]
        for name in names {
            files[name] = "5"
            #expect(DataFileName(name) != .foreign)
        }
        let disk = try Self.disk(files)
        #expect(try Self.load(disk).0.record == EpochRecord(accepted: 4, current: 4))
        #expect(try disk.list("/data") == ["acceptedEpoch", "corral.epochs", "currentEpoch"])
    }

    @Test(arguments: ["", "x", "-1", "4294967296", " 4", "4 "])
    func apacheFileWithoutANumberIsRefused(text: String) throws {
        for name in ["acceptedEpoch", "currentEpoch"] {
            let disk = try Self.disk([name: text])
            #expect(throws: EpochError.notANumber(path: "/data/" + name, text: text)) { try Self.load(disk) }
        }
    }

    @Test func damagedRecordFallsBackToApachesFiles() throws {
        let whole = try Self.disk()
        try Self.load(whole).0.store(EpochRecord(accepted: 4, current: 3, committedZxid: 0x3_0000_0007))
        let bytes = whole.contents(of: "/data/corral.epochs")!
        var damages = bytes.indices.map { index in
            var copy = bytes
            copy[index] ^= 0x20
            return copy
        }
        damages += bytes.indices.map { Array(bytes[..<$0]) } + [bytes + [0]]
        for damaged in damages {
            let disk = try Self.disk(["acceptedEpoch": "4", "currentEpoch": "3"])
            disk.setContents(damaged, of: "/data/corral.epochs")
            let (store, notices) = try Self.load(disk)
            #expect(store.record == EpochRecord(accepted: 4, current: 3))
            #expect(notices.count == 1, "\(notices)")
            #expect(try Self.load(disk).1.isEmpty, "the record is whole again")
            disk.setContents(damaged, of: "/data/corral.epochs")
            try disk.unlink("/data/acceptedEpoch")
            #expect {
                try Self.load(disk)
            } throws: { error in
                "\(error)".contains("/data/corral.epochs is damaged") && "\(error)".contains("/data/acceptedEpoch")
            }
        }
    }

    /// Every crash during a life of promises gives the last record stored, or the one being stored; and what Apache
    /// would read is in order once we have started.
    @Test func everyCrashGivesTheOldRecordOrTheNew() throws {
        var stored: [(changes: Int, record: EpochRecord)] = []
        var begun: [(changes: Int, record: EpochRecord)] = []
        let seed = UInt64.random(in: 1...(1 << 32))
        let enumeration = try CrashEnumeration(try Self.disk(), seed: seed) { disk in
            var die = SplitMix(seed: seed)
            let store = try Self.load(disk).0
            stored.append((disk.changes.count, store.record))
            for _ in 0..<20 {
                var record = store.record
                switch Int.random(in: 0..<3, using: &die) {
                case 0: record.accepted += .random(in: 1...3, using: &die)
                case 1: record.current = .random(in: record.current...record.accepted, using: &die)
                default: record.accepted += 1; record.current = record.accepted
                }
                record.committedZxid += .random(in: 0...1, using: &die)
                begun.append((disk.changes.count, record))
                try store.store(record)
                stored.append((disk.changes.count, record))
            }
        }
        let states = enumeration.run { disk, position, what in
            let record = try Self.load(disk).0.record
            let old = stored.last { $0.changes <= position }?.record ?? EpochRecord()
            let new = begun.last { $0.changes <= position }?.record ?? old
            #expect(record == old || record == new, what)
            #expect(Self.text(disk, "acceptedEpoch") == "\(record.accepted)", what)
            #expect(Self.text(disk, "currentEpoch") == "\(record.current)", what)
            let repair = try CrashEnumeration(disk) { try Self.load($0) }
            repair.run(tornStates: 1) { again, _, _ in
                let found = try Self.load(again).0.record
                #expect(found == record, what)
            }
        }
        print("epoch crash states: \(states), seed \(seed)")
        #expect(states > 500)
    }

    @Test func everyFailingChangeSurfaces() throws {
        var failures = 0
        for number in 0..<20 {
            let disk = try Self.disk()
            let store = try Self.load(disk).0
            disk.failChange(number, code: 28)
            do throws(DiskError) {
                try store.store(EpochRecord(accepted: 2, current: 2, committedZxid: 5))
            } catch {
                failures += 1
                #expect(error.isNoSpace)
            }
            disk.stopFailing()
            let record = try Self.load(disk).0.record
            #expect(record == EpochRecord() || record == EpochRecord(accepted: 2, current: 2, committedZxid: 5))
        }
        #expect(failures == 13, "three files of create, write, sync, rename, and the directory")
    }
}
