import Foundation
import Load

/// Carries a creates experiment out. Used from one thread.
public enum CreatesExperiment {
    /// Measures every ensemble, round by round, and writes `summary.json`, `figures.csv` and `report.txt`. An interrupt
    /// leaves a partial result of the ensembles that were whole.
    ///
    /// - Parameter resumes: takes the ensembles of an interrupted run of the same plan and programs as measured.
    public static func run(
        _ file: ExperimentFile, plan: CreatesExperimentPlan, scale: Scale, options: ServerOptions, paper: PaperPoints,
        directory: String, label: String, resumes: Bool = false, progress: ProgressReporter
    ) throws(LoadError) -> CreatesSummary {
        try ResultFiles.makeDirectory(options.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        let store = try StepStore<CreatesExperimentPlan, CreatesResult>(
            plan, directory: directory, environment: environment, options: options, resumes: resumes,
            progress: progress)
        let order = plan.order
        let minutes = Decimal.text(plan.estimatedSeconds / 60, 1)
        progress.note("\(file.name): \(order.count) ensembles, about \(minutes) minutes")
        var results: [CreatesExperimentPlan.Subject: [CreatesResult]] = [:]
        var done: [String] = []
        for (index, step) in order.enumerated() where !Interrupt.isRequested {
            let name = "\(step.subject.name), round \(step.round)"
            let result: CreatesResult
            if let known = store.step(name) {
                result = known
            } else {
                do throws(LoadError) {
                    result = try CreatesRunner.run(
                        try plan.plan(for: step.subject, round: step.round), options: options, progress: progress)
                } catch {
                    if Interrupt.isRequested { break }
                    throw error
                }
                try store.keep(result, as: name)
            }
            results[step.subject, default: []].append(result)
            done.append(name)
            let rates = result.figures.map { "\($0.workers): \(Int($0.createsPerSecond))/s" }.joined(separator: ", ")
            let left = order[(index + 1)...].reduce(0) { $0 + plan.estimatedSeconds(of: $1.subject) }
            progress.note(
                "[\(index + 1)/\(order.count)] \(step.subject.name): \(rates); about \(Int(left.rounded(.up))) s left")
        }
        let summary = summarize(
            file, plan: plan, scale: scale, label: label, results: results, done: done, paper: paper,
            environment: environment, startedAt: store.startedAt, elapsedSeconds: store.elapsedSeconds)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try ResultFiles.write(summary.csv, to: "\(directory)/figures.csv")
        try ResultFiles.write(NamedLatencies.log(summary.latencies), to: "\(directory)/latencies.hlog")
        try ResultFiles.write(summary.text + "\n", to: "\(directory)/report.txt")
        try store.finish(isWhole: done.count == order.count)
        return summary
    }

    static func summarize(
        _ file: ExperimentFile, plan: CreatesExperimentPlan, scale: Scale, label: String,
        results: [CreatesExperimentPlan.Subject: [CreatesResult]], done: [String], paper: PaperPoints,
        environment: EnvironmentRecord, startedAt: String, elapsedSeconds: Double
    ) -> CreatesSummary {
        let drawn = plan.paperPoints.reduce(into: [Int: Curve]()) { $0.merge(paper.creates($1)) { first, _ in first } }
        var rows: [CreatesSummary.Row] = []
        for subject in plan.subjects {
            for workers in plan.workers {
                let runs = (results[subject] ?? []).flatMap(\.figures).filter { $0.workers == workers }
                let value = drawn[subject.servers]?[Double(workers)]
                rows += [CreatesSummary.Row(subject, workers: workers, runs: runs, paper: value, seed: plan.seed)]
                    .compactMap { $0 }
            }
        }
        let problems = plan.subjects.flatMap { subject in
            (results[subject] ?? []).flatMap(\.problems).map { "\(subject.name): \($0)" }
        } + CreatesSummary.unusable(rows)
        let isPartial = done.count < plan.order.count
        var descriptions: [String: ServerDescription] = [:]
        for (subject, list) in results { descriptions[subject.kind.rawValue] = list.first?.description }
        var summary = CreatesSummary(
            experiment: file.name, title: file.title, paper: file.paper, scale: scale, label: label,
            status: problems.isEmpty ? (isPartial ? .partial : .valid) : .invalid,
            statusReasons: problems.isEmpty && isPartial
                ? ["interrupted after \(done.count) of \(plan.order.count) ensembles"] : problems,
            startedAt: startedAt, elapsedSeconds: elapsedSeconds, environment: environment, plan: plan, order: done,
            descriptions: descriptions, rows: rows, shapes: [:], refused: file.refused)
        for kind in plan.kinds { summary.shapes[kind.rawValue] = CreatesShapes.verdicts(summary.curves(of: kind)) }
        return summary
    }
}
