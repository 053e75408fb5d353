#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Kills a follower, writes much without it, and starts it again under a steady load of writes: how long they take
/// while it catches up, against before. Used from one thread.
public final class CatchUpRunner {
    private let plan: CatchUpPlan
    private let options: EnsembleOptions
    private let directory: String
    private let progress: ProgressReporter
    private var descriptions: [ServerDescription] = []

    public init(
        plan: CatchUpPlan, options: EnsembleOptions, directory: String, progress: ProgressReporter
    ) throws(LoadError) {
        try plan.validate()
        guard options.kinds.count - options.observers >= 3 else {
            throw .usage("at least 3 voting servers are needed: a majority must serve without the follower")
        }
        self.plan = plan
        self.options = options
        self.directory = directory
        self.progress = progress
    }

    /// Runs every repeat and writes `summary.json`.
    public func run(experiment: String, label: String) throws(LoadError) -> CatchUpSummary {
        try ResultFiles.makeDirectory(options.server.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.server.dataRoot)
        let startedAt = ResultFiles.timestamp()
        var results: [CatchUpResult] = []
        for number in 1...plan.repeats {
            for way in plan.ways where !Interrupt.isRequested {
                progress.prefix = "[\(way.rawValue) \(number)/\(plan.repeats)] "
                if let result = try measure(way, number) {
                    results.append(result)
                    progress.note(line(result))
                }
            }
        }
        progress.prefix = ""
        var reasons = results.flatMap(\.violations)
        var status = RunStatus.valid
        if !reasons.isEmpty {
            status = .invalid
        } else if results.count < plan.repeats * plan.ways.count {
            status = .partial
            reasons = ["interrupted after \(results.count) of \(plan.repeats * plan.ways.count) measurements"]
        }
        let summary = CatchUpSummary(
            experiment: experiment, label: label, status: status, statusReasons: reasons, startedAt: startedAt,
            environment: environment, plan: plan, servers: options.kinds, settings: options.settings,
            descriptions: descriptions, figures: plan.ways.compactMap { CatchUpFigure($0, results) },
            results: results)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try ResultFiles.write(summary.text + "\n", to: "\(directory)/report.txt")
        return summary
    }

    private func line(_ result: CatchUpResult) -> String {
        "[\(result.way.rawValue) \(result.number)/\(plan.repeats)] p99 \(millis(result.quiet.p99Nanos)) quiet, "
            + "\(millis(result.catching.p99Nanos)) while catching up (x \(fixed(result.ratio, 2))), "
            + "p50 \(millis(result.quiet.p50Nanos)) and \(millis(result.catching.p50Nanos)); "
            + "started after \(fixed(result.startedSeconds, 1)) s, in step after \(fixed(result.inStepSeconds, 1)) s "
            + "by \(result.diffs) DIFF, \(result.snapshots) SNAP; leader \(result.leaderResidentBytesBefore >> 20) to "
            + "\(result.leaderResidentBytesMost >> 20) MiB, follower \(result.victimResidentBytesMost >> 20) MiB"
    }

    private func millis(_ nanos: UInt64) -> String { fixed(Double(nanos) / 1e6, 1) + " ms" }

    // MARK: One return

    /// nil when interrupted.
    private func measure(_ way: CatchUpWay, _ number: Int) throws(LoadError) -> CatchUpResult? {
        var options = options
        options.settings.merge(plan.settings(way)) { _, own in own }
        let ensemble = try ManagedEnsemble(options)
        defer { ensemble.stop() }
        progress.update("starting \(options.title)")
        try ensemble.start()
        descriptions = ensemble.members.compactMap(\.description)
        guard let leader = ensemble.leader else { throw .result("no server leads") }
        let victim = ensemble.members.first { $0.id != leader.id && !$0.isObserver }!
        let others = ensemble.members.filter { $0.id != victim.id }.map(\.address)
        if plan.treeZnodes > 0 { try load(.tree, others).prepare() }
        try ensemble.waitUntilSynchronized(limitSeconds: 60)

        victim.kill()
        victim.waitUntilGone()
        progress.update("\(plan.awayWrites) writes without server \(victim.id)")
        var awayWrites: UInt64 = 0
        let away = try load(.away, others).measure(1, sharedKeys: nil, keepsHistory: false) { signals, hasEnded in
            let first = signals.completed
            while awayWrites < self.plan.awayWrites, !hasEnded(), !Interrupt.isRequested {
                usleep(10_000)
                awayWrites = signals.completed - first
            }
        }
        progress.update("quiet")
        let quiet = try load(.quiet, others).measure(1)
        guard !Interrupt.isRequested else { return nil }
        progress.update("server \(victim.id) comes back")
        let back = Return(ensemble: ensemble, leader: leader, victim: victim, limitSeconds: plan.limitSeconds)
        let catching = try load(.catching, others).measure(1, sharedKeys: nil, keepsHistory: false) { _, hasEnded in
            back.conduct(hasEnded)
        }
        guard !Interrupt.isRequested else { return nil }
        if let failure = back.failure { throw failure }
        let violations = [away, quiet, catching].flatMap { data in
            data.result.violations.lines + [data.result.stopReason].compactMap { $0 }
        }
        return CatchUpResult(
            way: way, number: number, leader: leader.id, victim: victim.id, awayWrites: awayWrites,
            diffs: back.diffs, snapshots: back.snapshots, startedSeconds: back.startedSeconds,
            servesSeconds: back.servesSeconds, inStepSeconds: back.inStepSeconds, quiet: quiet.result.latency,
            catching: catching.result.latency, quietRate: quiet.result.throughputPerSecond,
            catchingRate: catching.result.throughputPerSecond, leaderResidentBytesBefore: back.leaderBefore,
            leaderResidentBytesMost: back.leaderMost, victimResidentBytesMost: back.victimMost,
            leaderCpuSeconds: back.leaderCpuSeconds, victimCpuSeconds: back.victimCpuSeconds, violations: violations)
    }

    private func load(_ phase: CatchUpPlan.Phase, _ servers: [ServerAddress]) throws(LoadError) -> LoadRun {
        try LoadRun(configuration: try plan.configuration(phase, servers), serverPids: [], progress: progress)
    }
}

/// The follower's way back, beside the load. Used from one thread.
private final class Return {
    private let ensemble: ManagedEnsemble
    private let leader: EnsembleMember
    private let victim: EnsembleMember
    private let limitSeconds: Double
    private(set) var failure: LoadError?
    private(set) var startedSeconds = 0.0
    private(set) var servesSeconds = 0.0
    private(set) var inStepSeconds = 0.0
    private(set) var leaderBefore: UInt64 = 0
    private(set) var leaderMost: UInt64 = 0
    private(set) var victimMost: UInt64 = 0
    private(set) var leaderCpuSeconds = 0.0
    private(set) var victimCpuSeconds = 0.0
    private(set) var diffs = 0
    private(set) var snapshots = 0

    init(ensemble: ManagedEnsemble, leader: EnsembleMember, victim: EnsembleMember, limitSeconds: Double) {
        self.ensemble = ensemble
        self.leader = leader
        self.victim = victim
        self.limitSeconds = limitSeconds
    }

    func conduct(_ hasEnded: () -> Bool) {
        do throws(LoadError) { try work(hasEnded) } catch { failure = error }
    }

    private func count(_ key: String) -> Int {
        leader.monitored(key).flatMap { Int($0.prefix { $0 != "." }) } ?? 0
    }

    private func snapshot(_ member: EnsembleMember) throws(LoadError) -> ProcessSnapshot {
        guard let pid = member.pid else { throw .environment("server \(member.id) ended:\n\(member.logTail())") }
        return try ProcessSnapshot(pid: pid)
    }

    private func work(_ hasEnded: () -> Bool) throws(LoadError) {
        let before = try snapshot(leader)
        leaderBefore = before.residentBytes
        leaderMost = before.residentBytes
        let counted = (diffs: count("zk_diff_count"), snapshots: count("zk_snap_count"))
        let wanted = ensemble.members.count { !$0.isObserver } - 1
        let start = Clock.seconds
        try ensemble.start(victim)
        while true {
            usleep(50_000)
            leaderMost = max(leaderMost, try snapshot(leader).residentBytes)
            let now = try snapshot(victim)
            victimMost = max(victimMost, now.residentBytes)
            victimCpuSeconds = Double(now.cpuNanos) / 1e9
            let seconds = Clock.seconds - start
            if servesSeconds == 0 {
                // Any answer shows that it has read its own disk.
                if startedSeconds == 0, !FourLetterWord.ask("ruok", of: victim.address, timeoutMillis: 200).isEmpty {
                    startedSeconds = seconds
                }
                if startedSeconds > 0, victim.role(timeoutMillis: 200).isServing { servesSeconds = seconds }
            }
            if servesSeconds > 0, count("zk_synced_followers") == wanted {
                inStepSeconds = seconds
                break
            }
            if Interrupt.isRequested || hasEnded() { break }
            guard seconds < limitSeconds else {
                throw .environment("server \(victim.id) is not in step after \(Int(limitSeconds)) s")
            }
        }
        leaderCpuSeconds = Double(try snapshot(leader).cpuNanos - before.cpuNanos) / 1e9
        diffs = count("zk_diff_count") - counted.diffs
        snapshots = count("zk_snap_count") - counted.snapshots
    }
}
