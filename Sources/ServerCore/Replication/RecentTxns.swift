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

    init(startZxid: Int64, bytesMax: Int) {
        self.startZxid = startZxid
        self.bytesMax = bytesMax
    }

    /// Adds a batch; returns those that had to go for it.
    mutating func add(_ batch: TxnBatch) -> [TxnBatch] {
        batches.append(batch)
        bytes += batch.bytes.count
        var count = 0
        while bytes > bytesMax, count < batches.count - 1 {
            bytes -= batches[count].bytes.count
            startZxid = batches[count].lastZxid
            count += 1
        }
        guard count > 0 else { return [] }
        let gone = Array(batches[..<count])
        batches.removeFirst(count)
        return gone
    }

    /// Forgets everything; the next batch follows `zxid`.
    mutating func reset(startZxid: Int64) {
        batches.removeAll()
        bytes = 0
        self.startZxid = startZxid
    }
}
