#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A value behind a lock, for what several threads share off the hot path.
///
/// Its lock is a POSIX mutex and not `Synchronization.Mutex`: that one works inside the Swift runtime library, out of
/// the thread sanitizer's sight, so each value it guards would be reported as a race.
///
/// Thread-safe; not re-entrant.
public final class LockedValue<Value>: @unchecked Sendable {
    /// At a stable address, as POSIX asks.
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// Touched with the lock held only.
    @exclusivity(unchecked) @usableFromInline var value: Value

    public init(_ value: Value) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "pthread_mutex_init: errno \(code)")
        self.value = value
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deinitialize(count: 1)
        mutex.deallocate()
    }

    /// Runs the body with the lock held.
    @inlinable
    public func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
