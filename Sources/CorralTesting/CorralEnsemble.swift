import Foundation

/// An ensemble of Corral servers within this process.
///
/// Members are `CorralServer`s, with ids from 1: first the participants, then the observers. Each can be stopped,
/// killed and started again by itself.
public final class CorralEnsemble: Sendable {
    /// By id, from 1.
    public let servers: [CorralServer]

    private init(_ servers: [CorralServer]) { self.servers = servers }

    // MARK: beginning

    /// Starts an ensemble; all servers serve when this returns.
    ///
    /// - Parameters:
    ///   - participants: servers that vote, 1 to 5.
    ///   - observers: further servers that do not vote.
    ///   - options: for all; `dataDirectory` and `clientPort` are for servers that stand alone.
    public static func start(
        participants: Int = 3, observers: Int = 0, _ options: ServerOptions = ServerOptions()
    ) async throws(CorralTestingError) -> CorralEnsemble {
        guard (1...5).contains(participants), (0...5).contains(observers) else {
            throw .settings("\(participants) participants (1 to 5), \(observers) observers (0 to 5)")
        }
        guard options.dataDirectory == nil, options.clientPort == nil else {
            throw .settings("directory and port are for a server that stands alone")
        }
        for _ in 1..<CorralServer.maximumAttempts {
            do throws(CorralTestingError) {
                return try await attempt(participants, observers, options)
            } catch {
                // All members know all ports: another port is another ensemble.
                guard case .portTaken = error else { throw error }
            }
        }
        return try await attempt(participants, observers, options)
    }

    private static func attempt(
        _ participants: Int, _ observers: Int, _ options: ServerOptions
    ) async throws(CorralTestingError) -> CorralEnsemble {
        let ensemble = try make(participants, observers, options)
        do throws(CorralTestingError) {
            try await ensemble.startAll(patience: .zero)
            try await ensemble.waitUntilServing()
            return ensemble
        } catch {
            await ensemble.close()
            throw error
        }
    }

    private static func make(
        _ participants: Int, _ observers: Int, _ options: ServerOptions
    ) throws(CorralTestingError) -> CorralEnsemble {
        var ports: [[ReservedPort]] = []
        var members: [(key: String, line: String)] = []
        for id in 1...participants + observers {
            let own = [try ReservedPort.any(), try ReservedPort.any(), try ReservedPort.any()]
            ports.append(own)
            let role = id > participants ? ":observer" : ""
            members.append(("server.\(id)", "127.0.0.1:\(own[1].number):\(own[2].number)\(role)"))
        }
        var servers: [CorralServer] = []
        for (index, own) in ports.enumerated() {
            let place = try DataPlace(nil)
            do {
                try "\(index + 1)\n".write(toFile: "\(place.path)/myid", atomically: true, encoding: .utf8)
            } catch {
                throw .cannotStart("\(place.path)/myid: \(error.localizedDescription)")
            }
            let plan = ServerPlan(
                id: index + 1, directory: place.path, clientPort: own[0].number, members: members, options: options)
            servers.append(CorralServer(plan, place: place, ports: own))
        }
        return CorralEnsemble(servers)
    }

    /// Starts an ensemble for the length of a call, and closes it in whatever way the call ends.
    public static func withEnsemble<Result>(
        participants: Int = 3, observers: Int = 0, _ options: ServerOptions = ServerOptions(),
        _ body: (CorralEnsemble) async throws -> Result
    ) async throws -> Result {
        let ensemble = try await start(participants: participants, observers: observers, options)
        do {
            let result = try await body(ensemble)
            await ensemble.close()
            return result
        } catch {
            await ensemble.close()
            throw error
        }
    }

    // MARK: what it is

    /// The server with this id.
    public subscript(id: Int) -> CorralServer { servers[id - 1] }

    /// `host:port,host:port`, all servers', as clients take it.
    public var connectString: String { servers.map(\.connectString).joined(separator: ",") }

    public var running: [CorralServer] { servers.filter(\.isRunning) }

    /// The server that leads and serves; nil while none does.
    public func leader() async -> CorralServer? {
        // Of two, one has not heard yet that it leads no more: the other has seen the newer epoch.
        var found: (server: CorralServer, zxid: Int64)?
        for server in running {
            guard let status = await server.status(), status.role == .leading, status.isServing else { continue }
            if found.map({ status.zxid > $0.zxid }) ?? true { found = (server, status.zxid) }
        }
        return found?.server
    }

    /// Waits until one server leads and all that run serve.
    ///
    /// - Returns: the leader.
    /// - Throws: `timedOut`, with what each server was to the last.
    @discardableResult
    public func waitUntilServing(
        within limit: Duration = .seconds(30)
    ) async throws(CorralTestingError) -> CorralServer {
        let deadline = ContinuousClock.now + limit
        while true {
            var states: [String] = []
            var leaders: [CorralServer] = []
            var isServing = true
            for server in running {
                let status = await server.status()
                states.append("server \(server.id ?? 0) \(status?.role.rawValue ?? "ended")")
                isServing = isServing && status?.isServing == true
                if status?.role == .leading { leaders.append(server) }
            }
            if isServing, leaders.count == 1 { return leaders[0] }
            guard ContinuousClock.now < deadline, !Task.isCancelled else {
                throw .timedOut("an ensemble of \(servers.count) servers: \(states.joined(separator: ", "))")
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    // MARK: life

    /// Starts all servers that do not run, on their ports and data, and waits until all serve.
    public func start() async throws(CorralTestingError) {
        try await startAll(patience: .seconds(5))
        try await waitUntilServing()
    }

    /// Ends all servers in good order.
    public func stop() async { await forEach { await $0.stop() } }

    /// Ends all servers at once, as when the power fails.
    public func kill() async { await forEach { await $0.kill() } }

    /// Ends all servers for good, and removes their directories.
    public func close() async { await forEach { await $0.close() } }

    private func startAll(patience: Duration) async throws(CorralTestingError) {
        let servers = servers
        let failures = await withTaskGroup(of: CorralTestingError?.self) { group in
            for server in servers {
                group.addTask {
                    do throws(CorralTestingError) {
                        try await server.begin(patience: patience)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            return await group.reduce(into: [CorralTestingError]()) { if let failure = $1 { $0.append(failure) } }
        }
        if let failure = failures.first { throw failure }
    }

    private func forEach(_ body: @escaping @Sendable (CorralServer) async -> Void) async {
        let servers = servers
        await withTaskGroup(of: Void.self) { group in
            for server in servers { group.addTask { await body(server) } }
        }
    }

    // MARK: trouble

    /// Ends a session as if nothing had been heard of it for its whole timeout: its ephemeral znodes go, its client
    /// learns that it has expired.
    ///
    /// - Parameter id: `SessionIdentity.id` of the client.
    /// - Returns: false when there is no leader, or no such session.
    @discardableResult
    public func expireSession(_ id: Int64) async -> Bool { await leader()?.expireSession(id) ?? false }
}
