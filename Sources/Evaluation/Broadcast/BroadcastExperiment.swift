import Foundation
import Load

/// Carries a broadcast experiment out. Used from one thread.
public enum BroadcastExperiment {
    /// Runs every ensemble, round by round, and writes `summary.json` and `figures.csv`. An interrupt leaves a partial
    /// result of the rounds that were whole.
    ///
    /// - Parameter resumes: takes the ensembles of an interrupted run of the same plan and programs as measured.
    public static func run(
        _ file: ExperimentFile, plan: BroadcastExperimentPlan, scale: Scale, options: ServerOptions, directory: String,
        label: String, resumes: Bool = false, progress: ProgressReporter
    ) throws(LoadError) -> BroadcastSummary {
        var options = options
        options.fsync = options.fsync && plan.durable
        try ResultFiles.makeDirectory(options.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        let store = try StepStore<BroadcastExperimentPlan, BroadcastResult>(
            plan, directory: directory, environment: environment, options: options, resumes: resumes,
            progress: progress)
        let order = plan.order
        progress.note(
            "\(file.name): \(order.count) ensembles, about \(Decimal.text(plan.estimatedSeconds / 60, 1)) minutes")
        var runs: [BroadcastExperimentPlan.Subject: [BroadcastResult]] = [:]
        var done: [String] = []
        for (index, step) in order.enumerated() where !Interrupt.isRequested {
            let name = "\(step.subject.name), round \(step.round)"
            let result: BroadcastResult
            if let known = store.step(name) {
                progress.note("[\(index + 1)/\(order.count)] \(name): measured already")
                result = known
            } else {
                do throws(LoadError) {
                    result = try BroadcastRunner.run(
                        try plan.plan(for: step.subject), options: options, progress: progress)
                } catch {
                    if Interrupt.isRequested { break }
                    throw error
                }
                try store.keep(result, as: name)
                let left = order[(index + 1)...].reduce(0) { $0 + plan.estimatedSeconds(of: $1.subject) }
                progress.note(
                    "[\(index + 1)/\(order.count)] \(step.subject.name): \(text(result, plan)), "
                        + "\(Decimal.text(result.cpuMicrosPerTransaction, 2)) µs of CPU each; "
                        + "\(Int((left / 60).rounded(.up))) min left")
            }
            runs[step.subject, default: []].append(result)
            done.append(name)
        }
        let isPartial = done.count < order.count
        let subjects = plan.subjects.compactMap { subject in
            BroadcastSummary.SubjectResult(
                subject, runs: runs[subject] ?? [], refused: file.refused, seed: plan.seed)
        }
        let unusable = BroadcastSummary.unusable(subjects, plan: plan)
        let summary = BroadcastSummary(
            experiment: file.name, title: file.title, paper: file.paper, scale: scale, label: label,
            status: isPartial ? .partial : unusable.isEmpty ? .valid : .invalid,
            statusReasons: (isPartial ? ["interrupted after \(done.count) of \(order.count) ensembles"] : [])
                + unusable,
            startedAt: store.startedAt, elapsedSeconds: store.elapsedSeconds, environment: environment,
            plan: plan, order: done,
            subjects: subjects, refused: file.refused)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try ResultFiles.write(summary.csv, to: "\(directory)/figures.csv")
        try store.finish(isWhole: !isPartial)
        return summary
    }

    private static func text(_ result: BroadcastResult, _ plan: BroadcastExperimentPlan) -> String {
        guard plan.isLatency == true else { return "\(Int(result.throughputPerSecond))/s" }
        return "\(Decimal.text(1000 / result.throughputPerSecond, 3)) ms each"
    }
}
