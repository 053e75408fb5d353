import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Carries a comparison out. Used from one thread.
public final class RegressionRunner {
    private let plan: RegressionPlan
    private let options: [RegressionSide: ServerOptions]
    private var builds: [RegressionSide: RegressionBuild]
    private let dataRoot: String
    private let progress: ProgressReporter
    private let canaries: Canaries
    /// CPU time of the null server for one reading.
    private static let nullServerSeconds = 0.05
    private var blocks: [RegressionBlock] = []
    private var readings: [RegressionCanaries] = []
    private var failure: String?

    /// - Parameters:
    ///   - base, work: how each build's server is started; settings in `extraSettings` are that build's alone.
    public init(
        plan: RegressionPlan, base: (build: RegressionBuild, options: ServerOptions),
        work: (build: RegressionBuild, options: ServerOptions), progress: ProgressReporter
    ) throws(LoadError) {
        try plan.validate()
        self.plan = plan
        self.progress = progress
        builds = [.base: base.build, .work: work.build]
        dataRoot = work.options.dataRoot
        var prepared: [RegressionSide: ServerOptions] = [:]
        for (side, given) in [(RegressionSide.base, base.options), (.work, work.options)] {
            try ManagedServer.checkStartable(.corral, options: given)
            var given = given
            given.fsync = plan.fsync
            given.valueBytes = plan.valueBytes
            // A snapshot would fall into some blocks and not into others.
            given.extraSettings = ["snapCount": "1000000000", "snapSizeLimitInKb": "-1"]
                .merging(given.extraSettings ?? [:]) { _, own in own }
            prepared[side] = given
        }
        options = prepared
        try ResultFiles.makeDirectory(dataRoot)
        canaries = try Canaries(directory: dataRoot)
    }

    /// Runs everything. An interrupt leaves a partial result.
    ///
    /// - Parameter known: the environment, where it has been looked at already.
    public func run(label: String, environment known: EnvironmentRecord? = nil) throws(LoadError)
        -> RegressionSummary
    {
        let environment = known ?? EnvironmentRecord.capture(dataDirectory: dataRoot)
        let startedAt = ResultFiles.timestamp()
        let start = corral_monotonic_nanos()
        let null = try ManagedServer(.null, options: options[.work]!)
        defer { null.stop() }
        for round in plan.schedule where failure == nil && !Interrupt.isRequested {
            progress.prefix = "[\(round.number)/\(plan.rounds)] "
            try run(round, null: null)
        }
        progress.prefix = ""
        progress.clear()
        return summarize(
            label: label, environment: environment, startedAt: startedAt,
            seconds: Double(corral_monotonic_nanos() - start) / 1e9)
    }

    private func run(_ round: RegressionRound, null: ManagedServer) throws(LoadError) {
        var servers: [RegressionSide: ManagedServer] = [:]
        defer { for server in servers.values { server.stop() } }
        for side in [round.first, round.first.other] {
            let server = try ManagedServer(.corral, options: options[side]!)
            builds[side]!.version = server.description.version
            builds[side]!.settings = server.description.settings
            servers[side] = server
        }
        if let cpu = cpu(of: round.number) {
            for server in servers.values + [null] {
                let status = corral_pin_process(server.pid, Int32(cpu))
                guard status == 0 else {
                    throw .environment("cannot pin a server to CPU \(cpu): \(String(cString: strerror(status)))")
                }
            }
        }
        for point in round.points {
            guard failure == nil, !Interrupt.isRequested else { return }
            guard let nullNanos = try nullServer(null, round: round.number) else { return }
            if point == .offered {
                try offer(round, servers: servers, nullNanos: nullNanos)
            } else {
                try alternate(point, round, servers: servers, nullNanos: nullNanos)
            }
        }
        guard failure == nil, !Interrupt.isRequested else { return }
        let findings = RegressionSummary.findings(plan, blocks).map {
            "\($0.metric.title) ×\(fixed($0.rounds.last ?? 0, 3))"
        }
        progress.note("\(progress.prefix)\(findings.joined(separator: ", "))")
    }

    /// Blocks at saturation. Both servers have their load all the time, and one of the two loads pauses: so blocks may
    /// be short, and lie so close together that whatever else the machine does meets both builds.
    private func alternate(
        _ point: RegressionPoint, _ round: RegressionRound, servers: [RegressionSide: ManagedServer],
        nullNanos: Double
    ) throws(LoadError) {
        let (outer, inner) = (round.first, round.first.other)
        let outerRun = try loadRun(point, servers[outer]!, round.number)
        let innerRun = try loadRun(point, servers[inner]!, round.number)
        var innerResult: Result<RepeatResult, LoadError>?
        let outerResult = try outerRun.measure(round.number, sharedKeys: nil, keepsHistory: false) {
            outerSignals, outerHasEnded in
            guard Self.settle(outerSignals, outerHasEnded) else { return }
            do throws(LoadError) {
                innerResult = .success(
                    try innerRun.measure(round.number, sharedKeys: nil, keepsHistory: false) {
                        innerSignals, innerHasEnded in
                        guard Self.settle(innerSignals, innerHasEnded) else { return }
                        self.quads(
                            point, round, nullNanos: nullNanos,
                            loads: [
                                outer: Alternating(servers[outer]!.pid, outerSignals, outerHasEnded),
                                inner: Alternating(servers[inner]!.pid, innerSignals, innerHasEnded),
                            ])
                    }.result)
            } catch {
                innerResult = .failure(error)
            }
        }.result
        for (side, result) in [(outer, .success(outerResult)), (inner, innerResult)]
            as [(RegressionSide, Result<RepeatResult, LoadError>?)]
        {
            guard let result = try result?.get() else { continue }
            note(result, "\(side.rawValue), \(point.rawValue), round \(round.number)")
        }
    }

    /// A server and its load.
    private struct Alternating {
        let pid: Int32
        let signals: RunSignals
        let hasEnded: () -> Bool

        init(_ pid: Int32, _ signals: RunSignals, _ hasEnded: @escaping () -> Bool) {
            self.pid = pid
            self.signals = signals
            self.hasEnded = hasEnded
        }
    }

    /// Pauses a load, and waits until everything that was sent has been answered.
    ///
    /// - Returns: false when the load has ended instead.
    private static func settle(_ signals: RunSignals, _ hasEnded: () -> Bool) -> Bool {
        signals.pause(true)
        // A server that is silent altogether ends the run by itself.
        while !signals.isIdle {
            if hasEnded() || Interrupt.isRequested { return false }
            usleep(200)
        }
        return true
    }

    private func quads(
        _ point: RegressionPoint, _ round: RegressionRound, nullNanos: Double, loads: [RegressionSide: Alternating]
    ) {
        var nullNanos: Double? = nullNanos
        for (number, quad) in round.quads.enumerated() where quad.point == point {
            var list = [canaries.read()]
            for (position, side) in quad.order.enumerated() {
                guard var block = block(loads[side]!) else { return }
                (block.round, block.quad, block.position) = (round.number, number, position)
                (block.point, block.side) = (point, side)
                blocks.append(block)
                list.append(canaries.read())
            }
            readings.append(
                RegressionCanaries(
                    round: round.number, quad: number, order: quad.order, readings: list, nullServerNanos: nullNanos))
            nullNanos = nil
        }
    }

    /// Ends a load's pause until its server has worked for a block's time, and not for so long on the clock: on a
    /// machine that others use a short window would hold little work.
    ///
    /// - Returns: a block without its place; nil when the load has ended.
    private func block(_ load: Alternating) -> RegressionBlock? {
        let startCount = load.signals.completed
        guard let startCpu = ProcessSnapshot.cpuNanos(of: load.pid) else { return nil }
        let start = corral_monotonic_nanos()
        load.signals.pause(false)
        work(load, cpuSeconds: plan.blockSeconds)
        guard Self.settle(load.signals, load.hasEnded) else { return nil }
        let nanos = Double(corral_monotonic_nanos() - start)
        guard let endCpu = ProcessSnapshot.cpuNanos(of: load.pid) else { return nil }
        let completed = load.signals.completed - startCount
        let cpuNanos = Double(endCpu - startCpu)
        return RegressionBlock(
            round: 0, quad: 0, position: 0, point: .reads, side: .base, completed: completed,
            throughputPerSecond: Double(completed) * 1e9 / nanos,
            serverCpuMicrosPerOperation: cpuNanos / 1000 / Double(completed), serverCpuShare: cpuNanos / nanos,
            p99Nanos: nil)
    }

    /// Blocks at the offered load: each on connections of its own.
    private func offer(
        _ round: RegressionRound, servers: [RegressionSide: ManagedServer], nullNanos: Double
    ) throws(LoadError) {
        var nullNanos: Double? = nullNanos
        for (number, quad) in round.quads.enumerated() where quad.point == .offered {
            var list = [canaries.read()]
            for (position, side) in quad.order.enumerated() {
                let result = try loadRun(.offered, servers[side]!, round.number).measure(round.number).result
                if result.partial { return }
                guard note(result, "\(side.rawValue), offered, round \(round.number)") else { return }
                blocks.append(
                    RegressionBlock(
                        round: round.number, quad: number, position: position, point: .offered, side: side,
                        completed: result.completed, throughputPerSecond: result.throughputPerSecond,
                        serverCpuMicrosPerOperation: result.serverCpuMicrosPerOperation ?? 0,
                        serverCpuShare: result.servers[0].cpuShare, p99Nanos: Double(result.latency.p99Nanos)))
                list.append(canaries.read())
            }
            readings.append(
                RegressionCanaries(
                    round: round.number, quad: number, order: quad.order, readings: list, nullServerNanos: nullNanos))
            nullNanos = nil
        }
    }

    /// The CPU that servers and loads of a round share; nil where they share all.
    private func cpu(of round: Int) -> Int? {
        guard plan.pinsToOneCpu else { return nil }
        let cpu = Int(corral_allowed_cpu(Int32(round - 1)))
        return cpu < 0 ? nil : cpu
    }

    private func loadRun(_ point: RegressionPoint, _ server: ManagedServer, _ round: Int) throws(LoadError) -> LoadRun {
        var configuration = try plan.configuration(point, server: server.address, round: round)
        configuration.pinnedCpus = cpu(of: round).map { [$0] } ?? []
        return try LoadRun(
            configuration: configuration, serverPids: [server.pid], progress: ProgressReporter(quiet: true))
    }

    /// - Returns: false when a load's result ends the comparison.
    @discardableResult
    private func note(_ result: RepeatResult, _ place: String) -> Bool {
        if !result.isValid || result.completed == 0 || !result.errorsByCode.isEmpty {
            let reasons = result.violations.lines + [result.stopReason].compactMap { $0 }
                + result.errorsByCode.keys.sorted()
            failure = "\(place): " + (reasons.isEmpty ? "nothing was answered" : reasons.joined(separator: "; "))
            return false
        }
        return true
    }

    /// Waits until a load's server has worked for so long since now, and answered twice what the windows hold, or a
    /// limit on the clock is reached.
    private func work(_ load: Alternating, cpuSeconds: Double) {
        let startCount = load.signals.completed
        let startCpu = ProcessSnapshot.cpuNanos(of: load.pid) ?? 0
        let start = corral_monotonic_nanos()
        let wanted = UInt64(cpuSeconds * 1e9)
        let limit = UInt64(cpuSeconds * RegressionPlan.blockLimitFactor * 1e9)
        let least = UInt64(2 * plan.connections * plan.window)
        // A server that is silent altogether ends the run by itself.
        while !load.hasEnded(), !Interrupt.isRequested {
            guard let now = ProcessSnapshot.cpuNanos(of: load.pid) else { return }
            let used = now - startCpu
            if load.signals.completed >= startCount + least {
                if used >= wanted || corral_monotonic_nanos() - start > limit { return }
            }
            usleep(UInt32(max(500, (wanted - min(wanted, used)) / 1000)))
        }
    }

    /// CPU nanoseconds per request; nil when interrupted.
    private func nullServer(_ null: ManagedServer, round: Int) throws(LoadError) -> Double? {
        var configuration = try plan.configuration(.reads, server: null.address, round: round)
        configuration.warmupLimitSeconds = 0
        configuration.acceptsCannedContent = true
        configuration.pinnedCpus = cpu(of: round).map { [$0] } ?? []
        let run = try LoadRun(
            configuration: configuration, serverPids: [null.pid], progress: ProgressReporter(quiet: true))
        let result = try run.measure(round, sharedKeys: nil, keepsHistory: false) { signals, hasEnded in
            self.work(Alternating(null.pid, signals, hasEnded), cpuSeconds: Self.nullServerSeconds)
        }.result
        if result.partial { return nil }
        guard result.isValid, result.completed > 0 else {
            let reasons = result.violations.lines + [result.stopReason].compactMap { $0 }
            failure = "the null server: " + (reasons.isEmpty ? "nothing was answered" : reasons.joined(separator: "; "))
            return nil
        }
        return (result.serverCpuMicrosPerOperation ?? 0) * 1000
    }

    private func summarize(
        label: String, environment: EnvironmentRecord, startedAt: String, seconds: Double
    ) -> RegressionSummary {
        var status = RunStatus.valid
        var reasons: [String] = []
        if let failure {
            status = .invalid
            reasons.append(failure)
        } else if Interrupt.isRequested {
            status = .partial
            reasons.append("interrupted in round \(blocks.last?.round ?? 1) of \(plan.rounds)")
        }
        let findings = RegressionSummary.findings(plan, blocks)
        let canaries = RegressionSummary.canaryFindings(plan, readings)
        return RegressionSummary(
            label: label, status: status, statusReasons: reasons, startedAt: startedAt, elapsedSeconds: seconds,
            environment: environment, base: builds[.base]!, work: builds[.work]!, plan: plan,
            verdict: status == .valid ? RegressionSummary.verdict(findings, canaries: canaries) : .unstable,
            findings: findings, canaries: canaries, blocks: blocks, canaryReadings: readings)
    }
}
