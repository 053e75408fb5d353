/// How the paper's own generator reported: counts at a fixed step, gathered into bins, the first of which are dropped
/// after every change of load (class GenerateLoad of ZooKeeper 3.3.0, in place of a test for steadiness).
public struct ReportTiming: Codable, Equatable, Sendable {
    public var reportMillis: Int
    public var binSeconds: Double
    public var droppedBins: Int
    /// Bins that count.
    public var bins: Int

    /// - Throws: for a timing that 100 ms slices cannot give.
    public init(
        reportMillis: Int = 300, binSeconds: Double = 6, droppedBins: Int = 3, bins: Int = 5
    ) throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need(
            reportMillis > 0 && reportMillis % SeriesSlice.lengthMillis == 0,
            "reports come at a multiple of \(SeriesSlice.lengthMillis) ms, not \(reportMillis)")
        try need(
            binSeconds > 0 && binSeconds <= 600 && Int((binSeconds * 1000).rounded()) % reportMillis == 0,
            "a bin has whole reports: \(binSeconds) s is no multiple of \(reportMillis) ms")
        try need(
            (0...100).contains(droppedBins) && (1...1000).contains(bins), "0 to 100 bins are dropped, 1 to 1000 kept")
        self.reportMillis = reportMillis
        self.binSeconds = binSeconds
        self.droppedBins = droppedBins
        self.bins = bins
    }

    /// The window that has all bins, and one slice more: the last one may be short.
    public var windowSeconds: Double { Double(droppedBins + bins) * binSeconds + 0.1 }

    /// Operations per second of each bin that counts.
    func rates(_ slices: [SeriesSlice]) -> [Double] {
        let binMillis = Int((binSeconds * 1000).rounded())
        var counts = [UInt64](repeating: 0, count: droppedBins + bins)
        for slice in slices {
            let bin = slice.startMillis / binMillis
            if bin < counts.count { counts[bin] += slice.completed.reduce(0, +) }
        }
        return counts.dropFirst(droppedBins).map { Double($0) / binSeconds }
    }
}
