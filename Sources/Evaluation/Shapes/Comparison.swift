/// Whether one measurement is so many times another, given where repetitions of both may lie.
enum Comparison {
    /// Both the measured ratio and the whole range allow it.
    case clear
    /// The whole range is below what is asked.
    case refuted
    /// Another run might tell the one or the other.
    case withinNoise

    /// - Parameters:
    ///   - least: the smallest ratio that counts, of `larger` to `smaller`.
    init(_ larger: Curve.Point, over smaller: Curve.Point, least: Double) {
        guard smaller.y > 0, smaller.range.lowerBound > 0 else {
            self = .withinNoise
            return
        }
        let lowest = larger.range.lowerBound / smaller.range.upperBound
        let highest = larger.range.upperBound / smaller.range.lowerBound
        if larger.y / smaller.y >= least, lowest > 1 {
            self = .clear
        } else {
            self = highest < least ? .refuted : .withinNoise
        }
    }
}

extension ShapeVerdict {
    /// A shape that takes all of some comparisons: one that is refuted refutes it, one within noise leaves it open.
    init(_ name: String, paper: String, measured: String, all comparisons: [Comparison]) {
        if comparisons.contains(.refuted) {
            self.init(name, paper: paper, measured: measured, .notReproduced)
        } else if comparisons.contains(.withinNoise) {
            self.init(name, paper: paper, measured: measured + "; within noise, more rounds would tell", .notTested)
        } else {
            self.init(name, paper: paper, measured: measured, .reproduced)
        }
    }
}
