import Dispatch
import RequestQueue
import Server

/// A Corral server within this process, on a loopback port and with a directory of its own.
///
/// It keeps port and data from `start` to `close`, whatever becomes of it in between: stopped, killed, restarted. Any
/// number of them live side by side. All may be called from any task; what begins and ends the server happens one call
/// after another.
///
/// ```swift
/// try await CorralServer.withServer { server in
///     let client = try await ZooKeeper.connect(server.connectString)
///     ...
/// }
/// ```
public final class CorralServer: Sendable {
    private struct State {
        var run: ServerRun?
        var ports: [ReservedPort]
        var isClosed = false
    }

    /// N of its `server.N` line in an ensemble; nil when it stands alone.
    public let id: Int?
    /// Where it listens for clients, on 127.0.0.1.
    public let clientPort: Int
    private let plan: ServerPlan
    private let place: DataPlace
    private let state: LockedValue<State>
    private let turnstile = Turnstile()

    init(_ plan: ServerPlan, place: DataPlace, ports: [ReservedPort]) {
        id = plan.id
        clientPort = plan.clientPort
        self.plan = plan
        self.place = place
        state = LockedValue(State(run: nil, ports: ports))
    }

    /// Who forgets `close` leaves nothing behind, though it may take a moment longer.
    deinit {
        guard let run = state.withLock({ $0.run }), !run.isEnded else { return }
        let (place, ports) = (place, state.withLock { $0.ports })
        run.server?.kill()
        Task.detached {
            await run.waitUntilEnded()
            withExtendedLifetime((place, ports)) {}
        }
    }

    // MARK: beginning

    /// Starts a server that stands alone; it serves when this returns.
    public static func start(
        _ options: ServerOptions = ServerOptions()
    ) async throws(CorralTestingError) -> CorralServer {
        try await start(options, ports: ReservedPort.any)
    }

    /// - Parameter ports: where free ports come from.
    static func start(
        _ options: ServerOptions, ports: () throws(CorralTestingError) -> ReservedPort
    ) async throws(CorralTestingError) -> CorralServer {
        if let port = options.clientPort {
            let server = try make(options, port: try ReservedPort(port))
            try await server.start()
            return server
        }
        for _ in 1..<maximumAttempts {
            let server = try make(options, port: try ports())
            do {
                try await server.begin(patience: .zero)
                return server
            } catch {
                await server.close()
                guard case .portTaken = error else { throw error }
            }
        }
        let server = try make(options, port: try ports())
        try await server.begin(patience: .zero)
        return server
    }

    /// Ports are taken by others between the choice and the start as rarely as that.
    static let maximumAttempts = 10

    private static func make(
        _ options: ServerOptions, port: ReservedPort
    ) throws(CorralTestingError) -> CorralServer {
        let place = try DataPlace(options.dataDirectory)
        let plan = ServerPlan(
            id: nil, directory: place.path, clientPort: port.number, members: [], options: options)
        return CorralServer(plan, place: place, ports: [port])
    }

    /// Starts a server for the length of a call, and closes it in whatever way the call ends.
    public static func withServer<Result>(
        _ options: ServerOptions = ServerOptions(), _ body: (CorralServer) async throws -> Result
    ) async throws -> Result {
        let server = try await start(options)
        do {
            let result = try await body(server)
            await server.close()
            return result
        } catch {
            await server.close()
            throw error
        }
    }

    // MARK: what it is

    /// `host:port`, as clients take it.
    public var connectString: String { "127.0.0.1:\(clientPort)" }

    /// Above `version-2` with its logs and snapshots.
    public var dataDirectory: String { place.path }

    /// Whether it has been started and has not ended.
    public var isRunning: Bool { state.withLock { $0.run.map { !$0.isEnded } ?? false } }

    /// Why it has ended by itself, since it was last started; nil when it has not.
    public var failure: CorralTestingError? { state.withLock { $0.run?.failure } }

    /// What it is at this moment; nil when it does not run.
    public func status() async -> Status? { await running?.status().map(Status.init) }

    private var running: RunningServer? { state.withLock { $0.run?.server } }

    // MARK: life

    /// Starts it again, on the same port and data; nothing when it runs. A member of an ensemble does not serve before
    /// it has found a leader (`CorralEnsemble.waitUntilServing`).
    public func start() async throws(CorralTestingError) {
        try await begin(patience: .seconds(5))
    }

    /// Ends it in good order: what it has taken in is made durable and answered. Nothing when it does not run.
    public func stop() async {
        await turnstile.enter()
        await end { $0.stop() }
        await turnstile.leave()
    }

    /// Ends it at once, as if its process had been killed: connections break without another byte, requests in work
    /// are neither answered nor, unless it has happened already, written. Nothing when it does not run.
    public func kill() async {
        await turnstile.enter()
        await end { $0.kill() }
        await turnstile.leave()
    }

    /// Ends it in good order, if it runs, and starts it again on the same port and data.
    public func restart() async throws(CorralTestingError) {
        await stop()
        try await start()
    }

    /// Ends it for good, and removes its temporary directory.
    public func close() async {
        await turnstile.enter()
        // What is written in good order is of use only to those who keep it.
        await end { plan.options.dataDirectory == nil ? $0.kill() : $0.stop() }
        state.withLock {
            $0.isClosed = true
            $0.ports = []
        }
        place.remove()
        await turnstile.leave()
    }

    /// Returns once it has ended by itself or by another task's doing: why, if it was by itself.
    @discardableResult
    public func waitUntilEnded() async -> CorralTestingError? {
        let run = state.withLock { $0.run }
        await run?.waitUntilEnded()
        return run?.failure
    }

    /// - Parameter patience: how long to wait for the own port, should somebody else have it.
    func begin(patience: Duration) async throws(CorralTestingError) {
        await turnstile.enter()
        do throws(CorralTestingError) {
            try await beginAlone(patience: patience)
            await turnstile.leave()
        } catch {
            await turnstile.leave()
            throw error
        }
    }

    private func beginAlone(patience: Duration) async throws(CorralTestingError) {
        let (isClosed, isRunning) = state.withLock { ($0.isClosed, $0.run.map { !$0.isEnded } ?? false) }
        guard !isClosed else { throw .closed }
        guard !isRunning else { return }
        let configuration = try plan.configuration()
        let deadline = ContinuousClock.now + patience
        while true {
            do throws(CorralTestingError) {
                let run = try await ServerRun.start(configuration, logger: plan.logger, disk: plan.options.disk?(id))
                return state.withLock { $0.run = run }
            } catch {
                guard case .portTaken = error, ContinuousClock.now < deadline else { throw error }
                try? await Task.sleep(for: .milliseconds(50))
                if Task.isCancelled { throw error }
            }
        }
    }

    private func end(_ order: (RunningServer) -> Void) async {
        guard let run = state.withLock({ $0.run }) else { return }
        if let server = run.server { order(server) }
        await run.waitUntilEnded()
    }

    // MARK: trouble

    /// Ends a session as if nothing had been heard of it for its whole timeout: its ephemeral znodes go, its client
    /// learns that it has expired. In an ensemble this is the leader's to do (`CorralEnsemble.expireSession`).
    ///
    /// - Parameter id: `SessionIdentity.id` of the client.
    /// - Returns: false when the server does not have such a session, or is not the one that decides.
    @discardableResult
    public func expireSession(_ id: Int64) async -> Bool { await running?.expireSession(id) ?? false }

    /// Breaks the connections of all clients. Their sessions live on, and they come back.
    public func dropConnections() async { await running?.dropClientConnections() }
}
