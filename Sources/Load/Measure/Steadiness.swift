/// Decides when throughput has become steady: over the last window of samples, the halves agree and the spread is
/// small. Bounded from outside: a run that never gets steady is measured all the same, and says so.
struct SteadinessTest {
    /// Samples looked at, an even number.
    let windowSamples: Int
    /// The most the second half's mean may differ from the first's, as a share.
    let slopeLimit: Double
    /// The most the standard deviation may be, as a share of the mean.
    let deviationLimit: Double
    private var samples: [Double] = []

    init(windowSamples: Int = 10, slopeLimit: Double = 0.05, deviationLimit: Double = 0.15) {
        precondition(windowSamples >= 2 && windowSamples % 2 == 0)
        self.windowSamples = windowSamples
        self.slopeLimit = slopeLimit
        self.deviationLimit = deviationLimit
    }

    /// - Parameter rate: the throughput of one more equal interval.
    mutating func add(_ rate: Double) {
        samples.append(rate)
        if samples.count > windowSamples { samples.removeFirst() }
    }

    var isSteady: Bool {
        guard samples.count == windowSamples else { return false }
        let half = windowSamples / 2
        let first = Statistics.mean(Array(samples[..<half]))
        let second = Statistics.mean(Array(samples[half...]))
        let mean = (first + second) / 2
        guard mean > 0 else { return false }
        return abs(second - first) / mean <= slopeLimit
            && Statistics.standardDeviation(samples) / mean <= deviationLimit
    }
}

/// How a warm-up ended.
public struct WarmupResult: Codable, Equatable, Sendable {
    public var seconds: Double
    /// False: the limit came first. The measurement was taken all the same.
    public var steadyStateAttained: Bool
}
