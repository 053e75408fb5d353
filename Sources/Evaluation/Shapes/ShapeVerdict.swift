/// Whether a run shows what the paper's figure shows, whatever its absolute numbers.
public struct ShapeVerdict: Codable, Equatable, Sendable {
    public enum Outcome: String, Codable, Sendable {
        case reproduced
        case notReproduced = "not reproduced"
        /// The run has not what it takes.
        case notTested = "not tested"
    }

    /// Such as "order without reads".
    public var name: String
    /// What the paper has.
    public var paper: String
    /// What this run has, in words and numbers.
    public var measured: String
    public var outcome: Outcome

    init(_ name: String, paper: String, measured: String, _ outcome: Outcome) {
        self.name = name
        self.paper = paper
        self.measured = measured
        self.outcome = outcome
    }

    init(_ name: String, paper: String, measured: String, holds: Bool) {
        self.init(name, paper: paper, measured: measured, holds ? .reproduced : .notReproduced)
    }
}
