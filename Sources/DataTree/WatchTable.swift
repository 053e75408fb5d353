import Jute
import RequestQueue
import Synchronization
import ZooKeeperProtocol

/// Dense id of a connection, given by the core and reused after `removeWatcher`.
public typealias WatcherID = UInt32

/// All watches, of all kinds, in one structure.
///
/// Apache keeps two managers, one for data (and exists) watches and one for child watches; a watch here is a pair
/// of path and watcher that carries the modes it has in either. Counts and reports speak of managers, as Apache's do.
///
/// Every function may be called from any thread: the table has its own lock. Firing skips the lock while there is
/// no watch at all; that is sound because the tree's lock orders a registration before the writes that follow it.
public final class WatchTable: @unchecked Sendable {
    /// What to watch for.
    public enum Kind: Sendable {
        /// The next change of data, creation or deletion (getData, exists).
        case data
        /// The next change of the list of children, or deletion.
        case child
        /// Every change of data and children, until removed.
        case persistent
        /// Every creation, deletion and change of data here and below, until removed.
        case persistentRecursive
    }

    private let book: LockedValue<WatchBook>
    private let active = Atomic<Int>(0)

    init(seed: UInt64) { book = LockedValue(WatchBook(seed: seed)) }

    private func locked<Result>(_ body: (WatchBook) throws -> Result) rethrows -> Result {
        try book.withLock { book in
            defer { active.store(book.watchCount, ordering: .relaxed) }
            return try body(book)
        }
    }

    /// Whether no watch of any kind is set: what a write asks first.
    @inline(__always)
    public var isEmpty: Bool { active.load(ordering: .relaxed) == 0 }

    // MARK: Setting and removing

    /// Sets a watch. Setting it again changes nothing.
    public func add(path: UnsafeRawBufferPointer, kind: Kind, watcher: WatcherID) {
        locked { book in
            switch kind {
            case .data: book.add(path, watcher, .data, .standard)
            case .child: book.add(path, watcher, .child, .standard)
            case .persistent:
                book.add(path, watcher, .child, .persistent)
                book.add(path, watcher, .data, .persistent)
            case .persistentRecursive: book.add(path, watcher, .data, .recursive)
            }
        }
    }

    /// Whether the watcher has a watch that `checkWatches` of this type means.
    public func contains(path: UnsafeRawBufferPointer, type: WatcherType, watcher: WatcherID) -> Bool {
        locked { book in
            switch type {
            case .children: book.modes(path, watcher, .child).contains(.standard)
            case .data: book.modes(path, watcher, .data).contains(.standard)
            case .persistent: book.modes(path, watcher, .data).contains(.persistent)
            case .persistentRecursive: book.modes(path, watcher, .data).contains(.recursive)
            case .any: !book.modes(path, watcher, .child).isEmpty || !book.modes(path, watcher, .data).isEmpty
            }
        }
    }

    /// Removes the watches that `removeWatches` of this type means.
    ///
    /// - Returns: whether there were any.
    public func remove(path: UnsafeRawBufferPointer, type: WatcherType, watcher: WatcherID) -> Bool {
        locked { book in
            switch type {
            case .children: return book.remove(path, watcher, .child, .standard)
            case .data: return book.remove(path, watcher, .data, .standard)
            case .persistent:
                let child = book.remove(path, watcher, .child, .persistent)
                let data = book.remove(path, watcher, .data, .persistent)
                return child || data
            case .persistentRecursive: return book.remove(path, watcher, .data, .recursive)
            case .any:
                let child = book.remove(path, watcher, .child, .all)
                let data = book.remove(path, watcher, .data, .all)
                return child || data
            }
        }
    }

    /// Forgets a closed connection; its id may be given to another then.
    public func removeWatcher(_ watcher: WatcherID) {
        locked { $0.removeWatcher(watcher) }
    }

    // MARK: Counts and reports

    /// Watches of both managers (`zk_watch_count`).
    public var watchCount: Int {
        locked { $0.counts(.data).watches + $0.counts(.child).watches }
    }

    /// Paths of both managers.
    public var pathCount: Int {
        locked { $0.counts(.data).paths + $0.counts(.child).paths }
    }

    /// The numbers of `wchs`: connections, paths and watches of one manager. The word reports the data manager.
    public func summary(_ manager: WatchManager = .data) -> WatchSummary {
        locked { $0.counts(manager) }
    }

    /// `wchp`: each path of a manager with its watchers, in no particular order.
    public func watchersByPath(_ manager: WatchManager = .data) -> [(path: [UInt8], watchers: [WatcherID])] {
        locked { $0.watchersByPath(manager) }
    }

    /// `wchc`: each watcher of a manager with its paths, in no particular order. As in Apache, a watcher whose
    /// watches have all fired stays, without paths, until it closes.
    public func pathsByWatcher(_ manager: WatchManager = .data) -> [(watcher: WatcherID, paths: [[UInt8]])] {
        locked { $0.pathsByWatcher(manager) }
    }

    // MARK: Firing

    /// A znode was created: its data watchers, then the parent's child watchers.
    func fireCreated(
        path: UnsafeRawBufferPointer, parent: UnsafeRawBufferPointer, zxid: Int64, acl: ACLSet?, parentACL: ACLSet?,
        _ fired: inout FiredEvents
    ) {
        locked { book in
            book.beginFiring()
            book.fire(.data, .nodeCreated, path, zxid, acl, &fired)
            book.beginFiring()
            book.fire(.child, .nodeChildrenChanged, parent, zxid, parentACL, &fired)
        }
    }

    /// A znode was deleted: its data watchers, its child watchers among the others, then the parent's child watchers.
    func fireDeleted(
        path: UnsafeRawBufferPointer, parent: UnsafeRawBufferPointer, zxid: Int64, acl: ACLSet?, parentACL: ACLSet?,
        _ fired: inout FiredEvents
    ) {
        locked { book in
            book.beginFiring()
            book.fire(.data, .nodeDeleted, path, zxid, acl, &fired)
            // In the same round: who has been told of the deletion is not told again.
            book.fire(.child, .nodeDeleted, path, zxid, acl, &fired)
            book.beginFiring()
            book.fire(.child, .nodeChildrenChanged, parent, zxid, parentACL, &fired)
        }
    }

    func fireDataChanged(path: UnsafeRawBufferPointer, zxid: Int64, acl: ACLSet?, _ fired: inout FiredEvents) {
        locked { book in
            book.beginFiring()
            book.fire(.data, .nodeDataChanged, path, zxid, acl, &fired)
        }
    }
}
