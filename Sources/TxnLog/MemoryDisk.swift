import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A disk in memory for tests and the simulator: it records what is done to it, can fail the n-th change, and with
/// `CrashModel` shows what a power failure at any moment may leave.
///
/// Safe to use from several threads; each operation is atomic.
public final class MemoryDisk: Disk {
    /// A change, as recorded. Files are numbered in the order of their creation.
    public enum Change: Sendable {
        case create(path: String, file: Int)
        /// `isDurable`: on the disk when the call returned.
        case write(file: Int, offset: Int, bytes: [UInt8], isDurable: Bool)
        case sync(file: Int)
        case truncate(file: Int, size: Int)
        case rename(path: String, target: String)
        case unlink(path: String)
        case syncDirectory(path: String)
    }

    struct State {
        var contents: [[UInt8]] = []
        var names: [String: Int] = [:]
        var directories: Set<String> = []
        var locks: Set<String> = []
        var changes: [Change] = []
        var isRecording = false
        var changeCount = 0
        var failAt: Int?
        var failCode: Int32 = 0
        var freeBytes = Int.max
    }

    let state: Mutex<State>
    /// Whether `FileAccess.createDurable` gives durable files, or falls back as on a file system without direct I/O.
    public let supportsDirect: Bool

    public init(supportsDirect: Bool = true) {
        self.supportsDirect = supportsDirect
        state = Mutex(State())
    }

    init(_ initial: sending State, supportsDirect: Bool) {
        self.supportsDirect = supportsDirect
        state = Mutex(initial)
    }

    /// Records every change from now on.
    public func startRecording() {
        state.withLock {
            $0.isRecording = true
            $0.changes = []
        }
    }

    /// The recorded changes.
    public var changes: [Change] { state.withLock { $0.changes } }
    /// How many changes were made since the disk was created.
    public var changeCount: Int { state.withLock { $0.changeCount } }

    /// Makes the change with this number (counted from now, the next being 0) and all later ones fail.
    public func failChange(_ number: Int, code: Int32) {
        state.withLock {
            $0.failAt = $0.changeCount + number
            $0.failCode = code
        }
    }

    /// Lets changes succeed again.
    public func stopFailing() { state.withLock { $0.failAt = nil } }

    /// The file's bytes, nil when there is no such file.
    public func contents(of path: String) -> [UInt8]? {
        state.withLock { state in state.names[path].map { state.contents[$0] } }
    }

    /// Makes a file with these bytes, or replaces its content, without recording a change.
    public func setContents(_ bytes: [UInt8], of path: String) {
        state.withLock {
            if let file = $0.names[path] {
                $0.contents[file] = bytes
            } else {
                $0.names[path] = $0.contents.count
                $0.contents.append(bytes)
            }
        }
    }

    private func change<Result>(
        _ operation: DiskError.Operation, _ path: String,
        _ body: (inout State) throws(DiskError) -> (Change, Result)
    ) throws(DiskError) -> Result {
        var outcome: Swift.Result<Result, DiskError>?
        state.withLock { state in
            defer { state.changeCount += 1 }
            if let failAt = state.failAt, state.changeCount >= failAt {
                outcome = .failure(DiskError(operation, path, code: state.failCode))
                return
            }
            do throws(DiskError) {
                let (change, result) = try body(&state)
                if state.isRecording { state.changes.append(change) }
                outcome = .success(result)
            } catch {
                outcome = .failure(error)
            }
        }
        return try outcome!.get()
    }

    public func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        if access == .read || access == .update {
            guard let file = state.withLock({ $0.names[path] }) else { throw DiskError(.open, path, code: ENOENT) }
            return MemoryFile(self, path, file, isDurableOnReturn: false)
        }
        let file = try change(.open, path) { state throws(DiskError) in
            // A new file each time, also when the name exists: emptying is modelled as replacing.
            let file = state.contents.count
            state.contents.append([])
            state.names[path] = file
            return (.create(path: path, file: file), file)
        }
        return MemoryFile(self, path, file, isDurableOnReturn: access == .createDurable && supportsDirect)
    }

    public func rename(_ path: String, to target: String) throws(DiskError) {
        try change(.rename, path) { state throws(DiskError) in
            guard let file = state.names.removeValue(forKey: path) else {
                throw DiskError(.rename, path, code: ENOENT)
            }
            state.names[target] = file
            return (.rename(path: path, target: target), ())
        }
    }

    public func unlink(_ path: String) throws(DiskError) {
        try change(.unlink, path) { state throws(DiskError) in
            guard state.names.removeValue(forKey: path) != nil else { throw DiskError(.unlink, path, code: ENOENT) }
            return (.unlink(path: path), ())
        }
    }

    public func syncDirectory(_ path: String) throws(DiskError) {
        try change(.syncDirectory, path) { _ throws(DiskError) in (.syncDirectory(path: path), ()) }
    }

    public func createDirectory(_ path: String) throws(DiskError) {
        state.withLock { _ = $0.directories.insert(path) }
    }

    public func list(_ directory: String) throws(DiskError) -> [String] {
        let names: [String]? = state.withLock { state in
            let prefix = directory + "/"
            let found = state.names.keys.filter { $0.hasPrefix(prefix) && !$0.dropFirst(prefix.count).contains("/") }
            guard !found.isEmpty || state.directories.contains(directory) else { return nil }
            return found.map { String($0.dropFirst(prefix.count)) }.sorted()
        }
        guard let names else { throw DiskError(.list, directory, code: ENOENT) }
        return names
    }

    public func size(of path: String) throws(DiskError) -> Int? {
        state.withLock { state in state.names[path].map { state.contents[$0].count } }
    }

    public func freeBytes(_ directory: String) throws(DiskError) -> Int { state.withLock { $0.freeBytes } }

    public func lock(_ path: String) throws(DiskError) -> (any DiskLock)? {
        guard state.withLock({ $0.locks.insert(path).inserted }) else { return nil }
        return MemoryLock(self, path)
    }

    fileprivate func unlock(_ path: String) { state.withLock { _ = $0.locks.remove(path) } }

    fileprivate func write(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, _ file: Int, _ path: String, isDurable: Bool
    ) throws(DiskError) {
        try change(.write, path) { state throws(DiskError) in
            let copy = [UInt8](bytes)
            state.contents[file].overwrite(copy[...], at: offset)
            return (.write(file: file, offset: offset, bytes: copy, isDurable: isDurable), ())
        }
    }

    fileprivate func sync(_ file: Int, _ path: String) throws(DiskError) {
        try change(.sync, path) { _ throws(DiskError) in (.sync(file: file), ()) }
    }

    fileprivate func truncate(_ file: Int, _ path: String, to size: Int) throws(DiskError) {
        try change(.truncate, path) { state throws(DiskError) in
            state.contents[file].resize(to: size)
            return (.truncate(file: file, size: size), ())
        }
    }
}

/// An open file of a memory disk.
private final class MemoryFile: DiskFile {
    let path: String
    let isDurableOnReturn: Bool
    private let disk: MemoryDisk
    private let file: Int

    init(_ disk: MemoryDisk, _ path: String, _ file: Int, isDurableOnReturn: Bool) {
        self.disk = disk
        self.path = path
        self.file = file
        self.isDurableOnReturn = isDurableOnReturn
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        if isDurableOnReturn {
            // What a kernel would refuse: the disk is stricter than the file systems that fall back.
            let isAligned =
                offset % DiskBlock.size == 0 && bytes.count % DiskBlock.size == 0
                && Int(bitPattern: bytes.baseAddress) % DiskBlock.size == 0
            guard isAligned else { throw DiskError(.write, path, code: EINVAL) }
        }
        try disk.write(bytes, at: offset, file, path, isDurable: isDurableOnReturn)
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(DiskError) -> Int {
        disk.state.withLock { state in
            let available = max(0, min(bytes.count, state.contents[file].count - offset))
            if available > 0 {
                state.contents[file].withUnsafeBytes { source in
                    bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + available]))
                }
            }
            return available
        }
    }

    func sync() throws(DiskError) { try disk.sync(file, path) }
    func size() throws(DiskError) -> Int { disk.state.withLock { $0.contents[file].count } }
    func truncate(to size: Int) throws(DiskError) { try disk.truncate(file, path, to: size) }
    func reserve(_ count: Int, at offset: Int) throws(DiskError) {}
    func close() {}
}

private final class MemoryLock: DiskLock {
    private let disk: MemoryDisk
    private let path: String

    init(_ disk: MemoryDisk, _ path: String) {
        self.disk = disk
        self.path = path
    }

    deinit { disk.unlock(path) }

    func release() { disk.unlock(path) }
}

extension [UInt8] {
    /// Writes bytes at an offset, extending with zeros.
    mutating func overwrite(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        if count < offset + bytes.count { resize(to: offset + bytes.count) }
        withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + source.count]).copyMemory(from: source)
            }
        }
    }

    mutating func resize(to size: Int) {
        if size <= count {
            removeLast(count - size)
        } else {
            append(contentsOf: [UInt8](repeating: 0, count: size - count))
        }
    }
}
