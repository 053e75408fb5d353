/// Looks for the greatest rate that servers still keep up with: rising steps until one is too much, then halving what
/// lies between, in equal ratios.
public struct KneeSearch: Sendable {
    private let highest: Double
    private let factor: Double
    private let tolerance: Double
    private let tries: Int
    private var nextRate: Double
    private var failures = 0
    /// The greatest rate that was kept up with, and the least that was not.
    public private(set) var good: Double?
    public private(set) var bad: Double?

    /// - Parameters:
    ///   - factor: from one rising step to the next; above 1.
    ///   - tolerance: the search ends when the two rates' ratio is at most this; above 1.
    ///   - tries: how often in a row a rate must fail before it counts as too much.
    public init(lowest: Double, highest: Double, factor: Double, tolerance: Double, tries: Int) {
        precondition(lowest > 0 && highest >= lowest && factor > 1 && tolerance > 1 && tries > 0)
        self.highest = highest
        self.factor = factor
        self.tolerance = tolerance
        self.tries = tries
        nextRate = lowest
    }

    /// The rate to try next; nil when the search is over.
    public var next: Double? {
        if let bad {
            guard let good, bad / good > tolerance else { return nil }
        } else if let good, good >= highest {
            return nil
        }
        return nextRate
    }

    /// Takes the outcome of trying `next`.
    public mutating func add(keptUp: Bool) {
        guard let rate = next else { return }
        if keptUp {
            good = rate
            failures = 0
        } else {
            failures += 1
            if failures < tries { return }
            bad = rate
            failures = 0
        }
        if let good, let bad {
            nextRate = (good * bad).squareRoot()
        } else if good != nil {
            nextRate = min(highest, rate * factor)
        }
    }
}
