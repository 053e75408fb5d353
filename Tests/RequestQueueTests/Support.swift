import CPlatform
import Glibc
import Synchronization

/// A thread of its own, joined by the test.
final class TestThread: @unchecked Sendable {
    private var handle = pthread_t()
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
        let context = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &handle, nil,
            { argument in
                Unmanaged<TestThread>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, context)
        precondition(code == 0, "pthread_create: \(code)")
    }

    func join() { pthread_join(handle, nil) }
}

/// A small seeded generator (xorshift64*), so that a failing run can be repeated.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_f491_4f6c_dd1d
    }
}

/// A seed that differs from run to run and is printed.
func freshSeed(_ test: String) -> UInt64 {
    let seed = corral_monotonic_nanos()
    print("\(test): seed \(seed)")
    return seed
}

/// Busy work of a random, short length, or a yield: shakes the interleaving.
func dawdle(_ random: inout SeededRandom) {
    switch random.next() % 16 {
    case 0: sched_yield()
    case 1...4: for _ in 0..<(random.next() % 200) { corral_cpu_relax() }
    default: break
    }
}

/// A number that several threads of a test share.
final class SharedCounter: Sendable {
    let value = Atomic<Int>(0)
}
