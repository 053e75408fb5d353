import CPlatform
import Glibc
import RequestQueue
import Synchronization
import Testing

/// What a producer numbers; counts those alive, so that a lost or doubly freed one shows.
private final class NumberedBatch: Sendable {
    static let alive = Atomic<Int>(0)
    let producer: Int
    let number: Int

    init(producer: Int, number: Int) {
        self.producer = producer
        self.number = number
        Self.alive.wrappingAdd(1, ordering: .relaxed)
    }

    deinit { Self.alive.wrappingSubtract(1, ordering: .relaxed) }
}

@Suite("Batch queue", .serialized)
struct BatchQueueTests {
    private func numbers(_ queue: BatchQueue<NumberedBatch>) -> [Int] {
        var found: [Int] = []
        queue.popAll { found.append($0.number) }
        return found
    }

    @Test("fills to its capacity, refuses, and fills again", arguments: [1, 2, 7, 1000, 65_535])
    func boundaries(capacity: Int) {
        let queue = BatchQueue<NumberedBatch>(capacity: capacity, wakeUp: nil)
        #expect(queue.isEmpty)
        #expect(numbers(queue) == [])
        for round in 0..<3 {
            for number in 0..<capacity {
                #expect(queue.count == number)
                guard queue.tryPush(NumberedBatch(producer: round, number: number)) else {
                    Issue.record("refused batch \(number) of \(capacity)")
                    return
                }
            }
            #expect(!queue.tryPush(NumberedBatch(producer: round, number: -1)))
            #expect(!queue.isEmpty)
            #expect(numbers(queue) == Array(0..<capacity))
            #expect(queue.isEmpty)
            #expect(queue.count == 0)
        }
        #expect(NumberedBatch.alive.load(ordering: .relaxed) == 0)
    }

    @Test("room is back as soon as the consumer has taken, even while it still handles")
    func roomDuringHandling() {
        let queue = BatchQueue<NumberedBatch>(capacity: 2, wakeUp: nil)
        #expect(queue.tryPush(NumberedBatch(producer: 0, number: 0)))
        #expect(queue.tryPush(NumberedBatch(producer: 0, number: 1)))
        var accepted = 0
        queue.popAll { batch in
            if queue.tryPush(NumberedBatch(producer: 0, number: batch.number + 2)) { accepted += 1 }
        }
        #expect(accepted == 2)
        #expect(numbers(queue) == [2, 3])
    }

    @Test("what nobody took is released with the queue")
    func leftovers() {
        var queue: BatchQueue<NumberedBatch>? = BatchQueue(capacity: 8, wakeUp: nil)
        for number in 0..<5 { #expect(queue!.tryPush(NumberedBatch(producer: 0, number: number))) }
        #expect(NumberedBatch.alive.load(ordering: .relaxed) == 5)
        queue = nil
        #expect(NumberedBatch.alive.load(ordering: .relaxed) == 0)
    }

    /// How the consumer of a stress run blocks.
    enum Sleep: CaseIterable { case futex, descriptor }

    @Test(
        "many producers: nothing lost, nothing twice, in order, and no wake-up lost",
        arguments: [1, 3, 64, 1024], Sleep.allCases)
    func stress(capacity: Int, sleep: Sleep) {
        let seed = freshSeed("stress capacity \(capacity), \(sleep)")
        let producers = 4
        let perProducer = 20_000
        let wakeUp = WakeUp()
        let queue = BatchQueue<NumberedBatch>(capacity: capacity, wakeUp: wakeUp)
        let threads = (0..<producers).map { producer in
            TestThread {
                var random = SeededRandom(seed: seed &+ UInt64(producer))
                for number in 0..<perProducer {
                    let batch = NumberedBatch(producer: producer, number: number)
                    while !queue.tryPush(batch) { sched_yield() }
                    dawdle(&random)
                }
            }
        }
        var next = [Int](repeating: 0, count: producers)
        var taken = 0
        var disorder = 0
        var sleeps = 0
        var lostWakeUps = 0
        while taken < producers * perProducer && lostWakeUps == 0 {
            taken += queue.popAll { batch in
                if batch.number != next[batch.producer] { disorder += 1 }
                next[batch.producer] = batch.number + 1
            }
            wakeUp.prepareToSleep()
            guard queue.isEmpty && taken < producers * perProducer else {
                wakeUp.cancelSleep()
                continue
            }
            sleeps += 1
            // Producers never pause for long: ten seconds of silence means that a wake-up was lost.
            switch sleep {
            case .futex:
                if !wakeUp.wait(timeoutMillis: 10_000) { lostWakeUps += 1 }
            case .descriptor:
                var watched = pollfd(fd: wakeUp.fileDescriptor, events: Int16(POLLIN), revents: 0)
                if poll(&watched, 1, 10_000) == 0 { lostWakeUps += 1 }
                wakeUp.awake()
                wakeUp.drain()
            }
        }
        if lostWakeUps > 0 { queue.popAll { _ in } }
        for thread in threads where lostWakeUps == 0 { thread.join() }
        #expect(lostWakeUps == 0)
        #expect(disorder == 0)
        #expect(next == [Int](repeating: perProducer, count: producers))
        #expect(queue.isEmpty)
        #expect(sleeps > 0, "the consumer never slept: the test did not test wake-ups")
        if lostWakeUps == 0 { #expect(NumberedBatch.alive.load(ordering: .relaxed) == 0) }
    }

    @Test("pushes from different threads that follow one another come out in that order")
    func globalOrder() {
        let queue = BatchQueue<NumberedBatch>(capacity: 4096, wakeUp: nil)
        let turn = SharedCounter()
        let count = 2_000
        let threads = (0..<2).map { mine in
            TestThread {
                for number in stride(from: mine, to: count, by: 2) {
                    while turn.value.load(ordering: .acquiring) != number { sched_yield() }
                    _ = queue.tryPush(NumberedBatch(producer: mine, number: number))
                    turn.value.store(number + 1, ordering: .releasing)
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(numbers(queue) == Array(0..<count))
    }
}

@Suite("Wake-up", .serialized)
struct WakeUpTests {
    private func isReadable(_ wakeUp: WakeUp) -> Bool {
        var watched = pollfd(fd: wakeUp.fileDescriptor, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, 0) == 1
    }

    @Test("an awake consumer costs its producers no system call")
    func awakeIsFree() {
        let wakeUp = WakeUp()
        wakeUp.wake()
        #expect(!isReadable(wakeUp))
        wakeUp.prepareToSleep()
        wakeUp.cancelSleep()
        wakeUp.wake()
        #expect(!isReadable(wakeUp))
    }

    @Test("one wake-up per announcement, and draining silences the descriptor")
    func oncePerSleep() {
        let wakeUp = WakeUp()
        wakeUp.prepareToSleep()
        wakeUp.wake()
        wakeUp.wake()
        #expect(isReadable(wakeUp))
        var count: UInt64 = 0
        #expect(read(wakeUp.fileDescriptor, &count, 8) == 8)
        #expect(count == 1)
        wakeUp.awake()
        #expect(!isReadable(wakeUp))
        wakeUp.prepareToSleep()
        wakeUp.wake()
        wakeUp.drain()
        #expect(!isReadable(wakeUp))
    }

    @Test("a wait ends by time when nobody wakes")
    func timeout() {
        let wakeUp = WakeUp()
        wakeUp.prepareToSleep()
        let before = corral_monotonic_nanos()
        #expect(!wakeUp.wait(timeoutMillis: 20))
        #expect(corral_monotonic_nanos() - before >= 20_000_000)
        // Awake afterwards, so a wake-up leaves no trace.
        wakeUp.wake()
        #expect(!isReadable(wakeUp))
    }

    @Test("a wake-up between announcement and wait is not lost")
    func earlyWake() {
        let wakeUp = WakeUp()
        wakeUp.prepareToSleep()
        wakeUp.wake()
        #expect(wakeUp.wait(timeoutMillis: 10_000))
        #expect(!isReadable(wakeUp))
    }
}
