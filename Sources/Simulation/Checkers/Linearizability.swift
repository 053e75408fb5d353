/// What a history is checked against: one object, changed by one operation at a time.
protocol SequentialModel {
    associatedtype State: Hashable
    associatedtype Input
    static var initial: State { get }
    /// The state after the operation; nil when the operation cannot have had its outcome there.
    static func apply(_ input: Input, to state: State) -> State?
}

/// One operation of a history: it took effect at one moment between its call and its return, if it did at all.
struct Interval<Input> {
    var call: UInt64
    /// `.max` for one whose outcome is unknown: it may take effect at any time after its call, or never.
    var end: UInt64
    var input: Input
    var label: String = ""
    /// Where it probably stands in the order: what is tried first. The answer does not depend on it.
    var hint: Int64 = .max

    var isPending: Bool { end == .max }
}

enum LinearizabilityResult: Equatable {
    case linearizable
    /// The longest prefix that could be ordered, and what could not follow it.
    case violated(ordered: Int, stuckAt: [String])
    /// The search was given up.
    case undecided
}

/// Looks for an order of the operations that respects real time and the model: Wing and Gong's search with Lowe's
/// memory of the pairs (operations ordered, state) that led nowhere.
struct Linearizability<Model: SequentialModel> {
    /// States visited before the search is given up.
    var budget = 400_000

    func check(_ intervals: [Interval<Model.Input>]) -> LinearizabilityResult {
        let sorted = intervals.sorted { ($0.call, $0.end) < ($1.call, $1.end) }
        var search = Search(operations: sorted, budget: budget)
        return search.run()
    }

    private struct Visited: Hashable {
        var ordered: [UInt64]
        var state: Model.State
    }

    private struct Search {
        let operations: [Interval<Model.Input>]
        var budget: Int
        /// Completed operations by their return: the first that is not ordered bounds what may come next.
        let byEnd: [Int]
        var ordered: [UInt64]
        var seen: Set<Visited> = []
        var deepest = 0
        var stuckAt: [String] = []

        init(operations: [Interval<Model.Input>], budget: Int) {
            self.operations = operations
            self.budget = budget
            byEnd = operations.indices.filter { !operations[$0].isPending }
                .sorted { (operations[$0].end, $0) < (operations[$1].end, $1) }
            ordered = Array(repeating: 0, count: (operations.count + 63) / 64)
        }

        /// One level of the search: what was tried from a state.
        struct Level {
            var state: Model.State
            /// The operation that led here; -1 at the root.
            var operation: Int
            var candidates: [Int]
            var next = 0
            /// Everything before it is ordered.
            var start: Int
            /// The first of `byEnd` that is not ordered.
            var bound: Int
            var completed: Int
            /// The highest hint so far.
            var hint = Int64.min
        }

        func isOrdered(_ index: Int) -> Bool { ordered[index >> 6] >> UInt64(index & 63) & 1 == 1 }

        mutating func run() -> LinearizabilityResult {
            let root = Level(state: Model.initial, operation: -1, candidates: [], start: 0, bound: 0, completed: 0)
            var stack = [level(state: Model.initial, operation: -1, after: root)]
            while var top = stack.popLast() {
                if top.completed == byEnd.count { return .linearizable }
                guard top.next < top.candidates.count else {
                    note(top)
                    if top.operation >= 0 { ordered[top.operation >> 6] &= ~(1 << UInt64(top.operation & 63)) }
                    continue
                }
                let index = top.candidates[top.next]
                top.next += 1
                stack.append(top)
                guard let state = Model.apply(operations[index].input, to: top.state) else { continue }
                // An operation of unknown outcome that changes nothing is as good as one that never happens.
                if operations[index].isPending, state == top.state { continue }
                ordered[index >> 6] |= 1 << UInt64(index & 63)
                guard seen.insert(Visited(ordered: ordered, state: state)).inserted else {
                    ordered[index >> 6] &= ~(1 << UInt64(index & 63))
                    continue
                }
                budget -= 1
                if budget <= 0 { return .undecided }
                stack.append(level(state: state, operation: index, after: top))
            }
            return .violated(ordered: deepest, stuckAt: stuckAt)
        }

        /// What may come next: whatever was called before the earliest return of those not ordered.
        func level(state: Model.State, operation: Int, after last: Level) -> Level {
            var next = Level(
                state: state, operation: operation, candidates: [], start: last.start, bound: last.bound,
                completed: last.completed, hint: last.hint)
            if operation >= 0 {
                if !operations[operation].isPending { next.completed += 1 }
                next.hint = max(last.hint, operations[operation].hint)
            }
            while next.bound < byEnd.count, isOrdered(byEnd[next.bound]) { next.bound += 1 }
            while next.start < operations.count, isOrdered(next.start) { next.start += 1 }
            guard next.bound < byEnd.count else { return next }
            let limit = operations[byEnd[next.bound]].end
            for index in next.start..<operations.count {
                if operations[index].call > limit { break }
                if !isOrdered(index) { next.candidates.append(index) }
            }
            // What changed nothing where its hint has it is not the first to try everywhere behind.
            let reached = next.hint
            func key(_ index: Int) -> (Int, Int64, UInt64, Int) {
                let candidate = operations[index]
                return (candidate.hint < reached ? 1 : 0, candidate.hint, candidate.end, index)
            }
            next.candidates.sort { key($0) < key($1) }
            return next
        }

        mutating func note(_ level: Level) {
            guard level.completed >= deepest else { return }
            deepest = level.completed
            stuckAt = level.candidates.filter { !operations[$0].isPending }.map { operations[$0].label }
        }
    }
}
