import TxnLog

/// A mutation: a disk whose snapshots are never synced, so that they have their names before their bytes are safe.
final class ForgetfulDisk: Disk {
    private let disk: MemoryDisk

    init(_ disk: MemoryDisk) { self.disk = disk }

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        let file = try disk.open(path, access)
        return access == .create && path.contains("snapshot") ? ForgetfulFile(file) : file
    }

    func rename(_ path: String, to target: String) throws(DiskError) { try disk.rename(path, to: target) }
    func unlink(_ path: String) throws(DiskError) { try disk.unlink(path) }
    func syncDirectory(_ path: String) throws(DiskError) { try disk.syncDirectory(path) }
    func createDirectory(_ path: String) throws(DiskError) { try disk.createDirectory(path) }
    func list(_ directory: String) throws(DiskError) -> [String] { try disk.list(directory) }
    func size(of path: String) throws(DiskError) -> Int? { try disk.size(of: path) }
    func freeBytes(_ directory: String) throws(DiskError) -> Int { try disk.freeBytes(directory) }
    func lock(_ path: String) throws(DiskError) -> (any DiskLock)? { try disk.lock(path) }
}

private final class ForgetfulFile: DiskFile {
    private let file: any DiskFile

    init(_ file: any DiskFile) { self.file = file }

    var path: String { file.path }
    var isDurableOnReturn: Bool { file.isDurableOnReturn }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) { try file.write(bytes, at: offset) }
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try file.read(into: bytes, at: offset)
    }
    func sync() throws(DiskError) {}
    func size() throws(DiskError) -> Int { try file.size() }
    func truncate(to size: Int) throws(DiskError) { try file.truncate(to: size) }
    func reserve(_ count: Int, at offset: Int) throws(DiskError) { try file.reserve(count, at: offset) }
    func close() { file.close() }
}
