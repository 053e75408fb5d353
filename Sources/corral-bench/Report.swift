import ArgumentParser
import Evaluation
import Load

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Draws all experiments of one label and writes a page: figures, tables, the paper's shapes.",
        discussion: """
            The page needs no other file: drawings are in it. Results that are partial, invalid or missing are shown \
            as such. Drawings also go to PLOTS as SVG and PNG; without gnuplot the page comes without them, and says so.

            Exit codes: 0 written, whatever it says, 64 wrong usage, 1 anything else.
            """)

    @Argument(help: "The label of the run.")
    var label: String
    @Option(help: "Directory for results.")
    var output = "Results"
    @Option(help: "The page. Default: OUTPUT/report/LABEL/report.html.")
    var to: String?
    @Option(help: "Where drawings go.")
    var plots = "plots"
    @Option(help: "Only these experiments, separated by commas.")
    var only: String?
    @Option(help: "The paper's own points.")
    var paper = "Bench/paper/points.csv"
    @Flag(help: "Predict without the simulator, which takes up to a minute.")
    var noSimulation = false
    @Flag(help: "No progress.")
    var quiet = false

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        try finish { () throws(LoadError) in try arguments.work() }
    }

    private func work() throws(LoadError) {
        _ = try ResultFiles.path(output: output, experiment: "report", label: label)
        var writer = ReportWriter(output: output, plots: plots, paper: try PaperPoints.load(paper))
        writer.simulates = !noSimulation
        writer.judges = true
        writer.only = only?.split(separator: ",").map(String.init) ?? []
        let (path, shapes) = try writer.write(label: label, to: to, progress: ProgressReporter(quiet: quiet))
        for shape in shapes { print("\(shape.shape.number). \(shape.shape.title): \(shape.outcome.rawValue)") }
        print("written to \(path)")
    }
}
