import CPlatform
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Wakes one sleeping thread, and costs nothing but a load while that thread is awake.
///
/// The sleeper announces that it may sleep (`prepareToSleep`), looks at its queues once more, and only then blocks.
/// A waker first publishes its work, then calls `wake()`, which makes a system call only if the announcement stands.
/// Announcement, publication and both looks are sequentially consistent, so either the waker sees the announcement or
/// the sleeper sees the work: no wake-up is lost.
///
/// A sleeper blocks in one of two ways: in epoll or poll on `fileDescriptor`, or in `wait(timeoutMillis:)`, which
/// needs no descriptor.
///
/// Thread-safe: `wake()` from any thread; everything else from the one sleeper.
public final class WakeUp: @unchecked Sendable {
    /// What a waker finds: nobody to wake, a sleeper that watches the descriptor, a sleeper in the futex.
    private enum State {
        static let awake: UInt32 = 0
        static let watchingDescriptor: UInt32 = 1
        static let waiting: UInt32 = 2
    }

    /// An eventfd. Readable after a wake-up until `drain()`; an edge-triggered watcher need not drain it.
    public let fileDescriptor: Int32

    private let state: UnsafeMutablePointer<Atomic<UInt32>>

    public init() {
        fileDescriptor = corral_eventfd()
        guard fileDescriptor >= 0 else { fatalError("cannot create an eventfd: errno \(errno)") }
        state = CacheLine.allocate(State.awake)
    }

    deinit {
        CacheLine.free(state)
        close(fileDescriptor)
    }

    /// The sleeper announces that it is about to block. It must look at its queues after this call, before it blocks.
    public func prepareToSleep() {
        state.pointee.store(State.watchingDescriptor, ordering: .sequentiallyConsistent)
    }

    /// The sleeper found work after all, and does not block.
    public func cancelSleep() { awake() }

    /// The sleeper runs again, for whatever reason. From here on wakers make no system call.
    public func awake() {
        state.pointee.store(State.awake, ordering: .relaxed)
    }

    /// Blocks until woken or until the time has passed; to be called after `prepareToSleep()` and a look at the queues.
    /// The sleeper is awake afterwards. Uses neither the descriptor nor epoll.
    ///
    /// - Parameter timeoutMillis: negative waits without limit.
    /// - Returns: false when the time passed without a wake-up.
    @discardableResult
    public func wait(timeoutMillis: Int) -> Bool {
        let (mayWait, _) = state.pointee.compareExchange(
            expected: State.watchingDescriptor, desired: State.waiting, ordering: .sequentiallyConsistent)
        // Somebody called wake() since the announcement, and its write made the descriptor readable: take it back, so
        // that the descriptor stays quiet for sleepers of the other kind.
        guard mayWait else {
            drain()
            return true
        }
        let deadline = timeoutMillis < 0 ? nil : corral_monotonic_nanos() + UInt64(timeoutMillis) * 1_000_000
        while state.pointee.load(ordering: .acquiring) == State.waiting {
            var remaining: Int64 = -1
            if let deadline {
                let now = corral_monotonic_nanos()
                if now >= deadline { break }
                remaining = Int64(deadline - now)
            }
            _ = corral_futex_wait(state, State.waiting, remaining)
        }
        return state.pointee.exchange(State.awake, ordering: .acquiring) == State.awake
    }

    /// Makes the descriptor unreadable again.
    public func drain() {
        var count: UInt64 = 0
        _ = read(fileDescriptor, &count, 8)
    }

    /// Wakes the sleeper if it may be asleep. The work it shall find must have been published before, with a
    /// sequentially consistent operation.
    public func wake() {
        guard state.pointee.load(ordering: .sequentiallyConsistent) != State.awake else { return }
        switch state.pointee.exchange(State.awake, ordering: .sequentiallyConsistent) {
        case State.watchingDescriptor:
            var one: UInt64 = 1
            // Fails only when the counter is full, and then the descriptor is readable anyway.
            _ = write(fileDescriptor, &one, 8)
        case State.waiting:
            corral_futex_wake(state, 1)
        default:
            break
        }
    }
}
