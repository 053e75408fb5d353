/// All latencies of one measurement as HdrHistogram counts them, kept in the result itself: its percentiles can be held
/// against them, and any HdrHistogram tool reads the log that is written from them.
public struct KeptLatencies: Codable, Equatable, Sendable {
    /// Base64 of HdrHistogram's compressed V2 form, in ns.
    public var encoded: String
    public var maximumNanos: UInt64

    init(_ recorder: borrowing LatencyRecorder) {
        encoded = HistogramLog.encode(recorder)
        maximumNanos = recorder.total > 0 ? recorder.maximum : 0
    }

    /// Times before what they count from become 0: the format knows none below.
    init(nanos: [Int64]) {
        var recorder = LatencyRecorder()
        for value in nanos { recorder.record(UInt64(max(0, value))) }
        self.init(recorder)
    }

    /// Of a window's log, errors left out.
    init(_ intervals: [HistogramInterval]) throws(LoadError) {
        var recorder = LatencyRecorder()
        var maximum: UInt64 = 0
        for interval in intervals where interval.tag != "error" {
            maximum = max(maximum, interval.maximumNanos)
            for (slot, count) in try HistogramLogReader.decode(interval.encoded, tag: interval.tag).counts {
                let value = LatencyRecorder.lowestValue(at: slot)
                recorder.add(count, inSlot: slot, minimum: value, maximum: value)
            }
        }
        encoded = HistogramLog.encode(recorder)
        maximumNanos = maximum
    }
}

/// Kept latencies with what a result says of them.
public struct NamedLatencies: Sendable {
    /// What was measured, such as `multis of 10, multi`.
    public var name: String
    public var windowSeconds: Double
    public var latencies: KeptLatencies
    private var claims: Claims

    private enum Claims {
        case summary(LatencySummary)
        /// Times in ms by percentile; the longest where it is told.
        case times(count: Int, percentiles: [(percentile: Double, millis: Double)], longestMillis: Double?)
    }

    public init(_ name: String, seconds: Double, _ latencies: KeptLatencies, is summary: LatencySummary) {
        self.name = name
        windowSeconds = seconds
        self.latencies = latencies
        claims = .summary(summary)
    }

    /// - Parameter seconds: of the window; 0 where there was none.
    public init(
        _ name: String, seconds: Double = 0, _ latencies: KeptLatencies, count: Int,
        percentiles: [(percentile: Double, millis: Double)], longestMillis: Double? = nil
    ) {
        self.name = name
        windowSeconds = seconds
        self.latencies = latencies
        claims = .times(count: count, percentiles: percentiles, longestMillis: longestMillis)
    }

    public init(_ name: String, seconds: Double = 0, _ times: TimeFigures) {
        self.init(
            name, seconds: seconds, times.kept, count: times.count,
            percentiles: [(50, times.p50Millis), (99, times.p99Millis), (99.9, times.p999Millis)],
            longestMillis: times.longestMillis)
    }

    public static func of(_ figure: PipelinedFigure) -> [NamedLatencies] {
        figure.kinds.map { NamedLatencies($0.name, seconds: figure.windowSeconds, $0.times, is: $0.latency) }
    }

    public func prefixed(_ text: String) -> NamedLatencies {
        var copy = self
        copy.name = "\(text), \(name)"
        return copy
    }

    /// What a result says and these latencies do not; nil when all agrees.
    public var contradiction: String? {
        guard let decoded = try? HistogramLogReader.decode(latencies.encoded, tag: "") else {
            return "\(name): the histogram is broken"
        }
        let logged = LoggedLatencies(decoded.counts)
        let wrong: String?
        switch claims {
        case .summary(let summary): wrong = logged.difference(summary)
        case .times(let count, let percentiles, let longest):
            wrong = logged.difference(count: count, millis: percentiles, longest: longest)
        }
        return wrong.map { "\(name): \($0) is not that of the histogram" }
    }

    /// A log of many measurements, one line each; a line's tag is the name.
    public static func log(_ list: [NamedLatencies]) -> String {
        let intervals = list.map { item in
            let tag = item.name.split { !$0.isLetter && !$0.isNumber && $0 != "." }.joined(separator: "-")
            return HistogramInterval(
                tag: tag, startSeconds: 0, lengthSeconds: item.windowSeconds,
                maximumNanos: item.latencies.maximumNanos, encoded: item.latencies.encoded)
        }
        return HistogramLog.text(intervals, startWallSeconds: nil)
    }
}
