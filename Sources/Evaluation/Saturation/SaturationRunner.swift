import Foundation
import Load

/// Carries a saturation experiment out: a sweep for each subject and round, each with files of its own, so that an
/// interrupted experiment goes on where it ended. Used from one thread.
public final class SaturationRunner {
    private let file: ExperimentFile
    private let plan: SaturationPlan
    private let scale: Scale
    private let options: ServerOptions
    private let directory: String
    private let resumes: Bool
    private let paper: [Int: Curve]
    private let progress: ProgressReporter

    /// - Parameters:
    ///   - directory: of the result; see `ResultFiles`.
    ///   - paper: the paper's own curves of this figure, by number of servers.
    ///   - resumes: takes sweeps that are there, whole and of the same plan, programs and options, as done.
    public init(
        _ file: ExperimentFile, plan: SaturationPlan, scale: Scale, options: ServerOptions, directory: String,
        paper: [Int: Curve], resumes: Bool, progress: ProgressReporter
    ) throws(LoadError) {
        self.file = file
        self.plan = plan
        self.scale = scale
        self.options = options
        self.directory = directory
        self.paper = paper
        self.resumes = resumes
        self.progress = progress
        for subject in plan.subjects {
            try SweepRunner.check(plan.plan(for: subject, round: 1), options: options)
        }
    }

    public func run(label: String) throws(LoadError) -> SaturationSummary {
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        let store = try StepStore<SaturationPlan, SweepStep>(
            plan, directory: directory, environment: environment, options: options, resumes: resumes,
            progress: progress)
        let order = plan.order
        progress.note(
            "\(file.name): \(order.count) ensembles, about \(Decimal.text(plan.estimatedSeconds / 60, 1)) minutes")
        var sweeps: [SaturationPlan.Subject: [SweepSummary]] = [:]
        var done: [String] = []
        var status = RunStatus.valid
        var reasons: [String] = []
        var windows = Usability.Windows()
        var pace = Pace()
        for (index, step) in order.enumerated() where status == .valid {
            let name = "\(step.subject.name), round \(step.round)"
            let sweepPlan = plan.plan(for: step.subject, round: step.round)
            let place = "\(directory)/\(step.subject.name)/round-\(step.round)"
            let left = pace.seconds(
                order[index...].reduce(0) { $0 + plan.plan(for: $1.subject, round: $1.round).estimatedSeconds })
            progress.note("[\(index + 1)/\(order.count)] \(name); about \(Int((left / 60).rounded(.up))) min left")
            let summary: SweepSummary
            if let known = store.step(name)?.summary(sweepPlan, in: place) {
                progress.note("  taken from an earlier run")
                summary = known
            } else {
                try ResultFiles.makeDirectory(place)
                let start = ContinuousClock.now
                summary = try SweepRunner(plan: sweepPlan, options: options, directory: place, progress: progress)
                    .run(experiment: file.name, label: "\(label)/\(step.subject.name)/round-\(step.round)")
                pace.add(estimated: sweepPlan.estimatedSeconds, took: (ContinuousClock.now - start) / .seconds(1))
                if summary.status == .valid { try store.keep(SweepStep(summary), as: name) }
            }
            // Interrupted before it had a figure.
            if summary.status == .partial, summary.figures.isEmpty { break }
            sweeps[step.subject, default: []].append(summary)
            windows.add(summary, directory: place, name: name)
            done.append(name)
            if summary.status != .valid { status = summary.status }
            reasons += summary.statusReasons.map { "\(name): \($0)" }
        }
        if Interrupt.isRequested, status == .valid, done.count < order.count {
            status = .partial
            reasons.append("interrupted after \(done.count) of \(order.count) ensembles")
        }
        let results = plan.subjects.compactMap { subject -> SaturationSummary.SubjectResult? in
            guard let list = sweeps[subject], let first = list.first else { return nil }
            return SaturationSummary.SubjectResult(
                subject: subject, description: first.servers[subject.kind.rawValue] ?? .unknown,
                figures: SweepFigure.pooled(list, seed: plan.seed))
        }
        let unusable = SaturationSummary.unusable(results) + windows.problems
        if !unusable.isEmpty {
            status = status == .partial ? .partial : .invalid
            reasons += unusable
        }
        let summary = SaturationSummary(
            experiment: file.name, title: file.title, paper: file.paper, scale: scale, label: label, status: status,
            statusReasons: reasons, startedAt: store.startedAt, elapsedSeconds: store.elapsedSeconds,
            environment: environment, plan: plan, order: done, subjects: results, refused: file.refused,
            derived: SaturationSummary.derive(results, refused: file.refused, seed: plan.seed))
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try SaturationFiles.write(summary, paper: paper, directory: directory)
        try store.finish(isWhole: done.count == order.count && status != .partial)
        return summary
    }
}
