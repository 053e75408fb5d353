import Load

/// One experiment of a report: what it is, whether it counts, its drawings, its tables, its verdicts, its files.
struct ExperimentSection {
    var experiment: ReportedExperiment
    var drawings: [HTML]
    var verdicts: [ExplainedVerdict]
    var paper: PaperPoints?
    /// From the report's directory to the experiment's.
    var link: String

    var html: HTML {
        let heading = experiment.heading
        let paperName = heading?.paper.map { " (\($0))" } ?? ""
        return """
            <section id="\(experiment.name)"><h2>\(experiment.title)\(paperName)</h2>
            \(banner)\(limits)\(when)\(drawings)\(content)
            \(verdictList)\(command)\(files)</section>

            """
    }

    /// Says plainly what may not be used.
    private var banner: HTML {
        switch experiment.body {
        case .unreadable(let reason): return "<p class=\"banner bad\">No result: \(reason).</p>\n"
        case .saturation, .broadcast, .creates, .barriers, .peers, .comparison, .other: break
        }
        guard let heading = experiment.heading, heading.status != .valid else { return "" }
        let reasons = (heading.statusReasons ?? []).map { text -> HTML in "<li>\(text)</li>" }
        let list: HTML = reasons.isEmpty ? "" : "<ul>\(reasons)</ul>"
        switch heading.status {
        case .invalid:
            return """
                <div class="banner bad">INVALID: a check failed; these figures are no result.\(list)</div>

                """
        case .partial:
            return """
                <div class="banner open">PARTIAL: interrupted; what is here is right, but not all.\(list)</div>

                """
        case .valid: return ""
        }
    }

    /// What the machine did not permit.
    private var limits: HTML {
        guard let sentences = experiment.heading?.refused?.sentences, !sentences.isEmpty else { return "" }
        let list = sentences.map { text -> HTML in "<li>\(text)</li>" }
        return "<div class=\"banner open\">Not permitted on this machine:<ul>\(list)</ul></div>\n"
    }

    private var when: HTML {
        guard let heading = experiment.heading else { return "" }
        let minutes = heading.elapsedSeconds.map { ", took \(Decimal.text($0 / 60, 1)) minutes" } ?? ""
        let scale = heading.scale.map { "scale \($0.rawValue), " } ?? ""
        return "<p class=\"lead\">\(scale)begun \(heading.startedAt ?? "at an unknown time")\(minutes).</p>\n"
    }

    private var content: HTML {
        switch experiment.body {
        case .saturation(let summary):
            let curves = paper.flatMap { try? $0.curves(summary.plan.paperPoints) } ?? [:]
            return SaturationSection.html(experiment, summary, paper: curves)
        case .broadcast(let summary):
            return BroadcastSection.html(summary) { paper?.broadcast(summary.plan, log: $0) ?? [] }
        case .creates(let summary): return CreatesSection.html(summary)
        case .barriers(let summary): return BarriersSection.html(summary)
        case .peers(let summary): return PeersSection.html(summary)
        case .comparison(let summary): return ComparisonSection.html(summary)
        case .other: return tables
        case .unreadable: return ""
        }
    }

    /// The comma-separated files of a kind without a section of its own.
    private var tables: HTML {
        var html: HTML = ""
        for name in experiment.files where name.hasSuffix(".csv") && name != "paper.csv" {
            guard let text = experiment.file(name), let table = ReportTable.ofCsv(text, caption: name) else { continue }
            html += "<details open><summary>\(name)</summary>\(table.html)</details>\n"
        }
        return html
    }

    private var verdictList: HTML {
        guard !verdicts.isEmpty else { return "" }
        return """
            <h3>Against the paper's shape</h3>
            \(verdicts.map { ShapesSection.verdict($0) })

            """
    }

    private var command: HTML {
        guard let argv = experiment.heading?.environment?.argv else { return "" }
        return "<h3>Command line</h3>\n<pre><code>\(argv.map(Self.shellQuoted).joined(separator: " "))</code></pre>\n"
    }

    /// As a shell takes it.
    static func shellQuoted(_ argument: String) -> String {
        let isPlain =
            !argument.isEmpty
            && argument.allSatisfy { $0.isLetter || $0.isNumber || "-_./=,:+@%".contains($0) }
        return isPlain ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
    }

    private var files: HTML {
        let names = experiment.files
        guard !names.isEmpty else { return "" }
        let links = names.map { name -> HTML in "<a href=\"\(link)/\(name)\">\(name)</a> " }
        return "<p class=\"note\">Raw files: \(links)</p>\n"
    }
}
