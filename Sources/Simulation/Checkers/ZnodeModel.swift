import ZooKeeperProtocol

/// One znode as its writers see it.
enum ZnodeModel: SequentialModel {
    struct State: Hashable {
        var exists = false
        var version: Int32 = 0
        /// The session it belongs to; 0 for none.
        var owner: Int64 = 0
    }

    enum Step: Equatable {
        case create(owner: Int64)
        case setData(expected: Int32)
        case delete(expected: Int32)
        case check(expected: Int32)
        /// A session ends, and what belongs to it goes.
        case endSession(Int64)
    }

    enum Outcome: Equatable {
        /// With the version that the answer told, if it told one.
        case ok(version: Int32?)
        case error(ErrorCode)
        case unknown
    }

    struct Input: Equatable {
        /// More than one for a multi: all or nothing.
        var steps: [Step]
        var outcome: Outcome
    }

    static let initial = State()

    static func apply(_ input: Input, to state: State) -> State? {
        var after = state
        var failure: ErrorCode?
        for step in input.steps where failure == nil { failure = take(step, &after) }
        switch input.outcome {
        case .ok(let version):
            guard failure == nil else { return nil }
            if let version, version != after.version { return nil }
            return after
        case .error(let code): return failure == code ? state : nil
        case .unknown: return failure == nil ? after : state
        }
    }

    private static func take(_ step: Step, _ state: inout State) -> ErrorCode? {
        switch step {
        case .create(let owner):
            if state.exists { return .nodeExists }
            state = State(exists: true, version: 0, owner: owner)
        case .setData(let expected):
            if let failure = mismatch(expected, state) { return failure }
            state.version += 1
        case .delete(let expected):
            if let failure = mismatch(expected, state) { return failure }
            state = State()
        case .check(let expected): return mismatch(expected, state)
        case .endSession(let session):
            if state.exists, state.owner == session { state = State() }
        }
        return nil
    }

    private static func mismatch(_ expected: Int32, _ state: State) -> ErrorCode? {
        if !state.exists { return .noNode }
        return expected != -1 && expected != state.version ? .badVersion : nil
    }
}

extension HistoryChecks {
    /// The writes of every znode, each by itself, can be put in one order that respects real time and the answers.
    static func linearizableWrites(_ history: History) -> (violation: Violation?, operations: Int) {
        var count = 0
        for (path, intervals) in intervalsByZnode(history) {
            count += intervals.count
            switch Linearizability<ZnodeModel>().check(intervals) {
            case .linearizable: break
            case .undecided:
                let pending = intervals.count(where: \.isPending)
                return (
                    Violation(
                        property: .undecided,
                        text: "\(path): the search for an order of \(intervals.count) writes, \(pending) of them of "
                            + "unknown outcome, was given up"), count
                )
            case .violated(let ordered, let stuckAt):
                return (
                    Violation(
                        property: .linearizableWrites,
                        text: "\(path): \(ordered) of \(intervals.count) writes can be put in order, then none of "
                            + stuckAt.joined(separator: "; ")), count
                )
            }
        }
        return (nil, count)
    }

    typealias ZnodeInterval = Interval<ZnodeModel.Input>

    static func intervalsByZnode(_ history: History) -> [(path: String, intervals: [ZnodeInterval])] {
        var byPath: [String: [ZnodeInterval]] = [:]
        /// Sessions that tried to make an ephemeral there.
        var owners: [String: [Int64]] = [:]
        for operation in history.operations {
            for (path, steps) in znodeSteps(of: operation) {
                guard let interval = interval(operation, path, steps) else { continue }
                byPath[path, default: []].append(interval)
                for case .create(let owner) in steps where owner != 0 {
                    if owners[path]?.contains(owner) != true { owners[path, default: []].append(owner) }
                }
            }
        }
        for (path, sessions) in owners {
            for session in sessions {
                // Known to the servers and not over: it has ended nothing.
                if !history.endZxids.isEmpty, history.endZxids[session] == nil { continue }
                byPath[path]?.append(end(of: session, history))
            }
        }
        return byPath.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// What an operation does to each znode it names. Sequential creates name none in advance.
    private static func znodeSteps(of operation: Operation) -> [(String, [ZnodeModel.Step])] {
        switch operation.kind {
        case .create(let path, _, let flags):
            return flags >= 2 ? [] : [(path, [.create(owner: flags == 1 ? operation.session : 0)])]
        case .setData(let path, _, let version): return [(path, [.setData(expected: version)])]
        case .delete(let path, let version):
            return path.hasPrefix(Workload.sequenceParent + "/") ? [] : [(path, [.delete(expected: version)])]
        case .multi(let steps):
            var found: [(String, [ZnodeModel.Step])] = []
            for step in steps {
                let (path, change): (String, ZnodeModel.Step)
                switch step {
                case .create(let name, _): (path, change) = (name, .create(owner: 0))
                case .setData(let name, _, let version): (path, change) = (name, .setData(expected: version))
                case .delete(let name, let version): (path, change) = (name, .delete(expected: version))
                case .check(let name, let version): (path, change) = (name, .check(expected: version))
                }
                if let index = found.firstIndex(where: { $0.0 == path }) {
                    found[index].1.append(change)
                } else {
                    found.append((path, [change]))
                }
            }
            return found
        default: return []
        }
    }

    private static func interval(
        _ operation: Operation, _ path: String, _ steps: [ZnodeModel.Step]
    ) -> ZnodeInterval? {
        let label = "\(operation.kind) of client \(operation.client) -> \(operation.outcome)"
        let outcome: ZnodeModel.Outcome
        switch operation.outcome {
        case .ok:
            var version: Int32?
            if case .setData = operation.kind { version = operation.seen?.version }
            if case .multi(let all) = operation.kind { version = lastVersion(of: path, all, operation) }
            outcome = .ok(version: version)
        case .error(let code):
            // A multi may have failed elsewhere; other errors say nothing of the znode.
            if case .multi = operation.kind { return nil }
            guard let known = ErrorCode(rawValue: code), [.noNode, .nodeExists, .badVersion].contains(known) else {
                return nil
            }
            outcome = .error(known)
        case .unknown:
            if operation.committedZxid == 0 { return nil }
            outcome = .unknown
        }
        return Interval(
            call: operation.invoked, end: operation.outcome == .unknown ? .max : operation.answered,
            input: ZnodeModel.Input(steps: steps, outcome: outcome), label: label,
            hint: operation.committedZxid ?? operation.zxid)
    }

    private static func lastVersion(of path: String, _ steps: [Operation.Step], _ operation: Operation) -> Int32? {
        var version: Int32?
        for (index, step) in steps.enumerated() where index < operation.stepSeen.count {
            if case .setData(let name, _, _) = step, name == path { version = operation.stepSeen[index]?.version }
            if case .delete(let name, _) = step, name == path { version = nil }
            if case .create(let name, _) = step, name == path { version = operation.stepSeen[index]?.version }
        }
        return version
    }

    /// A session's end: between its beginning and what its client knows of it.
    private static func end(of session: Int64, _ history: History) -> ZnodeInterval {
        let start = history.starts.first { $0.session == session }?.time ?? 0
        let known = history.ends.first { $0.session == session }
        return Interval(
            call: start, end: known?.time ?? .max,
            input: ZnodeModel.Input(steps: [.endSession(session)], outcome: .unknown),
            label: "end of session \(hex(session))", hint: history.endZxids[session] ?? .max)
    }
}
