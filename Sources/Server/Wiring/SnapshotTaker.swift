import DataTree
import Foundation
import Jute
import Logging
import RequestQueue
import Synchronization
import TxnLog

/// Writes snapshots in the background, a bounded slice of the tree at a time under the reader lock.
final class SnapshotTaker: @unchecked Sendable {
    private let disk: any Disk
    private let directory: String
    private let logDirectory: String
    private let tree: DataTree
    private let lock: ReaderLock
    private let lockSlot: Int
    private let logger: Logger
    private let retainCount: Int
    private let digestEnabled: Bool
    private let serializesZxid: Bool
    private let running = DispatchGroup()

    /// One slice: short enough that a commit waiting behind it does not notice.
    private static let sliceNodes = 512
    private static let sliceBytes = 128 << 10

    init(
        disk: any Disk, directory: String, logDirectory: String, tree: DataTree, lock: ReaderLock, lockSlot: Int,
        logger: Logger, retainCount: Int, digestEnabled: Bool, serializesZxid: Bool
    ) {
        self.disk = disk
        self.directory = directory
        self.logDirectory = logDirectory
        self.tree = tree
        self.lock = lock
        self.lockSlot = lockSlot
        self.logger = logger
        self.retainCount = retainCount
        self.digestEnabled = digestEnabled
        self.serializesZxid = serializesZxid
    }

    /// Starts a snapshot on its own thread; `finished` is called there.
    func take(_ order: SnapshotOrder, finished: @escaping @Sendable () -> Void) {
        running.enter()
        let thread = Thread { [self] in
            write(order)
            finished()
            running.leave()
        }
        thread.name = "corral-snapshot"
        thread.start()
    }

    /// Blocks until no snapshot is being written.
    func waitUntilIdle() { running.wait() }

    private func write(_ order: SnapshotOrder) {
        do throws(DiskError) {
            let bytes = try writeNow(order)
            logger.info(
                "snapshot written",
                metadata: ["zxid": "0x\(String(order.zxid, radix: 16))", "bytes": "\(bytes)"])
        } catch {
            // Nothing is lost: the log still holds what the snapshot would have.
            logger.error("a snapshot failed; the log keeps everything", metadata: ["error": "\(error)"])
        }
    }

    /// Writes one snapshot; used at start too, when there is no other thread.
    @discardableResult
    func writeNow(_ order: SnapshotOrder) throws(DiskError) -> Int {
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
            try writer.flushIfFull()
        }
        var trailer = SnapshotTrailer()
        lock.lockShared(slot: lockSlot)
        if digestEnabled { trailer.digest = SnapshotDigest(zxid: tree.lastProcessedZxid, value: tree.digest) }
        if serializesZxid { trailer.lastProcessedZxid = tree.lastProcessedZxid }
        lock.unlockShared(slot: lockSlot)
        return try writer.finish(trailer)
    }
}
