#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What paired differences say about a shift: Wilcoxon's signed-rank test, which is a randomization test. Were there no
/// difference, each pair's sign could as well be the other one; the probability of what was seen is counted over all
/// sign assignments of the ranks, ties included. Nothing is drawn by chance, so equal data give equal answers.
public struct SignedRankTest: Codable, Equatable, Sendable {
    /// The Hodges-Lehmann estimate: the median of all pairwise averages, which a few wild pairs do not move.
    public var estimate: Double
    /// Shifts that the test does not reject; the whole range of the data where there are too few pairs.
    public var low: Double
    public var high: Double
    /// Two-sided.
    public var pValue: Double
    /// What the interval really holds: at least what was asked for, less only with too few pairs.
    public var confidence: Double
    public var pairs: Int

    /// - Parameter confidence: above 0, below 1.
    /// - Returns: nil without differences, or when one of them is no number.
    public init?(_ differences: [Double], confidence: Double = 0.95) {
        guard !differences.isEmpty, differences.allSatisfy(\.isFinite) else { return nil }
        pairs = differences.count
        var averages: [Double] = []
        for first in differences.indices {
            for second in first..<differences.count {
                averages.append((differences[first] + differences[second]) / 2)
            }
        }
        averages.sort()
        estimate = Statistics.median(averages)

        let counts = Self.distribution(doubledRanks: (1...pairs).map { 2 * $0 })
        // The smallest rank sum that is no longer in the lower tail.
        let tail = (1 - confidence) / 2
        var cut = 0
        while Self.lowerTail(counts, upTo: 2 * cut) < tail { cut += 1 }
        cut = max(1, cut)
        low = averages[cut - 1]
        high = averages[averages.count - cut]
        self.confidence = 1 - 2 * Self.lowerTail(counts, upTo: 2 * (cut - 1))
        pValue = Self.twoSided(differences)
    }

    /// How many sign assignments give each sum of positive ranks; ranks are doubled so that those of ties are whole.
    static func distribution(doubledRanks: [Int]) -> [Double] {
        var counts = [Double](repeating: 0, count: doubledRanks.reduce(0, +) + 1)
        counts[0] = 1
        var reach = 0
        for rank in doubledRanks {
            reach += rank
            for sum in stride(from: reach, through: rank, by: -1) { counts[sum] += counts[sum - rank] }
        }
        return counts
    }

    /// The probability of a sum of at most this.
    static func lowerTail(_ counts: [Double], upTo sum: Int) -> Double {
        guard sum >= 0 else { return 0 }
        return counts[...min(sum, counts.count - 1)].reduce(0, +) / counts.reduce(0, +)
    }

    private static func twoSided(_ differences: [Double]) -> Double {
        // A difference of zero speaks for neither side.
        let values = differences.filter { $0 != 0 }
        guard !values.isEmpty else { return 1 }
        let order = values.indices.sorted { abs(values[$0]) < abs(values[$1]) }
        var doubled = [Int](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, abs(values[order[end]]) == abs(values[order[start]]) { end += 1 }
            // Ties share the mean of ranks start + 1 ... end.
            for position in start..<end { doubled[order[position]] = start + 1 + end }
            start = end
        }
        let counts = distribution(doubledRanks: doubled)
        let positive = values.indices.reduce(0) { $0 + (values[$1] > 0 ? doubled[$1] : 0) }
        let negative = counts.count - 1 - positive
        return min(1, 2 * lowerTail(counts, upTo: min(positive, negative)))
    }
}
