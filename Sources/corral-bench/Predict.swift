import ArgumentParser
import Evaluation
import Foundation
import Load

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Predicts the throughput of ensembles on other hardware, from a measured experiment.",
        discussion: """
            Two predictions from the same costs: a model of what limits an ensemble, and the simulator, which runs the \
            servers' code in virtual time and charges each operation its cost. \
            Costs by role are taken from an experiment with clients on all servers, measured at 0 and at 100 % reads; \
            the prediction is checked on that very run when its servers had CPU budgets, and says how far it is off. \
            Results: summary.json and curves.csv under OUTPUT/prediction/LABEL, which the report takes up.
            """)

    @Option(help: "The measured experiment, such as Results/figure-5/quick.")
    var from: String
    @Option(help: "CPUs that each server has. A write uses one, so more than one help reads at most.")
    var cpus = 1.0
    @Option(help: "How fast a CPU is against the measured one.")
    var speed = 1.0
    @Option(help: "Megabits per second out of each server.")
    var network = 1000.0
    @Option(help: "Milliseconds to make a batch durable. Default: as on the measured machine.")
    var fsync: Double?
    @Option(help: "The paper's own points.")
    var paper = "Bench/paper/points.csv"
    @Option(help: "Directory for results.")
    var output = "Results"
    @Option(help: "Name of this result. Default: that of the measured experiment.")
    var label: String?

    @Flag(help: "Without the simulator, which takes up to a minute.")
    var noSimulation = false

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        try finish { () throws(LoadError) in try arguments.work() }
    }

    private func work() throws(LoadError) {
        let path = from.hasSuffix("/summary.json") ? from : "\(from)/summary.json"
        guard let data = FileManager.default.contents(atPath: path) else { throw .result("cannot read \(path)") }
        let heading = try? JSONDecoder().decode(SummaryHeading.self, from: data)
        if let heading, heading.schema != SaturationSummary.schemaName {
            throw .result(
                "\(path) is the result of a \(heading.kind) experiment; a prediction takes a saturation's, over the "
                    + "share of reads")
        }
        let summary: SaturationSummary
        do {
            summary = try JSONDecoder().decode(SaturationSummary.self, from: data)
        } catch {
            throw .result("\(path) is no result of a saturation experiment: \(error)")
        }
        guard summary.status != .invalid else { throw .result("\(path) is invalid: nothing follows from it") }
        let hardware = try Hardware(
            cpus: cpus, speed: speed, networkMegabits: network,
            fsyncMillis: fsync ?? Prediction.fsyncMillis(summary.environment) ?? 1)
        let name = label ?? summary.label
        var prediction = try Prediction(
            summary, source: "\(summary.experiment)/\(summary.label)", hardware: hardware, label: name)
        if !noSimulation { try prediction.simulate(known: nil, progress: ProgressReporter(quiet: false)) }
        let place = try ResultFiles.directory(output: output, experiment: Prediction.directoryName, label: name)
        let curves = try PaperPoints.load(paper).curves(["fig5_digitised", "table1"])
        try PredictionFiles.write(prediction, paper: curves, machine: summary.environment.machine, directory: place)
        print(PredictionFiles.text(prediction))
        print("written to \(place)/summary.json")
    }
}
