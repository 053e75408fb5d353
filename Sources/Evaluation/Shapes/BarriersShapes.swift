import Foundation

/// The shapes of the paper's Table 3: time by barriers and clients.
public enum BarriersShapes {
    /// Time grows like a power of the number; 1 is linear. From end to end the paper's own cells have 0.79 (1600
    /// barriers of 100 clients against 200) to 0.84 over barriers, and in the mean 0.93 to 1.04 over clients.
    static let exponents = 0.75...1.25

    /// - Parameter curves: seconds over the number of barriers, by number of clients.
    public static func verdicts(_ curves: [Int: Curve]) -> [ShapeVerdict] {
        [linearInBarriers(curves), linearInClients(curves)]
    }

    /// - Parameters:
    ///   - ratio: of the times.
    ///   - more: of the numbers.
    private static func holds(_ ratio: Double, for more: Double) -> Bool {
        ratio > 0 && more > 1 && exponents.contains(log(ratio) / log(more))
    }

    private static func linearInBarriers(_ curves: [Int: Curve]) -> ShapeVerdict {
        let name = "time is linear in the barriers"
        let paper = "8 times the barriers take 5.7, 5.2 and 5.7 times the time with 50, 100 and 200 clients"
        var words: [String] = []
        var all = true
        for clients in curves.keys.sorted() {
            let points = curves[clients]!.points
            guard points.count > 1, let first = points.first, let last = points.last, first.y > 0 else { continue }
            words.append(
                "\(clients): \(Decimal.text(last.y / first.y, 1)) times for "
                    + "\(Decimal.text(last.x / first.x, 1)) times")
            all = all && holds(last.y / first.y, for: last.x / first.x)
        }
        guard !words.isEmpty else {
            return ShapeVerdict(name, paper: paper, measured: "too few numbers of barriers", .notTested)
        }
        return ShapeVerdict(name, paper: paper, measured: words.joined(separator: "; "), holds: all)
    }

    private static func linearInClients(_ curves: [Int: Curve]) -> ShapeVerdict {
        let name = "time is about linear in the clients"
        let paper = "1.9 to 2.1 times from 50 clients to 100, 1.8 to 2.3 times from 100 to 200"
        let sizes = curves.keys.sorted()
        var words: [String] = []
        var all = true
        for (few, many) in zip(sizes, sizes.dropFirst()) {
            let ratios = curves[few]!.points.compactMap { point in curves[many]![point.x].map { $0 / point.y } }
            guard !ratios.isEmpty else { continue }
            let more = Double(many) / Double(few)
            let mean = ratios.reduce(0, +) / Double(ratios.count)
            words.append(
                "from \(few) to \(many): \(Decimal.text(ratios.min()!, 1)) to \(Decimal.text(ratios.max()!, 1)) times")
            all = all && holds(mean, for: more)
        }
        guard !words.isEmpty else {
            return ShapeVerdict(name, paper: paper, measured: "too few numbers of clients", .notTested)
        }
        return ShapeVerdict(name, paper: paper, measured: words.joined(separator: "; "), holds: all)
    }
}
