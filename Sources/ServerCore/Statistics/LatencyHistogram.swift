/// Counts of latencies in 64 buckets, two to each power of two microseconds, up to about an hour; one flat value
/// without heap storage, so that a copy is a plain copy.
public struct LatencyHistogram: Sendable {
    public static let bucketCount = 64
    @usableFromInline var buckets = InlineArray<64, UInt64>(repeating: 0)

    public init() {}

    /// Bucket 0 holds 0 µs, bucket 1 holds 1 µs; bucket 2k + h (k ≥ 1) begins at 2^k + h·2^(k-1).
    @inlinable static func bucket(micros: UInt64) -> Int {
        guard micros > 1 else { return Int(micros) }
        let power = 63 - micros.leadingZeroBitCount
        let half = Int(truncatingIfNeeded: micros >> UInt64(power - 1)) & 1
        return min(2 * power + half, bucketCount - 1)
    }

    /// Smallest latency of a bucket, in microseconds.
    @usableFromInline static func lowerBound(of bucket: Int) -> UInt64 {
        guard bucket > 1 else { return UInt64(bucket) }
        let power = UInt64(bucket / 2)
        return (1 << power) + UInt64(bucket % 2) << (power - 1)
    }

    @inlinable public mutating func record(micros: UInt64, count: UInt64 = 1) {
        buckets[Self.bucket(micros: micros)] &+= count
    }

    public mutating func merge(_ other: borrowing LatencyHistogram) {
        for index in 0..<Self.bucketCount { buckets[index] += other.buckets[index] }
    }

    /// The latency, in microseconds, that this fraction of the recorded ones does not exceed, interpolated within
    /// its bucket; 0 when nothing was recorded.
    public func percentile(_ fraction: Double) -> UInt64 {
        var total: UInt64 = 0
        for index in 0..<Self.bucketCount { total += buckets[index] }
        guard total > 0 else { return 0 }
        let rank = max(1, (fraction * Double(total)).rounded(.up))
        var seen = 0.0
        for index in 0..<Self.bucketCount where buckets[index] > 0 {
            let count = Double(buckets[index])
            if seen + count >= rank {
                let low = Double(Self.lowerBound(of: index))
                let high = index + 1 < Self.bucketCount ? Double(Self.lowerBound(of: index + 1)) - 1 : low
                return UInt64(low + (high - low) * ((rank - seen) / count))
            }
            seen += count
        }
        return Self.lowerBound(of: Self.bucketCount - 1)
    }
}
