import DataTree
import RequestQueue
import ServerCore

/// What a server is and has, at one moment.
public struct ServerStatus: Sendable {
    /// What it is to its ensemble.
    public enum Role: String, Sendable {
        case standalone, looking, leading, following, observing
    }

    public var role: Role
    /// Whether it takes clients: it stands alone, or is in step with a leader, or leads.
    public var isServing: Bool
    /// A member's: who leads, itself perhaps; nil while it looks for a leader.
    public var leaderID: Int64?
    /// The last transaction applied.
    public var zxid: Int64
    /// Those the server knows of: all of the ensemble's.
    public var sessionIDs: [Int64]
    public var connectionCount: Int
    public var znodeCount: Int
    public var watchCount: Int
}

extension RunningServer {
    /// Nil once the server has ended.
    public func status() async -> ServerStatus? {
        await onCore { [self] core in
            core.lock.lockExclusive()
            defer { core.lock.unlockExclusive() }
            let part = member?.replica.report()
            return ServerStatus(
                role: part.map { Self.role($0.state) } ?? .standalone,
                isServing: !core.isDraining && core.role != .electing, leaderID: part?.leaderID,
                zxid: core.tree.lastProcessedZxid, sessionIDs: core.sessions.sessions.keys.sorted(),
                connectionCount: core.registry.count, znodeCount: core.tree.nodeCount,
                watchCount: core.tree.watches.watchCount)
        }
    }

    private static func role(_ state: ReplicationReport.State) -> ServerStatus.Role {
        switch state {
        case .looking: .looking
        case .leading: .leading
        case .following: .following
        case .observing: .observing
        }
    }

    /// Ends a session as if nothing had been heard of it for its whole timeout.
    ///
    /// - Returns: whether it ends now: not when there is no such session, when it is ending already, and on servers
    ///   that do not decide about sessions (learners, and those without a leader).
    public func expireSession(_ id: Int64) async -> Bool {
        await onCore { $0.expireSession(id) } ?? false
    }

    /// Ends all connections of clients; their sessions live on. Returns when that is under way.
    public func dropClientConnections() async {
        _ = await onCore { $0.dropClientConnections() }
    }
}
