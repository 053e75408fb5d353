import Foundation
import TestSupport

/// Where two servers differed.
struct Difference: CustomStringConvertible {
    var step: Step
    /// The request whose replies differ, and those lines that are not the same, rewritten by the explanations.
    var exchange: Exchange
    var stepIndex: Int
    /// The request's index in its step.
    var part: Int
    /// What each server said in the whole step.
    var left: [SaidLine]
    var right: [SaidLine]

    var description: String {
        (["in: " + step.description.replacingOccurrences(of: "\n", with: "\n    "), "at: " + exchange.request]
            + exchange.left.map { "  left  \($0)" } + exchange.right.map { "  right \($0)" }).joined(separator: "\n")
    }
}

/// What two servers said, step by step.
typealias Transcript = [(left: [SaidLine], right: [SaidLine])]

/// Sends the same plans to two servers in lock step and compares what they say.
///
/// Used by one thread at a time.
final class Duel {
    let leftPort: Int
    let rightPort: Int
    var explanations: Explanations
    private var rounds = 0
    /// Requests of the first runs of plans that both servers answered and whose answers were compared in full: no
    /// pings, no handshakes, nothing that is run again, nothing behind a place where the states parted.
    private(set) var requests = 0
    /// The index of the step run last.
    private(set) var lastStep = 0
    /// What both servers said in each step of the run that ended last, all of it in terms of `PlanGenerator.base`.
    private(set) var transcript: Transcript = []
    /// Set by the test of the comparer itself: changes what the right server says.
    var tamperRight: ((inout [UInt8]) -> Void)?

    init(leftPort: Int, rightPort: Int, explanations: Explanations) {
        self.leftPort = leftPort
        self.rightPort = rightPort
        self.explanations = explanations
    }

    /// One round under a base of its own; the first unexplained difference, or nil.
    ///
    /// - Parameter isFirst: whether its requests count.
    func run(_ plan: [Step], isFirst: Bool = false) throws -> Difference? {
        rounds += 1
        let digits = String(rounds)
        let base = "/d" + String(repeating: "0", count: 6 - digits.count) + digits
        let left = try Side(port: leftPort, base: base)
        let right = try Side(port: rightPort, base: base)
        right.tamper = tamperRight
        transcript = []
        defer {
            try? left.finish()
            try? right.finish()
        }
        for (index, planned) in plan.enumerated() {
            let step = planned.moved(from: Array(PlanGenerator.base.utf8), to: Array(base.utf8))
            lastStep = index
            let leftLines = try left.run(step).map { rewritten($0, base) }
            let rightLines = try right.run(step).map { rewritten($0, base) }
            transcript.append((leftLines, rightLines))
            let exchanges = planned.exchanges(left: leftLines, right: rightLines)
            let verdict = leftLines == rightLines ? .same : explanations.verdict(exchanges)
            let compared: Int
            switch verdict {
            case .same: compared = exchanges.count
            case .stop(let at): compared = at + 1
            case .differs(let at): compared = at + 1
            }
            if isFirst { requests += planned.requestCount(answeredIn: exchanges.prefix(compared)) }
            switch verdict {
            case .same: continue
            case .stop: return nil
            case .differs(let at):
                return Difference(
                    step: planned, exchange: exchanges[at].unequal, stepIndex: index, part: at,
                    left: leftLines, right: rightLines)
            }
        }
        return nil
    }

    private func rewritten(_ line: SaidLine, _ base: String) -> SaidLine {
        var copy = line
        copy.text = explanations.rewritten(line.text.replacingOccurrences(of: base, with: PlanGenerator.base))
        return copy
    }

    /// A plan as small as can be found in the time given that still shows a difference.
    func shrink(_ plan: [Step], difference: Difference, within seconds: Double) throws -> ([Step], Difference) {
        let deadline = Date().addingTimeInterval(seconds)
        var best = Self.singles(Array(plan.prefix(difference.stepIndex + 1)))
        var last = difference
        if let found = try run(best) { last = found } else { best = Array(plan.prefix(difference.stepIndex + 1)) }
        var chunk = max(1, best.count / 2)
        while Date() < deadline {
            var index = 0
            var removedAny = false
            while index < best.count, Date() < deadline {
                var candidate = best
                candidate.removeSubrange(index..<min(index + chunk, best.count))
                if let found = try run(candidate) {
                    best = Array(candidate.prefix(found.stepIndex + 1))
                    last = found
                    removedAny = true
                } else {
                    index += chunk
                }
            }
            if chunk == 1 && !removedAny { break }
            chunk = max(1, chunk / 2)
        }
        return (best, last)
    }

    /// The same plan with every request in a step of its own.
    private static func singles(_ plan: [Step]) -> [Step] {
        plan.flatMap { step -> [Step] in
            guard case .requests(let session, let list) = step else { return [step] }
            return list.map { .requests(session: session, [$0]) }
        }
    }
}
