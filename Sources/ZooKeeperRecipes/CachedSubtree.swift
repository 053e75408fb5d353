import Synchronization
import ZooKeeperClient

/// A copy of a znode and all below it, kept up to date by one recursive watch. Reading it asks no server.
///
/// Each znode of the copy is as it was at some time, and never older than before; the whole may be a little behind,
/// and while the connection is lost it stands still. After that, what was missed is read again.
public final class CachedSubtree: Sendable {
    /// What happened to the copy.
    public enum Change: Hashable, Sendable {
        case added(path: String)
        case changed(path: String)
        case removed(path: String)
        /// All was read, at the beginning or after a lost connection; or changes that nobody took were too many to be
        /// kept. Any znode may be another than before.
        case loaded
    }

    private struct Copy {
        var nodes: [String: NodeData] = [:]
        var isLoaded = false
        var nextObserver = 0
        var observers: [Int: AsyncStream<Change>.Continuation] = [:]
    }

    /// Changes kept for a slow iteration.
    private static let pendingChanges = 16_384

    private let client: ZooKeeper
    private let copy = Mutex(Copy())

    /// The topmost znode, which need not exist.
    public let path: String

    public init(_ client: ZooKeeper, at path: String) {
        self.client = client
        self.path = path
    }

    /// Runs something with a copy that has been loaded, and keeps it up to date meanwhile.
    public static func with<Value: Sendable>(
        _ client: ZooKeeper, at path: String, _ body: @escaping @Sendable (CachedSubtree) async throws -> Value
    ) async throws -> Value {
        let cache = CachedSubtree(client, at: path)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await cache.run()
                return nil
            }
            group.addTask {
                try await cache.wait { $0.isLoaded }
                return try await body(cache)
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                if let value = ended { return value }
            }
            throw RecipeError(.cancelled, path: path)
        }
    }

    // MARK: Reading

    /// Whether the whole was read once.
    public var isLoaded: Bool { copy.withLock { $0.isLoaded } }

    /// nil when there is no such znode.
    public subscript(path: String) -> NodeData? { copy.withLock { $0.nodes[path] } }

    /// All of it, by path.
    public var nodes: [String: NodeData] { copy.withLock { $0.nodes } }

    /// The names of a znode's children.
    public func children(of path: String) -> [String] {
        let prefix = path == "/" ? "/" : path + "/"
        return copy.withLock { copy in
            copy.nodes.keys.compactMap { other in
                guard other.hasPrefix(prefix), other != path else { return nil }
                let name = other.dropFirst(prefix.count)
                return name.contains("/") ? nil : String(name)
            }.sorted()
        }
    }

    /// What happens to the copy from now on; ends when `run` does.
    public var changes: AsyncStream<Change> { changes(keeping: Self.pendingChanges) }

    /// - Parameter limit: of changes that nobody has taken yet, the newest so many are kept.
    func changes(keeping limit: Int) -> AsyncStream<Change> {
        let (stream, continuation) = AsyncStream.makeStream(of: Change.self, bufferingPolicy: .bufferingNewest(limit))
        let number = copy.withLock { copy in
            copy.observers[copy.nextObserver] = continuation
            copy.nextObserver += 1
            return copy.nextObserver - 1
        }
        continuation.onTermination = { [weak self] _ in
            self?.copy.withLock { _ = $0.observers.removeValue(forKey: number) }
        }
        return stream
    }

    /// Waits until something is true of the copy.
    public func wait(until condition: (CachedSubtree) -> Bool) async throws(RecipeError) {
        let changes = changes
        if condition(self) { return }
        for await _ in changes where condition(self) { return }
        throw RecipeError(.cancelled, path: path)
    }

    // MARK: Keeping it up to date

    /// Keeps the copy up to date until the task is cancelled (then it returns) or the session ends (then it throws).
    public func run() async throws(RecipeError) {
        defer {
            for observer in copy.withLock({ Array($0.observers.values) }) { observer.finish() }
        }
        do throws(RecipeError) {
            while true {
                let watch = try await setWatch()
                try await load()
                while let event = try await event(of: watch) { try await apply(event) }
                // Somebody may have taken the session's watches off the path.
                if Task.isCancelled { return }
            }
        } catch {
            if error.reason != .cancelled { throw error }
        }
    }

    private func event(of watch: Watch) async throws(RecipeError) -> ZnodeEvent? {
        do {
            return try await watch.next()
        } catch {
            throw RecipeError(error, path: path)
        }
    }

    func apply(_ event: ZnodeEvent) async throws(RecipeError) {
        switch event.kind {
        case .gap: try await load()
        case .deleted where event.zxid >= 0:
            // What was read may be of a later time: a znode that has come anew since stays.
            if let node = self[event.path], node.stat.czxid > event.zxid { return }
            remove(event.path)
        // Servers before 3.9 do not say when it was.
        case .created, .dataChanged, .deleted: try await refresh(event.path)
        // A recursive watch tells of the children themselves.
        case .childrenChanged: break
        }
    }

    private func setWatch() async throws(RecipeError) -> Watch {
        while true {
            do {
                return try await client.addWatch(path, .persistentRecursive)
            } catch {
                try await client.recover(from: error, path: path)
            }
        }
    }

    /// Reads all, level by level, the znodes of one level at once. What changes meanwhile has its events behind.
    private func load() async throws(RecipeError) {
        var level = [path]
        var seen: Set<String> = []
        while !level.isEmpty {
            let replies = level.map { (client.submit(.getData($0)), client.submit(.getChildren($0))) }
            var next: [String] = []
            for (path, (data, children)) in zip(level, replies) {
                do {
                    let node = try await data.value
                    store(node, at: path)
                    seen.insert(path)
                    next += try await children.value.map { Paths.child($0, of: path) }
                } catch {
                    if error.reason == .server(.noNode) { continue }
                    try await client.recover(from: error, path: path)
                    // Its turn comes again.
                    next.append(path)
                }
            }
            level = next
        }
        let gone = copy.withLock { copy in copy.nodes.keys.filter { !seen.contains($0) } }
        for path in gone { remove(path) }
        copy.withLock { $0.isLoaded = true }
        tell(.loaded)
    }

    private func refresh(_ path: String) async throws(RecipeError) {
        if let node = try await client.contentIfThere(path) { store(node, at: path) } else { remove(path) }
    }

    private func store(_ node: NodeData, at path: String) {
        let old = copy.withLock { $0.nodes.updateValue(node, forKey: path) }
        if old == nil {
            tell(.added(path: path))
        } else if old?.stat.mzxid != node.stat.mzxid || old?.stat.czxid != node.stat.czxid {
            tell(.changed(path: path))
        }
    }

    private func remove(_ path: String) {
        if copy.withLock({ $0.nodes.removeValue(forKey: path) }) != nil { tell(.removed(path: path)) }
    }

    func tell(_ change: Change) {
        for observer in copy.withLock({ Array($0.observers.values) }) {
            // Whatever is dropped, it is told behind it that all must be looked at.
            if case .dropped = observer.yield(change) { observer.yield(.loaded) }
        }
    }
}
