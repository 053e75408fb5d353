/// Counts nanoseconds in HdrHistogram's bucket layout (unit 1 ns, three significant digits, up to 2^36 ns), the one of
/// corral-bench's `LatencyRecorder`, to which the counts are handed by slot.
public struct LatencyCounts: Sendable {
    private static let halfMagnitude = 10
    private static let subBucketMask: UInt64 = (1 << (halfMagnitude + 1)) - 1
    private static let highestTrackable: UInt64 = 1 << 36
    static let slotCount = slot(of: highestTrackable) + 1

    private var counts = [UInt64](repeating: 0, count: slotCount)
    public private(set) var total: UInt64 = 0
    private var minimum: UInt64 = .max
    private var maximum: UInt64 = 0

    public init() {}

    static func slot(of value: UInt64) -> Int {
        let bucket = 53 - (value | subBucketMask).leadingZeroBitCount
        return ((bucket + 1) << halfMagnitude) + Int(value >> UInt64(bucket)) - (1 << halfMagnitude)
    }

    private static func highestValue(in slot: Int) -> UInt64 {
        let bucket = (slot >> halfMagnitude) - 1
        let subBucket = UInt64(slot & ((1 << halfMagnitude) - 1))
        if bucket <= 0 { return bucket < 0 ? subBucket : subBucket + (1 << halfMagnitude) }
        return (subBucket + (1 << halfMagnitude) + 1) << UInt64(bucket) - 1
    }

    /// Values beyond the range count as the highest trackable one.
    public mutating func record(_ nanos: UInt64) {
        let value = min(nanos, Self.highestTrackable)
        counts[Self.slot(of: value)] += 1
        total += 1
        minimum = min(minimum, value)
        maximum = max(maximum, value)
    }

    private var touched: Range<Int> {
        total == 0 ? 0..<0 : Self.slot(of: minimum)..<Self.slot(of: maximum) + 1
    }

    public mutating func add(_ other: LatencyCounts) {
        for slot in other.touched { counts[slot] += other.counts[slot] }
        total += other.total
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
    }

    public mutating func reset() {
        for slot in touched { counts[slot] = 0 }
        total = 0
        minimum = .max
        maximum = 0
    }

    /// The value at or below which this share of the values lies; 0 when empty.
    ///
    /// - Parameter percentile: 0 to 100.
    public func value(atPercentile percentile: Double) -> UInt64 {
        let wanted = max(1, UInt64((percentile.nextDown * Double(total) / 100).rounded(.up)))
        var seen: UInt64 = 0
        for slot in touched {
            seen += counts[slot]
            if seen >= wanted { return min(Self.highestValue(in: slot), maximum) }
        }
        return 0
    }

    /// The non-empty slots, for `CountsEvent`.
    public var event: CountsEvent {
        CountsEvent(
            total: total, minimumNanos: total == 0 ? 0 : minimum, maximumNanos: maximum,
            p50Nanos: value(atPercentile: 50), p90Nanos: value(atPercentile: 90), p99Nanos: value(atPercentile: 99),
            p999Nanos: value(atPercentile: 99.9),
            slots: touched.filter { counts[$0] > 0 }.map { [UInt64($0), counts[$0]] })
    }
}
