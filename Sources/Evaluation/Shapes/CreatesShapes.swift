/// The shapes of the paper's Table 2: creates a second by workers and servers.
public enum CreatesShapes {
    /// - Parameter curves: creates a second over the number of workers, by number of servers.
    public static func verdicts(_ curves: [Int: Curve]) -> [ShapeVerdict] {
        [subLinear(curves), slower(curves)]
    }

    private static func subLinear(_ curves: [Int: Curve]) -> ShapeVerdict {
        let name = "creates grow with workers, but less than they"
        let paper = "2.1 to 2.7 times from 1 worker to 10, 1.2 to 1.3 times from 10 to 20"
        var words: [String] = []
        var holds = true
        var comparisons: [Comparison] = []
        for servers in curves.keys.sorted() {
            let points = curves[servers]!.points
            guard points.count > 1 else { continue }
            let steps = zip(points, points.dropFirst()).map { (growth: $1.y / $0.y, more: $1.x / $0.x) }
            // Less than linear is what a tenth of noise does not make of linear. The last step may be within the noise
            // of a table that has become flat.
            holds = holds && steps.allSatisfy { step in
                step.growth < 0.9 * step.more && step.growth > 1 - SaturationShapes.tolerance
            }
            comparisons.append(Comparison(points.last!, over: points[0], least: SaturationShapes.leastOrder))
            words.append("\(servers): " + steps.map { "\(Decimal.text($0.growth, 1)) times" }.joined(separator: ", "))
        }
        guard !words.isEmpty else {
            return ShapeVerdict(name, paper: paper, measured: "too few numbers of workers", .notTested)
        }
        return ShapeVerdict(
            name, paper: paper, measured: words.joined(separator: "; "),
            all: comparisons + [holds ? .clear : .refuted])
    }

    private static func slower(_ curves: [Int: Curve]) -> ShapeVerdict {
        let name = "creates are slower with more servers"
        let paper = "from 3 to 9 servers 8 % with 1 worker, 26 % with 10, 31 % with 20"
        let sizes = curves.keys.sorted()
        let workers = Set(curves.values.flatMap { $0.points.map(\.x) }).sorted()
        guard let few = sizes.first, let many = sizes.last, few < many else {
            return ShapeVerdict(name, paper: paper, measured: "too few sizes", .notTested)
        }
        var words: [String] = []
        var comparisons: [Comparison] = []
        for count in workers {
            guard let first = curves[few]!.point(at: count), let last = curves[many]!.point(at: count),
                first.y > 0
            else { continue }
            words.append("\(Int(count)): \(Decimal.text((1 - last.y / first.y) * 100, 0)) %")
            if count > 1 {
                comparisons.append(Comparison(first, over: last, least: 1 + leastLoss))
            } else {
                // With one worker the paper's own differences are within some percent.
                comparisons.append(last.y < first.y * (1 + leastLoss) ? .clear : .refuted)
            }
        }
        guard !words.isEmpty else {
            return ShapeVerdict(name, paper: paper, measured: "no number of workers at both ends", .notTested)
        }
        return ShapeVerdict(
            name, paper: paper,
            measured: "from \(few) to \(many) servers, by workers: " + words.joined(separator: ", "),
            all: comparisons)
    }

    /// How much more a small ensemble must create than a large one. The paper's smallest with several workers is 35 %.
    static let leastLoss = 0.1
}
