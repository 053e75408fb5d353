import JSONText
import ZooKeeperClient

/// The watches of a shell's session: for each kind and path one, as there is one default watcher in zkCli.
struct WatchBook {
    /// By `removewatches`' letters.
    enum Kind: String, CaseIterable {
        case data
        case child
        case persistent
        case persistentRecursive

        /// What zkCli's watcher is told when a watch of the kind is removed.
        var removedEvent: String {
            switch self {
            case .data: "DataWatchRemoved"
            case .child: "ChildWatchRemoved"
            case .persistent, .persistentRecursive: "PersistentWatchRemoved"
            }
        }

        func isMeant(by type: WatcherType) -> Bool {
            switch type {
            case .any: true
            case .data: self == .data
            case .children: self == .child
            case .persistent: self == .persistent
            case .persistentRecursive: self == .persistentRecursive
            }
        }
    }

    struct Key: Hashable {
        var kind: Kind
        var path: PathKey

        init(kind: Kind, path: String) { (self.kind, self.path) = (kind, PathKey(path)) }
    }

    private struct Entry {
        var number: Int
        var task: Task<Void, Never>
    }

    private var entries: [Key: Entry] = [:]
    private var numbers = 0
    /// The events told last, and by whom.
    private var recent: [(event: ZnodeEvent, key: Key)] = []
    private static let recentLimit = 128
    /// Waits for the last watch to end.
    private var waiters: [CheckedContinuation<Void, Never>] = []

    var isEmpty: Bool { entries.isEmpty }

    /// Takes the place of an older watch of the same kind and path.
    mutating func add(_ key: Key, _ task: (_ number: Int) -> Task<Void, Never>) {
        numbers += 1
        let older = entries.updateValue(Entry(number: numbers, task: task(numbers)), forKey: key)
        older?.task.cancel()
    }

    /// Whether this watch is the one that counts.
    func holds(_ key: Key, _ number: Int) -> Bool { entries[key]?.number == number }

    mutating func ended(_ key: Key, _ number: Int) {
        guard holds(key, number) else { return }
        entries[key] = nil
        tellIfEmpty()
    }

    /// The kinds of the watches of a type on a path.
    func kinds(_ path: String, _ type: WatcherType) -> [Kind] {
        Kind.allCases.filter { $0.isMeant(by: type) && entries[Key(kind: $0, path: path)] != nil }
    }

    /// Forgets watches, if they have not ended by themselves.
    mutating func remove(_ kinds: [Kind], _ path: String) {
        for kind in kinds { entries.removeValue(forKey: Key(kind: kind, path: path))?.task.cancel() }
        tellIfEmpty()
    }

    mutating func removeAll() {
        for entry in entries.values { entry.task.cancel() }
        entries.removeAll()
        tellIfEmpty()
    }

    /// Whether no watch of another kind or path has told this event: zkCli's one watcher hears of it once. Servers
    /// before 3.9 do not number events, so theirs are all news.
    mutating func isNews(_ event: ZnodeEvent, _ key: Key) -> Bool {
        guard event.zxid > 0 else { return true }
        if recent.contains(where: { $0.event == event && $0.key != key }) { return false }
        recent.append((event, key))
        if recent.count > Self.recentLimit { recent.removeFirst(Self.recentLimit / 2) }
        return true
    }

    private mutating func tellIfEmpty() {
        guard entries.isEmpty else { return }
        for waiter in waiters { waiter.resume() }
        waiters.removeAll()
    }

    mutating func whenEmpty(_ continuation: CheckedContinuation<Void, Never>) {
        if entries.isEmpty { continuation.resume() } else { waiters.append(continuation) }
    }

    /// Nobody waits any longer.
    mutating func releaseWaiters() {
        for waiter in waiters { waiter.resume() }
        waiters.removeAll()
    }
}

extension Shell {
    /// Prints what a watch sees, from now on.
    func follow(_ watch: Watch, _ kind: WatchBook.Kind, _ path: String) {
        let key = WatchBook.Key(kind: kind, path: path)
        watches.add(key) { number in
            Task { [weak self] in
                while !Task.isCancelled, let event = try? await watch.next() {
                    await self?.saw(event, key, number)
                }
                watch.cancel()
                await self?.watchEnded(key, number)
            }
        }
    }

    private func watchEnded(_ key: WatchBook.Key, _ number: Int) { watches.ended(key, number) }

    private func saw(_ event: ZnodeEvent, _ key: WatchBook.Key, _ number: Int) {
        guard watches.holds(key, number), watches.isNews(event, key), printsWatches else { return }
        if isText {
            let name = Self.eventName(event.kind)
            announceWatch("WatchedEvent state:SyncConnected type:\(name) path:\(event.path) zxid: \(event.zxid)")
        } else {
            var members: [JSONValue.Member] = [
                .init("event", .string(Self.eventName(event.kind))), .init("path", .string(event.path)),
            ]
            if event.zxid > 0 { members.append(.init("zxid", .hexadecimal(event.zxid))) }
            console.announce(JSONValue.object(members).text + "\n")
        }
    }

    /// The server has removed watches of these kinds.
    func announceRemoved(_ kinds: [WatchBook.Kind], _ path: String) {
        for kind in kinds where printsWatches {
            if isText {
                announceWatch("WatchedEvent state:SyncConnected type:\(kind.removedEvent) path:\(path) zxid: -1")
            } else {
                let members: [JSONValue.Member] = [
                    .init("event", .string(kind.removedEvent)), .init("path", .string(path)),
                ]
                console.announce(JSONValue.object(members).text + "\n")
            }
        }
    }

    /// Waits until no watch is left, or the task is cancelled.
    func waitForWatches() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { return continuation.resume() }
                watches.whenEmpty(continuation)
            }
        } onCancel: {
            Task { await self.releaseWaiters() }
        }
    }

    private func releaseWaiters() { watches.releaseWaiters() }

    /// Apache's names (`Watcher.Event.EventType`); `Gap` is this client's own.
    static func eventName(_ kind: ZnodeEvent.Kind) -> String {
        switch kind {
        case .created: "NodeCreated"
        case .deleted: "NodeDeleted"
        case .dataChanged: "NodeDataChanged"
        case .childrenChanged: "NodeChildrenChanged"
        case .gap: "Gap"
        }
    }
}
