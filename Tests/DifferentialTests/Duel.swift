import Foundation
import TestSupport

/// Where two servers differed.
struct Difference: CustomStringConvertible {
    var step: Step
    /// The lines of both sides that are not the same, rewritten by the explanations.
    var left: [String]
    var right: [String]
    var stepIndex: Int

    var description: String {
        (["in: " + step.description.replacingOccurrences(of: "\n", with: "\n    ")]
            + left.map { "  left  \($0)" } + right.map { "  right \($0)" }).joined(separator: "\n")
    }
}

/// Sends the same plans to two servers in lock step and compares what they say.
///
/// Used by one thread at a time.
final class Duel {
    let leftPort: Int
    let rightPort: Int
    var explanations: Explanations
    private var rounds = 0
    /// Requests sent to each server.
    private(set) var requests = 0
    /// Set by the test of the comparer itself: changes what the right server says.
    var tamperRight: ((inout [UInt8]) -> Void)?

    init(leftPort: Int, rightPort: Int, explanations: Explanations) {
        self.leftPort = leftPort
        self.rightPort = rightPort
        self.explanations = explanations
    }

    /// One round under a base of its own; the first unexplained difference, or nil.
    func run(_ plan: [Step]) throws -> Difference? {
        rounds += 1
        let digits = String(rounds)
        let base = "/d" + String(repeating: "0", count: 6 - digits.count) + digits
        let left = try Side(port: leftPort, base: base)
        let right = try Side(port: rightPort, base: base)
        right.tamper = tamperRight
        defer {
            try? left.finish()
            try? right.finish()
        }
        for (index, planned) in plan.enumerated() {
            let step = planned.moved(from: Array(PlanGenerator.base.utf8), to: Array(base.utf8))
            requests += step.requestCount
            let leftLines = try left.run(step).map(explanations.rewritten)
            let rightLines = try right.run(step).map(explanations.rewritten)
            if leftLines == rightLines { continue }
            let (onlyLeft, onlyRight) = Self.unequal(leftLines, rightLines)
            switch explanations.explanation(step: step.description, left: onlyLeft, right: onlyRight)?.kind {
            case .accept: continue
            case .stop: return nil
            default: return Difference(step: step, left: onlyLeft, right: onlyRight, stepIndex: index)
            }
        }
        return nil
    }

    /// The lines left after the common beginning and the common end.
    static func unequal(_ left: [String], _ right: [String]) -> ([String], [String]) {
        var start = 0
        while start < left.count, start < right.count, left[start] == right[start] { start += 1 }
        var end = 0
        while end < left.count - start, end < right.count - start,
            left[left.count - 1 - end] == right[right.count - 1 - end]
        { end += 1 }
        return (Array(left[start..<left.count - end]), Array(right[start..<right.count - end]))
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
