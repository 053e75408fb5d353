/// The disk seam: everything that touches a file goes through it, so that tests and the simulator can crash the
/// process at every write, sync and rename.
///
/// Paths are absolute or relative to the process; directories carry no trailing slash.
public protocol Disk: AnyObject, Sendable {
    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile
    /// Replaces `target` atomically. Durable only after the directory is synced.
    func rename(_ path: String, to target: String) throws(DiskError)
    func unlink(_ path: String) throws(DiskError)
    /// Makes the directory's entries (creations, renames, removals) durable.
    func syncDirectory(_ path: String) throws(DiskError)
    /// Creates the directory and its missing parents; nothing when it is there already.
    func createDirectory(_ path: String) throws(DiskError)
    /// Entry names without "." and "..", in no order.
    func list(_ directory: String) throws(DiskError) -> [String]
    /// The file's size in bytes, nil when there is no such file.
    func size(of path: String) throws(DiskError) -> Int?
    /// Bytes that an ordinary process may still write on the directory's file system.
    func freeBytes(_ directory: String) throws(DiskError) -> Int
    /// Creates the file if needed and locks it until the handle closes; nil when another process holds it.
    func lock(_ path: String) throws(DiskError) -> (any DiskLock)?
}

extension Disk {
    /// Removes a file that may be gone already.
    func unlinkIfPresent(_ path: String) throws(DiskError) {
        do throws(DiskError) { try unlink(path) } catch { guard error.isMissing else { throw error } }
    }
}

/// How a file is opened.
public enum FileAccess: Sendable, Equatable {
    /// An existing file, to read. No more is read from the device at once than asked for or prefetched: commits share
    /// it, and one that comes behind the 8 MiB which the system reads ahead on some devices waits 7 ms.
    case read
    /// An existing file, to read, write and truncate; writes reach the disk at the next sync.
    case update
    /// A new or emptied file; writes reach the disk at the next sync.
    case create
    /// A new or emptied file whose writes bypass the page cache and are durable on return, where the file system
    /// can; elsewhere the same as `create`. `DiskFile.isDurableOnReturn` tells which.
    case createDurable
}

/// An open file. Used by one thread at a time; closed by `close`, or when released.
public protocol DiskFile: AnyObject {
    var path: String { get }
    /// Whether each write is on the disk when `write` returns. If so, offset, length and memory of writes must be
    /// multiples of `DiskBlock.size`.
    var isDurableOnReturn: Bool { get }
    /// Writes all of the bytes.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError)
    /// Reads until the memory is full or the file ends; the number of bytes read.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int
    /// Begins to read what will be asked for soon. A hint: may do nothing.
    func prefetch(_ count: Int, at offset: Int)
    /// Makes all writes so far durable (fdatasync).
    func sync() throws(DiskError)
    func size() throws(DiskError) -> Int
    /// Cuts or extends (with zeros) the file. Durable after the next sync.
    func truncate(to size: Int) throws(DiskError)
    /// Asks the file system to set blocks aside without changing the file's size. A hint: not durable, may do nothing.
    func reserve(_ count: Int, at offset: Int) throws(DiskError)
    func close()
}

extension DiskFile {
    public func prefetch(_ count: Int, at offset: Int) {}
}

/// A held lock; the holder's end, or `release`, gives it up.
public protocol DiskLock: AnyObject, Sendable {
    func release()
}

/// Sizes every disk is assumed to have.
public enum DiskBlock {
    /// Alignment of direct writes in bytes.
    public static let size = 4096
    /// What a power failure leaves whole: a sector is written entirely or not at all.
    public static let sectorSize = 512

    static func roundUp(_ count: Int) -> Int { (count + size - 1) & ~(size - 1) }
    static func roundDown(_ count: Int) -> Int { count & ~(size - 1) }
}
