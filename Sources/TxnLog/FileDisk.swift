import CPlatform

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The real disk. Stateless, so any thread may use it.
public final class FileDisk: Disk {
    public init() {}

    public func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        switch access {
        case .read:
            let descriptor = try openDescriptor(path, O_RDONLY)
            corral_no_read_ahead(descriptor)
            return SystemFile(path, descriptor, isDurableOnReturn: false)
        case .update:
            return SystemFile(path, try openDescriptor(path, O_RDWR), isDurableOnReturn: false)
        case .create:
            return SystemFile(path, try openDescriptor(path, O_RDWR | O_CREAT | O_TRUNC), isDurableOnReturn: false)
        case .createDurable:
            let descriptor = corral_open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644, 1, 1)
            if descriptor >= 0 { return SystemFile(path, descriptor, isDurableOnReturn: true) }
            // Some file systems (tmpfs on older kernels, overlays) refuse to bypass the page cache.
            guard errno == EINVAL else { throw DiskError(.open, path, code: errno) }
            return try open(path, .create)
        }
    }

    private func openDescriptor(_ path: String, _ flags: Int32) throws(DiskError) -> Int32 {
        let descriptor = corral_open(path, flags, 0o644, 0, 0)
        guard descriptor >= 0 else { throw DiskError(.open, path, code: errno) }
        return descriptor
    }

    public func rename(_ path: String, to target: String) throws(DiskError) {
        guard SystemCall.rename(path, target) == 0 else { throw DiskError(.rename, path, code: errno) }
    }

    public func unlink(_ path: String) throws(DiskError) {
        guard SystemCall.unlink(path) == 0 else { throw DiskError(.unlink, path, code: errno) }
    }

    public func syncDirectory(_ path: String) throws(DiskError) {
        let descriptor = corral_open(path, O_RDONLY | O_DIRECTORY, 0, 0, 0)
        guard descriptor >= 0 else { throw DiskError(.syncDirectory, path, code: errno) }
        defer { _ = SystemCall.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw DiskError(.syncDirectory, path, code: errno) }
    }

    public func createDirectory(_ path: String) throws(DiskError) {
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw DiskError(.createDirectory, path, code: errno)
        }
        try createDirectory(String(path[..<slash]))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw DiskError(.createDirectory, path, code: errno) }
    }

    public func list(_ directory: String) throws(DiskError) -> [String] {
        guard let stream = opendir(directory) else { throw DiskError(.list, directory, code: errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    public func size(of path: String) throws(DiskError) -> Int? {
        var status = stat()
        if stat(path, &status) == 0 { return Int(status.st_size) }
        if errno == ENOENT { return nil }
        throw DiskError(.size, path, code: errno)
    }

    public func freeBytes(_ directory: String) throws(DiskError) -> Int {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { throw DiskError(.freeSpace, directory, code: errno) }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }

    public func lock(_ path: String) throws(DiskError) -> (any DiskLock)? {
        let descriptor = corral_open(path, O_RDWR | O_CREAT, 0o644, 0, 0)
        guard descriptor >= 0 else { throw DiskError(.lock, path, code: errno) }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return SystemLock(descriptor) }
        let code = errno
        _ = SystemCall.close(descriptor)
        if code == EWOULDBLOCK { return nil }
        throw DiskError(.lock, path, code: code)
    }
}

/// A file descriptor. One thread at a time.
private final class SystemFile: DiskFile {
    let path: String
    let isDurableOnReturn: Bool
    private var descriptor: Int32

    init(_ path: String, _ descriptor: Int32, isDurableOnReturn: Bool) {
        self.path = path
        self.descriptor = descriptor
        self.isDurableOnReturn = isDurableOnReturn
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { _ = SystemCall.close(descriptor) }
        descriptor = -1
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        var done = 0
        while done < bytes.count {
            let written = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if written > 0 {
                done += written
            } else if written < 0 && errno == EINVAL && dropDirect() {
                // A file system that opens direct but wants another alignment: go through the page cache;
                // O_DSYNC stays, so writes are still durable on return.
                continue
            } else if written == 0 || errno != EINTR {
                throw DiskError(.write, path, code: written == 0 ? ENOSPC : errno)
            }
        }
    }

    private func dropDirect() -> Bool { corral_drop_direct(descriptor) == 1 }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        var done = 0
        while done < bytes.count {
            let count = pread(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if count == 0 { break }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                throw DiskError(.read, path, code: errno)
            }
        }
        return done
    }

    func prefetch(_ count: Int, at offset: Int) { corral_prefetch(descriptor, Int64(offset), Int64(count)) }

    func sync() throws(DiskError) {
        guard fdatasync(descriptor) == 0 else { throw DiskError(.sync, path, code: errno) }
    }

    func size() throws(DiskError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw DiskError(.size, path, code: errno) }
        return Int(status.st_size)
    }

    func truncate(to size: Int) throws(DiskError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw DiskError(.truncate, path, code: errno) }
    }

    func reserve(_ count: Int, at offset: Int) throws(DiskError) {
        let code = corral_reserve(descriptor, Int64(offset), Int64(count))
        guard code == 0 || code == EOPNOTSUPP || code == ENOSYS else { throw DiskError(.reserve, path, code: code) }
    }
}

/// A locked descriptor; closing it gives the lock up. Immutable but for `release`, which its owner calls once.
private final class SystemLock: DiskLock, @unchecked Sendable {
    private var descriptor: Int32

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { release() }

    func release() {
        if descriptor >= 0 { _ = SystemCall.close(descriptor) }
        descriptor = -1
    }
}

/// Calls whose names the types above take for their own methods.
private enum SystemCall {
    static func close(_ descriptor: Int32) -> Int32 { systemClose(descriptor) }
    static func rename(_ path: String, _ target: String) -> Int32 { systemRename(path, target) }
    static func unlink(_ path: String) -> Int32 { systemUnlink(path) }
}

private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func systemRename(_ path: String, _ target: String) -> Int32 { rename(path, target) }
private func systemUnlink(_ path: String) -> Int32 { unlink(path) }
