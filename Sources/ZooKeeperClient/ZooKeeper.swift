import Logging
import NIOCore
import Synchronization
import ZooKeeperProtocol

/// A session with a ZooKeeper ensemble, Corral's or Apache's.
///
/// The session is looked for from the start and kept alive until `close`, until nobody holds this object any more, or
/// until it expires; then this client has ended, and a new session needs a new one. Requests submitted while no server
/// is connected wait for one. Replies come in the order of the requests.
///
/// All may be called from any task. A call costs no change of executor; the connection's work is done by an event loop.
public final class ZooKeeper: Sendable {
    let session: Session

    /// Where every server shows who its ensemble's servers are; see `getConfig`.
    public static let configurationPath = "/zookeeper/config"

    /// Begins to look for a session; does not wait for it.
    public init(_ configuration: ClientConfiguration) throws(ZooKeeperError) {
        session = try Session(configuration)
    }

    /// Waits for the session to be there.
    ///
    /// - Parameter limit: how long; nil: for ever. Then the error is `connectionLoss`.
    public static func connect(
        _ configuration: ClientConfiguration, within limit: Duration? = .seconds(30)
    ) async throws(ZooKeeperError) -> ZooKeeper {
        let client = try ZooKeeper(configuration)
        do {
            try await client.waitUntilConnected(within: limit)
            return client
        } catch {
            client.session.close()
            throw error
        }
    }

    /// - Parameter connectString: `host:port,host:port/chroot`.
    public static func connect(
        _ connectString: String, within limit: Duration? = .seconds(30)
    ) async throws(ZooKeeperError) -> ZooKeeper {
        try await connect(try ClientConfiguration(connectString), within: limit)
    }

    /// Opens a session for the length of a call and closes it at the end, in whatever way the call ends.
    public static func withSession<Result>(
        _ configuration: ClientConfiguration, within limit: Duration? = .seconds(30),
        _ body: (ZooKeeper) async throws -> Result
    ) async throws -> Result {
        let client = try await connect(configuration, within: limit)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    deinit { session.close() }

    // MARK: The session

    public var state: SessionState { session.board.current.state }

    /// The states from now on, beginning with the present one.
    public var states: SessionStates { session.board.subscribe() }

    /// With it, this process or another comes back to the session (`ClientConfiguration.resuming`); nil before the
    /// first connection.
    public var identity: SessionIdentity? {
        guard var identity = session.board.current.identity, identity.id != 0 else { return nil }
        identity.lastZxid = max(identity.lastZxid, session.seenZxid.value.load(ordering: .relaxed))
        return identity
    }

    /// The server that the session is connected to; nil when there is none.
    public var server: Endpoint? { session.board.current.server }

    /// - Parameter limit: how long to wait; nil: for ever.
    public func waitUntilConnected(within limit: Duration? = nil) async throws(ZooKeeperError) {
        let states = states
        let timer = limit.map { limit in
            session.eventLoop.scheduleTask(in: .nanoseconds(limit.nanoseconds)) { states.buffer.finish() }
        }
        defer { timer?.cancel() }
        for await state in states {
            if state.isConnected { return }
            if let reason = state.reason { throw ZooKeeperError(reason) }
        }
        throw ZooKeeperError(Task.isCancelled ? .cancelled : .connectionLoss)
    }

    /// Ends the session behind all requests submitted before: its ephemeral znodes are deleted, its watches gone.
    ///
    /// Also a cancelled task waits until the session has ended; five seconds at most.
    public func close() async {
        let states = states
        session.close()
        await Task { for await state in states where state.isFinal { return } }.value
    }

    // MARK: Requests

    /// Submits a request without waiting; its reply is there later. Requests take effect in the order of submission.
    public func submit<Value: Sendable>(_ request: ZooKeeperRequest<Value>) -> PendingReply<Value> {
        session.submit(request)
    }

    /// Submits a read that sets a one-shot watch when it succeeds (`exists` also when there is no such znode):
    /// `getData`, `exists` or one of `getChildren`.
    public func submitWithWatch<Value: Sendable>(
        _ request: ZooKeeperRequest<Value>
    ) -> (reply: PendingReply<Value>, watch: Watch) {
        let sink = session.makeSink(
            request.path ?? "/", request.watchKind ?? .data, isOutsideChroot: request.isOutsideChroot)
        let reply = session.submit(request, watch: sink)
        return (reply, Watch(owner: WatchOwner(sink, in: session)))
    }
}
