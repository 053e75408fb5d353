import Foundation
import RequestQueue
import TxnLog

/// The machine's disk, which fails or stands still when told to, and counts what is done to it.
final class FaultyDisk: DecoratedDisk, @unchecked Sendable {
    private struct State {
        var fails = false
        var changes = 0
    }

    let base = FileDisk()
    private let state = LockedValue(State())
    /// Held by a write that stands still.
    private let gate = NSCondition()
    private var isShut = false
    private var waiting = 0

    /// From now on every change fails, as on a device that is gone.
    func fail() { state.withLock { $0.fails = true } }
    func heal() { state.withLock { $0.fails = false } }
    /// Writes, renames, truncations and the like so far.
    var changes: Int { state.withLock { $0.changes } }

    /// Writes to the log stand still from now on.
    func shut() {
        gate.lock()
        isShut = true
        gate.unlock()
    }

    func reopen() {
        gate.lock()
        isShut = false
        gate.broadcast()
        gate.unlock()
    }

    /// Writes that stand still.
    var writesWaiting: Int {
        gate.lock()
        defer { gate.unlock() }
        return waiting
    }

    fileprivate func passGate(_ path: String) {
        // The log keeps the name under which its segments are made.
        guard path.hasSuffix("corral.log.tmp") else { return }
        gate.lock()
        waiting += 1
        while isShut { gate.wait() }
        waiting -= 1
        gate.unlock()
    }

    fileprivate func change(_ operation: DiskError.Operation, _ path: String) throws(DiskError) {
        let fails = state.withLock { state in
            state.changes += 1
            return state.fails
        }
        if fails { throw DiskError(operation, path, code: EIO) }
    }

    // MARK: Disk

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        FaultyFile(try base.open(path, access), disk: self)
    }

    func rename(_ path: String, to target: String) throws(DiskError) {
        try change(.rename, path)
        try base.rename(path, to: target)
    }

    func unlink(_ path: String) throws(DiskError) {
        try change(.unlink, path)
        try base.unlink(path)
    }
}

private final class FaultyFile: DecoratedFile {
    let base: any DiskFile
    private let disk: FaultyDisk

    init(_ base: any DiskFile, disk: FaultyDisk) {
        self.base = base
        self.disk = disk
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(DiskError) {
        disk.passGate(path)
        try disk.change(.write, path)
        try base.write(bytes, at: offset)
    }

    func truncate(to size: Int) throws(DiskError) {
        try disk.change(.truncate, path)
        try base.truncate(to: size)
    }
}
