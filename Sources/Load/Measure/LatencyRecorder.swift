import Histogram

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Counts nanoseconds in HdrHistogram's bucket layout (unit 1 ns, three significant digits, up to 2^36 ns = 68.7 s).
///
/// The package's `Histogram` is the form in which results are merged, asked and kept; this is the same layout as bare
/// memory, for recording without a uniqueness check per value and for folding short intervals cheaply. Not
/// thread-safe: one owner.
struct LatencyRecorder: ~Copyable {
    static let halfMagnitude = 10
    static let subBucketMask: UInt64 = (1 << (halfMagnitude + 1)) - 1
    static let highestTrackable: UInt64 = 1 << 36
    static let slotCount = index(of: highestTrackable) + 1

    let counts: UnsafeMutablePointer<UInt64>
    private(set) var total: UInt64 = 0
    /// The smallest and largest value since the last reset; meaningless while `total` is 0.
    private(set) var minimum: UInt64 = .max
    private(set) var maximum: UInt64 = 0

    init() {
        counts = .allocate(capacity: Self.slotCount)
        counts.initialize(repeating: 0, count: Self.slotCount)
    }

    deinit { counts.deallocate() }

    @inline(__always)
    static func index(of value: UInt64) -> Int {
        let bucket = 53 - (value | subBucketMask).leadingZeroBitCount
        let subBucket = Int(value >> UInt64(bucket))
        return ((bucket + 1) << halfMagnitude) + subBucket - (1 << halfMagnitude)
    }

    /// The lowest value that shares this slot.
    static func lowestValue(at index: Int) -> UInt64 {
        let bucket = (index >> halfMagnitude) - 1
        let subBucket = index & ((1 << halfMagnitude) - 1)
        if bucket < 0 { return UInt64(subBucket) }
        return UInt64(subBucket + (1 << halfMagnitude)) << UInt64(bucket)
    }

    /// The highest value that shares this slot.
    static func highestValue(at index: Int) -> UInt64 {
        let bucket = max(0, (index >> halfMagnitude) - 1)
        return lowestValue(at: index) + (1 << UInt64(bucket)) - 1
    }

    /// Values beyond the range count as the highest trackable one.
    @inline(__always)
    mutating func record(_ nanos: UInt64) {
        let value = min(nanos, Self.highestTrackable)
        counts[Self.index(of: value)] &+= 1
        total &+= 1
        if value < minimum { minimum = value }
        if value > maximum { maximum = value }
    }

    private var touched: ClosedRange<Int>? {
        total == 0 ? nil : Self.index(of: minimum)...Self.index(of: maximum)
    }

    mutating func reset() {
        if let touched { for index in touched { counts[index] = 0 } }
        total = 0
        minimum = .max
        maximum = 0
    }

    /// Adds another recorder's counts; loses nothing.
    mutating func add(_ other: borrowing LatencyRecorder) {
        guard let range = other.touched else { return }
        for index in range { counts[index] &+= other.counts[index] }
        total &+= other.total
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
    }

    /// Takes over what another program counted in this layout.
    ///
    /// - Parameters:
    ///   - minimum: the smallest value that was counted, in whichever slot; `maximum` likewise.
    mutating func add(_ count: UInt64, inSlot slot: Int, minimum: UInt64, maximum: UInt64) {
        counts[slot] &+= count
        total &+= count
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
    }

    /// The value at or below which this share of the values lies; 0 when empty.
    ///
    /// - Parameter percentile: 0 to 100.
    func value(atPercentile percentile: Double) -> UInt64 {
        guard let range = touched else { return 0 }
        let wanted = max(1, UInt64((percentile.nextDown * Double(total) / 100).rounded(.up)))
        var seen: UInt64 = 0
        for index in range {
            seen += counts[index]
            if seen >= wanted { return min(Self.highestValue(at: index), maximum) }
        }
        return maximum
    }

    /// The same counts as the package's histogram.
    func makeHistogram() -> Histogram<UInt64> {
        var histogram = Self.emptyHistogram()
        if let range = touched {
            for index in range where counts[index] > 0 {
                // Exact extremes survive where their slot is recorded under their own value.
                let lowest = Self.lowestValue(at: index)
                let value = index == range.upperBound ? maximum : max(lowest, minimum)
                histogram.record(value, count: counts[index])
            }
        }
        return histogram
    }

    static func emptyHistogram() -> Histogram<UInt64> {
        Histogram(
            lowestDiscernibleValue: 1, highestTrackableValue: highestTrackable, numberOfSignificantValueDigits: .three)
    }
}
