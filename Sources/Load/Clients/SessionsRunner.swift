import Logging
import ZooKeeperClient

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Opens many sessions from this process, leaves them alone, and restarts their server under them. Used from one task.
public final class SessionsRunner {
    let plan: SessionsPlan
    private let options: ServerOptions
    let progress: ProgressReporter

    static let root = "/corral-sessions"
    /// Beyond it, a session that is not back counts as lost.
    private static let settleLimitSeconds = 180.0

    public init(plan: SessionsPlan, options: ServerOptions, progress: ProgressReporter) throws(LoadError) {
        try plan.validate()
        try ManagedServer.checkStartable(plan.server, options: options)
        self.plan = plan
        self.options = options
        self.progress = progress
    }

    public func run(experiment: String, label: String, directory: String) throws(LoadError) -> SessionsSummary {
        try OpenFiles.require(plan.openFiles, for: "\(plan.sessions) sessions")
        try ResultFiles.makeDirectory(options.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        let startedAt = ResultFiles.timestamp()
        let server = try ManagedServer(plan.server, options: options)
        defer { server.stop() }
        // The task runs while this thread waits for it: one at a time, as the server's class demands.
        nonisolated(unsafe) let (runner, measured) = (self, server)
        let result = try Blocking.wait { try await runner.measure(measured) }
        progress.clear()
        let summary = SessionsSummary(
            experiment: experiment, label: label, startedAt: startedAt, environment: environment, plan: plan,
            server: server.description, result: result)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try ResultFiles.write(summary.text + "\n", to: "\(directory)/report.txt")
        return summary
    }

    private func measure(_ server: ManagedServer) async throws -> SessionsResult {
        let own = getpid()
        var configuration = try ClientConfiguration("\(server.address)")
        configuration.logger = Logger(label: "client") { _ in SwiftLogNoOpLogHandler() }
        configuration.sessionTimeout = .seconds(plan.timeoutSeconds)
        // The witness is not counted; it also makes what exists once: threads, pools, tables.
        let witness = try await ZooKeeper.connect(configuration)
        try await witness.create(Self.root)

        let before = (client: try ProcessSnapshot(pid: own), server: try ProcessSnapshot(pid: server.pid))
        let opening = Clock.seconds
        let crowd = try await SessionCrowd(plan, configuration) { [progress] in
            progress.update("\($0) sessions are open")
        }
        let openSeconds = Clock.seconds - opening
        try await Task.sleep(for: .seconds(2))
        let opened = (client: try ProcessSnapshot(pid: own), server: try ProcessSnapshot(pid: server.pid))
        progress.update("at rest for \(fixed(plan.idleSeconds, 0)) s")
        try await rest()
        let rested = (client: try ProcessSnapshot(pid: own), server: try ProcessSnapshot(pid: server.pid))
        let restedSeconds = Clock.seconds - opening - openSeconds - 2

        func each(_ from: ProcessSnapshot, _ to: ProcessSnapshot) -> Double {
            (Double(to.residentBytes) - Double(from.residentBytes)) / Double(plan.sessions)
        }
        func percent(_ from: ProcessSnapshot, _ to: ProcessSnapshot) -> Double {
            Double(to.cpuNanos - from.cpuNanos) / 1e7 / restedSeconds
        }
        var result = SessionsResult(
            sessions: crowd.count, openSeconds: openSeconds,
            clientBytesPerSession: each(before.client, opened.client),
            serverBytesPerSession: each(before.server, opened.server), restSeconds: restedSeconds,
            clientRestCpuPercent: percent(opened.client, rested.client),
            serverRestCpuPercent: percent(opened.server, rested.server), lostAtRest: crowd.lostCount, storms: [],
            residentBytesAtEnd: 0, leftAtEnd: 0)
        for number in 0..<plan.storms where !Interrupt.isRequested {
            result.storms.append(try await storm(number + 1, server, crowd))
            progress.note(result.storms.last!.line)
        }
        result.residentBytesAtEnd = try ProcessSnapshot(pid: own).residentBytes
        await crowd.close()
        try await witness.waitUntilConnected(within: .seconds(60))
        try await witness.sync(Self.root)
        result.leftAtEnd = try await witness.getChildren(Self.root).count
        await witness.close()
        return result
    }

    private func rest() async throws {
        let end = Clock.seconds + plan.idleSeconds
        while Clock.seconds < end, !Interrupt.isRequested {
            try await Task.sleep(for: .milliseconds(Int(min(500, max(1, (end - Clock.seconds) * 1000)))))
        }
    }

    /// Ends the server at once, starts it again when every client knows, and waits for all sessions to be back.
    private func storm(_ number: Int, _ server: ManagedServer, _ crowd: SessionCrowd) async throws -> ReconnectStorm {
        let own = getpid()
        progress.update("storm \(number): the server is killed")
        let killed = Clock.seconds
        server.kill()
        while crowd.connectedCount > 0 { try await Task.sleep(for: .milliseconds(2)) }
        let noticed = Clock.seconds
        let cpu = try ProcessSnapshot(pid: own).cpuNanos
        try server.startAgain()
        let started = Clock.seconds
        var reached = [Double?](repeating: nil, count: ReconnectStorm.shares.count)
        var (waiting, nextLine) = (true, progress.intervalSeconds)
        while waiting {
            try await Task.sleep(for: .milliseconds(10))
            let (back, now) = (crowd.connectedCount, Clock.seconds - started)
            for (index, share) in ReconnectStorm.shares.enumerated() where reached[index] == nil {
                if back >= max(1, Int((share * Double(plan.sessions)).rounded(.up))) { reached[index] = now }
            }
            if now >= nextLine {
                nextLine = now + progress.intervalSeconds
                progress.update("storm \(number): \(back) sessions are back after \(fixed(now, 1)) s")
            }
            waiting = back + crowd.lostCount < plan.sessions && now < Self.settleLimitSeconds
        }
        let (clientCpu, serverCpu) = (
            try ProcessSnapshot(pid: own).cpuNanos - cpu, try ProcessSnapshot(pid: server.pid).cpuNanos
        )
        let settled = Clock.seconds
        let wrong = await crowd.wrongEphemerals()
        return ReconnectStorm(
            number: number, noticedSeconds: noticed - killed, firstSeconds: reached[0], halfSeconds: reached[1],
            mostSeconds: reached[2], settledSeconds: reached[3], checkSeconds: Clock.seconds - settled,
            clientCpuSeconds: Double(clientCpu) / 1e9, serverCpuSeconds: Double(serverCpu) / 1e9,
            lostSessions: plan.sessions - crowd.sameSessionCount, wrongEphemerals: wrong)
    }
}

/// Many sessions, each with an ephemeral znode of its own by which it is known.
private final class SessionCrowd {
    private let clients: [ZooKeeper]
    private let identities: [Int64]

    var count: Int { clients.count }
    var connectedCount: Int { clients.count { $0.state == .connected } }
    /// Ended, or another one.
    var lostCount: Int { clients.count { $0.state.isFinal } }
    var sameSessionCount: Int {
        zip(clients, identities).count { $0.state == .connected && $0.identity?.id == $1 }
    }

    private static func path(_ index: Int) -> String { "\(SessionsRunner.root)/s-\(index)" }

    init(_ plan: SessionsPlan, _ configuration: ClientConfiguration, _ tell: (Int) -> Void) async throws {
        var clients: [ZooKeeper] = []
        clients.reserveCapacity(plan.sessions)
        while clients.count < plan.sessions {
            let first = clients.count
            for _ in 0..<min(plan.openingAtOnce, plan.sessions - first) {
                clients.append(try ZooKeeper(configuration))
            }
            for client in clients[first...] { try await client.waitUntilConnected(within: .seconds(60)) }
            let creations = clients[first...].enumerated().map { index, client in
                client.submit(.create(Self.path(first + index), mode: .ephemeral))
            }
            for creation in creations { _ = try await creation.value }
            tell(clients.count)
            if Interrupt.isRequested { throw LoadError.environment("interrupted while sessions were opened") }
        }
        self.clients = clients
        identities = clients.map { $0.identity?.id ?? 0 }
    }

    /// Asks every session for its own znode; of how many it is not there, or not theirs.
    func wrongEphemerals() async -> Int {
        let replies = clients.enumerated().map { index, client in client.submit(.exists(Self.path(index))) }
        var wrong = 0
        for (index, reply) in replies.enumerated() {
            let owner = try? await reply.value?.ephemeralOwner
            if owner != identities[index] { wrong += 1 }
        }
        return wrong
    }

    func close() async {
        await withTaskGroup(of: Void.self) { group in
            for client in clients { group.addTask { await client.close() } }
        }
    }
}
