import CPlatform
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension KneeLoad {
    /// Measures a fresh ensemble.
    public func run(
        _ kind: ServerKind, servers: Int, settings: [String: String], seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<KneeCurve> {
        let target = try MeasuredEnsemble(kind, servers: servers, settings: settings, options: options)
        defer { target.stop() }
        var result = EnsembleResult<KneeCurve>(description: target.description)
        if kind == .apache, apacheWarmupSeconds > 0 { try warmUp(target, &result) }
        for reads in readPercents {
            var search = search
            var steps: [KneeStep] = []
            while let rate = search.next, result.violations.isEmpty {
                let number = UInt64(steps.count)
                let step = try step(
                    rate, reads: reads, target, seed: seed &+ number &* 1000, &result, progress: progress)
                progress.update(
                    "\(kind.title), \(servers) servers, \(fixed(reads, 0)) % reads: \(short(rate))/s, p99 "
                        + "\(shortTime(Double(step.response.p99Nanos))), \(step.verdict.rawValue)")
                steps.append(step)
                search.add(keptUp: step.verdict == .keptUp)
            }
            result.figures.append(KneeCurve(readPercent: reads, steps: steps, load: self))
        }
        return result
    }

    private func configuration(_ target: MeasuredEnsemble, reads: Double) throws(LoadError) -> RunConfiguration {
        var configuration = RunConfiguration(
            servers: target.ensemble.addresses, mix: try OperationMix(readPercent: reads))
        configuration.connections = connections
        configuration.valueBytes = valueBytes
        configuration.warmupLimitSeconds = warmupSeconds
        configuration.root = "/corral-knee"
        // What piled up at a rate that is too much is answered, not lost.
        configuration.drainLimitSeconds = 60
        return configuration
    }

    /// A JVM compiles what is hot only after it has been hot.
    private func warmUp(_ target: MeasuredEnsemble, _ result: inout EnsembleResult<KneeCurve>) throws(LoadError) {
        var configuration = try configuration(target, reads: 50)
        configuration.durationSeconds = max(0.1, apacheWarmupSeconds - warmupSeconds)
        let data = try LoadRun(
            configuration: configuration, serverPids: [], progress: ProgressReporter(quiet: true)
        ).measure(0)
        take(data.result, "warm-up", &result)
        if Interrupt.isRequested { throw .interrupted("interrupted while the servers warmed up") }
    }

    private func take(_ result: RepeatResult, _ place: String, _ run: inout EnsembleResult<KneeCurve>) {
        run.violations += result.violations.lines.map { "\(place): \($0)" }
        if let reason = result.stopReason { run.violations.append("\(place): \(reason)") }
        if !result.errorsByCode.isEmpty {
            run.violations.append("\(place): \(result.errorsByCode.values.reduce(0, +)) requests were refused")
        }
    }

    private func step(
        _ rate: Double, reads: Double, _ target: MeasuredEnsemble, seed: UInt64,
        _ result: inout EnsembleResult<KneeCurve>, progress: ProgressReporter
    ) throws(LoadError) -> KneeStep {
        var configuration = try configuration(target, reads: reads)
        configuration.ratePerSecond = rate
        configuration.durationSeconds = seconds
        configuration.seed = seed
        let limit = backlogLimit(rate: rate)
        let end = seconds
        var most = 0
        let data = try LoadRun(
            configuration: configuration, serverPids: target.ensemble.pids, progress: ProgressReporter(quiet: true)
        ).measure(Int(seed % 1000), sharedKeys: nil, keepsHistory: false) { signals, hasEnded in
            let began = Clock.seconds
            while Clock.seconds - began < end, !hasEnded(), !Interrupt.isRequested {
                usleep(10_000)
                let outstanding = signals.cells.reduce(0) { $0 + $1.outstanding.load(ordering: .relaxed) }
                most = max(most, outstanding)
                // It will not come back from there, and what piles up must be waited for.
                if most > limit { break }
            }
        }
        if Interrupt.isRequested { throw .interrupted("interrupted while a rate was offered") }
        let own = data.result
        take(own, "\(fixed(reads, 0)) % reads at \(short(rate))/s", &result)
        guard let delay = own.generator.sendDelay, own.windowSeconds > 0 else {
            throw .result("an open loop without send delays")
        }
        var step = KneeStep(
            ratePerSecond: rate, windowSeconds: own.windowSeconds, completed: own.completed, mostOutstanding: most,
            response: own.latency, responseTimes: try KeptLatencies(data.intervals), sendDelay: delay,
            generatorCpuShare: own.generator.cpuShare,
            serverCpuMicrosPerOperation: own.serverCpuMicrosPerOperation ?? 0, stealShare: own.stealShare,
            verdict: .keptUp)
        step.verdict = KneeStep.verdict(of: step, load: self)
        return step
    }
}
