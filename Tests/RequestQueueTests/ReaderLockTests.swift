import CPlatform
import Glibc
import RequestQueue
import Synchronization
import Testing

/// Plain memory that only the lock protects: several words which must always be equal, spread over cache lines.
private final class SharedWords: @unchecked Sendable {
    static let count = 64
    let words = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
    let stop = Atomic<Bool>(false)
    let torn = Atomic<Int>(0)
    let reads = Atomic<Int>(0)

    init() { words.initialize(repeating: 0, count: Self.count) }
    deinit { words.deallocate() }

    func advance(by step: UInt64) {
        for index in 0..<Self.count { words[index] &+= step }
    }

    func check() {
        let first = words[0]
        for index in 1..<Self.count where words[index] != first {
            torn.wrappingAdd(1, ordering: .relaxed)
            return
        }
    }
}

@Suite("Reader lock", .serialized)
struct ReaderLockTests {
    /// More readers than processors make both sides sleep; one reader keeps both sides in their spin loops.
    @Test("readers never see the writer's work torn", arguments: [1, 2, 6])
    func neverTorn(readers: Int) {
        let seed = freshSeed("neverTorn \(readers)")
        let lock = ReaderLock(slots: readers)
        let shared = SharedWords()
        let threads = (0..<readers).map { slot in
            TestThread {
                var random = SeededRandom(seed: seed &+ UInt64(slot))
                while !shared.stop.load(ordering: .relaxed) {
                    lock.lockShared(slot: slot)
                    shared.check()
                    if random.next() % 64 == 0 { sched_yield() }
                    shared.check()
                    lock.unlockShared(slot: slot)
                    shared.reads.wrappingAdd(1, ordering: .relaxed)
                    dawdle(&random)
                }
            }
        }
        var random = SeededRandom(seed: seed ^ 0xffff)
        let deadline = corral_monotonic_nanos() + 60_000_000_000
        var writes: UInt64 = 0
        // Both sides must get through: the writer against a stream of readers, the readers against a busy writer.
        while (writes < 4_000 || shared.reads.load(ordering: .relaxed) < 2_000) && corral_monotonic_nanos() < deadline {
            lock.lockExclusive()
            shared.advance(by: 3)
            if random.next() % 256 == 0 { sched_yield() }
            lock.unlockExclusive()
            writes += 1
            dawdle(&random)
        }
        shared.stop.store(true, ordering: .relaxed)
        for thread in threads { thread.join() }
        #expect(shared.torn.load(ordering: .relaxed) == 0)
        #expect(writes >= 4_000)
        #expect(shared.reads.load(ordering: .relaxed) >= 2_000)
        #expect(shared.words[SharedWords.count - 1] == writes * 3)
    }

    @Test("the writer waits for the reader inside, and later readers wait for the writer")
    func preference() {
        let lock = ReaderLock(slots: 2)
        let step = SharedCounter()
        lock.lockShared(slot: 0)
        let writer = TestThread {
            lock.lockExclusive()
            _ = step.value.compareExchange(expected: 0, desired: 1, ordering: .sequentiallyConsistent)
            // Long enough for the late reader to spin out and fall asleep.
            usleep(5_000)
            step.value.store(2, ordering: .sequentiallyConsistent)
            lock.unlockExclusive()
        }
        // The first reader is inside, so however long we look, the writer cannot have entered.
        let until = corral_monotonic_nanos() + 5_000_000
        while corral_monotonic_nanos() < until { #expect(step.value.load(ordering: .sequentiallyConsistent) == 0) }
        lock.unlockShared(slot: 0)
        let deadline = corral_monotonic_nanos() + 10_000_000_000
        while step.value.load(ordering: .sequentiallyConsistent) == 0 && corral_monotonic_nanos() < deadline {
            sched_yield()
        }
        lock.lockShared(slot: 1)
        #expect(step.value.load(ordering: .sequentiallyConsistent) == 2)
        lock.unlockShared(slot: 1)
        writer.join()
    }

    @Test("without reader slots the writer passes freely")
    func noSlots() {
        let lock = ReaderLock(slots: 0)
        for _ in 0..<10 {
            lock.lockExclusive()
            lock.unlockExclusive()
        }
        #expect(lock.slots == 0)
    }
}
