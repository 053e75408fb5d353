import Load
import Testing

@testable import Evaluation

/// A comparison of one kind, out of a file that declares it.
enum Comparisons {
    static func work<Work: ComparedWork>(_ file: ExperimentFile) throws -> (ComparisonTurns, Work) {
        guard case .comparison(let turns, let any) = file.body, let work = any as? Work else {
            throw LoadError.usage("another kind")
        }
        return (turns, work)
    }

    static func run<Work: ComparedWork>(
        _ file: ExperimentFile, in directory: String, resumes: Bool = false
    ) throws -> ComparisonSummary<Work> {
        let (turns, work): (_, Work) = try work(file)
        return try ComparisonExperiment.run(
            file, turns: turns, work: work, scale: .full, options: try Project.options(directory),
            directory: directory, label: "one", resumes: resumes, progress: ProgressReporter(quiet: true))
    }
}
