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
private final class CrampedDisk: Disk, @unchecked Sendable {
    private let memory = MemoryDisk()
    var refusesZeros = false
    var refusals = 0

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        CrampedFile(file: try memory.open(path, access), disk: self)
    }
    func rename(_ path: String, to target: String) throws(DiskError) { try memory.rename(path, to: target) }
    func unlink(_ path: String) throws(DiskError) { try memory.unlink(path) }
    func syncDirectory(_ path: String) throws(DiskError) { try memory.syncDirectory(path) }
    func createDirectory(_ path: String) throws(DiskError) { try memory.createDirectory(path) }
    func list(_ directory: String) throws(DiskError) -> [String] { try memory.list(directory) }
    func size(of path: String) throws(DiskError) -> Int? { try memory.size(of: path) }
    func freeBytes(_ directory: String) throws(DiskError) -> Int { try memory.freeBytes(directory) }
    func lock(_ path: String) throws(DiskError) -> (any DiskLock)? { try memory.lock(path) }
}

private final class CrampedFile: DiskFile {
    private let file: any DiskFile
    private let disk: CrampedDisk

    init(file: any DiskFile, disk: CrampedDisk) {
        self.file = file
        self.disk = disk
    }

    var path: String { file.path }
    var isDurableOnReturn: Bool { file.isDurableOnReturn }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        if disk.refusesZeros, bytes.allSatisfy({ $0 == 0 }) {
            disk.refusals += 1
            throw DiskError(.write, path, code: 28)
        }
        try file.write(bytes, at: offset)
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try file.read(into: bytes, at: offset)
    }
    func sync() throws(DiskError) { try file.sync() }
    func size() throws(DiskError) -> Int { try file.size() }
    func truncate(to size: Int) throws(DiskError) { try file.truncate(to: size) }
    func reserve(_ count: Int, at offset: Int) throws(DiskError) { try file.reserve(count, at: offset) }
    func close() { file.close() }
}
