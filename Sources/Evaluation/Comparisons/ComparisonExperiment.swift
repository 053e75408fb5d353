import Foundation
import Load

/// Carries a comparison out. Used from one thread.
public enum ComparisonExperiment {
    /// Measures every ensemble, round by round, and writes `summary.json` and the files that follow from it. An
    /// interrupt leaves a partial result of the ensembles that were whole.
    ///
    /// - Parameter resumes: takes the ensembles of an interrupted run of the same plan and programs as measured.
    public static func run<Work: ComparedWork>(
        _ file: ExperimentFile, turns: ComparisonTurns, work: Work, scale: Scale, options: ServerOptions,
        directory: String, label: String, resumes: Bool, progress: ProgressReporter
    ) throws(LoadError) -> ComparisonSummary<Work> {
        typealias Summary = ComparisonSummary<Work>
        try options.check(turns.kinds)
        try ResultFiles.makeDirectory(options.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        let store = try StepStore<ComparisonPlan<Work>, Summary.Measured>(
            ComparisonPlan(turns: turns, work: work), directory: directory, environment: environment,
            options: options, resumes: resumes, progress: progress)
        let order = turns.order
        let minutes = Decimal.text(work.estimatedSeconds(turns) / 60, 1)
        progress.note("\(file.name): \(order.count) ensembles, about \(minutes) minutes")
        var results: [Summary.Measured] = []
        for (index, step) in order.enumerated() where !Interrupt.isRequested {
            let name = turns.steps[index]
            if let known = store.step(name), known.result.description.durability == options.durability,
                Summary.problems(known, work: work).isEmpty
            {
                results.append(known)
            } else {
                let result: EnsembleResult<Work.Figure>
                do throws(LoadError) {
                    result = try work.measure(
                        step.subject, turns: turns, seed: Turns.seed(turns.seed, ofRound: step.round), options: options,
                        progress: progress)
                } catch {
                    if Interrupt.isRequested { break }
                    throw error
                }
                let measured = Summary.Measured(subject: step.subject, round: step.round, result: result)
                try store.keep(measured, as: name)
                results.append(measured)
            }
            let left = order[(index + 1)...].reduce(0) { $0 + work.estimatedSeconds(of: $1.subject) }
            progress.note("[\(index + 1)/\(order.count)] \(name); about \(Int(left.rounded(.up))) s left")
        }
        let summary = Summary(
            file, turns: turns, work: work, scale: scale, label: label, results: results, environment: environment,
            startedAt: store.startedAt, elapsedSeconds: store.elapsedSeconds)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        for (name, text) in summary.files { try ResultFiles.write(text, to: "\(directory)/\(name)") }
        try store.finish(isWhole: summary.status == .valid)
        return summary
    }
}

/// What must be the same for an earlier run's ensembles to count.
struct ComparisonPlan<Work: ComparedWork>: Codable, Equatable {
    var turns: ComparisonTurns
    var work: Work
}
