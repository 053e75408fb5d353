import ZooKeeperProtocol

extension ZooKeeper {
    /// A znode's content and statistics, and a watch for the next change of its content or its deletion.
    public func getDataAndWatch(_ path: String) async throws(ZooKeeperError) -> (value: NodeData, watch: Watch) {
        let (reply, watch) = submitWithWatch(.getData(path))
        return (try await reply.value, watch)
    }

    /// A znode's statistics, and a watch for its next change, creation or deletion.
    public func existsAndWatch(_ path: String) async throws(ZooKeeperError) -> (value: Stat?, watch: Watch) {
        let (reply, watch) = submitWithWatch(.exists(path))
        return (try await reply.value, watch)
    }

    /// A znode's children and statistics, and a watch for the next child that comes or goes, or the znode's deletion.
    public func getChildrenAndWatch(
        _ path: String
    ) async throws(ZooKeeperError) -> (value: NodeChildren, watch: Watch) {
        let (reply, watch) = submitWithWatch(.getChildrenAndStat(path))
        return (try await reply.value, watch)
    }

    /// Who the ensemble's servers are, and a watch for the next change of that.
    public func getConfigAndWatch() async throws(ZooKeeperError) -> (value: NodeData, watch: Watch) {
        let (reply, watch) = submitWithWatch(.getConfig)
        return (try await reply.value, watch)
    }

    /// A watch that stays: on a znode (`persistent`), or on it and all below (`persistentRecursive`, which tells of
    /// each child's creation and deletion instead of `childrenChanged`). The znode need not exist. Apache's servers
    /// keep one of the two modes for each path and session.
    public func addWatch(_ path: String, _ mode: AddWatchMode) async throws(ZooKeeperError) -> Watch {
        let (reply, watch) = submitAddWatch(path, mode)
        try await reply.value
        return watch
    }

    /// `addWatch` without waiting.
    public func submitAddWatch(_ path: String, _ mode: AddWatchMode) -> (reply: PendingReply<Void>, watch: Watch) {
        let sink = session.makeSink(path, mode == .persistent ? .persistent : .persistentRecursive)
        let reply = session.submit(.addWatch(path, mode), watch: sink)
        return (reply, Watch(owner: WatchOwner(sink, in: session)))
    }

    /// Takes this session's watches of a kind off a path, and ends their iterations. Without one, the server's error
    /// is `noWatcher`.
    public func removeWatches(_ path: String, _ type: WatcherType = .any) async throws(ZooKeeperError) {
        try await submit(.removeWatches(path, type)).value
    }

    /// Whether the server has a watch of this session on a path.
    public func hasWatch(_ path: String, _ type: WatcherType = .any) async throws(ZooKeeperError) -> Bool {
        do {
            try await submit(.checkWatches(path, type)).value
            return true
        } catch {
            if error.reason == .server(.noWatcher) { return false }
            throw error
        }
    }
}
