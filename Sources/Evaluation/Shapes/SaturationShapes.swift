/// The shapes of the paper's Figures 5 and 6: throughput over the share of reads, a curve for each ensemble size.
public enum SaturationShapes {
    /// How much a point may stick out of a shape and still be noise.
    static let tolerance = 0.05
    /// The least ratio of the ends of an order that counts as one. The paper's are 2.6 (writes) and 5.3 (reads).
    static let leastOrder = 1.3
    /// By how many percent of reads two crossings differ that are in order beyond doubt.
    static let leastApart = 0.5
    /// How far the middle of a curve must be below the line between its ends. The paper's are below by 29 to 93 %.
    static let leastSag = 0.1
    /// How much more an ensemble must read than its leader alone. The paper's read 2.2 times (3 servers) to 13 times.
    static let leastCap = 1.5

    /// Figure 5: clients on all servers.
    ///
    /// - Parameters:
    ///   - curves: by number of servers.
    ///   - ownCpus: whether each server had CPU time of its own; on a shared machine more servers cannot read more.
    public static func everywhere(_ curves: [Int: Curve], ownCpus: Bool) -> [ShapeVerdict] {
        [
            writeOrder(curves), readOrder(curves, ownCpus: ownCpus), convexity(curves),
            crossings(curves, ownCpus: ownCpus),
        ]
    }

    /// Figure 6: clients on the leader alone.
    ///
    /// - Parameter everywhere: the same with clients on all servers.
    public static func leaderAlone(_ curves: [Int: Curve], everywhere: [Int: Curve]) -> [ShapeVerdict] {
        [readCap(curves, everywhere), below(curves, everywhere)]
    }

    private static func list(_ curves: [Int: Curve], at reads: Double) -> [(servers: Int, rate: Double)] {
        curves.keys.sorted().compactMap { servers in curves[servers]![reads].map { (servers, $0) } }
    }

    private static func points(_ curves: [Int: Curve], at reads: Double) -> [Curve.Point] {
        curves.keys.sorted().compactMap { curves[$0]!.point(at: reads) }
    }

    /// Comparisons that an order from the largest to the smallest takes: of its ends, and of each step, which may be
    /// flat but must not clearly go the other way.
    static func falling(_ points: [Curve.Point]) -> [Comparison] {
        let steps = zip(points, points.dropFirst()).map { before, after in
            after.y > before.y * (1 + tolerance) && after.range.lowerBound > before.range.upperBound
                ? Comparison.refuted : .clear
        }
        return [Comparison(points.first!, over: points.last!, least: leastOrder)] + steps
    }

    private static func text(_ list: [(servers: Int, rate: Double)]) -> String {
        list.map { "\($0.servers): \(Int(($0.rate / 100).rounded()) * 100)" }.joined(separator: ", ")
    }

    private static func writeOrder(_ curves: [Int: Curve]) -> ShapeVerdict {
        let name = "order without reads"
        let paper = "3 > 5 > 7 > 9 > 13 servers, 2.6 to 1 from first to last"
        let list = list(curves, at: 0)
        guard list.count > 1 else { return ShapeVerdict(name, paper: paper, measured: "too few sizes", .notTested) }
        let ratio = list.first!.rate / list.last!.rate
        return ShapeVerdict(
            name, paper: paper, measured: "\(text(list)) a second; \(Decimal.text(ratio, 1)) to 1",
            all: falling(points(curves, at: 0)))
    }

    private static func readOrder(_ curves: [Int: Curve], ownCpus: Bool) -> ShapeVerdict {
        let name = "order with reads alone"
        let paper = "3 < 5 < 7 < 9 < 13 servers, near-linear: 1 to 5.3"
        let list = list(curves, at: 100)
        guard list.count > 1 else { return ShapeVerdict(name, paper: paper, measured: "too few sizes", .notTested) }
        let ratio = list.last!.rate / list.first!.rate
        let measured = "\(text(list)) a second; 1 to \(Decimal.text(ratio, 1))"
        guard ownCpus else {
            return ShapeVerdict(
                name, paper: paper, measured: measured + ", the servers sharing one machine's CPUs", .notTested)
        }
        // Near-linear: more than half of what as many more servers would read.
        let linear = Double(list.last!.servers) / Double(list.first!.servers)
        return ShapeVerdict(
            name, paper: paper, measured: measured,
            all: falling(points(curves, at: 100).reversed()) + [ratio > 1 + (linear - 1) / 2 ? .clear : .refuted])
    }

    private static func convexity(_ curves: [Int: Curve]) -> ShapeVerdict {
        let name = "curves bend upwards"
        let paper = "every curve rises slowly to 50 % reads and steeply from 75 %"
        let sizes = curves.keys.sorted().filter { curves[$0]!.middle != nil }
        guard !sizes.isEmpty else { return ShapeVerdict(name, paper: paper, measured: "too few points", .notTested) }
        var words: [String] = []
        var comparisons: [Comparison] = []
        for servers in sizes {
            let (point, line) = curves[servers]!.middle!
            let sag = 1 - point.y / line
            words.append(
                "\(servers): \(Decimal.text(abs(sag) * 100, 0)) % \(sag < 0 ? "above" : "below") at "
                    + "\(Decimal.text(point.x, 0)) %")
            let under = line * (1 - leastSag)
            let sags = point.range.upperBound < under
                ? Comparison.clear : point.range.lowerBound > under ? .refuted : .withinNoise
            comparisons.append(curves[servers]!.bulge! > tolerance ? .refuted : sags)
        }
        return ShapeVerdict(
            name, paper: paper, measured: "against the line between the curve's ends: \(words.joined(separator: ", "))",
            all: comparisons)
    }

    private static func crossings(_ curves: [Int: Curve], ownCpus: Bool) -> ShapeVerdict {
        let name = "3 servers are overtaken"
        let paper = "by 5 at 67.5 % reads, by 7 at 77.6 %, by 9 at 81.2 %, by 13 at 92.1 %"
        let others = curves.keys.filter { $0 > 3 }.sorted()
        guard let three = curves[3], !others.isEmpty else {
            return ShapeVerdict(name, paper: paper, measured: "no 3 servers, or no others", .notTested)
        }
        let places = others.map { ($0, three.overtaken(by: curves[$0]!)) }
        let words = places.map { servers, place in
            "by \(servers) " + (place.map(Self.text) ?? "nowhere")
        }
        let measured = words.joined(separator: ", ")
        guard ownCpus else {
            return ShapeVerdict(
                name, paper: paper, measured: measured + ", the servers sharing one machine's CPUs", .notTested)
        }
        let found = places.compactMap(\.1)
        guard found.count == places.count else {
            return ShapeVerdict(name, paper: paper, measured: measured, .notReproduced)
        }
        // Neighbours must be in order; of any two, none clearly the other way round.
        let pairs = found.indices.flatMap { first in found.indices.dropFirst(first + 1).map { (first, $0) } }
        let order = pairs.map { (isNext: $1 == $0 + 1, Self.isBefore(found[$0], found[$1])) }
            .filter { $0.isNext || $0.1 == .refuted }.map(\.1)
        // Overtaken is who was clearly ahead of each at one end, and is clearly behind at the other.
        let ends = others.flatMap { servers -> [Comparison] in
            guard let last = curves[servers]!.last, let own = three.point(at: last.x) else { return [.withinNoise] }
            return [Comparison(last, over: own, least: 1 + tolerance)]
        }
        let most = curves[others.last!]!
        let begin = zip([three.first], [most.first]).compactMap { own, other in
            own.flatMap { own in other.map { Comparison(own, over: $0, least: 1 + tolerance) } }
        }
        return ShapeVerdict(name, paper: paper, measured: measured, all: ends + begin + order)
    }

    private static func text(_ place: Curve.Crossing) -> String {
        let (low, high) = (place.range.lowerBound, place.range.upperBound)
        let range = low < high ? " (\(Decimal.text(low, 1)) to \(Decimal.text(high, 1)))" : ""
        return "at \(Decimal.text(place.x, 1)) %\(range)"
    }

    /// Whether one crossing lies before another. Which comes first is not known where both may lie as rounds differ,
    /// and between the same two measured shares, where their places are interpolated, unless they are clearly apart.
    private static func isBefore(_ first: Curve.Crossing, _ second: Curve.Crossing) -> Comparison {
        guard first.between != second.between || abs(second.x - first.x) >= leastApart else { return .withinNoise }
        if first.range.upperBound < second.range.lowerBound { return .clear }
        return second.range.upperBound < first.range.lowerBound ? .refuted : .withinNoise
    }

    private static func readCap(_ curves: [Int: Curve], _ everywhere: [Int: Curve]) -> ShapeVerdict {
        let name = "the leader's reads are the limit"
        let paper = "33,000 to 41,000 reads a second whatever the size"
        let list = list(curves, at: 100)
        guard list.count > 1 else { return ShapeVerdict(name, paper: paper, measured: "too few sizes", .notTested) }
        let rates = list.map(\.rate)
        var measured = text(list) + " a second"
        var comparisons: [Comparison] = [rates.max()! < 1.5 * rates.min()! ? .clear : .refuted]
        // A cap is what the whole ensemble is not held to.
        for servers in curves.keys.sorted() {
            guard let own = curves[servers]!.point(at: 100), let all = everywhere[servers]?.point(at: 100) else {
                continue
            }
            comparisons.append(Comparison(all, over: own, least: leastCap))
            measured += "; all \(servers) servers read \(Decimal.text(all.y / own.y, 1)) times that"
        }
        guard comparisons.count > 1 else {
            return ShapeVerdict(
                name, paper: paper, measured: measured + "; no run with clients everywhere", .notTested)
        }
        return ShapeVerdict(name, paper: paper, measured: measured, all: comparisons)
    }

    private static func below(_ curves: [Int: Curve], _ everywhere: [Int: Curve]) -> ShapeVerdict {
        let name = "below clients on all servers"
        let paper = "at every mix and size; 13 servers agree within 3 % up to 5 % reads"
        var compared = 0
        var above: [String] = []
        for servers in curves.keys.sorted() {
            for point in curves[servers]!.points {
                guard let other = everywhere[servers]?.point(at: point.x) else { continue }
                compared += 1
                // Near 0 % reads the two are alike: above is what is so beyond noise.
                if point.y > other.y * (1 + tolerance), point.range.lowerBound > other.range.upperBound {
                    above.append(
                        "\(servers) servers, \(Decimal.text(point.x, 0)) %: "
                            + "\(Decimal.text(point.y / other.y, 2)) times")
                }
            }
        }
        guard compared > 0 else {
            return ShapeVerdict(name, paper: paper, measured: "no run with clients everywhere", .notTested)
        }
        let measured = above.isEmpty ? "at all \(compared) points" : "above at \(above.joined(separator: "; "))"
        return ShapeVerdict(name, paper: paper, measured: measured, holds: above.isEmpty)
    }
}
