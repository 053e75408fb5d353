import Foundation
import Load

/// A prediction's files, and its text for a terminal.
public enum PredictionFiles {
    /// Writes `summary.json`, `curves.csv`, `check.csv`, `measured.csv`, `simulated.csv`, `simulated-check.csv`,
    /// `paper.csv` and `plot.gp`.
    public static func write(
        _ prediction: Prediction, paper: [Int: Curve], machine: String, directory: String
    ) throws(LoadError) {
        try ResultFiles.makeDirectory(directory)
        try ResultFiles.write(try ResultFiles.json(prediction), to: "\(directory)/summary.json")
        try writePlotData(prediction, paper: paper, machine: machine, directory: directory)
    }

    /// What is predicted and what it is held against, by file.
    static func tables(_ prediction: Prediction) -> [(name: String, text: String)] {
        var curves = ["servers,read_percent,ops_per_s,limit"]
        for point in prediction.points {
            curves.append(
                "\(point.servers),\(Decimal.text(point.readPercent, 2)),"
                    + "\(Decimal.text(point.prediction.operationsPerSecond, 1)),\(point.prediction.limit.rawValue)")
        }
        var check = ["servers,read_percent,predicted_per_s"]
        for point in prediction.points {
            let rate = prediction.check(servers: point.servers, readPercent: point.readPercent)
            check.append("\(point.servers),\(Decimal.text(point.readPercent, 2)),\(Decimal.text(rate, 1))")
        }
        var measured = ["servers,read_percent,predicted_per_s,measured_per_s,ratio"]
        for error in prediction.errors {
            let columns: [String] = [
                "\(error.servers)", Decimal.text(error.readPercent, 2),
                Decimal.text(error.predicted.operationsPerSecond, 1), Decimal.text(error.measuredPerSecond, 1),
                Decimal.text(error.ratio, 4),
            ]
            measured.append(columns.joined(separator: ","))
        }
        var simulated = ["servers,read_percent,ops_per_s"]
        for point in prediction.simulated?.points ?? [] {
            simulated.append(
                "\(point.servers),\(Decimal.text(point.readPercent, 2)),"
                    + Decimal.text(point.operationsPerSecond, 1))
        }
        var simulatedCheck = ["servers,read_percent,simulated_per_s,measured_per_s,ratio"]
        for check in prediction.simulated?.checks ?? [] {
            let columns: [String] = [
                "\(check.servers)", Decimal.text(check.readPercent, 2), Decimal.text(check.operationsPerSecond, 1),
                Decimal.text(check.measuredPerSecond, 1), Decimal.text(check.ratio, 4),
            ]
            simulatedCheck.append(columns.joined(separator: ","))
        }
        return [
            ("curves.csv", curves), ("check.csv", check), ("measured.csv", measured),
            ("simulated.csv", simulated), ("simulated-check.csv", simulatedCheck),
        ].map { ($0, $1.joined(separator: "\n") + "\n") }
    }

    static func writePlotData(
        _ prediction: Prediction, paper: [Int: Curve], machine: String, directory: String
    ) throws(LoadError) {
        let sizes = prediction.sizes
        let heading = PlotVariables.quoted("Throughput predicted from costs measured in \(prediction.source)")
        let variables = [
            "sizes = \"\(sizes.map { "\($0)" }.joined(separator: " "))\"",
            "paper_sizes = \"\(paper.keys.filter(sizes.contains).sorted().map { "\($0)" }.joined(separator: " "))\"",
            "heading = \(heading)",
            "hardware = \(PlotVariables.quoted(prediction.hardware.text))",
            "has_check = \(prediction.isBudgeted ? 1 : 0)",
            "has_simulation = \(prediction.simulated == nil ? 0 : 1)",
            "machine = \(PlotVariables.quoted(machine))",
            "durability = \"fsync\"",
            "runs_text = \(PlotVariables.quoted(errorText(prediction)))",
        ]
        for (name, text) in tables(prediction) { try ResultFiles.write(text, to: "\(directory)/\(name)") }
        try ResultFiles.write(variables.joined(separator: "\n") + "\n", to: "\(directory)/plot.gp")
        try ResultFiles.write(SaturationFiles.paperCsv(paper), to: "\(directory)/paper.csv")
    }

    static func errorText(_ prediction: Prediction) -> String {
        guard let typical = prediction.typicalError else { return "not checked: that run's servers shared the CPUs" }
        let simulator = prediction.simulated?.typicalError.map { ", the simulator by \(percent($0))" } ?? ""
        return "checked on the run itself: the model is off by \(percent(typical))\(simulator) (geometric mean)"
    }

    private static func percent(_ typical: Double) -> String { Decimal.text((typical - 1) * 100, 0) + " %"
    }

    /// For a terminal.
    public static func text(_ prediction: Prediction) -> String {
        var lines = ["predicted from \(prediction.source) for \(prediction.hardware.text)"]
        if prediction.sourceStatus != .valid { lines.append("THE SOURCE IS \(prediction.sourceStatus.rawValue)") }
        let shares = [0.0, 25, 50, 75, 90, 100]
        lines.append("operations per second; in brackets what sets them")
        lines.append("  reads " + prediction.sizes.map { pad("\($0) servers", 16) }.joined())
        for share in shares {
            let cells = prediction.sizes.map { servers -> String in
                guard let point = prediction.points.first(where: { $0.servers == servers && $0.readPercent == share })
                else { return pad("", 16) }
                let rate = ReportNumber.text(point.prediction.operationsPerSecond)
                return pad("\(rate) [\(point.prediction.limit.short)]", 16)
            }
            lines.append(pad("\(Int(share)) %", 7) + " " + cells.joined())
        }
        if let simulated = prediction.simulated {
            lines.append("the same from the simulator (\(simulated.events) events)")
            for share in shares {
                let cells = prediction.sizes.map { servers -> String in
                    let point = simulated.points.first { $0.servers == servers && $0.readPercent == share }
                    return pad(point.map { ReportNumber.text($0.operationsPerSecond) } ?? "", 16)
                }
                lines.append(pad("\(Int(share)) %", 7) + " " + cells.joined())
            }
        }
        lines.append(errorText(prediction))
        for error in prediction.errors {
            lines.append(
                "  \(error.servers) servers, \(NumberFormat.short(error.readPercent)) % reads: predicted "
                    + "\(ReportNumber.text(error.predicted.operationsPerSecond)), measured "
                    + "\(ReportNumber.text(error.measuredPerSecond)), ratio \(Decimal.text(error.ratio, 2))"
                    + simulatedText(prediction, error))
        }
        return lines.joined(separator: "\n")
    }

    private static func simulatedText(_ prediction: Prediction, _ error: PredictionError) -> String {
        guard let check = prediction.simulated?.check(error) else { return "" }
        return "; simulated \(ReportNumber.text(check.operationsPerSecond)), ratio \(Decimal.text(check.ratio, 2))"
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

extension CapacityModel.Limit {
    /// One word, for tables.
    var short: String {
        switch self {
        case .leaderCpu: "leader"
        case .followerCpu: "follower"
        case .network: "network"
        case .disk: "disk"
        }
    }
}
