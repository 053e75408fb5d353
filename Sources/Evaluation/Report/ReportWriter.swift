import Foundation
import Load

/// Makes a report: finds the results, draws what they have, judges them, writes the page.
public struct ReportWriter {
    /// Below the results.
    static let directoryName = "report"

    /// The directory of results.
    public var output: String
    /// Where drawings go; their scripts are in `plots/` below `root`.
    public var plots: String
    public var root: String
    public var paper: PaperPoints
    /// Experiments to look at; empty: all.
    public var only: [String] = []
    /// Whether predictions ask the simulator too, which takes up to a minute unless it was asked before.
    public var simulates = false
    /// Whether results are judged as `check-result` does: what that refuses is then shown as invalid.
    public var judges = false

    public init(output: String, plots: String, root: String = ".", paper: PaperPoints) {
        self.output = output
        self.plots = plots
        self.root = root
        self.paper = paper
    }

    /// - Parameter path: nil: `report.html` in a directory of the label's below the results.
    /// - Returns: where the page is, and what it says of the paper's shapes.
    public func write(
        label: String, to path: String? = nil, progress: ProgressReporter
    ) throws(LoadError) -> (path: String, shapes: [JudgedShape]) {
        let run = try ReportedRun(label: label, output: output, only: only) { path in
            judges ? ExperimentCheck.judge(path, paper: paper) : []
        }
        var report = Report(run, paper: paper)
        report.prediction = try prediction(run, progress)
        let prediction = report.prediction
        let drawn = Result { () throws(LoadError) in try drawings(run, prediction, progress) }
        switch drawn {
        case .success(let drawings): report.drawings = drawings
        case .failure(.environment(let problem)):
            report.drawingProblem = problem
            progress.note("no drawings: \(problem)")
        case .failure(let error): throw error
        }
        let place: String
        if let path {
            place = path
        } else {
            let own = try ResultFiles.directory(output: output, experiment: Self.directoryName, label: label)
            place = "\(own)/report.html"
        }
        report.resultsLink = Self.link(from: place, to: output)
        try ResultFiles.write(report.html(), to: place)
        return (place, report.judgedShapes)
    }

    /// By experiment.
    private func drawings(
        _ run: ReportedRun, _ prediction: Prediction?, _ progress: ProgressReporter
    ) throws(LoadError) -> [String: [PlotDrawer.Drawing]] {
        var drawings: [String: [PlotDrawer.Drawing]] = [:]
        let drawer = PlotDrawer(gnuplot: Gnuplot(root: root), directory: plots)
        for experiment in run.experiments {
            for plot in try ExperimentPlots.prepare(experiment, paper: paper, root: root) {
                drawings[experiment.name, default: []].append(
                    try drawer.draw(plot, results: experiment.directory, stem: "\(run.label)-\(experiment.name)"))
            }
            if case .other = experiment.body, drawings[experiment.name] == nil {
                drawings[experiment.name] = otherDrawings(experiment, label: run.label)
            }
            progress.note("drawn: \(experiment.name)")
        }
        guard let prediction else { return drawings }
        let place = try predictionDirectory(run.label)
        let machine = run.experiments.compactMap { $0.heading?.environment?.machine }.first ?? ""
        try PredictionFiles.write(prediction, paper: try paperCurves, machine: machine, directory: place)
        for plot in PredictionFiles.plots(prediction) {
            drawings[Prediction.directoryName, default: []].append(
                try drawer.draw(plot, results: place, stem: "\(run.label)-prediction"))
        }
        return drawings
    }

    /// Drawings that others have made of a kind that this report cannot draw.
    private func otherDrawings(_ experiment: ReportedExperiment, label: String) -> [PlotDrawer.Drawing] {
        let stem = "\(label)-\(experiment.name)"
        var places = experiment.files.map { "\(experiment.directory)/\($0)" }
        let drawn = ((try? FileManager.default.contentsOfDirectory(atPath: plots)) ?? []).sorted()
        places += drawn.filter { $0.hasPrefix("\(stem)-") || $0.hasPrefix("\(stem).") }.map { "\(plots)/\($0)" }
        return places.filter { $0.hasSuffix(".svg") }.compactMap { place in
            FileManager.default.contents(atPath: place).map {
                PlotDrawer.Drawing(
                    caption: place.split(separator: "/").last.map { String($0.dropLast(".svg".count)) } ?? "",
                    svg: String(decoding: $0, as: UTF8.self), path: place)
            }
        }
    }

    private var paperCurves: [Int: Curve] {
        get throws(LoadError) { try paper.curves(["fig5_digitised", "table1"]) }
    }

    private func predictionDirectory(_ label: String) throws(LoadError) -> String {
        try ResultFiles.path(output: output, experiment: Prediction.directoryName, label: label)
    }

    /// The one asked for with `corral-bench predict`, for the same hardware but from what is there now; without one,
    /// for a computer like the paper's: a gigabit link, and here one CPU and disk like the measured ones.
    private func prediction(_ run: ReportedRun, _ progress: ProgressReporter) throws(LoadError) -> Prediction? {
        let source = run.saturations.first { item in
            item.summary.status != .invalid && (try? RoleCosts(item.summary)) != nil
        }
        guard let source else { return nil }
        let place = try predictionDirectory(run.label) + "/summary.json"
        var hardware = try Hardware(
            fsyncMillis: min(10_000, Prediction.fsyncMillis(source.summary.environment) ?? 1))
        var known: SimulatedPrediction?
        if let data = FileManager.default.contents(atPath: place),
            let asked = try? JSONDecoder().decode(Prediction.self, from: data)
        {
            hardware = asked.hardware
            known = asked.simulated
        }
        var prediction = try Prediction(
            source.summary, source: "\(source.experiment.name)/\(run.label)", hardware: hardware, label: run.label)
        if simulates {
            do throws(LoadError) {
                try prediction.simulate(known: known, progress: progress)
            } catch {
                // The page says that there is none; all else stands.
                progress.note("no simulated prediction: \(error)")
            }
        }
        return prediction
    }

    /// The way from a file's directory to another directory, both relative to the working directory or absolute.
    static func link(from file: String, to directory: String) -> String {
        func parts(_ path: String) -> [Substring] {
            let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
            return (absolute as NSString).standardizingPath.split(separator: "/")
        }
        let from = parts(file).dropLast()
        let to = parts(directory)
        let common = zip(from, to).prefix { $0 == $1 }.count
        let steps = Array(repeating: "..", count: from.count - common) + to.dropFirst(common).map(String.init)
        return steps.isEmpty ? "." : steps.joined(separator: "/")
    }
}

extension PredictionFiles {
    static func plots(_ prediction: Prediction) -> [ExperimentPlot] {
        var list = [
            ExperimentPlot(
                script: "prediction", name: "curves",
                caption: "Predicted throughput for \(prediction.hardware.text). Lines: the model"
                    + (prediction.simulated == nil ? "" : ", crosses: the simulator")
                    + ". Hollow: the paper's own points.")
        ]
        if prediction.isBudgeted {
            list.insert(
                ExperimentPlot(
                    script: "prediction-check", name: "check",
                    caption: "The prediction for the measured run's own CPU budget (lines; crosses: the simulator) "
                        + "against what was measured (points): \(errorText(prediction))."), at: 0)
        }
        return list
    }
}
