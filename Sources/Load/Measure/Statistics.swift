/// A median with the interval it lies in.
public struct Estimate: Codable, Equatable, Sendable {
    public var median: Double
    public var low: Double
    public var high: Double
    /// "bootstrap 95 %" from five samples on, "min..max" below, "single" for one.
    public var interval: String
    public var samples: [Double]

    /// Samples from which a bootstrap interval is stated.
    public static let bootstrapMinimum = 5
    private static let resamples = 2000

    /// - Returns: nil without samples.
    public init?(_ samples: [Double], seed: UInt64 = 1) {
        guard !samples.isEmpty else { return nil }
        self.samples = samples
        median = Statistics.median(samples)
        if samples.count == 1 {
            low = median
            high = median
            interval = "single"
        } else if samples.count < Self.bootstrapMinimum {
            low = samples.min()!
            high = samples.max()!
            interval = "min..max"
        } else {
            var random = RandomSource(seed: seed)
            let medians = (0..<Self.resamples).map { _ in
                Statistics.median(samples.map { _ in samples[Int(random.below(UInt32(samples.count)))] })
            }.sorted()
            low = medians[Int(0.025 * Double(Self.resamples))]
            high = medians[Int(0.975 * Double(Self.resamples))]
            interval = "bootstrap 95 %"
        }
    }
}

enum Statistics {
    /// The middle value; the mean of the two middle ones for an even count. Needs at least one sample.
    static func median(_ samples: [Double]) -> Double {
        let sorted = samples.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    static func mean(_ samples: [Double]) -> Double { samples.reduce(0, +) / Double(samples.count) }

    static func standardDeviation(_ samples: [Double]) -> Double {
        guard samples.count > 1 else { return 0 }
        let center = mean(samples)
        let squares = samples.reduce(0) { $0 + ($1 - center) * ($1 - center) }
        return (squares / Double(samples.count - 1)).squareRoot()
    }
}
