import CPlatform
import DataTree
import Foundation
import Jute
import Logging
import RequestQueue
import ServerCore
import TxnLog

/// What the snapshots counted.
struct SnapshotStatistics: Sendable {
    var time = LatencySummary()
    var errors: UInt64 = 0
}

/// Writes snapshots in the background, a bounded slice of the tree at a time under the reader lock.
final class SnapshotTaker: @unchecked Sendable {
    private let disk: any Disk
    private let directory: String
    private let tree: DataTree
    private let lock: ReaderLock
    private let lockSlot: Int
    private let end: ServerEnd
    private let logger: Logger
    private let digestEnabled: Bool
    private let serializesZxid: Bool
    private let running = DispatchGroup()
    private let published = LockedValue(SnapshotStatistics())

    /// One slice: short enough that a commit waiting behind it does not notice.
    private static let sliceNodes = 512
    private static let sliceBytes = 128 << 10

    init(
        disk: any Disk, directory: String, tree: DataTree, lock: ReaderLock, lockSlot: Int,
        end: ServerEnd, logger: Logger, digestEnabled: Bool, serializesZxid: Bool
    ) {
        self.disk = disk
        self.directory = directory
        self.tree = tree
        self.lock = lock
        self.lockSlot = lockSlot
        self.end = end
        self.logger = logger
        self.digestEnabled = digestEnabled
        self.serializesZxid = serializesZxid
    }

    /// Starts a snapshot on its own thread; `finished` is called there.
    func take(_ order: SnapshotOrder, finished: @escaping @Sendable () -> Void) {
        running.enter()
        NamedThread.start("corral-snapshot") { [self] in
            write(order)
            finished()
            running.leave()
        }
    }

    /// Blocks until no snapshot is being written.
    func waitUntilIdle() { running.wait() }

    var statistics: SnapshotStatistics { published.withLock { $0 } }

    private func write(_ order: SnapshotOrder) {
        let start = corral_monotonic_nanos()
        do throws(DiskError) {
            guard let bytes = try writeNow(order) else { return }
            let nanos = corral_monotonic_nanos() - start
            published.withLock { $0.time.record(nanos: nanos) }
            logger.info(
                "snapshot written",
                metadata: ["zxid": "0x\(String(order.zxid, radix: 16))", "bytes": "\(bytes)"])
        } catch {
            published.withLock { $0.errors += 1 }
            // Nothing is lost: the log still holds what the snapshot would have.
            logger.error("a snapshot failed; the log keeps everything", metadata: ["error": "\(error)"])
        }
    }

    /// Writes one snapshot; used at start too, when there is no other thread.
    ///
    /// - Returns: its size in bytes; nil when the server has ended in the middle of it.
    @discardableResult
    func writeNow(_ order: SnapshotOrder) throws(DiskError) -> Int? {
        let writer = try SnapshotWriter(disk: disk, directory: directory, zxid: order.zxid)
        writer.beginSessions(count: order.sessions.count)
        for session in order.sessions { writer.session(id: session.id, timeoutMillis: session.timeoutMillis) }
        lock.lockShared(slot: lockSlot)
        tree.appendACLMap(to: &writer.buffer)
        tree.beginWalk()
        lock.unlockShared(slot: lockSlot)
        var isDone = false
        while !isDone {
            lock.lockShared(slot: lockSlot)
            isDone = tree.walk(
                maximumNodes: Self.sliceNodes, maximumBytes: Self.sliceBytes, into: &writer.buffer)
            lock.unlockShared(slot: lockSlot)
            guard !end.isOrdered else {
                writer.abandon()
                return nil
            }
            try writer.flushIfFull()
        }
        var trailer = SnapshotTrailer()
        lock.lockShared(slot: lockSlot)
        if digestEnabled {
            trailer.digest = SnapshotDigest(zxid: tree.lastProcessedZxid, value: Int64(bitPattern: tree.digest))
        }
        if serializesZxid { trailer.lastProcessedZxid = tree.lastProcessedZxid }
        lock.unlockShared(slot: lockSlot)
        return try writer.finish(trailer)
    }
}
