/// The paper's nine shapes, each with what this run has of it.
enum ShapesSection {
    static func html(_ judged: [JudgedShape]) -> HTML {
        let reproduced = judged.count { $0.outcome == .reproduced }
        let failed = judged.count { $0.outcome == .notReproduced }
        let open = judged.count - reproduced - failed
        return """
            <section id="shapes"><h2>The paper's shapes</h2>
            <p>Absolute numbers depend on the machine; shapes should not. Of the nine, <strong>\(reproduced) \
            reproduced, \(failed) not reproduced, \(open) not tested</strong> in this run.</p>
            \(judged.map(html))</section>

            """
    }

    private static func html(_ shape: JudgedShape) -> HTML {
        let lines = shape.verdicts.map { verdict($0, named: shape.verdicts.count > 1) }
        let body: [HTML] =
            lines.isEmpty ? ["<p>No result of \(shape.shape.experiment) under this label has it.</p>\n"] : lines
        return """
            <div class="shape is-\(look(shape.outcome))"><h3>\(shape.shape.number). \(shape.shape.title)
            <span class="outcome \(look(shape.outcome))">\(shape.outcome.rawValue)</span></h3>
            <p class="note">The paper (\(shape.shape.experiment)): \(shape.shape.paper).</p>
            \(body)</div>

            """
    }

    /// One verdict in an experiment's own section.
    static func verdict(_ item: ExplainedVerdict, named: Bool = true) -> HTML {
        let outcome: HTML =
            named
            ? """
            <span class="outcome \(look(item.verdict.outcome))">\(item.verdict.outcome.rawValue)</span>: \
            \(item.verdict.name). 
            """ : ""
        let explanation = item.explanation.map { text -> HTML in " <span class=\"note\">Why: \(text).</span>" } ?? ""
        return "<p>\(outcome)Measured: \(item.verdict.measured).\(explanation)</p>\n"
    }

    static func look(_ outcome: ShapeVerdict.Outcome) -> String {
        switch outcome {
        case .reproduced: "good"
        case .notReproduced: "bad"
        case .notTested: "open"
        }
    }
}
