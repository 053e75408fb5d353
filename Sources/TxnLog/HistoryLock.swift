#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A lock of the system's own, which the thread sanitizer understands.
///
/// One of them belongs to each data directory: who removes files from it (a purge, a truncation, a replacement) holds
/// it, because each relies on files that another would take away.
public final class HistoryLock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    public init() {
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    public func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}
