import CPlatform
import Synchronization

/// Many readers, one writer; a reader announces itself on its own cache line, so readers never disturb each other.
///
/// Meant to be taken once per batch: two uncontended atomic operations for a reader. The writer is always the same
/// thread (the owner of the tree), which needs no lock to read. It has preference: as soon as it asks, readers that
/// come later wait, and it waits only for those already inside. Both sides spin for a bounded time, then sleep.
///
/// Thread-safe under these rules: a slot is used by one thread at a time, exclusive access is asked for by one thread
/// only, and neither side is re-entrant.
public final class ReaderLock: @unchecked Sendable {
    /// The word of a slot: its reader is outside, inside, or inside with the writer asleep until it leaves.
    private enum Slot {
        static let outside: UInt32 = 0
        static let inside: UInt32 = 1
        static let insideAwaited: UInt32 = 2
    }

    /// The writer's word: away, asking or inside, and the same with readers asleep until it leaves.
    private enum Writer {
        static let away: UInt32 = 0
        static let present: UInt32 = 1
        static let presentAwaited: UInt32 = 2
    }

    /// How often a wait looks again before it sleeps; some microseconds in all.
    private static let spinLimit = 100

    private let readers: [UnsafeMutablePointer<Atomic<UInt32>>]
    private let writer: UnsafeMutablePointer<Atomic<UInt32>>

    /// - Parameter slots: how many reader threads there can be. With none, exclusive access costs nothing.
    public init(slots: Int) {
        precondition(slots >= 0)
        readers = (0..<slots).map { _ in CacheLine.allocate(Slot.outside) }
        writer = CacheLine.allocate(Writer.away)
    }

    deinit {
        for reader in readers { CacheLine.free(reader) }
        CacheLine.free(writer)
    }

    public var slots: Int { readers.count }

    /// Enters as a reader; waits while the writer is inside or asks to be.
    public func lockShared(slot: Int) {
        let reader = readers[slot]
        while true {
            assert(reader.pointee.load(ordering: .relaxed) == Slot.outside, "slot \(slot) is in use")
            // Announce, then look for the writer; the writer announces, then looks at the slots. Sequential consistency
            // makes at least one of them see the other.
            reader.pointee.store(Slot.inside, ordering: .sequentiallyConsistent)
            if writer.pointee.load(ordering: .sequentiallyConsistent) == Writer.away { return }
            leave(reader)
            awaitWriter()
        }
    }

    /// Leaves as a reader.
    public func unlockShared(slot: Int) {
        leave(readers[slot])
    }

    /// Enters as the writer; waits for the readers inside.
    public func lockExclusive() {
        if readers.isEmpty { return }
        assert(writer.pointee.load(ordering: .relaxed) == Writer.away, "the writer is inside already")
        writer.pointee.store(Writer.present, ordering: .sequentiallyConsistent)
        for reader in readers where reader.pointee.load(ordering: .sequentiallyConsistent) != Slot.outside {
            awaitReader(reader)
        }
    }

    /// Leaves as the writer.
    public func unlockExclusive() {
        if readers.isEmpty { return }
        if writer.pointee.exchange(Writer.away, ordering: .releasing) == Writer.presentAwaited {
            corral_futex_wake(writer, .max)
        }
    }

    private func leave(_ reader: UnsafeMutablePointer<Atomic<UInt32>>) {
        if reader.pointee.exchange(Slot.outside, ordering: .releasing) == Slot.insideAwaited {
            corral_futex_wake(reader, 1)
        }
    }

    private func awaitWriter() {
        for _ in 0..<Self.spinLimit {
            if writer.pointee.load(ordering: .relaxed) == Writer.away { return }
            corral_cpu_relax()
        }
        // Fails when the writer has left, or when another reader sleeps already: both are fine.
        let (_, seen) = writer.pointee.compareExchange(
            expected: Writer.present, desired: Writer.presentAwaited, ordering: .relaxed)
        if seen != Writer.away { _ = corral_futex_wait(writer, Writer.presentAwaited, -1) }
    }

    private func awaitReader(_ reader: UnsafeMutablePointer<Atomic<UInt32>>) {
        var spins = 0
        while reader.pointee.load(ordering: .sequentiallyConsistent) != Slot.outside {
            if spins < Self.spinLimit {
                spins += 1
                corral_cpu_relax()
                continue
            }
            let (_, seen) = reader.pointee.compareExchange(
                expected: Slot.inside, desired: Slot.insideAwaited, ordering: .relaxed)
            if seen != Slot.outside { _ = corral_futex_wait(reader, Slot.insideAwaited, -1) }
        }
    }
}
