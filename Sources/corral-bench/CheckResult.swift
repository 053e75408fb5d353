import ArgumentParser
import Evaluation
import Foundation
import Load

struct CheckResult: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judges whether a result is whole and its figures may be used; says nothing about speed.",
        discussion: """
            The figures are made again from what was measured, and held against the raw files and the plan; files \
            beside the summary against the summary; the paper's own numbers against PAPER, and the scale against \
            the experiment's file in EXPERIMENTS, where those are there.

            Exit codes: 0 fine, 1 cannot be read, 5 not valid.
            """)

    @Argument(help: "A summary.json.")
    var file: String
    @Option(help: "The paper's own points.")
    var paper = "Bench/paper/points.csv"
    @Option(help: "Where experiments are declared.")
    var experiments = "Bench/experiments"

    mutating func run() throws {
        let (path, paper, experiments) = (file, paper, experiments)
        let problems = try finish { () throws(LoadError) in
            let points = FileManager.default.fileExists(atPath: paper) ? try PaperPoints.load(paper) : nil
            let schemas = ExperimentCheck.schemas(paper: points) + [SimulationResult.resultSchema]
            return try ResultCheck.problems(path: path, others: schemas) + ResultPlace.problems(path)
                + ResultPlace.scaleProblems(path, directory: experiments)
        }
        if problems.isEmpty {
            print("\(path): valid")
            return
        }
        for problem in problems { print("\(path): \(problem)") }
        throw ExitCode(LoadExitCode.invalidRun)
    }
}
