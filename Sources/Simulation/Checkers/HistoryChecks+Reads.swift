import ZooKeeperProtocol

/// Reads show what is there at the zxid they name, no more and no less.
extension HistoryChecks {
    static func reads(_ history: History, _ index: HistoryIndex) -> Violation? {
        for operation in history.operations where operation.outcome != .unknown && operation.zxid > 0 {
            let path: String
            switch operation.kind {
            case .getData(let name, _), .exists(let name, _): path = name
            default: continue
            }
            let found: Violation?
            switch operation.outcome {
            case .ok: found = checkPresent(operation, path, history, index)
            case .error(ErrorCode.noNode.rawValue): found = checkAbsent(operation, path, index)
            default: found = nil
            }
            if let found { return found }
        }
        return nil
    }

    private static func describe(_ operation: Operation) -> String {
        "client \(operation.client) on server \(operation.server): \(operation.kind) at \(hex(operation.zxid))"
    }

    private static func checkPresent(
        _ operation: Operation, _ path: String, _ history: History, _ index: HistoryIndex
    ) -> Violation? {
        guard let seen = operation.seen else { return nil }
        if seen.mzxid > operation.zxid {
            return Violation(
                property: .readValue, text: "\(describe(operation)) shows a change of \(hex(seen.mzxid)), the future")
        }
        if let last = index.last(path, upTo: operation.zxid), last.zxid > seen.mzxid {
            return Violation(
                property: .readValue,
                text: "\(describe(operation)) shows the state of \(hex(seen.mzxid)), but it was changed at "
                    + hex(last.zxid))
        }
        if seen.ephemeralOwner != 0, let closed = index.closed[seen.ephemeralOwner], closed <= operation.zxid {
            return Violation(
                property: .ephemeralLifetime,
                text: "\(describe(operation)) shows an ephemeral of session \(hex(seen.ephemeralOwner)), closed at "
                    + hex(closed))
        }
        guard let value = operation.valueRead else { return nil }
        return checkValue(operation, path, value, seen, history, index)
    }

    private static func checkValue(
        _ operation: Operation, _ path: String, _ value: Int, _ seen: Operation.Seen, _ history: History,
        _ index: HistoryIndex
    ) -> Violation? {
        guard let id = index.writers[value] else {
            return Violation(
                property: .readValue, text: "\(describe(operation)) shows a value that nobody wrote")
        }
        let writer = history.operations[id]
        switch writer.outcome {
        case .error(let code):
            let property: Property
            if case .multi = writer.kind { property = .multiAtomicity } else { property = .readValue }
            return Violation(
                property: property,
                text: "\(describe(operation)) shows the value of \(writer.kind), which was refused with \(code)")
        case .unknown:
            if writer.invoked > operation.answered {
                return Violation(
                    property: .readValue, text: "\(describe(operation)) shows a value that is written later")
            }
        case .ok:
            if writer.zxid != seen.mzxid {
                return Violation(
                    property: .readValue,
                    text: "\(describe(operation)) shows the value written at \(hex(writer.zxid)) as of "
                        + hex(seen.mzxid))
            }
        }
        return nil
    }

    private static func checkAbsent(_ operation: Operation, _ path: String, _ index: HistoryIndex) -> Violation? {
        guard let last = index.last(path, upTo: operation.zxid), last.value != nil else { return nil }
        if index.mayBeDeleted(path, before: operation.answered) { return nil }
        guard let owner = last.owner else { return nil }
        if owner != 0 {
            guard let alive = index.alive[owner], alive >= operation.zxid else { return nil }
            return Violation(
                property: .ephemeralLifetime,
                text: "\(describe(operation)) finds nothing, but the ephemeral was made at \(hex(last.zxid)), and its "
                    + "session \(hex(owner)) still lived at \(hex(alive))")
        }
        return Violation(
            property: .readValue,
            text: "\(describe(operation)) finds nothing, but it was written at \(hex(last.zxid)) and not deleted")
    }

    /// Lists of children show exactly those that are there.
    static func children(_ history: History, _ index: HistoryIndex) -> Violation? {
        var made: [(path: String, zxid: Int64, owner: Int64)] = []
        for operation in history.operations where operation.outcome == .ok {
            guard case .create(_, _, let flags) = operation.kind, flags >= 2, let path = operation.createdPath else {
                continue
            }
            made.append((path, operation.zxid, flags == 3 ? operation.session : 0))
        }
        let prefix = Workload.sequenceParent + "/"
        for operation in history.operations where operation.outcome == .ok {
            guard case .getChildren(Workload.sequenceParent, _) = operation.kind, let names = operation.children else {
                continue
            }
            let present = Set(names)
            for child in made {
                let isThere = present.contains(String(child.path.dropFirst(prefix.count)))
                if child.zxid > operation.zxid {
                    guard isThere else { continue }
                    return Violation(
                        property: .readValue,
                        text: "\(describe(operation)) lists \(child.path), which is made at \(hex(child.zxid))")
                }
                let deleted = index.changes[child.path]?.first { $0.value == nil }
                if let deleted, deleted.zxid <= operation.zxid {
                    guard isThere else { continue }
                    return Violation(
                        property: .readValue,
                        text: "\(describe(operation)) lists \(child.path), which was deleted at \(hex(deleted.zxid))")
                }
                if isThere || index.mayBeDeleted(child.path, before: operation.answered) { continue }
                if child.owner != 0, (index.alive[child.owner] ?? 0) < operation.zxid { continue }
                return Violation(
                    property: child.owner == 0 ? .readValue : .ephemeralLifetime,
                    text: "\(describe(operation)) does not list \(child.path), made at \(hex(child.zxid))")
            }
        }
        return nil
    }
}
