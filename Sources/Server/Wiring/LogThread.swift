import CPlatform
import DataTree
import Foundation
import Logging
import RequestQueue
import ServerCore
import TxnLog

/// What goes to the log thread and comes back: a batch to make durable, or the start of a snapshot.
final class LogItem: @unchecked Sendable {
    enum Kind {
        case batch(TxnBatch)
        case snapshot(SnapshotOrder)
        case snapshotFinished
        /// A piece of history has been read for a learner.
        case historyRead
        case park
        case stop
    }

    let kind: Kind

    init(_ kind: Kind) { self.kind = kind }
}

/// A snapshot to take: what is fixed at its start. The tree itself is walked while it changes.
struct SnapshotOrder: Sendable {
    var zxid: Int64
    var sessions: [(id: Int64, timeoutMillis: Int32)]
}

/// What the log thread counted.
struct LogThreadStatistics: Sendable {
    var transactions = 0
    /// From handing a group to the disk to its durability.
    var syncTime = LatencySummary()
    var slowSyncs: UInt64 = 0
}

/// The log's thread: joins what has gathered while it wrote, makes it durable with one write, hands it back.
///
/// Owns the `LogWriter`. The core's thread submits and takes back; both ways are lock-free queues of batches.
final class LogThread: TxnSink, @unchecked Sendable {
    private let writer: LogWriter
    private let incoming: BatchQueue<LogItem>
    private let wakeUp = WakeUp()
    private let outgoing: BatchQueue<LogItem>
    private let snapshots: SnapshotTaker
    private let end: ServerEnd
    private let logger: Logger
    private let fsyncWarningMillis: Int
    private let published = LockedValue(LogThreadStatistics())
    private let stopped = DispatchSemaphore(value: 0)
    private let parked = DispatchSemaphore(value: 0)
    private let resumed = DispatchSemaphore(value: 0)
    /// The core's thread only.
    private var isParked = false

    /// Batches in flight are bounded by the core; the rest is snapshots and the stop.
    private static let queueCapacity = 64

    init(
        writer: LogWriter, outgoing: BatchQueue<LogItem>, snapshots: SnapshotTaker, end: ServerEnd,
        logger: Logger, fsyncWarningMillis: Int
    ) {
        self.writer = writer
        self.outgoing = outgoing
        self.snapshots = snapshots
        self.end = end
        self.logger = logger
        self.fsyncWarningMillis = fsyncWarningMillis
        incoming = BatchQueue(capacity: Self.queueCapacity, wakeUp: wakeUp)
    }

    func start() {
        NamedThread.start("corral-log") { [self] in run() }
    }

    /// Makes everything submitted durable, closes the log, ends the thread. After an abrupt end, only the last.
    func stop() {
        push(LogItem(.stop))
        stopped.wait()
    }

    var statistics: LogThreadStatistics { published.withLock { $0 } }

    // MARK: the core's side

    func submit(_ batch: TxnBatch) { push(LogItem(.batch(batch))) }

    func startSnapshot(zxid: Int64, sessions: [(id: Int64, timeoutMillis: Int32)]) {
        push(LogItem(.snapshot(SnapshotOrder(zxid: zxid, sessions: sessions))))
    }

    /// Makes everything submitted durable, and keeps the thread from touching anything until the next submission, so
    /// that the core may change the log's files. Waits for a snapshot being written, too.
    func park() {
        guard !isParked else { return }
        push(LogItem(.park))
        parked.wait()
        isParked = true
        snapshots.waitUntilIdle()
    }

    private func push(_ item: LogItem) {
        if isParked {
            isParked = false
            resumed.signal()
        }
        precondition(incoming.tryPush(item), "the core has more batches in flight than it may")
    }

    // MARK: the thread

    private func run() {
        var items: [LogItem] = []
        var batches: [TxnBatch] = []
        while true {
            items.removeAll(keepingCapacity: true)
            _ = incoming.popAll { items.append($0) }
            if items.isEmpty {
                // Zeroing ahead is work for idle moments only.
                if !end.isOrdered && writer.prepareAhead() { continue }
                wakeUp.prepareToSleep()
                if incoming.isEmpty { _ = wakeUp.wait(timeoutMillis: 1000) }
                wakeUp.awake()
                continue
            }
            var index = 0
            while index < items.count {
                // Everything up to the next order is one group commit.
                batches.removeAll(keepingCapacity: true)
                let first = index
                while index < items.count, case .batch(let batch) = items[index].kind {
                    batches.append(batch)
                    index += 1
                }
                if !batches.isEmpty, commit(batches) {
                    for item in items[first..<index] { giveBack(item) }
                }
                guard index < items.count else { break }
                switch items[index].kind {
                case .snapshot(let order):
                    guard !end.isOrdered else { break }
                    writer.roll()
                    snapshots.take(order) { [self] in giveBack(LogItem(.snapshotFinished)) }
                case .park:
                    parked.signal()
                    resumed.wait()
                case .stop:
                    if end.isOrdered { writer.abandon() } else { writer.close() }
                    stopped.signal()
                    return
                case .batch, .snapshotFinished, .historyRead: break
                }
                index += 1
            }
        }
    }

    /// - Returns: whether the batches are durable.
    private func commit(_ batches: [TxnBatch]) -> Bool {
        guard !end.isOrdered else { return false }
        do throws(DiskError) {
            try writer.append(batches)
        } catch {
            // What is on the disk is unknown now: nothing more may be acknowledged (ZOOKEEPER-4882).
            end.diskFailed("the transaction log cannot be written: \(error)")
            return false
        }
        let nanos = writer.statistics.lastSyncNanos
        let isSlow = fsyncWarningMillis > 0 && nanos / 1_000_000 >= UInt64(fsyncWarningMillis)
        if isSlow {
            logger.warning("the disk was slow to make a commit durable", metadata: ["millis": "\(nanos / 1_000_000)"])
        }
        let transactions = writer.statistics.transactions
        published.withLock {
            $0.transactions = transactions
            $0.syncTime.record(nanos: nanos)
            if isSlow { $0.slowSyncs += 1 }
        }
        return true
    }

    /// The core takes back at its own pace; its queue holds everything that can be in flight.
    private func giveBack(_ item: LogItem) {
        precondition(outgoing.tryPush(item), "the core's queue of durable batches is full")
    }
}
