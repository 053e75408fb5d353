/// The shapes of the paper's Figure 7: the broadcast alone over the size of the ensemble.
public enum BroadcastShapes {
    /// - Parameters:
    ///   - broadcast: transactions a second by number of servers.
    ///   - system: the full system's writes a second (Figure 5 without reads), by number of servers.
    public static func verdicts(_ broadcast: Curve, system: Curve) -> [ShapeVerdict] {
        [falls(broadcast), above(broadcast, system)]
    }

    private static func falls(_ broadcast: Curve) -> ShapeVerdict {
        let name = "broadcast falls with servers"
        let paper = "from 61,800 with 3 servers to 21,650 with 13, at every step"
        let points = broadcast.points
        guard points.count > 1 else { return ShapeVerdict(name, paper: paper, measured: "too few sizes", .notTested) }
        let words = points.map { "\(Int($0.x)): \(Int(($0.y / 100).rounded()) * 100)" }.joined(separator: ", ")
        return ShapeVerdict(
            name, paper: paper, measured: words + " a second", all: SaturationShapes.falling(points))
    }

    private static func above(_ broadcast: Curve, _ system: Curve) -> ShapeVerdict {
        let name = againstSystem
        let paper = "2.4 to 3.0 times the full system's writes"
        let pairs = broadcast.points.compactMap { point in system.point(at: point.x).map { (point, $0) } }
        guard !pairs.isEmpty else {
            return ShapeVerdict(name, paper: paper, measured: "no run of the full system beside it", .notTested)
        }
        let words = pairs.map { "\(Int($0.x)): \(Decimal.text($0.y / $1.y, 2))" }.joined(separator: ", ")
        // The paper's servers spent most of a write on their clients. Where a server does not, less is left to save.
        return ShapeVerdict(
            name, paper: paper, measured: words + " times",
            all: pairs.map { Comparison($0, over: $1, least: leastGain) })
    }

    static let againstSystem = "broadcast alone against the full system"
    /// What leaving the clients out must gain at least. The paper's gain is 2.4.
    static let leastGain = 1.2
}
