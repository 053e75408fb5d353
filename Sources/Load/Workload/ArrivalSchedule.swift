#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The planned send times of an open loop: fixed in advance by rate and seed, blind to how the server does.
struct ArrivalSchedule {
    private let arrivals: Arrivals
    private let meanGapNanos: Double
    private var position: Double
    private var random: RandomSource

    /// The next planned send, in nanoseconds of the monotonic clock.
    private(set) var next: UInt64

    init(arrivals: Arrivals, ratePerSecond: Double, startNanos: UInt64, seed: UInt64) {
        self.arrivals = arrivals
        meanGapNanos = 1e9 / ratePerSecond
        position = 0
        random = RandomSource(seed: seed ^ 0xa11_1e75)
        base = startNanos
        next = startNanos
        advance()
    }

    private let base: UInt64

    mutating func advance() {
        switch arrivals {
        case .fixed: position += meanGapNanos
        case .poisson: position -= log(random.unit()) * meanGapNanos
        }
        next = base + UInt64(position)
    }
}
