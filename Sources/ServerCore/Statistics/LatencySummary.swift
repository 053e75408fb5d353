/// Count, sum, least and greatest of some durations in nanoseconds: plain counters, owned by one thread.
public struct LatencySummary: Sendable, Equatable {
    public private(set) var count: UInt64 = 0
    public private(set) var sumNanos: UInt64 = 0
    @usableFromInline var least = UInt64.max
    public private(set) var maxNanos: UInt64 = 0

    public init() {}

    /// 0 while nothing was recorded.
    public var minNanos: UInt64 { count == 0 ? 0 : least }

    /// `count` operations that took `nanos` each: one call for a batch whose requests arrived and left together.
    @inlinable public mutating func record(nanos: UInt64, count: UInt64 = 1) {
        guard count > 0 else { return }
        add(nanos: nanos, count: count)
    }

    @usableFromInline mutating func add(nanos: UInt64, count operations: UInt64) {
        count &+= operations
        sumNanos &+= nanos &* operations
        if nanos < least { least = nanos }
        if nanos > maxNanos { maxNanos = nanos }
    }

    public mutating func merge(_ other: LatencySummary) {
        count += other.count
        sumNanos += other.sumNanos
        least = min(least, other.least)
        maxNanos = max(maxNanos, other.maxNanos)
    }

    // In milliseconds, as Apache reports.

    public var minMillis: UInt64 { minNanos / 1_000_000 }
    public var maxMillis: UInt64 { maxNanos / 1_000_000 }
    public var sumMillis: UInt64 { sumNanos / 1_000_000 }

    /// Mean, rounded half up to four decimals.
    public var averageMillis: Double {
        guard count > 0 else { return 0 }
        return (Double(sumNanos) / Double(count) / 100).rounded(.toNearestOrAwayFromZero) / 10_000
    }
}
