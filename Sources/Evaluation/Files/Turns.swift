import Load

/// The order in which subjects are measured that are to be compared.
enum Turns {
    /// Each round has all of them, every other round backwards, so that a machine that grows slower with time slows all
    /// alike (A B B A). The first round's order comes from the seed.
    static func order<Subject>(_ subjects: [Subject], rounds: Int, seed: UInt64) -> [(subject: Subject, round: Int)] {
        var random = RandomSource(seed: seed)
        let first = subjects.shuffled(using: &random)
        return (1...rounds).flatMap { round in
            (round % 2 == 1 ? first : first.reversed()).map { ($0, round) }
        }
    }

    static func step(_ subject: some TurnedSubject, _ round: Int) -> String { "\(subject.name), round \(round)" }

    static func steps<Subject: TurnedSubject>(_ order: [(subject: Subject, round: Int)]) -> [String] {
        order.map { step($0.subject, $0.round) }
    }

    /// The same for every subject of a round: the same requests at the same times.
    static func seed(_ seed: UInt64, ofRound round: Int) -> UInt64 { seed &+ UInt64(round) &* 7919 }
}

/// What is measured by turns with others.
protocol TurnedSubject {
    var name: String { get }
}

/// A plan of subjects that are measured by turns.
protocol TurnedPlan {
    associatedtype Subject: TurnedSubject
    var order: [(subject: Subject, round: Int)] { get }
}

extension TurnedPlan {
    /// In the order in which they run.
    var steps: [String] { Turns.steps(order) }
}
