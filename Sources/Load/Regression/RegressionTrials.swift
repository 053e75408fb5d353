import CPlatform

/// What a trial of the comparison itself injects.
public enum InjectedSlowdown: String, Codable, CaseIterable, Sendable {
    case none
    case reads
    case writes

    /// Which metric must say so.
    var metric: RegressionMetric? {
        switch self {
        case .none: nil
        case .reads: .cpuPerRead
        case .writes: .cpuPerWrite
        }
    }

    var setting: String? {
        switch self {
        case .none: nil
        case .reads: "corral.test.readSpinNanos"
        case .writes: "corral.test.writeSpinNanos"
        }
    }
}

/// One comparison of a build with itself, slowed down or not.
public struct RegressionTrial: Codable, Equatable, Sendable {
    public var number: Int
    public var injected: InjectedSlowdown
    /// Busy time added to each operation.
    public var nanos: Int
    /// What that was of the base's CPU time per operation, as the trial found it; 0.05 is 5 %.
    public var injectedShare: Double
    public var verdict: RegressionVerdict
    /// Whether the answer is right: *slower*, by the metric that was slowed down; *same* when none was.
    public var isRight: Bool
    public var findings: [RegressionFinding]
    public var canaries: [CanaryFinding]
    public var seconds: Double
}

/// How often one kind of trial was answered rightly.
public struct RegressionTrialCount: Codable, Equatable, Sendable {
    public var injected: InjectedSlowdown
    public var right: Int
    public var trials: Int
    public var verdicts: [String: Int]
}

/// The summary file of `corral-bench regress-trials`.
public struct RegressionTrialsSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/regress-trials"
    /// Trials of each kind, below which a count says little.
    public static let leastRepeats = 20
    /// What a slowdown to be found may have been of an operation's CPU time: 5 %, as far as what an operation costs
    /// stays the same from the calibration to the trial.
    static let injected = 0.03...0.065

    public var schema = RegressionTrialsSummary.schemaName
    public var schemaVersion = RegressionTrialsSummary.currentSchemaVersion
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]
    public var startedAt: String
    public var elapsedSeconds: Double
    public var environment: EnvironmentRecord
    public var plan: RegressionPlan
    /// The slowdown injected; 0.05 is 5 %.
    public var slowdown: Double
    public var repeats: Int
    /// The share of right answers demanded of each kind.
    public var demandedShare: Double
    public var counts: [RegressionTrialCount]
    public var trials: [RegressionTrial]

    public var holds: Bool {
        status == .valid
            && counts.allSatisfy { $0.trials == repeats && Double($0.right) >= demandedShare * Double($0.trials) }
    }

    static func counts(_ trials: [RegressionTrial], kinds: [InjectedSlowdown]) -> [RegressionTrialCount] {
        kinds.map { kind in
            let own = trials.filter { $0.injected == kind }
            let verdicts = Dictionary(grouping: own, by: \.verdict.rawValue).mapValues(\.count)
            return RegressionTrialCount(
                injected: kind, right: own.count(where: \.isRight), trials: own.count, verdicts: verdicts)
        }
    }
}

/// Compares a build with itself again and again, with a slowdown injected or none, and counts right answers.
/// Used from one thread.
public final class RegressionTrials {
    private let plan: RegressionPlan
    private let options: ServerOptions
    private let slowdown: Double
    private let repeats: Int
    private let kinds: [InjectedSlowdown]
    private let progress: ProgressReporter
    private let environment: EnvironmentRecord
    /// The share of right answers that the project's demand sets: 18 of 20.
    public static let demandedShare = 0.9

    public init(
        plan: RegressionPlan, options: ServerOptions, slowdown: Double, repeats: Int, kinds: [InjectedSlowdown],
        progress: ProgressReporter
    ) throws(LoadError) {
        try plan.validate()
        guard slowdown > 0, slowdown <= 1 else {
            throw .usage("--slowdown lies between 0 and 100 %, not \(100 * slowdown)")
        }
        guard (1...200).contains(repeats) else { throw .usage("--repeats lies between 1 and 200, not \(repeats)") }
        if plan.readQuads == 0 || plan.writeQuads == 0 { throw .usage("trials need reads and writes") }
        self.plan = plan
        self.options = options
        self.slowdown = slowdown
        self.repeats = repeats
        self.kinds = kinds
        self.progress = progress
        try ResultFiles.makeDirectory(options.dataRoot)
        environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
    }

    public var estimatedSeconds: Double {
        Double(repeats * kinds.count) * (plan.estimatedSeconds + Self.calibrationSeconds)
    }

    private static let calibrationSeconds = 3.0

    public func run(label: String) throws(LoadError) -> RegressionTrialsSummary {
        let startedAt = ResultFiles.timestamp()
        let start = corral_monotonic_nanos()
        var random = RandomSource(seed: plan.seed)
        var trials: [RegressionTrial] = []
        var failure: String?
        for _ in 0..<repeats {
            for kind in kinds.shuffled(using: &random) where failure == nil && !Interrupt.isRequested {
                let number = trials.count + 1
                let outcome = try self.trial(number, kind, seed: plan.seed &+ UInt64(number) &* 7919)
                switch outcome {
                case .failure(let reason): failure = reason.text
                case .success(let trial):
                    guard let trial else { break }
                    trials.append(trial)
                    report(trial, trials, start: start)
                }
            }
        }
        var status = RunStatus.valid
        if failure != nil { status = .invalid } else if Interrupt.isRequested { status = .partial }
        return RegressionTrialsSummary(
            label: label, status: status, statusReasons: failure.map { [$0] } ?? [], startedAt: startedAt,
            elapsedSeconds: Double(corral_monotonic_nanos() - start) / 1e9, environment: environment, plan: plan,
            slowdown: slowdown, repeats: repeats, demandedShare: Self.demandedShare,
            counts: RegressionTrialsSummary.counts(trials, kinds: kinds), trials: trials)
    }

    private func report(_ trial: RegressionTrial, _ trials: [RegressionTrial], start: UInt64) {
        let counts = RegressionTrialsSummary.counts(trials, kinds: kinds)
            .map { "\($0.injected.rawValue) \($0.right)/\($0.trials)" }.joined(separator: ", ")
        let figures = trial.findings.filter(\.isDecisive).map {
            "\($0.metric.title) ×\(fixed($0.ratio, 3)) (\(fixed($0.low, 3))...\(fixed($0.high, 3)))"
        }.joined(separator: ", ")
        let elapsed = Double(corral_monotonic_nanos() - start) / 1e9
        let left = elapsed / Double(trials.count) * Double(repeats * kinds.count - trials.count)
        let vetoes = trial.canaries.compactMap(\.veto).map { "; VETO \($0)" }.joined()
        progress.note(
            "\(trial.isRight ? "right" : "WRONG") \(trial.injected.rawValue) +\(trial.nanos) ns "
                + "(\(fixed(100 * trial.injectedShare, 1)) %): \(trial.verdict.rawValue); \(figures)\(vetoes); "
                + "right so far: \(counts); \(fixed(left / 60, 1)) min left")
    }

    private struct Failure: Error {
        var text: String
    }

    /// - Returns: nil when interrupted.
    private func trial(_ number: Int, _ kind: InjectedSlowdown, seed: UInt64) throws(LoadError)
        -> Result<RegressionTrial?, Failure>
    {
        let start = corral_monotonic_nanos()
        var work = options
        var nanos = 0
        if let setting = kind.setting, let metric = kind.metric {
            // What 5 % are depends on who else is on the machine, so it is measured just before.
            let calibration = try compare(calibrationPlan(kind, seed: seed), work: options)
            guard calibration.status == .valid else {
                return calibration.status == .partial
                    ? .success(nil) : .failure(Failure(text: calibration.statusReasons.joined(separator: "; ")))
            }
            nanos = max(1, Int((slowdown * 1000 * (calibration.finding(metric)?.base ?? 0)).rounded()))
            work.extraSettings = [setting: "\(nanos)"]
        }
        var own = plan
        own.seed = seed
        let summary = try compare(own, work: work)
        switch summary.status {
        case .partial: return .success(nil)
        case .invalid: return .failure(Failure(text: summary.statusReasons.joined(separator: "; ")))
        case .valid: break
        }
        let base = kind.metric.flatMap { summary.finding($0)?.base } ?? 0
        return .success(
            RegressionTrial(
                number: number, injected: kind, nanos: nanos,
                injectedShare: base > 0 ? Double(nanos) / 1000 / base : 0, verdict: summary.verdict,
                isRight: Self.isRight(summary.verdict, summary.findings, kind), findings: summary.findings,
                canaries: summary.canaries, seconds: Double(corral_monotonic_nanos() - start) / 1e9))
    }

    static func isRight(
        _ verdict: RegressionVerdict, _ findings: [RegressionFinding], _ kind: InjectedSlowdown
    ) -> Bool {
        guard let metric = kind.metric else { return verdict == .same }
        return verdict == .slower && findings.first { $0.metric == metric }?.verdict == .slower
    }

    private func compare(_ plan: RegressionPlan, work: ServerOptions) throws(LoadError) -> RegressionSummary {
        let build = RegressionBuild(name: "itself", commit: "unknown", dirty: false)
        let runner = try RegressionRunner(
            plan: plan, base: (build, options), work: (build, work), progress: ProgressReporter(quiet: true))
        return try runner.run(label: "trial", environment: environment)
    }

    private func calibrationPlan(_ kind: InjectedSlowdown, seed: UInt64) -> RegressionPlan {
        var short = plan
        short.rounds = RegressionPlan.minimumRounds
        short.readQuads = kind == .reads ? 6 : 0
        short.writeQuads = kind == .writes ? 6 : 0
        short.offeredQuads = 0
        short.seed = seed
        return short
    }
}
