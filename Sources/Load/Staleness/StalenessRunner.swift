/// Measures staleness on one fresh ensemble. Used from one thread.
public enum StalenessRunner {
    private static let path = "/corral-staleness"

    public static func run(
        _ plan: StalenessPlan, options: ServerOptions, progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<StalenessRateFigure> {
        let ensemble = try CrowdServers.start(
            plan.kind, servers: plan.servers, observers: plan.observers, settings: plan.settings, options: options)
        defer { ensemble.stop() }
        guard let leader = ensemble.leader else { throw .connection("no server leads") }
        let control = try ControlClient(leader.address)
        try control.create(1) { _ in (path, [UInt8](repeating: 0, count: max(8, plan.valueBytes))) }
        try CrowdServers.synchronize(ensemble, path)
        let roles = ensemble.roles()
        // The writer's place first, then one for each server.
        let crowd = try Crowd([leader.address] + ensemble.addresses, seed: plan.seed)
        let load = StalenessLoad(
            crowd, roles: ensemble.members.map { roles[$0.id] ?? .looking }, path: path,
            valueBytes: plan.valueBytes, readsPerSecond: plan.readsPerSecond, seed: plan.seed)
        try crowd.open(1 + ensemble.members.count, limitSeconds: plan.limitSeconds, load)
        var result = EnsembleResult<StalenessRateFigure>(
            description: ensemble.members[0].description ?? .unknown, figures: [], violations: [])
        let rates = plan.rates.sorted()
        if plan.warmupSeconds > 0 {
            progress.update("\(plan.kind.title) warms up")
            _ = try load.measure(
                rate: rates[rates.count / 2], seconds: plan.warmupSeconds, limitSeconds: plan.limitSeconds,
                window: CrowdWindow(ensemble))
        }
        for rate in rates {
            progress.update("\(rate) writes a second to the leader")
            result.figures += try load.measure(
                rate: rate, seconds: plan.seconds, limitSeconds: plan.limitSeconds, window: CrowdWindow(ensemble))
        }
        // The reply to every read and write has been checked for order by now.
        try crowd.closeSessions(limitSeconds: plan.limitSeconds, load)
        result.violations = crowd.violations
        return result
    }
}
