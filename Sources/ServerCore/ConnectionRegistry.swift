import DataTree
import RequestQueue

/// Every client connection by its watcher id. Fronts add and remove; the core looks up while it holds the tree's
/// writer side, when no front is inside a turn.
public final class ConnectionRegistry: @unchecked Sendable {
    private struct State {
        var connections: [ClientConnection?] = [nil]
        var freeIds: [WatcherID] = []
        var countByHost: [String: Int] = [:]
        var count = 0
    }

    private let state = LockedValue(State())

    public init() {}

    /// Makes a connection under a free id, unless a limit refuses it. Zero means no limit.
    func add(
        host: String, maximumPerHost: Int, maximum: Int, make: (WatcherID) -> ClientConnection
    ) -> ClientConnection? {
        var made: ClientConnection?
        state.withLock { state in
            if maximum > 0, state.count >= maximum { return }
            let fromHost = state.countByHost[host, default: 0]
            if maximumPerHost > 0, fromHost >= maximumPerHost { return }
            let id: WatcherID
            if let free = state.freeIds.popLast() {
                id = free
            } else {
                id = WatcherID(state.connections.count)
                state.connections.append(nil)
            }
            let connection = make(id)
            state.connections[Int(id)] = connection
            state.countByHost[host] = fromHost + 1
            state.count += 1
            made = connection
        }
        return made
    }

    func remove(_ connection: ClientConnection) {
        state.withLock { state in
            let index = Int(connection.watcher)
            guard state.connections[index] === connection else { return }
            state.connections[index] = nil
            state.freeIds.append(connection.watcher)
            state.count -= 1
            let host = connection.link.remoteHost
            let left = state.countByHost[host, default: 1] - 1
            state.countByHost[host] = left > 0 ? left : nil
        }
    }

    public func connection(_ watcher: WatcherID) -> ClientConnection? {
        state.withLock { $0.connections[Int(watcher)] }
    }

    public var count: Int { state.withLock { $0.count } }

    /// All connections, for the administrative words.
    public func all() -> [ClientConnection] { state.withLock { $0.connections.compactMap { $0 } } }
}
