import Load

/// The shapes of Figures 6 and 7 of Zab's own paper: what a disk, with and without its cache, costs the broadcast.
public enum BroadcastLogShapes {
    /// - Parameter curves: transactions a second by number of servers.
    static func throughput(_ curves: [BroadcastLog: Curve]) -> [ShapeVerdict] {
        [falls(curves[.memory]), cached(curves), forced(curves)].compactMap { $0 }
    }

    /// - Parameter curves: likewise, of one transaction at a time.
    static func latency(_ curves: [BroadcastLog: Curve]) -> [ShapeVerdict] {
        [level(curves[.memory]), decides(curves)].compactMap { $0 }
    }

    private static func missing(_ name: String, _ paper: String) -> ShapeVerdict {
        ShapeVerdict(name, paper: paper, measured: "too few sizes", .notTested)
    }

    /// Of one row of figures to another, by number of servers.
    private static func ratios(_ above: Curve?, _ below: Curve?) -> [(servers: Int, ratio: Double)] {
        (above?.points ?? []).compactMap { point in
            below?[point.x].flatMap { $0 > 0 ? (Int(point.x), point.y / $0) : nil }
        }
    }

    private static func words(_ ratios: [(servers: Int, ratio: Double)]) -> String {
        ratios.map { "\($0.servers): \(Decimal.text($0.ratio * 100, 0)) %" }.joined(separator: ", ")
    }

    private static func falls(_ network: Curve?) -> ShapeVerdict {
        let name = "the network alone falls with servers"
        let paper = "from 38,040 with 3 servers to 7,620 with 13, as one gigabit link divides"
        guard let points = network?.points, points.count > 1 else { return missing(name, paper) }
        let text = points.map { "\(Int($0.x)): \(Int($0.y))" }.joined(separator: ", ")
        return ShapeVerdict(
            name, paper: paper, measured: "\(text) a second",
            holds: zip(points, points.dropFirst()).allSatisfy { $1.y <= $0.y * (1 + SaturationShapes.tolerance) }
                && points.last!.y < points[0].y)
    }

    private static func cached(_ curves: [BroadcastLog: Curve]) -> ShapeVerdict {
        let name = "a disk with its cache costs almost nothing"
        let paper = "98 to 105 % of the network alone"
        let ratios = ratios(curves[.cached], curves[.memory])
        guard !ratios.isEmpty else { return missing(name, paper) }
        return ShapeVerdict(name, paper: paper, measured: words(ratios), holds: ratios.allSatisfy { $0.ratio > 0.85 })
    }

    private static func forced(_ curves: [BroadcastLog: Curve]) -> ShapeVerdict {
        let name = "a forced disk costs most with few servers"
        let paper = "34 % of the network alone with 3 servers, 100 % with 13"
        let ratios = ratios(curves[.forced], curves[.memory])
        guard ratios.count > 1 else { return missing(name, paper) }
        return ShapeVerdict(
            name, paper: paper, measured: words(ratios),
            holds: ratios[0].ratio < 0.95 && ratios[0].ratio < ratios.last!.ratio)
    }

    private static func level(_ network: Curve?) -> ShapeVerdict {
        let name = "one broadcast takes the same time at any size"
        let paper = "4.2 to 5.4 ms on the network alone, in no order"
        guard let points = network?.points, points.count > 1, points.allSatisfy({ $0.y > 0 }) else {
            return missing(name, paper)
        }
        let millis = points.map { 1000 / $0.y }
        let text = zip(points, millis).map { "\(Int($0.x)): \(Decimal.text($1, 2)) ms" }.joined(separator: ", ")
        return ShapeVerdict(name, paper: paper, measured: text, holds: millis.max()! <= 1.5 * millis.min()!)
    }

    private static func decides(_ curves: [BroadcastLog: Curve]) -> ShapeVerdict {
        let name = "a forced disk decides the time"
        let paper = "44.5 to 67 ms, against 5.8 to 6.8 with the disk's cache and 4.2 to 5.4 without a disk"
        let ratios = ratios(curves[.cached], curves[.forced])
        let network = self.ratios(curves[.memory], curves[.forced])
        guard !ratios.isEmpty, !network.isEmpty else { return missing(name, paper) }
        func text(_ list: [(servers: Int, ratio: Double)]) -> String {
            list.map { "\($0.servers): \(Decimal.text($0.ratio, 1))" }.joined(separator: ", ")
        }
        return ShapeVerdict(
            name, paper: paper,
            measured: "\(text(network)) times the network's alone, \(text(ratios)) times a cached disk's",
            holds: (ratios + network).allSatisfy { $0.ratio > 1.2 })
    }
}
