/// The value of a znode and how often it was written.
public struct VersionedValue: Hashable, Sendable, CustomStringConvertible {
    public var version: Int32
    public var value: HistoryValue

    public init(version: Int32, value: HistoryValue) {
        self.version = version
        self.value = value
    }

    public var description: String { "version \(version) = \(value)" }
}

/// What the search found.
public enum LinearizabilityVerdict: Equatable, Sendable {
    case linearizable
    /// No order of the operations explains the answers; in words, where the search got stuck.
    case violation(String)
    /// The search ran out of steps.
    case undecided
}

/// Whether one znode's history has a linearization: an order of its writes and reads that agrees with real time and in
/// which every answer is right.
///
/// The search is Wing and Gong's with Lowe's memory of what was tried: take operations that began before the first one
/// ended, one after another, undo what leads nowhere, and never try the same set in the same state twice. A write of
/// unknown outcome has no end: it may be taken at any time since it began, or left out. That alone would branch
/// without bound, so the versions prune, without giving a linearization away:
/// - A version has one value, and whoever saw both says which (see `claims`).
/// - Versions only rise, so no write is taken while an answered operation of the present version is left.
/// - Of unknown writes whose value nobody saw it does not matter which makes a version nobody saw: none has an end, so
///   each that can be taken now can be taken later. Only the first is tried.
///
/// G. Lowe, "Testing for linearizability", 2017; J. Wing, C. Gong, "Testing and verifying concurrent objects", 1993.
public enum LinearizabilityCheck {
    public static let defaultStepLimit = 2_000_000

    /// - Parameters:
    ///   - events: writes and reads of one znode; failed ones and observations may be among them and are left out.
    ///   - initial: the znode before the first of them.
    ///   - claims: values that versions are known to have had, from observations too.
    public static func check(
        _ events: [HistoryEvent], initial: VersionedValue, claims: [Int32: HistoryValue] = [:],
        stepLimit: Int = LinearizabilityCheck.defaultStepLimit
    ) -> LinearizabilityVerdict {
        let operations = events.filter {
            $0.kind == .write && $0.outcome != .failed || $0.kind == .read && $0.outcome == .succeeded
        }
        var search = LinearizationSearch(operations, state: initial, claims: claims)
        return search.run(stepLimit: stepLimit)
    }
}

/// One search. Begins and ends of operations are a doubly linked list in the order of time; taking an operation lifts
/// both out, undoing puts them back.
private struct LinearizationSearch {
    private let operations: [HistoryEvent]
    private let claimedVersion: [HistoryValue: Int32]
    private let claims: [Int32: HistoryValue]
    private var state: VersionedValue
    /// Node 0 is the head; the others are begins (`operation`) and ends (`~operation`).
    private var nodes: [Int]
    private var next: [Int]
    private var previous: [Int]
    private var endNode: [Int]
    /// Operations that must be taken: all but unknown ones.
    private var answeredLeft: Int
    private var taken: [UInt64]
    /// Answered operations not taken, by version.
    private var left: [Int32: Int] = [:]

    private struct Tried: Hashable {
        var taken: [UInt64]
        var state: VersionedValue
    }

    init(_ operations: [HistoryEvent], state: VersionedValue, claims given: [Int32: HistoryValue]) {
        self.operations = operations
        self.state = state
        var claims = given
        for operation in operations where operation.outcome == .succeeded {
            claims[operation.version] = operation.value
        }
        self.claims = claims
        claimedVersion = Dictionary(claims.map { ($0.value, $0.key) }, uniquingKeysWith: min)
        answeredLeft = operations.count { $0.outcome == .succeeded }
        for operation in operations where operation.outcome == .succeeded { left[operation.version, default: 0] += 1 }
        taken = [UInt64](repeating: 0, count: (operations.count + 63) / 64)

        // At equal times begins come first: operations that touch may overlap.
        var order: [(time: UInt64, node: Int)] = []
        for (index, operation) in operations.enumerated() {
            order.append((operation.invokedNanos, index))
            if operation.outcome == .succeeded { order.append((operation.returnedNanos, ~index)) }
        }
        order.sort { ($0.time, $0.node < 0 ? 1 : 0, $0.node) < ($1.time, $1.node < 0 ? 1 : 0, $1.node) }
        nodes = [0] + order.map(\.node)
        next = Array(1...nodes.count)
        previous = Array(-1..<nodes.count - 1)
        endNode = [Int](repeating: 0, count: operations.count)
        for (index, node) in nodes.enumerated().dropFirst() where node < 0 { endNode[~node] = index }
    }

    /// The state after an operation; nil when its answer, or that of one left behind, would be wrong.
    private func step(_ operation: HistoryEvent) -> VersionedValue? {
        if operation.kind == .write, left[state.version, default: 0] > 0 { return nil }
        switch (operation.kind, operation.outcome) {
        case (.write, .succeeded):
            return operation.version == state.version + 1
                ? VersionedValue(version: operation.version, value: operation.value) : nil
        case (.write, _):
            let version = state.version + 1
            if let claimed = claims[version], claimed != operation.value { return nil }
            if let claimed = claimedVersion[operation.value], claimed != version { return nil }
            return VersionedValue(version: version, value: operation.value)
        default:
            return operation.version == state.version && operation.value == state.value ? state : nil
        }
    }

    private mutating func lift(_ node: Int) {
        next[previous[node]] = next[node]
        if next[node] < nodes.count { previous[next[node]] = previous[node] }
    }

    private mutating func putBack(_ node: Int) {
        next[previous[node]] = node
        if next[node] < nodes.count { previous[next[node]] = node }
    }

    mutating func run(stepLimit: Int) -> LinearizabilityVerdict {
        var tried: Set<Tried> = []
        var path: [(node: Int, before: VersionedValue)] = []
        var steps = 0
        var deepest = -1
        var stuck = ""
        var node = next[0]
        // Whether an unknown write that nobody saw was tried in this state.
        var hasTriedUnseen = false
        while answeredLeft > 0 {
            steps += 1
            if steps > stepLimit { return .undecided }
            // Behind the last node there is nothing to take: some answered operation's end comes before.
            precondition(node < nodes.count, "an answered operation has an end")
            let entry = nodes[node]
            if entry >= 0 {
                let operation = operations[entry]
                let bit: UInt64 = 1 << UInt64(entry & 63)
                let isUnseen = operation.outcome == .unknown && claimedVersion[operation.value] == nil
                if !(isUnseen && hasTriedUnseen), let after = step(operation) {
                    if isUnseen { hasTriedUnseen = true }
                    taken[entry >> 6] |= bit
                    if tried.insert(Tried(taken: taken, state: after)).inserted {
                        path.append((node, state))
                        state = after
                        lift(node)
                        if operation.outcome == .succeeded {
                            lift(endNode[entry])
                            answeredLeft -= 1
                            left[operation.version]! -= 1
                        }
                        node = next[0]
                        hasTriedUnseen = false
                        continue
                    }
                    taken[entry >> 6] &= ~bit
                }
                node = next[node]
                continue
            }
            // An operation ended and nothing that explains its answer can be taken: undo.
            if path.count > deepest {
                deepest = path.count
                stuck = "\(Self.describe(operations[~entry])) cannot follow \(state)"
                if left[state.version, default: 0] > 0 { stuck += ", which somebody still sees later" }
            }
            guard let last = path.popLast() else { return .violation(stuck) }
            let undone = nodes[last.node]
            if operations[undone].outcome == .succeeded {
                putBack(endNode[undone])
                answeredLeft += 1
                left[operations[undone].version]! += 1
            }
            hasTriedUnseen = operations[undone].outcome == .unknown && claimedVersion[operations[undone].value] == nil
            putBack(last.node)
            taken[undone >> 6] &= ~(1 << UInt64(undone & 63))
            state = last.before
            node = next[last.node]
        }
        return .linearizable
    }

    private static func describe(_ operation: HistoryEvent) -> String {
        "\(operation.kind) by client \(operation.client) answered with version \(operation.version) "
            + "= \(operation.value)"
    }
}
