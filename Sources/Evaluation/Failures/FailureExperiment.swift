import Foundation
import Load

/// Carries a failure experiment out. Used from one thread.
public enum FailureExperiment {
    /// Runs the script and its twin and writes `summary.json`, `series.csv`, `events.csv`, `paper.csv`, `plot.gp` and
    /// the raw files of each run. An interrupt leaves a partial result of what there is until then.
    ///
    /// - Parameter resumes: takes the whole runs of an interrupted one of the same plan and programs as measured.
    public static func run(
        _ file: ExperimentFile, plan: FailureExperimentPlan, scale: Scale, options: ServerOptions, paper: PaperPoints,
        directory: String, label: String, resumes: Bool = false, progress: ProgressReporter
    ) throws(LoadError) -> FailureExperimentSummary {
        try ResultFiles.makeDirectory(options.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        let store = try StepStore<FailureExperimentPlan, FailureRun>(
            plan, directory: directory, environment: environment, options: options, resumes: resumes,
            progress: progress)
        let minutes = Decimal.text(plan.estimatedSeconds / 60, 1)
        progress.note("\(file.name): \(plan.subjects.count) runs, about \(minutes) minutes")
        var results: [FailureExperimentSummary.SubjectResult] = []
        var series: [(name: String, slices: [FailureSlice])] = []
        for (index, subject) in plan.subjects.enumerated() where !Interrupt.isRequested {
            let known = store.step(subject.name)
            let state = known == nil ? "" : ": measured already"
            progress.note("[\(index + 1)/\(plan.subjects.count)] \(subject.name)\(state)")
            let own = plan.plan(for: subject)
            do throws(LoadError) {
                let (result, slices): (FailureResult, [FailureSlice])
                if let known {
                    (result, slices) = (known.result, known.slices)
                } else {
                    (result, slices) = try FailureRunner(
                        own, kind: subject.kind, options: options, progress: progress
                    ).run(directory: directory, stem: subject.name)
                    if !result.isPartial, result.problems.isEmpty {
                        try store.keep(FailureRun(result: result, slices: slices), as: subject.name)
                    }
                }
                results.append(
                    .init(
                        subject: subject, result: result, shapes: [],
                        derived: FailureExperimentSummary.derive(result, refused: file.refused, plan: own)))
                series.append((subject.name, slices))
            } catch {
                if Interrupt.isRequested { break }
                throw error
            }
        }
        let text = FailureFiles.seriesCsv(series)
        for index in results.indices {
            results[index].shapes = FailureExperimentSummary.shapes(
                of: results[index], among: results, plan: plan, refused: file.refused, series: text)
        }
        var (status, reasons) = FailureExperimentSummary.judge(results, plan: plan)
        let unusable = FailureExperimentSummary.unusable(plan) { name in
            series.first { $0.name == name }?.slices.map(\.ratePerSecond) ?? []
        }
        if status == .valid, !unusable.isEmpty { (status, reasons) = (.invalid, unusable) }
        let summary = FailureExperimentSummary(
            experiment: file.name, title: file.title, paper: file.paper, scale: scale, label: label, status: status,
            statusReasons: reasons, startedAt: store.startedAt, elapsedSeconds: store.elapsedSeconds,
            environment: environment, plan: plan, subjects: results, refused: file.refused)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try FailureFiles.write(summary, series: series, paper: paper, directory: directory)
        try store.finish(isWhole: status != .partial)
        return summary
    }
}

/// A run as an interrupted experiment keeps it; its raw files lie beside.
struct FailureRun: Codable {
    var result: FailureResult
    var slices: [FailureSlice]
}
