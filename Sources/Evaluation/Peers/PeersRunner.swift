import Foundation
import Load

/// Carries a comparison with peers out: a sweep for each ensemble and round, then the leaders' deaths, each with files
/// of its own, so that an interrupted one goes on where it ended. Used from one thread.
public final class PeersRunner {
    private let file: ExperimentFile
    private let plan: PeersPlan
    private let scale: Scale
    private let options: ServerOptions
    private let directory: String
    private let progress: ProgressReporter
    private let environment: EnvironmentRecord
    private var sweeps: [PeersPlan.Subject: [SweepSummary]] = [:]
    private var failOvers: [PeersSummary.FailOver] = []
    private var loads: [PeersSummary.OfferedLoad] = []
    private var done: [String] = []
    private var status = RunStatus.valid
    private var reasons: [String] = []
    private var windows = Usability.Windows()
    private let store: StepStore<PeersPlan, Step>

    /// A fail-over's file, beside its series.
    struct KeptFailOver: Codable {
        var plan: FailOverPlan
        var commit: String
        var dirty: Bool
        var result: FailOverResult
    }

    /// What there is to go on with: a sweep, whose files lie in its own directory, or a fail-over.
    struct Step: Codable {
        var sweep: SweepStep?
        var failOver: KeptFailOver?
    }

    /// - Parameters:
    ///   - directory: of the result; see `ResultFiles`.
    ///   - resumes: takes steps that are there, whole and of the same plan, programs and options, as done.
    public init(
        _ file: ExperimentFile, plan: PeersPlan, scale: Scale, options: ServerOptions, directory: String,
        resumes: Bool, progress: ProgressReporter
    ) throws(LoadError) {
        self.file = file
        self.plan = plan
        self.scale = scale
        self.options = options
        self.directory = directory
        self.progress = progress
        for subject in plan.subjects {
            try SweepRunner.check(plan.plan(for: subject, round: 1, loads: []), options: options)
        }
        try ResultFiles.makeDirectory(options.dataRoot)
        environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        store = try StepStore(
            plan, directory: directory, environment: environment, options: options, resumes: resumes,
            progress: progress)
    }

    public func run(label: String) throws(LoadError) -> PeersSummary {
        let steps = plan.steps.count
        progress.note(
            "\(file.name): \(steps) ensembles, about \(Int((plan.estimatedSeconds / 60).rounded(.up))) minutes")
        let order = plan.order
        var left = plan.estimatedSeconds
        for (index, step) in order.enumerated() where isGoingOn {
            say("[\(index + 1)/\(steps)] \(step.subject.name), round \(step.round)", left)
            try sweep(step.subject, round: step.round, label: label)
            left -= plan.estimatedSeconds(step.subject, round: step.round)
            if index + 1 == plan.subjects.count { loads = PeersSummary.loads(results, plan: plan) }
        }
        for (index, subject) in plan.failOverOrder.enumerated() where isGoingOn {
            say("[\(order.count + index + 1)/\(steps)] \(subject.name), fail-over", left)
            try failOver(subject)
            left -= plan.estimatedFailOverSeconds(subject)
        }
        if Interrupt.isRequested, status == .valid {
            status = .partial
            reasons.append("interrupted after \(done.count) of \(steps) ensembles")
        }
        let results = results
        let unusable = SaturationSummary.silentPoints(results) + windows.problems
        if !unusable.isEmpty, status != .partial { status = .invalid }
        reasons += unusable
        let summary = PeersSummary(
            experiment: file.name, title: file.title, paper: file.paper, scale: scale, label: label, status: status,
            statusReasons: reasons, startedAt: store.startedAt, elapsedSeconds: store.elapsedSeconds,
            environment: environment, plan: plan, order: done, loads: loads, subjects: results, failOvers: failOvers,
            rows: PeersSummary.rows(results, plan: plan),
            verdicts: PeerVerdict.all(results, plan: plan, cpus: environment.cpuCount))
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try PeersFiles.write(summary, directory: directory)
        try store.finish(isWhole: done.count == steps && status != .partial)
        return summary
    }

    private var isGoingOn: Bool { status == .valid && !Interrupt.isRequested }

    private func say(_ text: String, _ left: Double) {
        progress.note("\(text); at most \(Int((left / 60).rounded(.up))) min left")
    }

    private var results: [SaturationSummary.SubjectResult] {
        plan.subjects.compactMap { subject in
            guard let list = sweeps[subject], let first = list.first else { return nil }
            return SaturationSummary.SubjectResult(
                subject: subject, description: first.servers[subject.kind.rawValue] ?? .unknown,
                figures: SweepFigure.pooled(list, seed: plan.seed))
        }
    }

    // MARK: Steps

    private func sweep(_ subject: PeersPlan.Subject, round: Int, label: String) throws(LoadError) {
        if plan.offered.ratePerSecond != nil, loads.isEmpty { loads = PeersSummary.loads([], plan: plan) }
        let sweepPlan = plan.plan(
            for: subject, round: round, loads: PeersSummary.points(loads, servers: subject.servers))
        let name = "\(subject.name), round \(round)"
        let place = "\(directory)/\(subject.name)/round-\(round)"
        let summary: SweepSummary
        if let known = store.step(name)?.sweep?.summary(sweepPlan, in: place) {
            progress.note("  taken from an earlier run")
            summary = known
        } else {
            try ResultFiles.makeDirectory(place)
            do throws(LoadError) {
                summary = try SweepRunner(plan: sweepPlan, options: options, directory: place, progress: progress)
                    .run(experiment: file.name, label: "\(label)/\(subject.name)/round-\(round)")
            } catch {
                if Interrupt.isRequested { return }
                throw error
            }
            if summary.status == .valid { try store.keep(Step(sweep: SweepStep(summary)), as: name) }
        }
        // Half a sweep would be one round of some mixes only.
        if summary.status == .partial { return }
        sweeps[subject, default: []].append(summary)
        windows.add(summary, directory: place, name: name)
        done.append(name)
        if summary.status != .valid { status = summary.status }
        reasons += summary.statusReasons.map { "\(name): \($0)" }
    }

    private func failOver(_ subject: PeersPlan.Subject) throws(LoadError) {
        let own = try plan.failOverPlan(for: subject)
        let place = "\(directory)/\(subject.name)"
        let name = "\(subject.name), fail-over"
        var result: FailOverResult
        if let known = store.step(name)?.failOver, known.plan == own {
            progress.note("  taken from an earlier run")
            result = known.result
        } else {
            try ResultFiles.makeDirectory(place)
            do throws(LoadError) {
                result = try FailOverRunner.run(
                    own, kind: subject.kind, options: options, directory: place, stem: "fail-over",
                    progress: progress)
            } catch {
                if Interrupt.isRequested { return }
                throw error
            }
            if result.isPartial { return }
            let file = KeptFailOver(
                plan: own, commit: environment.commit, dirty: environment.dirty, result: result)
            try ResultFiles.write(try ResultFiles.json(file), to: "\(place)/fail-over.json")
            if result.problems.isEmpty { try store.keep(Step(failOver: file), as: name) }
        }
        let gaps = result.kills.map { "\(Int($0.gapMillis))" }.joined(separator: ", ")
        progress.note("  no writes for \(gaps) ms")
        failOvers.append(PeersSummary.FailOver(subject, result, seed: plan.seed))
        done.append(name)
        if !result.problems.isEmpty { status = .invalid }
        reasons += result.problems.map { "\(name): \($0)" }
    }
}
