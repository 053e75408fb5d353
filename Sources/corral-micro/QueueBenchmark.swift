import RequestQueue

/// Pushes and pops on one thread: what a batch costs without anybody in the way.
final class QueueBenchmark {
    private final class Batch: Sendable {}

    private let queue = BatchQueue<Batch>(capacity: 64, wakeUp: nil)
    private let batches = (0..<8).map { _ in Batch() }

    func run(_ count: Int) {
        var taken = 0
        for _ in 0..<count / batches.count {
            for batch in batches where !queue.tryPush(batch) { fail("the queue is full") }
            queue.popAll { _ in taken += 1 }
        }
        blackHole(UInt64(taken))
    }
}
