import Synchronization
import ZooKeeperClient

/// How sure a holder may be of what it holds.
public enum LeaseState: Hashable, Sendable {
    /// The session is alive by all that is known, and the znode with it.
    case held
    /// The connection is lost, or the server has no quorum: the session may have ended, and another may hold what
    /// this lease is for. Stop acting on it until it is held again.
    case inDoubt
    /// The session has ended. Final.
    case lost
    /// Given back by the holder. Final.
    case released

    init(_ session: SessionState) {
        self =
            switch session {
            case .connected: .held
            case .connecting, .connectedReadOnly, .suspended: .inDoubt
            case .expired, .authenticationFailed, .closed: .lost
            }
    }

    public var isFinal: Bool { self == .lost || self == .released }
}

/// Something held by means of an ephemeral znode, until it is released or the session ends.
///
/// A lease that nobody refers to any more is released.
public final class Lease: Sendable {
    private struct Holding {
        var isReleased = false
        var nextObserver = 0
        var observers: [Int: AsyncStream<LeaseState>.Continuation] = [:]
    }

    private let client: ZooKeeper
    /// Whether nobody else would make a znode at this path.
    private let isPathUnique: Bool
    private let holding = Mutex(Holding())

    /// The znode.
    public let path: String

    /// Larger than the token of every holder before, and smaller than that of every later one: the znode's `czxid`.
    ///
    /// Whatever the lock protects can remember the largest token that it was shown and refuse a smaller one: a holder
    /// that was stopped for long and does not know yet that it has lost its session does no harm then.
    public let fencingToken: Int64

    init(_ node: CreatedNode, of client: ZooKeeper, isPathUnique: Bool = true) {
        self.client = client
        self.isPathUnique = isPathUnique
        path = node.path
        fencingToken = node.stat.czxid
    }

    deinit {
        guard markReleased() else { return }
        let (client, path, token, isUnique) = (client, path, fencingToken, isPathUnique)
        Task { await client.removeForCertain(path, czxid: token, isUnique: isUnique) }
    }

    /// As of now.
    public var state: LeaseState {
        holding.withLock { $0.isReleased } ? .released : LeaseState(client.state)
    }

    /// The states from now on, beginning with the present one; ends after a final state. A change is told as soon as
    /// the client knows of it: when the connection breaks, or after two thirds of the session's timeout in silence.
    public var states: AsyncStream<LeaseState> {
        // Of states that nobody has taken yet, the newest are kept, the final one among them.
        let (stream, continuation) = AsyncStream.makeStream(of: LeaseState.self, bufferingPolicy: .bufferingNewest(64))
        let number = holding.withLock { holding -> Int? in
            if holding.isReleased { return nil }
            holding.observers[holding.nextObserver] = continuation
            holding.nextObserver += 1
            return holding.nextObserver - 1
        }
        guard let number else {
            continuation.yield(.released)
            continuation.finish()
            return stream
        }
        let sessions = client.states
        let task = Task {
            var last: LeaseState?
            for await session in sessions {
                let state = LeaseState(session)
                if state == last { continue }
                last = state
                continuation.yield(state)
                if state.isFinal { break }
            }
            continuation.finish()
        }
        continuation.onTermination = { [weak self] _ in
            task.cancel()
            self?.holding.withLock { _ = $0.observers.removeValue(forKey: number) }
        }
        return stream
    }

    /// Asks the servers whether the znode is still there: true means that nobody else held what this lease is for up
    /// to the moment of the call. Someone may have deleted the znode by hand, which `state` does not show.
    public func confirm() async throws(RecipeError) -> Bool {
        if holding.withLock({ $0.isReleased }) { return false }
        try await client.catchUp(at: path)
        return try await client.repeating(.exists(path), at: path)?.czxid == fencingToken
    }

    /// Gives it back; a second call does nothing.
    ///
    /// Returns once the znode is deleted or the session has ended. A cancelled task waits only as long as there is a
    /// connection, and the deletion follows.
    public func release() async {
        if markReleased() { await client.removeForCertain(path, czxid: fencingToken, isUnique: isPathUnique) }
    }

    /// The znode is gone, or whoever calls this sees to it; false when that was said before.
    @discardableResult
    func markReleased() -> Bool {
        let observers = holding.withLock { holding -> [AsyncStream<LeaseState>.Continuation]? in
            if holding.isReleased { return nil }
            holding.isReleased = true
            defer { holding.observers = [:] }
            return Array(holding.observers.values)
        }
        guard let observers else { return false }
        for observer in observers {
            observer.yield(.released)
            observer.finish()
        }
        return true
    }
}
