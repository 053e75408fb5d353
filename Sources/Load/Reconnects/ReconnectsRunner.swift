import CPlatform

/// Kills the server of many sessions, or the one that leads, and waits until all are back. Used from one thread.
public enum ReconnectsRunner {
    static let root = "/corral-reconnects"

    public static func run(
        _ plan: ReconnectsPlan, options: ServerOptions, progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<ReconnectsFigure> {
        try OpenFiles.require(plan.sessions + 300, for: "\(plan.sessions) sessions")
        let ensemble = try CrowdServers.start(
            plan.kind, servers: plan.servers, settings: plan.settings, options: options)
        defer { ensemble.stop() }
        let watched = (0..<plan.watches).map { "\(root)/w-\($0)" }
        let control = try ControlClient.first(of: ensemble.addresses)
        try control.create(1) { _ in (root, []) }
        try control.create(plan.watches) { (watched[$0], []) }
        try CrowdServers.synchronize(ensemble, root)
        let sessions = try ReconnectCrowd(plan, servers: ensemble.addresses, watched: watched)
        progress.update("\(plan.sessions) sessions are opened")
        try sessions.openAll()
        try sessions.setWatches()
        if sessions.refused > 0 { throw .connection("\(sessions.refused) requests of the sessions were refused") }
        var rounds: [ReconnectRound] = []
        for number in 1...plan.storms {
            progress.update("storm \(number) of \(plan.storms): a server is killed")
            rounds.append(try storm(plan, ensemble, sessions, watched))
            guard number < plan.storms else { break }
            try sessions.setWatches()
            // Whoever was replaced comes back, so that each storm finds the same ensemble.
            for member in ensemble.members where !member.isRunning { try ensemble.start(member) }
            try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
        }
        let figure = ReconnectsFigure(
            sessions: plan.sessions, watches: plan.watches, ephemerals: plan.ephemerals, rounds: rounds)
        return EnsembleResult(
            description: ensemble.members[0].description ?? .unknown, figures: [figure],
            violations: sessions.crowd.violations)
    }

    private static func storm(
        _ plan: ReconnectsPlan, _ ensemble: ManagedEnsemble, _ sessions: ReconnectCrowd, _ watched: [String]
    ) throws(LoadError) -> ReconnectRound {
        guard let member = ensemble.leader else { throw .connection("no server leads") }
        let role: MemberRole = plan.servers == 1 ? .standalone : .leader
        let crowd = sessions.crowd
        let attempts = crowd.failedAttempts
        sessions.forgetNotifications()
        let killed = corral_monotonic_nanos()
        member.kill()
        member.waitUntilGone()
        let window = CrowdWindow(ensemble)
        sessions.beginStorm(killed: member.id - 1)
        // A single server is started again at once; of several, another one leads.
        if plan.servers == 1 { try ensemble.start(member) }
        _ = try crowd.work(limitSeconds: plan.limitSeconds, sessions) {
            sessions.backCount + sessions.expired >= plan.sessions
        }
        let generator = window.generator
        var cpu = window.serverMicros
        if plan.servers == 1, let pid = member.pid { cpu += Double(ProcessSnapshot.cpuNanos(of: pid) ?? 0) / 1e3 }
        let nanos = sessions.backNanos.filter { $0 > 0 }.map { Int64($0 - killed) }.sorted()
        let back = nanos.map { Double($0) / 1e6 }
        let (disturbed, failed) = (sessions.disturbed, crowd.failedAttempts - attempts)
        sessions.endStorm()
        func reached(_ share: Double) -> Double? {
            let needed = max(1, Int((share * Double(plan.sessions)).rounded(.up)))
            return back.count >= needed ? back[needed - 1] : nil
        }
        let wrong = try sessions.wrongEphemerals()
        let missing = try fire(plan, ensemble, sessions, watched)
        return ReconnectRound(
            role: role, disturbed: disturbed, firstMillis: back.first, halfMillis: reached(0.5),
            mostMillis: reached(0.99), allMillis: reached(1), times: KeptLatencies(nanos: nanos),
            relapses: sessions.relapses, failedAttempts: failed,
            lostSessions: plan.sessions - back.count, lostWatches: missing.lost, extraNotifications: missing.extra,
            wrongEphemerals: wrong, serverCpuMicros: cpu / Double(plan.sessions), generator: generator)
    }

    /// Writes every watched znode once: which sessions do not hear of it?
    private static func fire(
        _ plan: ReconnectsPlan, _ ensemble: ManagedEnsemble, _ sessions: ReconnectCrowd, _ watched: [String]
    ) throws(LoadError) -> (lost: Int, extra: Int) {
        let control = try ControlClient.first(of: ensemble.members.filter(\.isRunning).map(\.address))
        for path in watched { control.queueSet(path, value: [1]) }
        try control.flush { (_, reply) throws(LoadError) in
            guard reply.code == 0 else {
                throw .connection("a watched znode could not be written: \(ControlClient.text(reply.code))")
            }
        }
        _ = try sessions.crowd.work(limitSeconds: plan.limitSeconds, sessions) {
            sessions.notifications >= plan.watches * plan.sessions
        }
        // For those that should not come.
        _ = try sessions.crowd.work(limitSeconds: 0.05, sessions) { false }
        return sessions.notificationsMissing
    }
}
