import Histogram

/// What happened in one 100 ms slice of the measured window.
public struct SeriesSlice: Codable, Equatable, Sendable {
    /// Of every slice but the window's last, and those of a generator that was kept waiting.
    public static let lengthMillis = 100

    /// From the window's start.
    public var startMillis: Int
    /// Replies by `OperationKind`'s raw value.
    public var completed: [UInt64]
    public var errors: UInt64
    public var medianNanos: UInt64
    public var p99Nanos: UInt64
    public var maximumNanos: UInt64
}

/// One line of a histogram log: what one operation did in one interval.
struct HistogramInterval: Sendable {
    let tag: String
    let startSeconds: Double
    let lengthSeconds: Double
    let maximumNanos: UInt64
    let encoded: String
}

/// What one generator thread measured and saw.
struct GeneratorReport: Sendable {
    /// From the planned send (open loop) or the send (closed loop) to the reply, by `OperationKind`.
    var latencies: [Histogram<UInt64>]
    /// Replies with an error code.
    var errorLatencies: Histogram<UInt64>
    /// Open loop: from the actual send to the reply, all operations.
    var serviceTimes: Histogram<UInt64>
    /// Open loop: from the planned to the actual send.
    var sendDelays: Histogram<UInt64>
    var errorsByCode: [Int32: UInt64]
    var violations: Violations
    var slices: [SeriesSlice]
    var intervals: [HistogramInterval]
    /// Length of the measured window as this thread saw it.
    var measuredNanos: UInt64
    /// CPU time of this thread in the measured window.
    var cpuNanos: UInt64
    /// Requests sent in the measured window, and socket writes and reads.
    var sent: UInt64
    var sendCalls: UInt64
    var receiveCalls: UInt64
    /// Of clients that follow the service across servers; nil otherwise.
    var follow: FollowReport?
    /// Why the thread stopped early; nil when it did not.
    var fatal: String?
}
