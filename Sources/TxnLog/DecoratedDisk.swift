/// A disk that passes everything on to another; conform and change what is to be otherwise. For tests and simulation.
public protocol DecoratedDisk: Disk {
    associatedtype Base: Disk
    var base: Base { get }
}

extension DecoratedDisk {
    public func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        try base.open(path, access)
    }
    public func rename(_ path: String, to target: String) throws(DiskError) { try base.rename(path, to: target) }
    public func unlink(_ path: String) throws(DiskError) { try base.unlink(path) }
    public func syncDirectory(_ path: String) throws(DiskError) { try base.syncDirectory(path) }
    public func createDirectory(_ path: String) throws(DiskError) { try base.createDirectory(path) }
    public func list(_ directory: String) throws(DiskError) -> [String] { try base.list(directory) }
    public func size(of path: String) throws(DiskError) -> Int? { try base.size(of: path) }
    public func freeBytes(_ directory: String) throws(DiskError) -> Int { try base.freeBytes(directory) }
    public func lock(_ path: String) throws(DiskError) -> (any DiskLock)? { try base.lock(path) }
}

/// A file that passes everything on to another.
public protocol DecoratedFile: DiskFile {
    var base: any DiskFile { get }
}

extension DecoratedFile {
    public var path: String { base.path }
    public var isDurableOnReturn: Bool { base.isDurableOnReturn }
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        try base.write(bytes, at: offset)
    }
    public func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        try base.read(into: bytes, at: offset)
    }
    public func prefetch(_ count: Int, at offset: Int) { base.prefetch(count, at: offset) }
    public func sync() throws(DiskError) { try base.sync() }
    public func size() throws(DiskError) -> Int { try base.size() }
    public func truncate(to size: Int) throws(DiskError) { try base.truncate(to: size) }
    public func reserve(_ count: Int, at offset: Int) throws(DiskError) { try base.reserve(count, at: offset) }
    public func close() { base.close() }
}
