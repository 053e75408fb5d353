/// What must hold of every history that clients can have seen. Each check answers the first thing it finds wrong.
enum HistoryChecks {
    /// - Parameter acknowledgedBefore: the newest zxid that had been acknowledged to anybody before a time.
    static func all(
        _ history: History, acknowledgedBefore: (UInt64) -> Int64
    ) -> (violation: Violation?, linearized: Int) {
        let index = HistoryIndex(history)
        let found =
            sessionOrder(history) ?? syncThenRead(history, acknowledgedBefore) ?? sequenceNumbers(history)
            ?? versionChecks(history) ?? reads(history, index) ?? children(history, index)
            ?? watches(history, index)
        if let found { return (found, 0) }
        let writes = linearizableWrites(history)
        return (writes.violation, writes.operations)
    }

    /// Writes of a session take effect in the order they were asked, and its reads never go back.
    static func sessionOrder(_ history: History) -> Violation? {
        var lastWrite: [Int64: (zxid: Int64, operation: Int)] = [:]
        var lastSeen: [Int64: Int64] = [:]
        for operation in history.operations {
            let before = lastSeen[operation.session] ?? 0
            // A write without an answer stands behind what was asked before it all the same.
            if operation.outcome == .unknown, let committed = operation.committedZxid, committed > 0,
                committed <= before
            {
                return Violation(
                    property: .sessionOrder,
                    text: "session \(hex(operation.session)): \(operation.kind), which was not answered, is "
                        + "\(hex(committed)), but what was asked before it was answered at \(hex(before))")
            }
            guard operation.outcome != .unknown, operation.zxid > 0 else { continue }
            if operation.zxid < before {
                return Violation(
                    property: lastWrite[operation.session]?.zxid == before ? .readOwnWrites : .readsGoBack,
                    text:
                        "session \(hex(operation.session)): \(operation.kind) answered at \(hex(operation.zxid)) after "
                        + "\(hex(before))")
            }
            lastSeen[operation.session] = operation.zxid
            guard operation.kind.isWrite else { continue }
            if operation.zxid == before, operation.outcome == .ok {
                return Violation(
                    property: .sessionOrder,
                    text: "session \(hex(operation.session)): \(operation.kind) is \(hex(operation.zxid)), which was "
                        + "seen by what was asked before it")
            }
            if let last = lastWrite[operation.session], operation.zxid <= last.zxid, operation.outcome == .ok {
                return Violation(
                    property: .sessionOrder,
                    text: "session \(hex(operation.session)): \(operation.kind) is \(hex(operation.zxid)), the write "
                        + "before it \(hex(last.zxid))")
            }
            lastWrite[operation.session] = (operation.zxid, operation.id)
        }
        return nil
    }

    /// What was acknowledged to anybody before a sync began is seen by the reads behind it.
    static func syncThenRead(_ history: History, _ acknowledgedBefore: (UInt64) -> Int64) -> Violation? {
        /// Per client: what the next reads of its connection must reach.
        var bounds: [Int: (connection: Int, zxid: Int64)] = [:]
        for operation in history.operations where operation.outcome != .unknown {
            if operation.kind == .sync {
                let zxid = acknowledgedBefore(operation.invoked)
                if let bound = bounds[operation.client], bound.connection == operation.connection, bound.zxid > zxid {
                    continue
                }
                bounds[operation.client] = (operation.connection, zxid)
                continue
            }
            guard !operation.kind.isWrite, let bound = bounds[operation.client],
                bound.connection == operation.connection, operation.zxid < bound.zxid
            else { continue }
            return Violation(
                property: .syncThenRead,
                text: "client \(operation.client) on server \(operation.server): \(operation.kind) behind a sync is "
                    + "answered at \(hex(operation.zxid)), though \(hex(bound.zxid)) was acknowledged before")
        }
        return nil
    }

    /// Sequence numbers of one parent are unique and rise with time.
    static func sequenceNumbers(_ history: History) -> Violation? {
        let made = history.operations.filter {
            if case .create(_, _, let flags) = $0.kind { return flags >= 2 && $0.outcome == .ok }
            return false
        }.sorted { ($0.zxid, $0.id) < ($1.zxid, $1.id) }
        var last: Operation?
        for operation in made {
            let path = operation.createdPath ?? ""
            guard let number = Int(path.suffix(10)) else {
                return Violation(property: .sequenceNumbers, text: "\(operation.kind) made \(path)")
            }
            if let last, let before = Int(last.createdPath?.suffix(10) ?? ""), number <= before {
                return Violation(
                    property: .sequenceNumbers,
                    text: "\(path) was made at \(hex(operation.zxid)), after \(last.createdPath ?? "") at "
                        + hex(last.zxid))
            }
            last = operation
        }
        return nil
    }

    /// A check for one version passes once at most: the write behind it makes the next version.
    static func versionChecks(_ history: History) -> Violation? {
        struct Passed: Hashable {
            var path: String
            var czxid: Int64
            var version: Int32
        }
        var seen: [Passed: Operation] = [:]
        for operation in history.operations where operation.outcome == .ok {
            guard case .setData(let path, _, let version) = operation.kind, let stat = operation.seen else { continue }
            if version != -1, stat.version != version + 1 {
                return Violation(
                    property: .versionCheck,
                    text: "\(operation.kind) of client \(operation.client) made version \(stat.version)")
            }
            let passed = Passed(path: path, czxid: stat.czxid, version: stat.version)
            if let other = seen[passed] {
                return Violation(
                    property: .versionCheck,
                    text: "version \(stat.version) of \(path) was made twice: at \(hex(other.zxid)) and "
                        + hex(operation.zxid))
            }
            seen[passed] = operation
        }
        return nil
    }
}

/// What is known to have happened to each znode, by zxid, and what may have.
struct HistoryIndex {
    struct Change {
        var zxid: Int64
        /// Nil for a deletion.
        var value: Int?
        /// The session of an ephemeral, 0 for none, nil when not known.
        var owner: Int64?
        var isCreation: Bool
    }

    /// Oldest first.
    private(set) var changes: [String: [Change]] = [:]
    /// When deletions without an answer were asked.
    private(set) var possibleDeletions: [String: [UInt64]] = [:]
    /// The operation that writes each value.
    private(set) var writers: [Int: Int] = [:]
    /// The newest zxid at which each session is known to have lived.
    private(set) var alive: [Int64: Int64] = [:]
    /// The zxid of each known close.
    private(set) var closed: [Int64: Int64] = [:]

    init(_ history: History) {
        for operation in history.operations {
            add(operation)
            if operation.outcome == .ok, operation.kind != .closeSession {
                alive[operation.session] = max(alive[operation.session] ?? 0, operation.zxid)
            }
        }
        for end in history.ends where end.wasClosed { closed[end.session] = end.zxid }
        for path in changes.keys { changes[path]!.sort { $0.zxid < $1.zxid } }
    }

    private mutating func add(_ operation: Operation) {
        let committed = operation.committedZxid ?? 0
        let isKnown = operation.outcome == .ok || committed > 0
        let mayBe = operation.outcome == .unknown && operation.committedZxid == nil
        let zxid = committed > 0 ? committed : operation.zxid
        switch operation.kind {
        case .create(let path, let value, let flags):
            writers[value] = operation.id
            // What a sequential create without an answer has made has no name here.
            guard isKnown, flags < 2 || operation.createdPath != nil else { return }
            let owner = flags == 1 || flags == 3 ? operation.session : 0
            note(operation.createdPath ?? path, zxid, value, owner, isCreation: true)
        case .setData(let path, let value, _):
            writers[value] = operation.id
            if isKnown { note(path, zxid, value, operation.seen?.ephemeralOwner, isCreation: false) }
        case .delete(let path, _):
            if isKnown { note(path, zxid, nil, nil, isCreation: false) }
            if mayBe { possibleDeletions[path, default: []].append(operation.invoked) }
        case .multi(let steps):
            for step in steps { add(step, of: operation, isKnown ? zxid : nil, mayBe: mayBe) }
        default: break
        }
    }

    private mutating func add(_ step: Operation.Step, of operation: Operation, _ zxid: Int64?, mayBe: Bool) {
        switch step {
        case .create(let path, let value):
            writers[value] = operation.id
            if let zxid { note(path, zxid, value, 0, isCreation: true) }
        case .setData(let path, let value, _):
            writers[value] = operation.id
            if let zxid { note(path, zxid, value, nil, isCreation: false) }
        case .delete(let path, _):
            if let zxid { note(path, zxid, nil, nil, isCreation: false) }
            if mayBe { possibleDeletions[path, default: []].append(operation.invoked) }
        case .check: break
        }
    }

    /// Within one transaction the last change counts.
    private mutating func note(_ path: String, _ zxid: Int64, _ value: Int?, _ owner: Int64?, isCreation: Bool) {
        var list = changes[path] ?? []
        if let index = list.firstIndex(where: { $0.zxid == zxid }) {
            list[index] = Change(
                zxid: zxid, value: value, owner: owner ?? list[index].owner,
                isCreation: isCreation || list[index].isCreation)
        } else {
            list.append(Change(zxid: zxid, value: value, owner: owner, isCreation: isCreation))
        }
        changes[path] = list
    }

    /// The last known change at or before a zxid.
    func last(_ path: String, upTo zxid: Int64) -> Change? { changes[path]?.last { $0.zxid <= zxid } }

    /// The first known change after a zxid.
    func first(_ path: String, after zxid: Int64) -> Change? { changes[path]?.first { $0.zxid > zxid } }

    func mayBeDeleted(_ path: String, before time: UInt64) -> Bool {
        possibleDeletions[path]?.contains { $0 <= time } ?? false
    }
}
