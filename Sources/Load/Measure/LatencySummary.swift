import Histogram

/// The figures of one latency distribution, in nanoseconds.
public struct LatencySummary: Codable, Equatable, Sendable {
    public var count: UInt64
    public var minimumNanos: UInt64
    public var meanNanos: Double
    public var p50Nanos: UInt64
    public var p90Nanos: UInt64
    public var p99Nanos: UInt64
    public var p999Nanos: UInt64
    public var p9999Nanos: UInt64
    public var maximumNanos: UInt64

    init(_ histogram: Histogram<UInt64>) {
        count = histogram.totalCount
        minimumNanos = count == 0 ? 0 : histogram.min
        meanNanos = histogram.mean
        p50Nanos = histogram.valueAtPercentile(50)
        p90Nanos = histogram.valueAtPercentile(90)
        p99Nanos = histogram.valueAtPercentile(99)
        p999Nanos = histogram.valueAtPercentile(99.9)
        p9999Nanos = histogram.valueAtPercentile(99.99)
        maximumNanos = histogram.maxRecorded
    }

    static func merged(_ histograms: [Histogram<UInt64>]) -> Histogram<UInt64> {
        var sum = LatencyRecorder.emptyHistogram()
        for histogram in histograms { sum.add(histogram) }
        return sum
    }
}
