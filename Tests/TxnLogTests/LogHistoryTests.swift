import Foundation
import Jute
import Testing
import ZooKeeperProtocol

@testable import TxnLog

/// Reading the log back while it grows.
struct LogHistoryTests {
    static func open(_ disk: any Disk, after zxid: Int64, _ index: LogIndex? = nil) throws -> LogHistory? {
        try LogHistory(disk: disk, logDirectory: "/data", snapshotDirectory: "/data", after: zxid, index: index)
    }

    static func floor(_ disk: any Disk, _ zxid: Int64) throws -> Int64? {
        try LogHistory.floor(of: zxid, disk: disk, logDirectory: "/data", snapshotDirectory: "/data")
    }

    /// Everything up to `zxid`, in pieces of `maximumBytes`.
    static func readAll(_ history: LogHistory, upTo zxid: Int64 = .max, maximumBytes: Int = 3000) throws -> [Int64] {
        var zxids: [Int64] = []
        let batch = TxnBatch()
        while try history.read(into: batch, upTo: zxid, maximumBytes: maximumBytes) {
            let sizes = (0..<batch.count).map { batch.txn(at: $0).count + TxnFrame.overhead }
            #expect(batch.bytes.count - sizes.last! < maximumBytes, "stops once it has enough")
            for index in 0..<batch.count {
                var reader = JuteReader(batch.txn(at: index))
                zxids.append(try TxnHeader(from: &reader).zxid)
            }
            #expect(batch.firstZxid == zxids[zxids.count - batch.count] && batch.lastZxid == zxids.last)
            let before = [UInt8](batch.bytes.bytes)
            batch.seal()
            #expect([UInt8](batch.bytes.bytes) == before, "checksums are right already")
            batch.removeAll()
        }
        return zxids
    }

    @Test func everyStartAndEnd() throws {
        let seed = UInt64.random(in: 1...(1 << 32))
        print("seed \(seed)")
        let history = try LogTruncationTests.history(seed: seed)
        let zxids = history.zxids.dropFirst()
        for start in history.zxids {
            for end in history.zxids + [0x1_0000_0000, 0x1_0000_00ff, .max] {
                let reader = try #require(try Self.open(history.disk, after: start))
                #expect(try Self.readAll(reader, upTo: end) == zxids.filter { $0 > start && $0 <= end })
                #expect(reader.problem == nil && reader.lastZxid == max(start, history.floor(end)))
                if end < history.last { #expect(try Self.readAll(reader) == zxids.filter { $0 > max(start, end) }) }
            }
            #expect(try Self.floor(history.disk, start) == start)
        }
        for zxid in [13, 0x1_0000_0000, 0x1_0000_0020, 0x3_0000_0001, 0x4_0000_0000, 0x9_0000_0000] as [Int64] {
            #expect(try Self.floor(history.disk, zxid) == history.floor(zxid))
        }
    }

    /// A reader that keeps up with a writer, over rolls, prepared segments and purges.
    @Test(arguments: [true, false])
    func followsTheWriter(supportsDirect: Bool) throws {
        let seed = UInt64.random(in: 1...(1 << 32))
        var die = SplitMix(seed: seed)
        let disk = MemoryDisk(supportsDirect: supportsDirect)
        try disk.createDirectory("/data")
        var state = ToyState()
        try state.save(disk, "/data")
        let index = LogIndex()
        let writer = LogWriter(
            disk: disk, directory: "/data", preallocationBytes: 64 << 10, sliceBytes: 8 << 10, index: index)
        let history = try #require(try Self.open(disk, after: 0, index))
        var read: [Int64] = []
        for _ in 0..<300 {
            let batch = TxnBatch()
            for _ in 0..<Int.random(in: 1...8, using: &die) {
                state.zxid += 1
                let size = Int.random(in: 0...3000, using: &die)
                batch.appendSetData(zxid: state.zxid, data: [UInt8](repeating: 7, count: size))
            }
            try writer.append([batch])
            switch Int.random(in: 0..<12, using: &die) {
            case 0: writer.roll()
            case 1:
                // Three snapshots stay: who is no further behind than one finds its log.
                read += try Self.readAll(history, upTo: state.zxid - 1)
                writer.roll()
                try state.save(disk, "/data")
                try Purge(retainCount: 3).run(disk: disk, logDirectory: "/data", snapshotDirectory: "/data")
            case 2...5: _ = writer.prepareAhead()
            case 6...9: read += try Self.readAll(history, upTo: state.zxid - .random(in: 0...2, using: &die))
            default: break
            }
            if let problem = history.problem {
                Issue.record("\(problem), seed \(seed)")
                break
            }
        }
        read += try Self.readAll(history, upTo: state.zxid)
        #expect(read == (1...state.zxid).map { $0 }, "seed \(seed)")
    }

    /// The same on the real disk, on two threads, past the page cache.
    @Test func followsTheWriterOnTheRealDisk() throws {
        let directory = try TemporaryDirectory()
        let disk = FileDisk()
        try ToyState().save(disk, directory.path)
        let durable = Durable()
        let total: Int64 = 20_000
        let path = directory.path
        let thread = Thread {
            let writer = LogWriter(
                disk: disk, directory: path, preallocationBytes: 4 << 20, sizeLimitBytes: 3 << 20,
                sliceBytes: 256 << 10)
            var zxid: Int64 = 0
            while zxid < total {
                let batch = TxnBatch()
                for _ in 0..<Int.random(in: 1...60) {
                    zxid += 1
                    batch.appendSetData(zxid: zxid, data: [UInt8](repeating: UInt8(zxid & 0xff), count: 500))
                }
                do { try writer.append([batch]) } catch { Issue.record(error) }
                durable.zxid = zxid
            }
            writer.close()
            durable.isDone = true
        }
        thread.start()
        let history = try #require(
            try LogHistory(disk: disk, logDirectory: path, snapshotDirectory: path, after: 0))
        var zxids: [Int64] = []
        let deadline = Date().addingTimeInterval(60)
        while Date() < deadline {
            let isDone = durable.isDone
            let end = durable.zxid
            zxids += try Self.readAll(history, upTo: end, maximumBytes: 100_000)
            #expect(history.problem == nil && history.lastZxid == end)
            if isDone { break }
        }
        #expect(zxids.count >= total && zxids == (1...Int64(zxids.count)).map { $0 })
    }

    private final class Durable: @unchecked Sendable {
        private let lock = NSLock()
        private var value: (zxid: Int64, isDone: Bool) = (0, false)
        var zxid: Int64 {
            get { lock.withLock { value.zxid } }
            set { lock.withLock { value.zxid = newValue } }
        }
        var isDone: Bool {
            get { lock.withLock { value.isDone } }
            set { lock.withLock { value.isDone = newValue } }
        }
    }

    @Test func purgedStartIsNotReached() throws {
        let log = try DamagedLog([3, 3, 3])
        var state = ToyState()
        for zxid in [Int64(3), 5] {
            state.zxid = zxid
            try state.save(log.disk, "/data")
        }
        try log.disk.unlink(log.path(1))
        for name in ["snapshot.0", "snapshot.3"] { try log.disk.unlink("/data/" + name) }
        for zxid in [Int64(0), 1, 2] {
            #expect(try Self.open(log.disk, after: zxid) == nil)
            #expect(try Self.floor(log.disk, zxid) == nil)
        }
        // What follows 3 is there, though 3 itself is not.
        let reader = try #require(try Self.open(log.disk, after: 3))
        #expect(try Self.readAll(reader) == [4, 5, 6, 7, 8, 9])
        #expect(try Self.floor(log.disk, 7) == 7)
    }

    /// A server that began with a received snapshot: its log starts there.
    @Test(arguments: [0x2_0000_0005, 0x3_0000_0001] as [Int64])
    func snapshotIsAStart(first: Int64) throws {
        let log = try DamagedLog([4], from: first)
        try log.disk.unlink("/data/snapshot.0")
        var state = ToyState()
        state.zxid = 0x2_0000_0004
        try state.save(log.disk, "/data")
        let reader = try #require(try Self.open(log.disk, after: state.zxid))
        #expect(try Self.readAll(reader) == (first..<first + 4).map { $0 })
        #expect(try Self.floor(log.disk, state.zxid) == state.zxid)
        #expect(try Self.floor(log.disk, first) == first)
        #expect(try Self.open(log.disk, after: 0x2_0000_0003) == nil)
        #expect(try Self.floor(log.disk, 0x2_0000_0003) == nil)
    }

    @Test func onlyASnapshot() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        #expect(try Self.open(disk, after: 0) == nil)
        var state = ToyState()
        state.zxid = 7
        try state.save(disk, "/data")
        #expect(try Self.open(disk, after: 6) == nil && Self.floor(disk, 6) == nil)
        #expect(try Self.floor(disk, 9) == 7)
        let history = try #require(try Self.open(disk, after: 7))
        #expect(try Self.readAll(history) == [])
        let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 0, lastZxid: 7)
        let batch = TxnBatch()
        batch.appendSetData(zxid: 8, data: [])
        try writer.append([batch])
        #expect(try Self.readAll(history) == [8])
    }

    @Test func gapsAreNoticed() throws {
        let log = try DamagedLog([3, 3, 3])
        let history = try #require(try Self.open(log.disk, after: 1))
        try log.disk.unlink(log.path(4))
        #expect(try Self.readAll(history) == [2, 3])
        #expect(history.problem == .gap(path: "/data/log.7", offset: 16, after: 3, next: 7))
        #expect(history.lastZxid == 3)
        // Nothing of the second epoch says whether the first was complete: a snapshot does.
        let second = try DamagedLog([2], from: 0x2_0000_0001)
        second.disk.setContents(log.disk.contents(of: log.path(1))!, of: log.path(1))
        #expect(try Self.readAll(try #require(try Self.open(second.disk, after: 0))).count == 5)
        var state = ToyState()
        state.zxid = 5
        try state.save(second.disk, "/data")
        let gap = try #require(try Self.open(second.disk, after: 0))
        #expect(try Self.readAll(gap) == [1, 2, 3] && gap.problem != nil)
        #expect(try Self.open(second.disk, after: 3) == nil)
        #expect(try #require(try Self.open(second.disk, after: 5)).lastZxid == 5)
    }

    /// A damaged record is not handed out, nor anything after it.
    @Test func damageEndsTheHistory() throws {
        let log = try DamagedLog([6, 3])
        log.edit(1) { $0[log.offsets[4]! + 40] ^= 1 }
        let history = try #require(try Self.open(log.disk, after: 0))
        #expect(try Self.readAll(history) == [1, 2, 3])
        #expect(history.problem != nil)
    }

    @Test func errorUnderTheSameZxidIsSkipped() throws {
        let log = try DamagedLog([4])
        log.append(1, zxid: 4, type: OpCode.error.rawValue)
        for start in [Int64(0), 3, 4] {
            let history = try #require(try Self.open(log.disk, after: start))
            #expect(try Self.readAll(history) == (1...4).filter { $0 > start } && history.problem == nil)
        }
    }

    /// With an index a history in the middle of a large segment costs a few reads.
    @Test func indexSparesReading() throws {
        let memory = MemoryDisk()
        try memory.createDirectory("/data")
        try ToyState().save(memory, "/data")
        let index = LogIndex()
        let writer = LogWriter(disk: memory, directory: "/data", index: index)
        for group in 0..<240 {
            let batch = TxnBatch()
            for zxid in group * 100 + 1...group * 100 + 100 {
                batch.appendSetData(zxid: Int64(zxid), data: [UInt8](repeating: 1, count: 1000))
            }
            try writer.append([batch])
        }
        let recovered = LogIndex()
        _ = try Recovery(index: recovered).run(
            disk: CrashModel.copy(of: memory), logDirectory: "/data", snapshotDirectory: "/data", visitor: Collector())
        let read = LogIndex()
        for (known, limit) in [(index, 3 << 20), (recovered, 3 << 20), (read, 30 << 20), (read, 3 << 20)] {
            let disk = CountingDisk(memory)
            let history = try #require(try Self.open(disk, after: 20_000, known))
            #expect(disk.bytesRead < limit, "\(disk.bytesRead) bytes read")
            #expect(try Self.readAll(history, upTo: 20_100).count == 100)
        }
    }
}

/// A disk that counts what is read. One thread.
final class CountingDisk<Base: Disk>: DecoratedDisk, @unchecked Sendable {
    let base: Base
    fileprivate(set) var bytesRead = 0

    init(_ base: Base) { self.base = base }

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        CountingFile(base: try base.open(path, access)) { self.bytesRead += $0 }
    }
}

private final class CountingFile: DecoratedFile {
    let base: any DiskFile
    private let note: (Int) -> Void

    init(base: any DiskFile, note: @escaping (Int) -> Void) {
        self.base = base
        self.note = note
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        let count = try base.read(into: bytes, at: offset)
        note(count)
        return count
    }
}
