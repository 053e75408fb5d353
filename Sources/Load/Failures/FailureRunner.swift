import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Loads an ensemble while a script takes its servers away and brings them back. Used from one thread.
public final class FailureRunner {
    private let plan: FailurePlan
    private let ensemble: ManagedEnsemble
    private let progress: ProgressReporter
    private var groups: [Int: ControlGroup] = [:]
    private var diskLimits: [Int: DiskLimit] = [:]
    private var named: [String: EnsembleMember] = [:]
    private var isCutOff: [Int: PartitionShape] = [:]
    private var random: RandomSource
    private var done: [FailureEvaluation.Done] = []
    /// Steps that brought a server back which does not serve yet, and when it is asked again.
    private var returning: [(index: Int, member: EnsembleMember)] = []
    private var nextQuestion = 0.0
    private var records: [[RoundRecord]] = []
    private var samples: [StalenessSample] = []
    private var throttling: Throttling?
    private var steadyServers: [ServerUsage]?
    private var failure: String?

    /// How long before its time the server of a step is looked for.
    private static let lookSeconds = 0.4

    /// - Parameter kind: of every server.
    public init(
        _ plan: FailurePlan, kind: ServerKind = .corral, options: ServerOptions, progress: ProgressReporter
    ) throws(LoadError) {
        self.plan = plan
        self.progress = progress
        random = RandomSource(seed: plan.seed)
        var options = options
        options.network = plan.network
        ensemble = try ManagedEnsemble(
            EnsembleOptions(
                kinds: [ServerKind](repeating: kind, count: plan.servers), server: options, settings: plan.settings,
                isCuttable: plan.cuts))
    }

    /// Runs the script once.
    ///
    /// - Parameters:
    ///   - stem: of the raw files, `<stem>.hlog` and `<stem>-series.csv`.
    /// - Returns: the result, and the series on the clock of its events.
    public func run(directory: String, stem: String) throws(LoadError) -> (FailureResult, [FailureSlice]) {
        defer { ensemble.stop() }
        // First, so that servers can end in their own time.
        defer {
            diskLimits.values.forEach { $0.remove() }
            groups.values.forEach { $0.remove() }
        }
        progress.update("starting \(ensemble.options.title)")
        try ensemble.start()
        try ensemble.waitUntilSynchronized(limitSeconds: ManagedEnsemble.startLimitSeconds)
        let description = ensemble.members[0].description ?? .unknown
        if let budget = plan.budget {
            for member in ensemble.members {
                let group = try ControlGroup("corral-bench-\(getpid())-\(member.id)", budget: budget)
                try group.add(member.pid ?? 0)
                groups[member.id] = group
            }
        }
        if plan.slowsDisks {
            for member in ensemble.members {
                let limit = try DiskLimit(
                    "corral-bench-\(getpid())-\(member.id)-disk", directory: member.directory,
                    budgetGroup: groups[member.id])
                try limit.add(member.pid ?? 0)
                diskLimits[member.id] = limit
            }
        }
        let configuration = try plan.configuration(ensemble.addresses)
        let load = try LoadRun(configuration: configuration, serverPids: [], progress: progress)
        let data = try load.measure(1, sharedKeys: nil, keepsHistory: false) { signals, hasEnded in
            self.conduct(FaultConductor(signals: signals, threads: configuration.threads, hasEnded: hasEnded))
        }
        try ResultFiles.writeRaw(data, directory: directory, stem: stem)
        let slices = FailureSlice.list(data.slices, windowSeconds: data.result.windowSeconds)
        let evaluation = FailureEvaluation(
            done: done, records: records, slices: slices, samples: samples, servers: plan.servers)
        let isPartial = Interrupt.isRequested
        var result = FailureResult(
            windowSeconds: data.result.windowSeconds, description: description, marks: evaluation.marks,
            staleness: evaluation.stalenessBefore,
            silentBeforeMillis: Double(evaluation.silentBeforeNanos) / 1e6,
            clientsAtEnd: records.last.map(FailureEvaluation.clients) ?? [], throttling: throttling,
            load: data.result, problems: [], isPartial: isPartial, steadyServers: steadyServers)
        result.load.throttling = throttling
        result.problems = plan.problems(
            marks: result.marks, load: result.load, slicesSeconds: slices.reduce(0) { $0 + $1.seconds },
            failure: isPartial ? nil : failure, isPartial: isPartial)
        if !result.problems.isEmpty { try keepLogs(directory, stem) }
        return (result, slices)
    }

    private func keepLogs(_ directory: String, _ stem: String) throws(LoadError) {
        for member in ensemble.members {
            let tail = TextFile.read(member.logPath).split(separator: "\n").suffix(2000).joined(separator: "\n")
            try ResultFiles.write(tail + "\n", to: "\(directory)/\(stem)-server-\(member.id).log")
        }
    }

    // MARK: The run, on the coordinator's thread while the load goes on

    private func conduct(_ conductor: FaultConductor) {
        let start = Clock.seconds
        let throttled = Throttling.sum(Array(groups.values))
        var probe: StalenessProbe?
        do throws(LoadError) {
            if plan.probesStaleness { probe = try StalenessProbe(ensemble.addresses) }
            let steady = try SteadyUsage(ensemble, completed: conductor.completed)
            for (index, step) in plan.steps.enumerated() {
                guard try wait(until: start + step.atSeconds - Self.lookSeconds, conductor) else { break }
                let (member, leader) = try find(step, until: start + step.atSeconds + 1)
                if step.kind.isFault { try awaitMajority(without: member, step, until: start + step.atSeconds + 1) }
                guard try wait(until: start + step.atSeconds, conductor) else { break }
                if index == 0 { steadyServers = try steady.until(conductor.completed, ensemble) }
                records.append(try conductor.turn(to: index + 1, keyBase: 0))
                let nanos = corral_monotonic_nanos()
                try carryOut(step, on: member)
                done.append(.init(step: step, server: member.id, leaderBefore: leader, nanos: nanos))
                returning.removeAll { $0.member === member }
                if !step.kind.isFault { returning.append((done.count - 1, member)) }
                let after = fixed(Clock.seconds - start, 1)
                progress.note("  \(after) s: \(step.title), server \(member.id)")
            }
            _ = try wait(until: start + plan.seconds, conductor)
            if plan.steps.isEmpty { steadyServers = try steady.until(conductor.completed, ensemble) }
            records.append(try conductor.turn(to: plan.steps.count + 1, keyBase: 0))
        } catch {
            failure = "\(error)"
        }
        if !groups.isEmpty { throttling = Throttling.sum(Array(groups.values)) - throttled }
        // Whoever is still away answers nobody, and probes wait for answers.
        ensemble.proxy?.heal()
        for limit in diskLimits.values { try? limit.set(nil) }
        for member in ensemble.members where member.isPaused { member.resume() }
        if let probe { samples = probe.stop() }
    }

    /// False when interrupted.
    private func wait(until end: Double, _ conductor: FaultConductor) throws(LoadError) -> Bool {
        var nextLine = Clock.seconds + progress.intervalSeconds
        var count = conductor.completed
        while Clock.seconds < end {
            if Interrupt.isRequested { return false }
            guard !conductor.hasEnded() else { throw .result("the load ended before its time") }
            if Clock.seconds >= nextLine {
                let now = conductor.completed
                progress.update("\(short(Double(now - count) / progress.intervalSeconds))/s")
                (count, nextLine) = (now, nextLine + progress.intervalSeconds)
            }
            askWhoReturns()
            usleep(UInt32(min(20_000, max(1, (end - Clock.seconds) * 1e6))))
        }
        return !Interrupt.isRequested
    }

    private func askWhoReturns() {
        guard !returning.isEmpty, Clock.seconds >= nextQuestion else { return }
        nextQuestion = Clock.seconds + 0.05
        returning.removeAll { index, member in
            guard member.isRunning, member.role(timeoutMillis: 200).isServing else { return !member.isRunning }
            done[index].servesNanos = corral_monotonic_nanos()
            return true
        }
    }

    /// Who leads, asked first of the one that did: others may be too slow to answer before the step is due.
    private func leader() -> EnsembleMember? {
        let last = ensemble.members.first { $0.id == done.last?.leaderBefore }
        if let last, isCutOff[last.id] == nil, last.role(timeoutMillis: 200) == .leader { return last }
        return ensemble.leader
    }

    /// The server that a step is about, and the leader's id.
    private func find(
        _ step: FailureStep, until deadline: Double
    ) throws(LoadError) -> (EnsembleMember, leader: Int?) {
        while true {
            let leader = leader()
            if let known = named[step.target] { return (known, leader?.id) }
            if let leader {
                if step.isOnLeader {
                    if let name = step.name { named[name] = leader }
                    return (leader, leader.id)
                }
                let followers = ensemble.members.filter { $0.id != leader.id && $0.role().isServing }
                // One that nothing has happened to, while there is one.
                let touched = Set(done.map(\.server))
                let fresh = followers.filter { !touched.contains($0.id) }
                let pool = fresh.isEmpty ? followers : fresh
                if !pool.isEmpty {
                    let member = pool[Int(random.below(UInt32(pool.count)))]
                    if let name = step.name { named[name] = member }
                    return (member, leader.id)
                }
            }
            guard Clock.seconds < deadline else {
                throw .result("\(step.title) at \(fixed(step.atSeconds, 1)) s: no server is a \(step.target)")
            }
            usleep(20_000)
        }
    }

    /// Whoever has been started counts only once it serves: without it, the script could take the majority away.
    private func awaitMajority(
        without victim: EnsembleMember, _ step: FailureStep, until deadline: Double
    ) throws(LoadError) {
        while true {
            let serving = ensemble.members.count { member in
                member !== victim && member.isRunning && !member.isPaused && isCutOff[member.id] == nil
                    && member.role().isServing
            }
            if 2 * serving > plan.servers { return }
            guard Clock.seconds < deadline else {
                throw .result(
                    "\(step.title) at \(fixed(step.atSeconds, 1)) s: only \(serving) of \(plan.servers) servers would "
                        + "be left that serve; a server that came back has not caught up. Give it more time, "
                        + "or more CPU")
            }
            usleep(20_000)
        }
    }

    private func carryOut(_ step: FailureStep, on member: EnsembleMember) throws(LoadError) {
        switch step.kind {
        case .kill:
            member.kill()
            member.waitUntilGone()
        case .start:
            try ensemble.start(member)
            if let pid = member.pid {
                try groups[member.id]?.add(pid)
                try diskLimits[member.id]?.add(pid)
            }
        case .pause: member.pause()
        case .resume: member.resume()
        case .cut:
            isCutOff[member.id] = step.shape ?? .silent
            ensemble.proxy?.cut(cuts)
        case .heal:
            isCutOff[member.id] = nil
            ensemble.proxy?.cut(cuts)
        case .slow: try diskLimits[member.id]?.set(step.writesPerSecond)
        case .mend: try diskLimits[member.id]?.set(nil)
        }
    }

    /// Every server that is cut off from all others now.
    private var cuts: LinkCuts {
        var cuts = LinkCuts(servers: plan.servers)
        for (victim, shape) in isCutOff { shape.apply(to: &cuts, victim: victim) }
        return cuts
    }
}
