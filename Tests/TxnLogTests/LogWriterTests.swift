import Foundation
import Jute
import Testing

@testable import TxnLog

/// The writer's bytes and files, on the real disk and under failing ones.
struct LogWriterTests {
    /// Appends random groups, some larger than one write, and compares the file with the plain concatenation.
    static func writeRandom(
        _ disk: any Disk, _ directory: String, seed: UInt64, groups: Int, preallocation: Int = 4 << 20
    ) throws -> (writer: LogWriter, expected: [UInt8]) {
        var die = SplitMix(seed: seed)
        let writer = LogWriter(
            disk: disk, directory: directory, preallocationBytes: preallocation, sliceBytes: 256 << 10)
        var expected = Array(Golden.log[..<16])
        var zxid: Int64 = 0
        for group in 0..<groups {
            var batches: [TxnBatch] = [TxnBatch()]
            for _ in 0..<Int.random(in: 1...3, using: &die) {
                let batch = TxnBatch()
                for _ in 0..<Int.random(in: 1...40, using: &die) {
                    zxid += 1
                    let size = group % 7 == 3 ? 60_000 : Int.random(in: 0...1100, using: &die)
                    let data = [UInt8](repeating: UInt8(truncatingIfNeeded: zxid), count: size)
                    batch.appendSetData(zxid: zxid, data: data)
                }
                batches.append(batch)
            }
            try writer.append(batches)
            for batch in batches { expected += batch.bytes.bytes }
            if group % 3 == 0 { _ = writer.prepareAhead() }
        }
        #expect(writer.lastZxid == zxid)
        #expect(writer.statistics.transactions == Int(zxid))
        #expect(writer.statistics.payloadBytes == expected.count - 16)
        #expect(writer.statistics.commits == groups)
        #expect(writer.statistics.syncs >= groups)
        return (writer, expected)
    }

    @Test(arguments: [4 << 20, 0])
    func realFileHoldsHeaderFramesAndZeros(preallocation: Int) throws {
        let seed = UInt64.random(in: 1...(1 << 32))
        print("seed \(seed)")
        let directory = try TemporaryDirectory()
        let disk = FileDisk()
        try ToyState().save(disk, directory.path)
        let (writer, expected) = try Self.writeRandom(
            disk, directory.path, seed: seed, groups: 30, preallocation: preallocation)
        let path = directory.path + "/log.1"
        let running = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(Array(running.prefix(expected.count)) == expected, "seed \(seed)")
        #expect(running.dropFirst(expected.count).allSatisfy { $0 == 0 }, "seed \(seed)")
        #expect(running.count % DiskBlock.size == 0)

        let recovered = try recover(disk, directory.path)
        #expect(recovered.result.lastZxid == writer.lastZxid)
        #expect(recovered.notices.count == 2, "\(recovered.notices)")

        writer.close()
        #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) == expected)
    }

    /// The same on a file system that refuses to bypass the page cache, as this disk in memory pretends to.
    @Test func bufferedFilesHoldTheSame() throws {
        let disk = MemoryDisk(supportsDirect: false)
        try disk.createDirectory("/data")
        let (writer, expected) = try Self.writeRandom(disk, "/data", seed: 5, groups: 20)
        #expect(writer.isDirect == false)
        writer.close()
        #expect(disk.contents(of: "/data/log.1") == expected)
    }

    @Test func rollStartsASegmentNamedByItsFirstTransaction() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 1 << 20, lastZxid: 0x1_0000_0000)
        let batch = TxnBatch()
        for zxid: Int64 in [0x1_0000_0001, 0x1_0000_0002, 0x1_0000_0003] {
            batch.removeAll()
            batch.appendSetData(zxid: zxid, data: [1])
            try writer.append([batch])
            writer.roll()
            writer.roll()
            #expect(writer.segmentBytes == 0)
        }
        writer.close()
        #expect(try disk.list("/data") == ["log.100000001", "log.100000002", "log.100000003"])
        #expect(disk.contents(of: "/data/log.100000002")?.count == 16 + batch.bytes.count)
    }

    /// While others may change the log's files nothing is prepared; then it goes on elsewhere, also earlier.
    @Test func closedWriterTouchesNothingUntilItIsReopened() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 1 << 20)
        let batch = TxnBatch()
        batch.appendSetData(zxid: 9, data: [1])
        try writer.append([batch])
        #expect(writer.prepareAhead())
        writer.close()
        let changes = disk.changeCount
        #expect(!writer.prepareAhead())
        #expect(disk.changeCount == changes)
        #expect(try disk.list("/data") == ["log.9"])
        writer.reopen(after: 3, staged: true)
        #expect(writer.prepareAhead() && writer.lastZxid == 3)
        batch.removeAll()
        batch.appendSetData(zxid: 4, data: [1])
        try writer.append([batch])
        writer.close()
        writer.reopen(after: 4)
        batch.removeAll()
        batch.appendSetData(zxid: 5, data: [1])
        try writer.append([batch])
        #expect(try disk.list("/data") == ["corral.staged.4", "log.5", "log.9"])
    }

    @Test func sizeLimitRolls() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 1 << 20, sizeLimitBytes: 3000)
        let batch = TxnBatch()
        for zxid in 1...9 {
            batch.removeAll()
            batch.appendSetData(zxid: Int64(zxid), data: [UInt8](repeating: 1, count: 1000))
            try writer.append([batch])
        }
        writer.close()
        #expect(try disk.list("/data") == ["log.1", "log.4", "log.7"])
    }

    /// What is prepared while idle is found ready later: neither zeros nor a new file then.
    @Test func preparedWorkIsUsed() throws {
        let disk = MemoryDisk()
        try disk.createDirectory("/data")
        let writer = LogWriter(disk: disk, directory: "/data", sliceBytes: 1 << 20)
        var steps = 0
        while writer.prepareAhead() { steps += 1 }
        #expect(steps == 3)
        #expect(try disk.list("/data") == ["corral.log.tmp"])
        let zeroed = writer.statistics.zeroedBytes
        let before = disk.changeCount
        let batch = TxnBatch()
        batch.appendSetData(zxid: 1, data: [UInt8](repeating: 1, count: 1 << 20))
        try writer.append([batch])
        // Rename, directory sync, two writes because the group exceeds one.
        #expect(disk.changeCount == before + 4)
        #expect(writer.statistics.zeroedBytes == zeroed)
        #expect(try disk.list("/data") == ["log.1"])
    }

    /// The n-th change fails for every n: the error surfaces, and the disk as it then is recovers.
    @Test(arguments: [28, 5] as [Int32])
    func everyFailingChangeSurfaces(code: Int32) throws {
        var failures = 0
        for number in 0..<400 {
            let disk = MemoryDisk(supportsDirect: number % 2 == 0)
            try disk.createDirectory("/data")
            try ToyState().save(disk, "/data")
            let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 64 << 10, sliceBytes: 8 << 10)
            disk.failChange(number, code: code)
            var acknowledged: Int64 = 0
            var submitted: Int64 = 0
            do throws(DiskError) {
                for group in 0..<60 {
                    let batch = TxnBatch()
                    for _ in 0..<3 {
                        submitted += 1
                        batch.appendSetData(zxid: submitted, data: [UInt8](repeating: 3, count: 500))
                    }
                    try writer.append([batch])
                    acknowledged = submitted
                    if group % 10 == 9 { writer.roll() }
                    if group % 10 == 5 { _ = writer.prepareAhead() }
                }
            } catch {
                #expect(error.code == code)
                #expect(error.isNoSpace == (code == 28))
                failures += 1
            }
            disk.stopFailing()
            let zxids = try recover(disk).collector.zxids
            #expect(zxids.count >= acknowledged && zxids.count <= submitted, "change \(number)")
            #expect(zxids == (0..<Int64(zxids.count)).map { $0 + 1 }, "change \(number)")
            if acknowledged == 180 { break }
        }
        print("failing changes that surfaced: \(failures)")
        #expect(failures > 50)
    }

    @Test func aFailedSnapshotLeavesNothing() throws {
        for number in 0..<6 {
            let disk = MemoryDisk()
            try disk.createDirectory("/data")
            disk.failChange(number, code: 28)
            let failed = (try? ToyState().save(disk, "/data")) == nil
            disk.stopFailing()
            #expect(failed == (number < 5))
            let names = try disk.list("/data")
            // After the rename only the directory's sync is left to fail: then the name may stay.
            #expect(number >= 4 || names.allSatisfy { $0 == "corral.snapshot.tmp" }, "change \(number): \(names)")
            #expect(try recover(disk).result.isNewDatabase == (number < 4))
        }
    }
}
