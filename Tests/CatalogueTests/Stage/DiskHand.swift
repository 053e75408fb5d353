import DataTree
import Jute
import RequestQueue
import TxnLog
import Zab

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@testable import ServerCore

/// Mistakes of a disk's own, which the production code has no switch for.
enum DiskMistake: CaseIterable {
    /// ZOOKEEPER-2872: a snapshot has its name before its bytes are synced.
    case forgetsSnapshotSync
    /// ZOOKEEPER-3144: a fuzzy snapshot is named by what was applied at its end.
    case namesSnapshotAtEnd
    /// ZOOKEEPER-4837: the log is cut, and snapshots that hold more than it are left.
    case keepsNewerSnapshots
    /// ZOOKEEPER-4882: a failed write is passed over, and what it held reported durable.
    case passesOverErrors
}

/// A member's disk: the production code over a disk in memory, and a log thread that works when the test lets it.
final class DiskHand: ReplicaDisk {
    static let directory = "/data"

    private enum Order {
        case batch(TxnBatch)
        case snapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)])
    }

    private unowned let member: Member
    private let life: Int
    private let disk: any Disk
    let files: ReplicaFiles
    private let writer: LogWriter
    private var waiting: [Order] = []
    private var walk: SnapshotWalk?
    /// Snapshots begun since the start.
    private(set) var snapshotCount = 0

    init(_ member: Member, _ disk: any Disk, _ files: ReplicaFiles, _ writer: LogWriter) {
        self.member = member
        self.disk = disk
        self.files = files
        self.writer = writer
        life = member.life
        durableZxid = writer.lastZxid
    }

    /// The last transaction that the log's writer, or what has replaced the log, has made durable.
    private(set) var durableZxid: Int64

    private func demandLife() throws(DiskError) {
        guard member.isRunning, member.life == life else { throw DiskError(.write, Self.directory, code: EIO) }
    }

    // MARK: the log's thread

    func submit(_ batch: TxnBatch) { waiting.append(.batch(batch)) }

    func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) {
        snapshotCount += 1
        waiting.append(.snapshot(zxid: zxid, sessions: sessions))
    }

    /// Does the next piece of work; false when there is none, or the test holds the disk.
    func work() -> Bool {
        if let walk, !member.holdsSnapshots {
            finish(walk)
            return true
        }
        guard !member.holdsDisk, !waiting.isEmpty else { return false }
        switch waiting.removeFirst() {
        case .batch(let batch):
            do throws(DiskError) {
                try append(batch)
            } catch {
                member.die("\(error)")
                return true
            }
            member.turn { $0.core.durable(batch) }
        case .snapshot(let zxid, let sessions):
            writer.roll()
            guard let process = member.process else { return true }
            do throws(DiskError) {
                walk = try SnapshotWalk(disk, process.core.tree, zxid: zxid, sessions: sessions)
            } catch {
                member.die("\(error)")
            }
        }
        return true
    }

    private func append(_ batch: TxnBatch) throws(DiskError) {
        do throws(DiskError) {
            try writer.append([batch])
        } catch {
            guard member.stage.mistakes.contains(.passesOverErrors) else { throw error }
        }
        if batch.count > 0 { durableZxid = batch.lastZxid }
    }

    private func finish(_ walk: SnapshotWalk) {
        self.walk = nil
        do throws(DiskError) {
            try walk.finish(isNamedAtEnd: member.stage.mistakes.contains(.namesSnapshotAtEnd))
        } catch {
            return member.die("\(error)")
        }
        member.turn { $0.core.snapshotFinished() }
    }

    // MARK: the turns of its life

    func quiesce() throws(DiskError) {
        try demandLife()
        let orders = waiting
        waiting = []
        for case .batch(let batch) in orders { try append(batch) }
        if let walk {
            self.walk = nil
            try walk.finish(isNamedAtEnd: member.stage.mistakes.contains(.namesSnapshotAtEnd))
        }
        member.process?.core.snapshotFinished()
    }

    func store(_ epochs: EpochRecord) throws(DiskError) {
        try demandLife()
        try files.store(epochs)
    }

    func truncateLog(to zxid: Int64) throws(DiskError) -> Int64? {
        try demandLife()
        var kept: [(path: String, bytes: [UInt8])] = []
        if member.stage.mistakes.contains(.keepsNewerSnapshots) {
            for file in try DataFile.snapshots(disk, Self.directory) {
                kept.append((file.path, member.disk.contents(of: file.path) ?? []))
            }
        }
        let last = try files.truncateLog(to: zxid)
        for (path, bytes) in kept { member.disk.setContents(bytes, of: path) }
        if let last { durableZxid = last }
        return last
    }

    func recover(into visitor: any RecoveryVisitor) throws(RecoveryError) -> RecoveryResult {
        let result = try files.recover(into: visitor)
        durableZxid = result.lastZxid
        return result
    }

    func prefersSnapshot(after zxid: Int64) throws(DiskError) -> Bool { try files.prefersSnapshot(after: zxid) }
    func openHistory(after zxid: Int64) throws(DiskError) -> (any TxnHistory)? { try files.openHistory(after: zxid) }
    func floor(of zxid: Int64) throws(DiskError) -> Int64? { try files.floor(of: zxid) }
    func openSnapshot() throws(DiskError) -> (any SnapshotStream)? { try files.openSnapshot() }

    func receiveSnapshot(zxid: Int64) throws(DiskError) -> any SnapshotSink {
        try demandLife()
        return Sink(try files.receiveSnapshot(zxid: zxid), zxid, self)
    }

    private final class Sink: SnapshotSink {
        private let sink: any SnapshotSink
        private let zxid: Int64
        private let hand: DiskHand

        init(_ sink: any SnapshotSink, _ zxid: Int64, _ hand: DiskHand) {
            self.sink = sink
            self.zxid = zxid
            self.hand = hand
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws(DiskError) { try sink.write(bytes) }

        func finish(digest: (zxid: Int64, value: UInt64)?) throws(DiskError) {
            try hand.demandLife()
            try sink.finish(digest: digest)
            hand.durableZxid = zxid
        }

        func abandon() { sink.abandon() }
    }
}

/// A fuzzy snapshot under way: its sessions and ACLs are fixed at its beginning, its znodes are walked at its end.
final class SnapshotWalk {
    private let disk: any Disk
    private let tree: DataTree
    private let writer: SnapshotWriter

    init(
        _ disk: any Disk, _ tree: DataTree, zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]
    ) throws(DiskError) {
        self.disk = disk
        self.tree = tree
        writer = try SnapshotWriter(disk: disk, directory: DiskHand.directory, zxid: zxid)
        writer.beginSessions(count: sessions.count)
        for session in sessions { writer.session(id: session.id, timeoutMillis: session.timeoutMillis) }
        tree.appendACLMap(to: &writer.buffer)
        tree.beginWalk()
    }

    func finish(isNamedAtEnd: Bool) throws(DiskError) {
        while !tree.walk(maximumNodes: 64, maximumBytes: 64 << 10, into: &writer.buffer) { try writer.flushIfFull() }
        var trailer = SnapshotTrailer()
        trailer.digest = SnapshotDigest(zxid: tree.lastProcessedZxid, value: Int64(bitPattern: tree.digest))
        trailer.lastProcessedZxid = tree.lastProcessedZxid
        try writer.finish(trailer)
        let last = DiskHand.directory + "/" + DataFileName.snapshot(tree.lastProcessedZxid)
        guard isNamedAtEnd, last != writer.path else { return }
        try disk.rename(writer.path, to: last)
        try disk.syncDirectory(DiskHand.directory)
    }
}

/// A disk that forgets to sync a snapshot that is received.
final class ForgetfulDisk: DecoratedDisk {
    let base: MemoryDisk

    init(_ base: MemoryDisk) { self.base = base }

    func open(_ path: String, _ access: FileAccess) throws(DiskError) -> any DiskFile {
        let file = try base.open(path, access)
        return access == .create && path.contains("received") ? UnsyncedFile(base: file) : file
    }

    private final class UnsyncedFile: DecoratedFile {
        let base: any DiskFile

        init(base: any DiskFile) { self.base = base }

        func sync() throws(DiskError) {}
    }
}
