import Foundation
import Load

/// One page about everything that was measured under one label. It needs no script, no other file and no network.
public struct Report {
    private let run: ReportedRun
    private let paper: PaperPoints?
    private let shapes: RunShapes
    /// Drawings by experiment; those of a prediction under its directory's name.
    public var drawings: [String: [PlotDrawer.Drawing]] = [:]
    /// Why there are no drawings.
    public var drawingProblem: String?
    public var prediction: Prediction?
    /// From the report's directory to the results.
    public var resultsLink = "."

    public init(_ run: ReportedRun, paper: PaperPoints?) {
        self.run = run
        self.paper = paper
        shapes = RunShapes(run)
    }

    public var judgedShapes: [JudgedShape] { shapes.judged }

    public func html() -> String {
        var number = 0
        func figures(_ name: String, _ subject: String) -> [HTML] {
            (drawings[name] ?? []).map { drawing in
                number += 1
                let label = "\(subject): \(drawing.caption)"
                guard let svg = InlineDrawing.markup(drawing.svg, number: number, label: label) else {
                    return "<p class=\"banner open\">\(drawing.path) is no drawing.</p>\n"
                }
                return """
                    <figure>\(HTML(markup: svg))
                    <figcaption>\(subject). \(drawing.caption)</figcaption></figure>

                    """
            }
        }
        let sections = run.experiments.map { experiment in
            ExperimentSection(
                experiment: experiment,
                drawings: figures(experiment.name, "\(experiment.title), \(Self.budgetText(experiment))"),
                verdicts: sectionVerdicts(experiment), paper: paper,
                link: "\(resultsLink)/\(experiment.name)/\(run.label)"
            ).html
        }
        let predicted = prediction.map {
            PredictionSection.html($0, drawings: figures(Prediction.directoryName, "Prediction"))
        }
        let page: HTML = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Corral: \(hasPaper ? "the paper's evaluation" : "measured"), \(run.label)</title>
            <style>
            \(ReportStyle.css)</style></head><body>
            \(header)\(contents)
            \(hasPaper ? ShapesSection.html(judgedShapes) : "")
            \(TrustSection.html(run))
            \(sections)
            \(predicted ?? "")
            \(EnvironmentSection.html(run))
            </body></html>

            """
        return page.text
    }

    /// Whose CPU time an experiment's figures are of; every caption says it.
    static func budgetText(_ experiment: ReportedExperiment) -> String {
        switch experiment.body {
        case .saturation(let summary): summary.limitText
        case .broadcast(let summary): summary.limitText
        case .peers, .comparison: LimitText().text
        case .creates, .barriers:
            experiment.heading?.refused.map { LimitText(refused: $0).text } ?? TablePlots.sharedCpus
        case .other, .unreadable:
            experiment.heading?.refused.map { LimitText(refused: $0).text } ?? "CPUs as its own title says"
        }
    }

    /// Those of every kind of server.
    private func sectionVerdicts(_ experiment: ReportedExperiment) -> [ExplainedVerdict] {
        guard case .saturation(let summary) = experiment.body, summary.kinds.count > 1 else {
            return shapes.verdicts(of: experiment, kind: .corral)
        }
        return summary.kinds.flatMap { kind in
            shapes.verdicts(of: experiment, kind: kind).map { item in
                var item = item
                item.verdict.name = "\(kind.title): \(item.verdict.name)"
                return item
            }
        }
    }

    /// Whether anything here is of the paper, or may have been meant to be.
    private var hasPaper: Bool { run.experiments.contains { $0.heading == nil || $0.heading?.paper != nil } }

    private var header: HTML {
        let environments = run.experiments.compactMap { $0.heading?.environment }
        let statuses = run.experiments.filter { $0.status != .valid }.map { experiment -> HTML in
            "<li><a href=\"#\(experiment.name)\">\(experiment.title)</a>: \(Self.statusText(experiment))</li>"
        }
        let warning: HTML =
            statuses.isEmpty
            ? "" : "<div class=\"banner bad\">Not everything here is a valid result:<ul>\(statuses)</ul></div>\n"
        let noDrawings = drawingProblem.map { text -> HTML in
            "<p class=\"banner open\">Drawings are missing: \(text)</p>\n"
        }
        let machine = EnvironmentSection.short(environments, durability: durability)
        let paper: HTML = """
            <header><h1>The paper's evaluation on this machine: \(run.label)</h1>
            <p class="lead">Hunt, Konar, Junqueira, Reed: <em>ZooKeeper: Wait-free coordination for Internet-scale
            systems</em>, USENIX ATC 2010, section 5, measured again with Corral.</p>

            """
        return """
            \(hasPaper ? paper : "<header><h1>Measured on this machine: \(run.label)</h1>")
            \(warning)\(noDrawings ?? "")\(machine ?? "")</header>

            """
    }

    private static func statusText(_ experiment: ReportedExperiment) -> String {
        if case .unreadable = experiment.body { return "no result" }
        return experiment.status.rawValue
    }

    private var durability: String {
        var words: Set<String> = []
        for experiment in run.experiments {
            switch experiment.body {
            case .saturation(let summary): words.formUnion(summary.subjects.map(\.description.durability))
            case .broadcast(let summary):
                // Which compares forced logs with others says so itself.
                guard summary.plan.logs == nil else { break }
                words.formUnion(summary.subjects.flatMap { $0.runs.map(\.description.durability) })
            case .creates(let summary): words.formUnion(summary.descriptions.values.map(\.durability))
            case .barriers(let summary): words.insert(summary.description.durability)
            case .peers(let summary): words.formUnion(summary.subjects.map(\.description.durability))
            case .comparison(let summary): words.formUnion(summary.durabilities)
            case .other, .unreadable: break
            }
        }
        if words == ["fsync"] { return "every write is forced to disk before it is acknowledged (fsync)" }
        return words.isEmpty ? "unknown" : words.sorted().joined(separator: ", ")
    }

    private var contents: HTML {
        var items: [(String, String)] = hasPaper ? [("shapes", "Shapes"), ("trust", "Trust")] : [("trust", "Trust")]
        items += run.experiments.map { ($0.name, $0.heading?.paper ?? $0.title) }
        if prediction != nil { items.append(("prediction", "Prediction")) }
        items.append(("environment", "Environment"))
        let links = items.map { id, title -> HTML in "<li><a href=\"#\(id)\">\(title)</a></li>\n" }
        return "<nav aria-label=\"Contents\"><ul>\n\(links)</ul></nav>\n"
    }
}
