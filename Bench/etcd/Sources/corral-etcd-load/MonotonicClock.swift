#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

enum MonotonicClock {
    static func nanos() -> UInt64 { read(CLOCK_MONOTONIC) }

    /// CPU time of the whole process.
    static func cpuNanos() -> UInt64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Sleeps until that moment; returns at once when it has passed.
    static func sleep(until nanos: UInt64) {
        let now = Self.nanos()
        guard nanos > now else { return }
        var time = timespec(tv_sec: Int((nanos - now) / 1_000_000_000), tv_nsec: Int((nanos - now) % 1_000_000_000))
        nanosleep(&time, nil)
    }
}
