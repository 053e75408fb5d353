#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where a series changes: E-divisive, with the energy distance between what lies before and after a border.
///
/// The border that parts a stretch best is a change point when at most 5 % of random orders of the same values are
/// parted as well by their best border; then both sides are searched on. Orders come from a seed: equal series give
/// equal answers. Small shifts are left out afterwards, however certain.
public struct ChangePoints: Sendable {
    /// One change.
    public struct Point: Codable, Equatable, Sendable {
        /// The first value of the new level.
        public var index: Int
        /// Medians of the stretches before and after, up to the neighbouring changes.
        public var before: Double
        public var after: Double
        public var pValue: Double

        /// After over before.
        public var ratio: Double { after / before }
    }

    /// Values on either side of a border.
    public var minimumStretch = 4
    public var significance = 0.05
    public var permutations = 399
    /// The least shift reported, as a share.
    public var minimumShift = 0.025
    public var seed: UInt64 = 1

    public init() {}

    /// - Parameter values: positive; shifts are looked for as ratios.
    public func find(in values: [Double]) -> [Point] {
        let logarithms = values.map { log($0) }
        guard logarithms.allSatisfy(\.isFinite) else { return [] }
        var random = RandomSource(seed: seed)
        var borders: [(index: Int, pValue: Double)] = []
        search(logarithms, 0..<values.count, &borders, &random)
        borders.sort { $0.index < $1.index }
        // Leaving a small shift out joins its two stretches, so the others are measured anew.
        while true {
            let points = measure(values, borders)
            guard let small = points.indices.min(by: { size(points[$0]) < size(points[$1]) }),
                size(points[small]) < log(1 + minimumShift)
            else { return points }
            borders.remove(at: small)
        }
    }

    private func size(_ point: Point) -> Double { abs(log(point.ratio)) }

    private func measure(_ values: [Double], _ borders: [(index: Int, pValue: Double)]) -> [Point] {
        borders.indices.map { number in
            let start = number == 0 ? 0 : borders[number - 1].index
            let end = number + 1 < borders.count ? borders[number + 1].index : values.count
            let index = borders[number].index
            return Point(
                index: index, before: Statistics.median(Array(values[start..<index])),
                after: Statistics.median(Array(values[index..<end])), pValue: borders[number].pValue)
        }
    }

    private func search(
        _ values: [Double], _ range: Range<Int>, _ borders: inout [(index: Int, pValue: Double)],
        _ random: inout RandomSource
    ) {
        guard range.count >= 2 * minimumStretch else { return }
        var stretch = Array(values[range])
        let best = strongest(stretch)
        var asStrong = 0
        for _ in 0..<permutations {
            stretch.shuffle(using: &random)
            if strongest(stretch).strength >= best.strength { asStrong += 1 }
        }
        let pValue = Double(asStrong + 1) / Double(permutations + 1)
        guard pValue <= significance else { return }
        let index = range.lowerBound + best.index
        borders.append((index, pValue))
        search(values, range.lowerBound..<index, &borders, &random)
        search(values, index..<range.upperBound, &borders, &random)
    }

    /// The border with the greatest scaled energy distance. Sums of distances are carried from border to border, so
    /// that a stretch costs its length squared.
    func strongest(_ values: [Double]) -> (index: Int, strength: Double) {
        let count = values.count
        // Distances within the left part, within the right one, and between them.
        var left = 0.0
        var right = 0.0
        var between = 0.0
        for first in 0..<count {
            for second in first + 1..<max(first + 1, count) { right += abs(values[first] - values[second]) }
        }
        var best = (index: minimumStretch, strength: -Double.infinity)
        for border in 1..<count {
            // The value just before the border changes sides.
            let moved = values[border - 1]
            var toLeft = 0.0
            var toRight = 0.0
            for index in 0..<border - 1 { toLeft += abs(values[index] - moved) }
            for index in border..<count { toRight += abs(values[index] - moved) }
            left += toLeft
            right -= toRight
            between += toRight - toLeft
            guard border >= minimumStretch, count - border >= minimumStretch else { continue }
            let (n, m) = (Double(border), Double(count - border))
            let distance = 2 * between / (n * m) - 2 * left / (n * (n - 1)) - 2 * right / (m * (m - 1))
            let strength = n * m / (n + m) * distance
            if strength > best.strength { best = (border, strength) }
        }
        return best
    }
}
