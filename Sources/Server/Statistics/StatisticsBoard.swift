import Synchronization

/// Where the threads of a server hang out what they counted.
///
/// Each thread owns one slot and its `RequestStatistics`; after a batch it calls `publish`, which copies the counters
/// under the slot's own lock, contended only while somebody looks. `reset` does not touch the counters of other
/// threads: it raises the generation, and each owner starts again at its next `publish`; until then its slot counts
/// as empty.
public final class StatisticsBoard: Sendable {
    private struct Content: Sendable {
        var generation: UInt64 = 0
        var statistics = RequestStatistics()
    }

    private final class Slot: Sendable {
        let content = Mutex(Content())
    }

    private let slots: [Slot]
    private let generation = Atomic<UInt64>(0)

    public init(threads: Int) {
        slots = (0..<threads).map { _ in Slot() }
    }

    /// Copies the thread's counters to its slot. After a `reset`, clears them: `generation` is the owner's memory of
    /// the resets it has seen, kept beside the counters and 0 at first.
    public func publish(_ statistics: inout RequestStatistics, slot: Int, generation seen: inout UInt64) {
        let current = generation.load(ordering: .acquiring)
        if seen != current {
            statistics = RequestStatistics()
            seen = current
        }
        slots[slot].content.withLock { content in
            content.generation = current
            content.statistics = statistics
        }
    }

    /// The sum over all threads since the last reset.
    public func total() -> RequestStatistics {
        let current = generation.load(ordering: .acquiring)
        var sum = RequestStatistics()
        for slot in slots {
            slot.content.withLock { content in
                if content.generation == current { sum.merge(content.statistics) }
            }
        }
        return sum
    }

    /// Starts all counters again (`srst`).
    public func reset() {
        generation.add(1, ordering: .acquiringAndReleasing)
    }
}
