import Foundation
import Load

/// The drawings of one experiment's result.
public struct ExperimentPlot: Equatable, Sendable {
    /// Below `plots/`, without `.gp`.
    public var script: String
    /// The last part of the drawing's name.
    public var name: String
    /// One sentence, below the drawing.
    public var caption: String
}

public enum ExperimentPlots {
    /// Writes what scripts read, from the summary; names the drawings.
    ///
    /// - Parameter root: holds `plots/` with the scripts.
    public static func prepare(
        _ experiment: ReportedExperiment, paper: PaperPoints, root: String
    ) throws(LoadError) -> [ExperimentPlot] {
        switch experiment.body {
        case .saturation(let summary):
            guard !summary.subjects.isEmpty else { return [] }
            try SaturationFiles.write(
                summary, paper: try paper.curves(summary.plan.paperPoints), directory: experiment.directory)
            try SaturationPlotFiles.write(
                summary, paper: try paper.curves(summary.plan.paperPoints), directory: experiment.directory)
            return saturation(summary)
        case .broadcast(let summary):
            guard !summary.subjects.isEmpty else { return [] }
            try BroadcastPlotFiles.write(summary, paper: paper, directory: experiment.directory)
            return broadcast(summary)
        case .creates(let summary):
            guard !summary.rows.isEmpty else { return [] }
            try CreatesPlotFiles.write(summary, paper: paper, directory: experiment.directory)
            return TablePlots.creates(summary)
        case .barriers(let summary):
            guard !summary.rows.isEmpty else { return [] }
            try BarriersPlotFiles.write(summary, paper: paper, directory: experiment.directory)
            return TablePlots.barriers(summary)
        case .peers(let summary):
            guard !summary.rows.isEmpty else { return [] }
            try PeersFiles.write(summary, directory: experiment.directory)
            return [
                ExperimentPlot(
                    script: "peers", name: "peers",
                    caption: "Throughput and server CPU time per operation by share of reads, a panel for each size of "
                        + "ensemble, logarithmic; bars: range of the rounds. Hollow: the load generator may have been "
                        + "the limit.")
            ]
        case .comparison(let summary):
            guard let drawing = summary.drawing else { return [] }
            for (name, text) in summary.files {
                try ResultFiles.write(text, to: "\(experiment.directory)/\(name)")
            }
            return [ExperimentPlot(script: summary.kind, name: "curves", caption: drawing.caption)]
        case .other:
            // Whoever measured it left what its script reads.
            guard experiment.file("plot.gp") != nil, let kind = experiment.heading?.kind,
                FileManager.default.fileExists(atPath: "\(root)/plots/\(kind).gp")
            else { return [] }
            return [ExperimentPlot(script: kind, name: kind, caption: experiment.heading?.paper ?? experiment.title)]
        case .unreadable: return []
        }
    }

    private static func saturation(_ summary: SaturationSummary) -> [ExperimentPlot] {
        let paper = summary.plan.paperPoints.isEmpty ? "" : " Hollow: the paper's own points"
        return [
            ExperimentPlot(
                script: "saturation", name: "throughput",
                caption: (summary.derived == nil ? "Throughput" : "Derived throughput")
                    + " over the share of reads, logarithmic.\(paper.isEmpty ? "" : paper + ".")"),
            ExperimentPlot(
                script: "saturation-linear", name: "linear",
                caption: "The same as the paper draws it: linear, and cut off at the top."
                    + (paper.isEmpty ? "" : paper + ", on the right axis, which is to ours as their run to this one.")),
            ExperimentPlot(
                script: "saturation-cpu", name: "cpu",
                caption: "CPU time per operation of the whole ensemble: what its leader and what each follower uses"
                    + (summary.derived == nil ? "." : ", measured; what capacity is derived from.")),
        ]
    }

    private static func broadcast(_ summary: BroadcastSummary) -> [ExperimentPlot] {
        if summary.plan.isLatency == true, summary.plan.logs != nil {
            return [
                ExperimentPlot(
                    script: "broadcast-logs", name: "latency",
                    caption: "Time of one transaction when there is no other, logarithmic, over the size of the "
                        + "ensemble; bars are the fastest and the slowest half second. Hollow: the paper's means.")
            ]
        }
        if summary.plan.logs != nil {
            return [
                ExperimentPlot(
                    script: "broadcast-logs", name: "throughput",
                    caption: "Transactions per second over the size of the ensemble; bars are the slowest and the "
                        + "fastest half second. Hollow: the paper's mean, least and most, on the right axis.")
            ]
        }
        return [
            ExperimentPlot(
                script: "broadcast", name: "throughput",
                caption: (summary.isDerived
                    ? "Derived transactions per second over the size of the ensemble; bars are the interval of rounds."
                    : "Transactions per second over the size of the ensemble; bars are the slowest and the fastest "
                        + "half second of all rounds.") + " Hollow: the paper's mean, minimum and maximum.")
        ]
    }
}

/// What the plots of ensembles need beyond `figures.csv`.
enum SaturationPlotFiles {
    static func write(_ summary: SaturationSummary, paper: [Int: Curve], directory: String) throws(LoadError) {
        try ResultFiles.write(rolesCsv(summary), to: "\(directory)/roles.csv")
        let path = "\(directory)/plot.gp"
        let variables = SaturationFiles.plotVariables(summary, paper: paper) + linearVariables(summary, paper: paper)
        try ResultFiles.write(variables, to: path)
    }

    static func rolesCsv(_ summary: SaturationSummary) -> String {
        var lines = ["subject,servers,role,read_percent,cpu_us,cpu_low,cpu_high,written_bytes"]
        // A role's lines together: other lines between them would break the curve.
        for result in summary.subjects {
            for role in [MemberRole.leader, .follower, .observer] {
                for figure in result.saturated {
                    guard let own = (figure.roles ?? []).first(where: { $0.role == role }) else { continue }
                    let cpu = own.cpuMicrosPerOperation
                    let columns: [String] = [
                        result.subject.name, "\(result.subject.servers)", role.rawValue,
                        Decimal.text(figure.point.readPercent, 2), Decimal.text(cpu.median, 4),
                        Decimal.text(cpu.low, 4), Decimal.text(cpu.high, 4),
                        Decimal.text(own.writtenBytesPerOperation.median, 1),
                    ]
                    lines.append(columns.joined(separator: ","))
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Where the linear plot is cut, and the same place on the paper's axis: both so that the smallest ensemble ends
    /// just below it with reads alone, as in the paper.
    private static func linearVariables(_ summary: SaturationSummary, paper: [Int: Curve]) -> String {
        let subjects = summary.subjects.map(\.subject)
        func top(_ subject: SaturationPlan.Subject) -> Double {
            let curves = summary.capacityCurves(kind: subject.kind, clients: subject.clients)
            return curves[subject.servers]?.points.map(\.y).max() ?? 0
        }
        let isCut = subjects.contains { $0.clients != .leader }
        let smallest = subjects.filter { $0.servers > 1 }.map(\.servers).min() ?? subjects.map(\.servers).min() ?? 0
        let shown = isCut ? subjects.filter { $0.servers == smallest } : subjects
        let cap = max(1, 1.03 * (shown.map(top).max() ?? 1))
        var paperCap = 0.0
        let paperShown = isCut ? paper.filter { $0.key == smallest } : paper
        if let most = paperShown.values.flatMap({ $0.points.map(\.y) }).max() { paperCap = 1.03 * most }
        return "cap = \(Decimal.text(cap, 0))\npaper_cap = \(Decimal.text(paperCap, 0))\n"
    }
}

/// What the plot of a broadcast needs beyond `figures.csv`.
enum BroadcastPlotFiles {
    static func write(_ summary: BroadcastSummary, paper: PaperPoints, directory: String) throws(LoadError) {
        try ResultFiles.write(summary.csv, to: "\(directory)/figures.csv")
        if let logs = summary.plan.logs {
            return try write(summary, logs: logs, paper: paper, directory: directory)
        }
        let points = paper.broadcast(summary.plan.paperPoints)
        try ResultFiles.write(paperCsv(points), to: "\(directory)/paper.csv")
        let sizes = Set(summary.subjects.map(\.subject.bytes)).sorted()
        let durability = Set(summary.subjects.flatMap { $0.runs.map(\.description.durability) }).sorted()
        let rounds = summary.plan.rounds == 1 ? "one round" : "\(summary.plan.rounds) rounds"
        let top = summary.subjects.map { $0.derived?.perSecond.high ?? $0.maximumPerSecond }.max() ?? 1
        let lines = [
            "payloads = \"\(sizes.map { "\($0)" }.joined(separator: " "))\"",
            "has_paper = \(points.isEmpty ? 0 : 1)",
            "is_derived = \(summary.isDerived ? 1 : 0)",
            "heading = \(PlotVariables.quoted(summary.title))",
            "paper_name = \(PlotVariables.quoted(summary.paper ?? ""))",
            "durability = \(PlotVariables.quoted(durability.joined(separator: ", ")))",
            "machine = \(PlotVariables.quoted(summary.environment.machine))",
            "cpu_text = \(PlotVariables.quoted(summary.limitText))",
            "load_text = \"\(summary.plan.outstanding) transactions outstanding\"",
            "runs_text = \(PlotVariables.quoted(rounds))",
            "cap = \(Decimal.text(1.05 * top, 0))",
        ]
        try ResultFiles.write(lines.joined(separator: "\n") + "\n", to: "\(directory)/plot.gp")
    }

    /// For `broadcast-logs.gp`.
    private static func write(
        _ summary: BroadcastSummary, logs: [BroadcastLog], paper: PaperPoints, directory: String
    ) throws(LoadError) {
        var lines = ["log,servers,mean,least,most"]
        var most = 0.0
        for log in logs {
            for point in paper.broadcast(summary.plan, log: log) {
                most = max(most, point.maximum ?? point.mean)
                lines.append(
                    "\(log.rawValue),\(point.servers),\(Decimal.text(point.mean, 3)),"
                        + "\(Decimal.text(point.minimum ?? point.mean, 3)),"
                        + Decimal.text(point.maximum ?? point.mean, 3))
            }
        }
        try ResultFiles.write(lines.joined(separator: "\n") + "\n", to: "\(directory)/paper.csv")
        let isLatency = summary.plan.isLatency == true
        let rounds = summary.plan.rounds == 1 ? "one round" : "\(summary.plan.rounds) rounds"
        let top = summary.subjects.map(\.maximumPerSecond).max() ?? 1
        let bytes = summary.payloads.map { "\($0)" }.joined(separator: ", ")
        let load = isLatency ? "one transaction at a time" : "\(summary.plan.outstanding) transactions outstanding"
        let variables = [
            "logs = \"\(logs.map(\.rawValue).joined(separator: " "))\"",
            "array log_titles[\(logs.count)] = "
                + "[\(logs.map { PlotVariables.quoted($0.title) }.joined(separator: ", "))]",
            "is_latency = \(isLatency ? 1 : 0)",
            "has_paper = \(lines.count > 1 ? 1 : 0)",
            "heading = \(PlotVariables.quoted(summary.title))",
            "paper_name = \(PlotVariables.quoted(summary.paper ?? ""))",
            "durability = \"durability as stated\"",
            "machine = \(PlotVariables.quoted(summary.environment.machine))",
            "cpu_text = \(PlotVariables.quoted(summary.limitText))",
            "load_text = \"\(load), \(bytes) bytes of data each\"",
            "runs_text = \(PlotVariables.quoted(rounds))",
            "cap = \(Decimal.text(1.05 * top, 0))",
            "paper_cap = \(Decimal.text(max(1, 1.05 * most), 0))",
        ]
        try ResultFiles.write(variables.joined(separator: "\n") + "\n", to: "\(directory)/plot.gp")
    }

    static func paperCsv(_ points: [PaperBroadcast]) -> String {
        let lines = points.map { point in
            "\(point.servers),\(Decimal.text(point.mean, 0)),\(Decimal.text(point.minimum ?? point.mean, 0)),"
                + "\(Decimal.text(point.maximum ?? point.mean, 0))"
        }
        return (["servers,mean,minimum,maximum"] + lines).joined(separator: "\n") + "\n"
    }
}
