/// The shapes that a reproduction of the paper should show, whatever its absolute numbers: nine of them.
public enum PaperShapes {
    public struct Shape: Equatable, Sendable {
        public var number: Int
        public var title: String
        /// The figure or table, as an experiment's name.
        public var experiment: String
        /// What the paper shows.
        public var paper: String
        /// The verdicts that decide it; empty: all of that experiment's.
        var verdicts: [String]
    }

    public static let all: [Shape] = [
        Shape(
            number: 1, title: "Writes: fewer servers are faster", experiment: "figure-5",
            paper: "at 0 % reads 3 > 5 > 7 > 9 > 13, 2.6 to 1", verdicts: ["order without reads"]),
        Shape(
            number: 2, title: "Reads: more servers are faster", experiment: "figure-5",
            paper: "at 100 % reads 3 < 5 < 7 < 9 < 13, near-linear, 1 to 5.3", verdicts: ["order with reads alone"]),
        Shape(
            number: 3, title: "Curves bend upwards", experiment: "figure-5",
            paper: "every curve rises slowly to 50 % and steeply from 75 %", verdicts: ["curves bend upwards"]),
        Shape(
            number: 4, title: "Three servers are overtaken", experiment: "figure-5",
            paper: "by 5, 7, 9, 13 in that order, at 67.5, 77.6, 81.2, 92.1 %", verdicts: ["3 servers are overtaken"]),
        Shape(
            number: 5, title: "All clients on the leader: one server's reads are the limit", experiment: "figure-6",
            paper: "33,000 to 41,000 reads a second at any size, and below Figure 5 at every mix",
            verdicts: ["the leader's reads are the limit", "below clients on all servers"]),
        Shape(
            number: 6, title: "The broadcast alone is faster than the full system, and falls with servers",
            experiment: "figure-7", paper: "2.4 to 3 times Figure 5's writes; 61,800 falling to 21,650",
            verdicts: ["broadcast falls with servers", "broadcast alone against the full system"]),
        Shape(
            number: 7, title: "Failures: dips, and what comes after them", experiment: "figure-8",
            paper: "a follower's dip is about its share; a leader's goes near zero for a few samples; recovery is "
                + "partial after 1, 2 and 5, because clients move only when their connections break",
            verdicts: []),
        Shape(
            number: 8, title: "Creates: less than linear in workers, slower with servers", experiment: "table-2",
            paper: "2.1 to 2.7 times from 1 to 10 workers, 1.2 to 1.3 from 10 to 20", verdicts: []),
        Shape(
            number: 9, title: "Barriers: linear in barriers, about linear in clients", experiment: "table-3",
            paper: "1,950 to 3,100 barrier operations a second throughout", verdicts: []),
    ]
}

/// One shape as a run shows it.
public struct JudgedShape: Sendable {
    public var shape: PaperShapes.Shape
    public var outcome: ShapeVerdict.Outcome
    /// With what was measured.
    public var verdicts: [ExplainedVerdict]

    /// One that fails decides, then one that is not tested: reproduced is what is so in all its parts.
    init(_ shape: PaperShapes.Shape, _ verdicts: [ExplainedVerdict]) {
        self.shape = shape
        self.verdicts = verdicts
        let outcomes = verdicts.map(\.verdict.outcome)
        if outcomes.isEmpty {
            outcome = .notTested
        } else if outcomes.contains(.notReproduced) {
            outcome = .notReproduced
        } else {
            outcome = outcomes.contains(.notTested) ? .notTested : .reproduced
        }
    }
}

/// A verdict, and why it is what it is where it is not as in the paper.
public struct ExplainedVerdict: Equatable, Sendable {
    public var verdict: ShapeVerdict
    public var explanation: String?

    public init(_ verdict: ShapeVerdict, _ explanation: String? = nil) {
        self.verdict = verdict
        self.explanation = explanation
    }

    /// The same of a result that may not be used.
    func withdrawn(_ reason: String) -> ExplainedVerdict {
        var copy = self
        copy.verdict.outcome = .notTested
        copy.explanation = reason
        return copy
    }
}
