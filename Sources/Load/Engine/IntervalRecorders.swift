/// Latencies by operation, kept three deep: the 100 ms slice being filled, the log interval of a second, the total.
/// Short levels are folded into long ones at ticks, so that a reply costs one counter. One owner, fixed addresses.
struct IntervalRecorders: ~Copyable {
    /// Slices in one interval of the histogram log.
    static let slicesPerInterval = 10
    static let sliceNanos = UInt64(SeriesSlice.lengthMillis) * 1_000_000

    /// By `OperationKind`; one more for replies with an error.
    let slice: UnsafeMutablePointer<LatencyRecorder>
    private let interval: UnsafeMutablePointer<LatencyRecorder>
    let total: UnsafeMutablePointer<LatencyRecorder>
    private var merged = LatencyRecorder()
    private(set) var slices: [SeriesSlice] = []
    private(set) var intervals: [HistogramInterval] = []
    private var intervalStart: UInt64 = 0
    private var slicesInInterval = 0
    private var sliceStart: UInt64 = 0
    private var windowStart: UInt64 = 0

    static let errorIndex = OperationKind.count
    static let recorderCount = OperationKind.count + 1

    init() {
        func makeRow() -> UnsafeMutablePointer<LatencyRecorder> {
            let row = UnsafeMutablePointer<LatencyRecorder>.allocate(capacity: Self.recorderCount)
            for index in 0..<Self.recorderCount { (row + index).initialize(to: LatencyRecorder()) }
            return row
        }
        slice = makeRow()
        interval = makeRow()
        total = makeRow()
    }

    deinit {
        for row in [slice, interval, total] {
            row.deinitialize(count: Self.recorderCount)
            row.deallocate()
        }
    }

    /// Forgets everything; the window starts at `now`.
    mutating func restart(at now: UInt64) {
        for index in 0..<Self.recorderCount {
            slice[index].reset()
            interval[index].reset()
            total[index].reset()
        }
        slices.removeAll(keepingCapacity: true)
        intervals.removeAll(keepingCapacity: true)
        intervalStart = now
        sliceStart = now
        windowStart = now
        slicesInInterval = 0
    }

    /// Ends the slice at `now`. Returns its median and 99th percentile in nanoseconds.
    ///
    /// - Parameter counts: whether the slice belongs to the window: the series lists it, and an interval that ends
    ///   with it is logged. The window's last slice may be a short one.
    mutating func closeSlice(at now: UInt64, counts: Bool) -> (median: UInt64, p99: UInt64) {
        merged.reset()
        var completed = [UInt64](repeating: 0, count: OperationKind.count)
        for index in 0..<OperationKind.count {
            completed[index] = slice[index].total
            merged.add(slice[index])
        }
        let errors = slice[Self.errorIndex].total
        let median = merged.value(atPercentile: 50)
        let p99 = merged.value(atPercentile: 99)
        if counts {
            slices.append(
                SeriesSlice(
                    startMillis: Int((sliceStart - windowStart) / 1_000_000), completed: completed, errors: errors,
                    medianNanos: median, p99Nanos: p99, maximumNanos: merged.total == 0 ? 0 : merged.maximum))
        }
        for index in 0..<Self.recorderCount {
            interval[index].add(slice[index])
            slice[index].reset()
        }
        sliceStart = now
        slicesInInterval += 1
        if slicesInInterval == Self.slicesPerInterval { closeInterval(at: now, keep: counts) }
        return (median, p99)
    }

    /// Ends the log interval and folds it into the totals.
    mutating func closeInterval(at now: UInt64, keep: Bool) {
        for index in 0..<Self.recorderCount where interval[index].total > 0 {
            if keep {
                let tag = OperationKind(rawValue: index)?.name ?? "error"
                intervals.append(
                    HistogramInterval(
                        tag: tag, startSeconds: Double(intervalStart - windowStart) / 1e9,
                        lengthSeconds: Double(now - intervalStart) / 1e9, maximumNanos: interval[index].maximum,
                        encoded: HistogramLog.encode(interval[index])))
            }
            total[index].add(interval[index])
            interval[index].reset()
        }
        intervalStart = now
        slicesInInterval = 0
    }
}
