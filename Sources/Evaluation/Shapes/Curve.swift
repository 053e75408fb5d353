/// A quantity over another, such as throughput over the share of reads.
public struct Curve: Equatable, Sendable {
    public struct Point: Equatable, Sendable {
        public var x: Double
        public var y: Double
        /// The interval of repeated measurements; both equal `y` where there was one.
        public var low: Double
        public var high: Double

        /// How far a single measurement is taken to be from the next.
        static let singleShare = 0.1

        /// Where a repetition may lie: the interval, at least as wide as its own ends; around a single value a tenth
        /// to both sides.
        var range: ClosedRange<Double> {
            low == high ? y * (1 - Self.singleShare)...y * (1 + Self.singleShare) : low...high
        }
    }

    /// By `x`, each once.
    public private(set) var points: [Point] = []

    public init() {}

    /// - Parameter interval: nil for a single value.
    public mutating func add(_ x: Double, _ y: Double, interval: (low: Double, high: Double)? = nil) {
        points.removeAll { $0.x == x }
        points.append(Point(x: x, y: y, low: interval?.low ?? y, high: interval?.high ?? y))
        points.sort { $0.x < $1.x }
    }

    public subscript(x: Double) -> Double? { point(at: x)?.y }
    func point(at x: Double) -> Point? { points.first { $0.x == x } }
    public var first: Point? { points.first }
    public var last: Point? { points.last }

    /// The value at `x`, on the straight line between its neighbours; nil outside.
    public func value(at x: Double) -> Double? {
        guard let above = points.firstIndex(where: { $0.x >= x }) else { return nil }
        let right = points[above]
        if right.x == x { return right.y }
        guard above > 0 else { return nil }
        let left = points[above - 1]
        return left.y + (right.y - left.y) * (x - left.x) / (right.x - left.x)
    }

    /// Where one curve crosses another.
    struct Crossing: Equatable {
        var x: Double
        /// Where it would be if one curve lay at one end of its intervals and the other at the other.
        var range: ClosedRange<Double>
        /// The measured places that it lies between: where exactly is interpolated.
        var between: ClosedRange<Double>
    }

    /// The time of one operation at `x`, on the straight line between its neighbours': over the share of reads time is
    /// what is straight as long as one thing is the limit, and throughput bends. nil outside, and without throughput.
    private func cost(at x: Double) -> Double? {
        guard let above = points.firstIndex(where: { $0.x >= x }) else { return nil }
        let right = points[above]
        guard right.y > 0 else { return nil }
        if right.x == x { return 1 / right.y }
        guard above > 0, points[above - 1].y > 0 else { return nil }
        let left = points[above - 1]
        return 1 / left.y + (1 / right.y - 1 / left.y) * (x - left.x) / (right.x - left.x)
    }

    /// Where `other` rises above this curve and stays there to the end of what both have; nil when it does not, or is
    /// above from the start. Both are throughputs.
    func overtaken(by other: Curve) -> Crossing? {
        guard let (x, between) = crossing(other) else { return nil }
        let from = max(first?.x ?? x, other.first?.x ?? x)
        let to = min(last?.x ?? x, other.last?.x ?? x)
        let early = at(\.low).crossing(other.at(\.high))?.x ?? from
        let late = at(\.high).crossing(other.at(\.low))?.x ?? to
        return Crossing(x: x, range: min(early, x)...max(late, x), between: between)
    }

    /// The curve through an end of each interval.
    private func at(_ end: KeyPath<Point, Double>) -> Curve {
        var curve = Curve()
        for point in points { curve.add(point.x, point[keyPath: end]) }
        return curve
    }

    private func crossing(_ other: Curve) -> (x: Double, between: ClosedRange<Double>)? {
        let from = max(first?.x ?? .infinity, other.first?.x ?? .infinity)
        let to = min(last?.x ?? -.infinity, other.last?.x ?? -.infinity)
        guard from < to else { return nil }
        let places = Set((points + other.points).map(\.x).filter { $0 >= from && $0 <= to }).sorted()
        let gaps = places.compactMap { x -> (x: Double, gap: Double)? in
            guard let own = cost(at: x), let others = other.cost(at: x) else { return nil }
            return (x, own - others)
        }
        guard let last = gaps.last, last.gap > 0, let below = gaps.lastIndex(where: { $0.gap <= 0 }) else { return nil }
        let left = gaps[below]
        let right = gaps[below + 1]
        return (left.x + (right.x - left.x) * -left.gap / (right.gap - left.gap), left.x...right.x)
    }

    /// The measured point nearest to the middle between the ends, and the straight line's value there; nil with fewer
    /// than three points.
    var middle: (point: Point, line: Double)? {
        guard points.count > 2, let first, let last else { return nil }
        let center = (first.x + last.x) / 2
        let point = points.dropFirst().dropLast().min { abs($0.x - center) < abs($1.x - center) }!
        return (point, first.y + (last.y - first.y) * (point.x - first.x) / (last.x - first.x))
    }

    /// The largest part by which a point lies above the straight line between the curve's ends; at most 0 for a curve
    /// that bends upwards.
    public var bulge: Double? {
        guard points.count > 2, let first, let last, last.x > first.x else { return nil }
        return points.dropFirst().dropLast().map { point in
            let line = first.y + (last.y - first.y) * (point.x - first.x) / (last.x - first.x)
            return point.y / line - 1
        }.max()
    }
}
