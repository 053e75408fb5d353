import CPlatform

/// Carries a fail-over plan out on one ensemble of any kind. Used from one thread.
public enum FailOverRunner {
    /// - Parameters:
    ///   - stem: of the raw files, `<stem>.hlog` and `<stem>-series.csv`.
    public static func run(
        _ plan: FailOverPlan, kind: ServerKind, options: ServerOptions, directory: String, stem: String,
        progress: ProgressReporter
    ) throws(LoadError) -> FailOverResult {
        var result: FailOverResult
        if kind == .etcd {
            result = try EtcdFailOver(plan, options: options, progress: progress).run(directory: directory, stem: stem)
        } else {
            let script = try plan.failurePlan()
            let (found, _) = try FailureRunner(script, kind: kind, options: options, progress: progress)
                .run(directory: directory, stem: stem)
            result = FailOverResult(
                description: found.description, kills: kills(found.marks), load: found.load,
                problems: found.problems, isPartial: found.isPartial)
        }
        result.kills = FailOverPlan.withGaps(result.kills, result.load)
        let known = result.problems
        result.problems += plan.problems(of: result).filter { !known.contains($0) }
        return result
    }

    private static func kills(_ marks: [FailureMark]) -> [FailOverKill] {
        marks.indices.filter { marks[$0].step.kind == .kill }.map { index in
            let mark = marks[index]
            return FailOverKill(
                server: mark.server, leaderBefore: mark.leaderBefore, atSeconds: mark.atSeconds,
                rateBefore: mark.rateBefore, gapMillis: 0,
                servesMillis: index + 1 < marks.count ? marks[index + 1].servesMillis : nil)
        }
    }
}

/// The script on an etcd cluster, beside a load of its own program. Used from one thread.
final class EtcdFailOver {
    private let plan: FailOverPlan
    private let cluster: EtcdCluster
    private let options: ServerOptions
    private let progress: ProgressReporter
    private var steps: ArraySlice<FailureStep>
    private var done: [(server: Int, leaderBefore: Int?, nanos: UInt64, startedNanos: UInt64, servesNanos: UInt64)] = []
    private var victim: EtcdMember?
    private var nextQuestion: UInt64 = 0

    init(_ plan: FailOverPlan, options: ServerOptions, progress: ProgressReporter) throws(LoadError) {
        self.plan = plan
        self.options = options
        self.progress = progress
        steps = plan.steps[...]
        progress.update("starting \(plan.servers) x etcd")
        cluster = try EtcdCluster(servers: plan.servers, options: options)
    }

    func run(directory: String, stem: String) throws(LoadError) -> FailOverResult {
        defer { cluster.stop() }
        let configuration = try plan.failurePlan().configuration(cluster.members.map(\.address))
        let load = EtcdLoadRun(
            configuration: configuration, options: options, serverPids: [], directory: cluster.directory,
            progress: progress)
        var windowStart: UInt64 = 0
        let data = try load.measure(1) { start throws(LoadError) in
            windowStart = start
            try self.step(start)
        }
        try ResultFiles.writeRaw(data, directory: directory, stem: stem)
        let slices = FailureSlice.list(data.slices, windowSeconds: data.result.windowSeconds)
        let kills = done.map { item in
            let at = Double(item.nanos - windowStart) / 1e9
            return FailOverKill(
                server: item.server, leaderBefore: item.leaderBefore, atSeconds: at,
                rateBefore: Self.rate(slices, before: at), gapMillis: 0,
                servesMillis: item.servesNanos > 0 ? Double(item.servesNanos - item.startedNanos) / 1e6 : nil)
        }
        return FailOverResult(
            description: cluster.members[0].description, kills: kills, load: data.result, problems: [],
            isPartial: Interrupt.isRequested)
    }

    /// Writes per second in up to two seconds before a moment of the window.
    private static func rate(_ slices: [FailureSlice], before seconds: Double) -> Double {
        let inside = slices.filter { $0.startSeconds >= seconds - 2.1 && $0.startSeconds + $0.seconds <= seconds }
        let length = inside.reduce(0) { $0 + $1.seconds }
        return length > 0 ? inside.reduce(0) { $0 + $1.writesPerSecond * $1.seconds } / length : 0
    }

    /// What is due now.
    private func step(_ windowStart: UInt64) throws(LoadError) {
        let now = corral_monotonic_nanos()
        askWhoReturns(now)
        guard let next = steps.first, Double(now - min(now, windowStart)) / 1e9 >= next.atSeconds,
            !Interrupt.isRequested
        else { return }
        if next.kind == .kill {
            // The load goes on, and has a leader at this time; a second without one is another failure.
            guard let leader = cluster.leader else {
                if Double(now - windowStart) / 1e9 > next.atSeconds + 1 { throw .result("etcd has no leader to kill") }
                return
            }
            leader.kill()
            victim = leader
            done.append((leader.id, leader.id, corral_monotonic_nanos(), 0, 0))
            progress.note("  \(fixed(next.atSeconds, 1)) s: kill leader, server \(leader.id)")
        } else if let victim {
            try victim.startAgain()
            done[done.count - 1].startedNanos = corral_monotonic_nanos()
        }
        steps = steps.dropFirst()
    }

    private func askWhoReturns(_ now: UInt64) {
        guard let victim, let last = done.last, last.startedNanos > 0, last.servesNanos == 0, now >= nextQuestion
        else { return }
        nextQuestion = now + 50_000_000
        if victim.role(timeoutMillis: 200).isServing {
            done[done.count - 1].servesNanos = corral_monotonic_nanos()
        }
    }
}
