import TxnLog

/// A disk that takes everything and keeps nothing: what remains is the log's own work.
final class BlankDisk: Disk {
    final class File: DiskFile {
        let path: String
        let isDurableOnReturn: Bool

        init(_ path: String, isDurableOnReturn: Bool) {
            self.path = path
            self.isDurableOnReturn = isDurableOnReturn
        }

        func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
            blackHole(UInt64(bytes[bytes.count - 1]))
        }
        func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int { 0 }
        func sync() throws(DiskError) {}
        func size() throws(DiskError) -> Int { 0 }
        func truncate(to size: Int) throws(DiskError) {}
        func reserve(_ count: Int, at offset: Int) throws(DiskError) {}
        func close() {}
    }

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        File(path, isDurableOnReturn: access == .createDurable)
    }
    func rename(_ path: String, to target: String) throws(DiskError) {}
    func unlink(_ path: String) throws(DiskError) {}
    func syncDirectory(_ path: String) throws(DiskError) {}
    func createDirectory(_ path: String) throws(DiskError) {}
    func list(_ directory: String) throws(DiskError) -> [String] { [] }
    func size(of path: String) throws(DiskError) -> Int? { nil }
    func freeBytes(_ directory: String) throws(DiskError) -> Int { 1 << 40 }
    func lock(_ path: String) throws(DiskError) -> (any DiskLock)? { nil }
}

/// Group commits of a hundred 1-KB transactions: framing, checksums, staging into aligned blocks.
enum LogBenchmarks {
    private static let group = 100

    static func append() -> (Int) -> Void {
        let writer = LogWriter(disk: BlankDisk(), directory: "log")
        let batch = TxnBatch(capacity: 256 << 10)
        let body = Kept([UInt8](repeating: 7, count: Benchmarks.valueBytes))
        var zxid: Int64 = 0
        return { count in
            for _ in 0..<count / group {
                batch.removeAll()
                for _ in 0..<group {
                    zxid += 1
                    batch.append(txn: body.bytes, zxid: zxid)
                }
                do throws(DiskError) {
                    try writer.append([batch])
                } catch {
                    fail("the log refused a batch: \(error)")
                }
            }
        }
    }
}
