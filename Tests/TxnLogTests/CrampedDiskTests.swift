import Testing

@testable import TxnLog

/// Zeros ahead of a log that the disk refuses once and takes later, as a disk does that other programs fill and free.
struct CrampedDiskTests {
    @Test(arguments: [true, false])
    func laterZerosNeverFallOnTransactions(whileIdle: Bool) throws {
        let disk = CrampedDisk()
        try disk.createDirectory("/data")
        try ToyState().save(disk, "/data")
        let writer = LogWriter(disk: disk, directory: "/data", preallocationBytes: 64 << 10, sliceBytes: 16 << 10)
        for zxid in 1...200 {
            disk.refusesZeros = (20..<60).contains(zxid)
            let batch = TxnBatch()
            batch.appendSetData(zxid: Int64(zxid), data: [UInt8](repeating: 3, count: 1000))
            try writer.append([batch])
            // Idle only after the disk was cramped: before, there would be zeros enough for the whole test.
            if whileIdle, zxid >= 60 { while writer.prepareAhead() {} }
        }
        #expect(disk.refusals > 0)
        let recovered = try recover(disk)
        #expect(recovered.collector.zxids == Array(1...200))
        #expect(!recovered.notices.contains { $0.isCut }, "\(recovered.notices)")
    }
}

/// A disk in memory that may refuse to write zeros for lack of space. One thread.
private final class CrampedDisk: DecoratedDisk, @unchecked Sendable {
    let base = MemoryDisk()
    var refusesZeros = false
    var refusals = 0

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        CrampedFile(base: try base.open(path, access), disk: self)
    }
}

private final class CrampedFile: DecoratedFile {
    let base: any DiskFile
    private let disk: CrampedDisk

    init(base: any DiskFile, disk: CrampedDisk) {
        self.base = base
        self.disk = disk
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        if disk.refusesZeros, bytes.allSatisfy({ $0 == 0 }) {
            disk.refusals += 1
            throw DiskError(.write, path, code: 28)
        }
        try base.write(bytes, at: offset)
    }
}
