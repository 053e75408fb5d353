import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Measures sessions opened and closed on one fresh ensemble. Used from one thread.
public enum ChurnRunner {
    public static func run(
        _ plan: ChurnPlan, options: ServerOptions, progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<ChurnFigure> {
        let most = plan.workers.max() ?? 0
        try OpenFiles.require(most + 300, for: "\(most) workers")
        let ensemble = try CrowdServers.start(
            plan.kind, servers: plan.servers, settings: plan.settings, options: options)
        defer { ensemble.stop() }
        var result = EnsembleResult<ChurnFigure>(
            description: ensemble.members[0].description ?? .unknown, figures: [], violations: [])
        let before = sessions(ensemble)
        for (index, workers) in plan.workers.enumerated() {
            progress.update("\(workers) workers open and close sessions")
            let churn = try ChurnWorkers(workers, servers: ensemble.addresses, seed: plan.seed)
            if index == 0 { _ = try churn.work(seconds: plan.warmupSeconds, limitSeconds: plan.limitSeconds) }
            let window = CrowdWindow(ensemble)
            let seconds = try churn.work(seconds: plan.seconds, limitSeconds: plan.limitSeconds)
            let generator = window.generator
            let cpu = window.serverMicros
            result.violations += churn.violations
            guard let connect = TimeFigures(nanos: churn.connectNanos), let close = TimeFigures(nanos: churn.closeNanos)
            else { throw .result("\(workers) workers opened no session") }
            let count = churn.closeNanos.count
            result.figures.append(
                ChurnFigure(
                    workers: workers, sessions: count, windowSeconds: seconds,
                    sessionsPerSecond: Double(count) / seconds, connect: connect, close: close,
                    serverCpuMicros: cpu / Double(count), failures: churn.failures,
                    left: left(ensemble, before: before), generator: generator))
        }
        return result
    }

    private static func sessions(_ ensemble: ManagedEnsemble) -> Int? {
        ensemble.leader?.monitored("zk_global_sessions").flatMap { Int($0) }
    }

    /// Sessions more than before, once their number has settled.
    private static func left(_ ensemble: ManagedEnsemble, before: Int?) -> Int? {
        guard let before else { return nil }
        let deadline = Clock.seconds + 2
        while true {
            guard let now = sessions(ensemble) else { return nil }
            if now <= before || Clock.seconds > deadline { return max(0, now - before) }
            usleep(10_000)
        }
    }
}

/// Workers as places of one crowd. Used from its thread.
private final class ChurnWorkers: CrowdHandler {
    private let crowd: Crowd
    private let workers: Int
    private var goesOn = false
    private var closingNanos: [UInt64]
    private(set) var connectNanos: [Int64] = []
    private(set) var closeNanos: [Int64] = []
    private(set) var failures = 0
    private var busy = 0

    init(_ workers: Int, servers: [ServerAddress], seed: UInt64) throws(LoadError) {
        crowd = try Crowd(servers, seed: seed)
        self.workers = workers
        closingNanos = [UInt64](repeating: 0, count: workers)
        crowd.add(workers)
    }

    var violations: [String] { crowd.violations }

    /// Opens and closes sessions for a while; what was counted before is forgotten.
    ///
    /// - Returns: until the last session was closed.
    func work(seconds: Double, limitSeconds: Double) throws(LoadError) -> Double {
        connectNanos.removeAll(keepingCapacity: true)
        closeNanos.removeAll(keepingCapacity: true)
        failures = 0
        goesOn = true
        let start = Clock.seconds
        busy = workers
        for session in crowd.sessions { crowd.connect(session) }
        _ = try crowd.work(limitSeconds: seconds, self) { false }
        goesOn = false
        let isDone = try crowd.work(limitSeconds: limitSeconds, self) { busy == 0 }
        if !isDone { throw .connection("\(busy) sessions were not opened and closed within \(Int(limitSeconds)) s") }
        return Clock.seconds - start
    }

    func opened(_ session: CrowdSession, at nanos: UInt64) {
        connectNanos.append(Int64(nanos - session.attemptNanos))
        closingNanos[session.index] = nanos
        crowd.end(session)
    }

    func replied(_ session: CrowdSession, _ reply: CrowdReply, at nanos: UInt64) {
        if reply.code != 0 { failures += 1 }
        closeNanos.append(Int64(nanos - closingNanos[session.index]))
        // Its own reset: otherwise tens of thousands of ports would wait for their time to be up.
        crowd.close(session, isAbrupt: true)
        next(session)
    }

    func lost(_ session: CrowdSession, _ loss: CrowdLoss, at nanos: UInt64) {
        failures += 1
        // An attempt is made again by the crowd.
        if loss != .attempt { next(session) }
    }

    func notified(_ session: CrowdSession, path: UnsafeRawBufferPointer, at nanos: UInt64) {}

    private func next(_ session: CrowdSession) {
        crowd.forget(session)
        if goesOn {
            session.server = (session.server + 1) % crowd.servers.count
            crowd.connect(session)
        } else {
            busy -= 1
        }
    }
}
