import Jute
import ZooKeeperProtocol

extension DataTree {
    /// Sets again the watches of a client that has reconnected. What happened to a watched znode since
    /// `relativeZxid` is told at once, instead of setting that watch. Any thread, under the reader side.
    ///
    /// - Parameters:
    ///   - relativeZxid: the newest transaction the client has seen.
    ///   - fired: events for this watcher are appended, without ACL and with zxid -1.
    public func setWatches(
        relativeZxid: Int64, data: [UnsafeRawBufferPointer], exist: [UnsafeRawBufferPointer],
        child: [UnsafeRawBufferPointer], persistent: [UnsafeRawBufferPointer],
        persistentRecursive: [UnsafeRawBufferPointer], watcher: WatcherID, fired: inout FiredEvents
    ) {
        for path in data {
            if let node = find(path) {
                if changed(node, StatOffset.mzxid, since: relativeZxid) {
                    fired.add(.nodeDataChanged, path: path, watcher: watcher)
                } else {
                    watches.add(path: path, kind: .data, watcher: watcher)
                }
            } else {
                fired.add(.nodeDeleted, path: path, watcher: watcher)
            }
        }
        for path in exist {
            if find(path) != nil {
                fired.add(.nodeCreated, path: path, watcher: watcher)
            } else {
                watches.add(path: path, kind: .data, watcher: watcher)
            }
        }
        for path in child {
            if let node = find(path) {
                if changed(node, StatOffset.pzxid, since: relativeZxid) {
                    fired.add(.nodeChildrenChanged, path: path, watcher: watcher)
                } else {
                    watches.add(path: path, kind: .child, watcher: watcher)
                }
            } else {
                fired.add(.nodeDeleted, path: path, watcher: watcher)
            }
        }
        for path in persistent { watches.add(path: path, kind: .persistent, watcher: watcher) }
        for path in persistentRecursive { watches.add(path: path, kind: .persistentRecursive, watcher: watcher) }
    }

    private func changed(_ node: NodeIndex, _ offset: Int, since zxid: Int64) -> Bool {
        UnsafeRawPointer(arena[node].stat).wireInt64(at: offset) > zxid
    }
}
