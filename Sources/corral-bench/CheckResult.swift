import ArgumentParser
import Load

struct CheckResult: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judges whether a result is whole and its figures may be used; says nothing about speed.",
        discussion: "Exit codes: 0 fine, 1 cannot be read, 5 not valid.")

    @Argument(help: "A summary.json.")
    var file: String

    mutating func run() throws {
        let path = file
        let problems = try finish { () throws(LoadError) in 
            try ResultCheck.problems(path: path, others: [SimulationResult.resultSchema])
        }
        if problems.isEmpty {
            print("\(path): valid")
            return
        }
        for problem in problems { print("\(path): \(problem)") }
        throw ExitCode(LoadExitCode.invalidRun)
    }
}
