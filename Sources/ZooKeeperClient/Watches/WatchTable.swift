import ZooKeeperProtocol

/// The watches of a session, by kind and server's path: who is told of an event, and what is set again on a new
/// connection.
struct WatchTable {
    private var sinks: [[PathKey: [WatchSink]]] = Array(repeating: [:], count: WatchKind.allCases.count)

    var isEmpty: Bool { sinks.allSatisfy(\.isEmpty) }
    var count: Int { sinks.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } } }

    func paths(_ kind: WatchKind) -> [String] { sinks[kind.rawValue].keys.sorted().map(\.text) }

    /// Whether anybody listens to a path, in any way.
    func hasWatch(on path: String) -> Bool { sinks.contains { $0[PathKey(path)] != nil } }

    mutating func add(_ sink: WatchSink) {
        sinks[sink.kind.rawValue][PathKey(sink.path), default: []].append(sink)
    }

    /// Nobody listens to this sink any more; whether it was there.
    mutating func remove(_ sink: WatchSink) -> Bool {
        let path = PathKey(sink.path)
        guard var list = sinks[sink.kind.rawValue][path], let index = list.firstIndex(where: { $0 === sink })
        else { return false }
        list.remove(at: index)
        sinks[sink.kind.rawValue][path] = list.isEmpty ? nil : list
        return true
    }

    /// The server has taken watches off a path: their iterations end.
    mutating func removed(_ type: WatcherType, on path: String) {
        let kinds: [WatchKind] =
            switch type {
            case .children: [.children]
            case .data: [.data, .exists]
            case .any: WatchKind.allCases
            case .persistent: [.persistent]
            case .persistentRecursive: [.persistentRecursive]
            }
        for kind in kinds {
            for sink in sinks[kind.rawValue].removeValue(forKey: PathKey(path)) ?? [] { sink.buffer.finish() }
        }
    }

    /// Passes an event on; how many were told.
    mutating func deliver(_ type: EventType, on path: String, zxid: Int64, _ context: ReplyContext) -> Int {
        let kind: ZnodeEvent.Kind
        let oneShots: [WatchKind]
        switch type {
        case .nodeCreated: (kind, oneShots) = (.created, [.data, .exists])
        case .nodeDeleted: (kind, oneShots) = (.deleted, [.data, .exists, .children])
        case .nodeDataChanged: (kind, oneShots) = (.dataChanged, [.data, .exists])
        case .nodeChildrenChanged: (kind, oneShots) = (.childrenChanged, [.children])
        default: return 0
        }
        let event = ZnodeEvent(kind: kind, path: context.clientPath(path), zxid: zxid)
        var told = 0
        for shot in oneShots {
            for sink in sinks[shot.rawValue].removeValue(forKey: PathKey(path)) ?? [] {
                sink.buffer.push(event)
                sink.buffer.finish()
                told += 1
            }
        }
        for sink in sinks[WatchKind.persistent.rawValue][PathKey(path)] ?? [] {
            sink.buffer.push(event)
            told += 1
        }
        // Recursive watches hear of each znode below; that the list of children changed would say it twice.
        if type != .nodeChildrenChanged, !sinks[WatchKind.persistentRecursive.rawValue].isEmpty {
            told += deliverUpward(event, from: path)
        }
        return told
    }

    private func deliverUpward(_ event: ZnodeEvent, from path: String) -> Int {
        let table = sinks[WatchKind.persistentRecursive.rawValue]
        var told = 0
        var current = Substring(path)
        while true {
            for sink in table[PathKey(String(current))] ?? [] {
                sink.buffer.push(event)
                told += 1
            }
            guard current != "/", let slash = current.lastSlash else { return told }
            current = slash == current.startIndex ? "/" : current[..<slash]
        }
    }

    /// The persistent watches have been set again: what happened meanwhile nobody told.
    func tellOfGap(zxid: Int64) {
        for kind in [WatchKind.persistent, .persistentRecursive] {
            for list in sinks[kind.rawValue].values {
                for sink in list { sink.buffer.push(ZnodeEvent(kind: .gap, path: sink.clientPath, zxid: zxid)) }
            }
        }
    }

    /// The session has ended.
    mutating func finish(_ error: ZooKeeperError?) {
        for kind in WatchKind.allCases {
            for list in sinks[kind.rawValue].values {
                for sink in list {
                    var error = error
                    error?.path = sink.clientPath
                    sink.buffer.finish(error)
                }
            }
            sinks[kind.rawValue] = [:]
        }
    }
}
