import TxnLog

/// A mutation: a disk whose snapshots are never synced, so that they have their names before their bytes are safe.
final class ForgetfulDisk: DecoratedDisk {
    let base: MemoryDisk

    init(_ base: MemoryDisk) { self.base = base }

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        let file = try base.open(path, access)
        return access == .create && path.contains("snapshot") ? ForgetfulFile(base: file) : file
    }
}

private final class ForgetfulFile: DecoratedFile {
    let base: any DiskFile

    init(base: any DiskFile) { self.base = base }

    func sync() throws(DiskError) {}
}
