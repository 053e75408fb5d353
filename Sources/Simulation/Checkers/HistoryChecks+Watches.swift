import ZooKeeperProtocol

/// A watch's event reaches its client before anything that shows the change; once for each watch that is set.
extension HistoryChecks {
    private struct Connection: Hashable {
        var client: Int
        var number: Int
    }

    private enum Family { case data, children }

    /// A watch as its connection knows of it.
    private struct Registration {
        var path: String
        var family: Family
        var zxid: Int64
        /// Which of the connection's answers set it.
        var answer: Int
        /// Only a creation fires it.
        var isForCreation: Bool
    }

    static func watches(_ history: History, _ index: HistoryIndex) -> Violation? {
        var answers: [Connection: [Operation]] = [:]
        var order: [Connection] = []
        // Answers of one connection come in the order asked, which is the order of the list.
        for operation in history.operations where operation.outcome != .unknown {
            let connection = Connection(client: operation.client, number: operation.connection)
            if answers[connection] == nil { order.append(connection) }
            answers[connection, default: []].append(operation)
        }
        var heard: [Connection: [Heard]] = [:]
        for event in history.heard {
            heard[Connection(client: event.client, number: event.connection), default: []].append(event)
        }
        for connection in order {
            let found = check(answers[connection] ?? [], heard[connection] ?? [], index, history)
            if let found { return found }
        }
        return nil
    }

    private static func family(of event: Heard) -> Family {
        event.type == EventType.nodeChildrenChanged.rawValue ? .children : .data
    }

    private static func registrations(_ answers: [Operation]) -> [Registration] {
        var found: [Registration] = []
        for (number, operation) in answers.enumerated() {
            let isThere = operation.outcome == .ok
            switch operation.kind {
            case .getData(let path, true) where isThere:
                found.append(
                    Registration(
                        path: path, family: .data, zxid: operation.zxid, answer: number, isForCreation: false))
            case .exists(let path, true)
            where isThere || operation.outcome == .error(ErrorCode.noNode.rawValue):
                found.append(
                    Registration(
                        path: path, family: .data, zxid: operation.zxid, answer: number, isForCreation: !isThere))
            case .getChildren(let path, true) where isThere:
                found.append(
                    Registration(
                        path: path, family: .children, zxid: operation.zxid, answer: number, isForCreation: false))
            default: break
            }
        }
        return found
    }

    private static func check(
        _ answers: [Operation], _ heard: [Heard], _ index: HistoryIndex, _ history: History
    ) -> Violation? {
        let set = registrations(answers)
        // Once: an event needs a watch set since the last one of its kind and path.
        for (number, event) in heard.enumerated() {
            let kind = family(of: event)
            let previous = heard[..<number].last { $0.path == event.path && family(of: $0) == kind }
            let isArmed = set.contains {
                $0.path == event.path && $0.family == kind && $0.answer < event.answersBefore
                    && $0.answer >= (previous?.answersBefore ?? 0)
            }
            if !isArmed {
                return Violation(
                    property: .watchOnce,
                    text: "client \(event.client): event \(event.type) of \(event.path) without a watch that was set "
                        + "since the last one")
            }
        }
        for watch in set {
            guard let change = firstChange(watch, index, history) else { continue }
            guard let view = answers.indices.first(where: { $0 > watch.answer && answers[$0].zxid >= change })
            else { continue }
            let isHeard = heard.contains {
                $0.path == watch.path && family(of: $0) == watch.family && $0.answersBefore > watch.answer
                    && $0.answersBefore <= view
            }
            if !isHeard {
                return Violation(
                    property: .watchBeforeView,
                    text: "client \(answers[view].client): \(answers[view].kind) shows \(hex(answers[view].zxid)), but "
                        + "no event of \(watch.path) came, watched at \(hex(watch.zxid)) and changed at \(hex(change))")
            }
        }
        return nil
    }

    /// The first change that is known to fire a watch.
    private static func firstChange(_ watch: Registration, _ index: HistoryIndex, _ history: History) -> Int64? {
        guard watch.family == .children else {
            let list = index.changes[watch.path] ?? []
            return list.first { $0.zxid > watch.zxid && (!watch.isForCreation || $0.isCreation) }?.zxid
        }
        var first: Int64?
        let prefix = watch.path + "/"
        for (path, list) in index.changes where path.hasPrefix(prefix) {
            for change in list where change.zxid > watch.zxid && (change.isCreation || change.value == nil) {
                first = min(first ?? .max, change.zxid)
            }
        }
        return first
    }
}
