import Jute
import TxnLog

/// The transactions applied last, for learners that are a little behind: without them each fail-over would have to read
/// the log back from its segment's start.
struct RecentTxns {
    /// Whole batches, oldest first, without a gap.
    private(set) var batches: [TxnBatch] = []
    /// The zxid before the first transaction kept: a history that ends at or after it can be continued from here.
    private(set) var startZxid: Int64
    private var bytes = 0
    let bytesMax: Int
    /// As much as may be kept for learners that are being sent it.
    private static let neededBytesMax = 128 << 20

    init(startZxid: Int64, bytesMax: Int) {
        self.startZxid = startZxid
        self.bytesMax = bytesMax
    }

    /// Adds a batch; returns those that had to go for it.
    ///
    /// - Parameter needed: a learner is being sent what follows this zxid: it stays, while it is not too much. Under
    ///   heavy writes a learner that has to go to the disk may never catch up.
    mutating func add(_ batch: TxnBatch, needed zxid: Int64 = .max) -> [TxnBatch] {
        batches.append(batch)
        bytes += batch.bytes.count
        var count = 0
        while bytes > bytesMax, count < batches.count - 1,
            batches[count].lastZxid <= zxid || bytes > max(bytesMax, Self.neededBytesMax)
        {
            bytes -= batches[count].bytes.count
            startZxid = batches[count].lastZxid
            count += 1
        }
        guard count > 0 else { return [] }
        let gone = Array(batches[..<count])
        batches.removeFirst(count)
        return gone
    }

    /// Those with transactions after a zxid, oldest first.
    func after(_ zxid: Int64) -> ArraySlice<TxnBatch> {
        var low = 0
        var high = batches.count
        while low < high {
            let middle = (low + high) / 2
            if batches[middle].lastZxid <= zxid { low = middle + 1 } else { high = middle }
        }
        return batches[low...]
    }

    /// Forgets everything; the next batch follows `zxid`.
    mutating func reset(startZxid: Int64) {
        batches.removeAll()
        bytes = 0
        self.startZxid = startZxid
    }
}
