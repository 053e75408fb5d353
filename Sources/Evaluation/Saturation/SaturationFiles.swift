import Load

/// A saturation experiment's CSV files, and what its plot scripts load.
enum SaturationFiles {
    static func write(
        _ summary: SaturationSummary, paper: [Int: Curve], directory: String
    ) throws(LoadError) {
        try ResultFiles.write(summary.csv, to: "\(directory)/figures.csv")
        if let derived = summary.derived {
            let text = SaturationSummary.derivedCsv(derived, in: summary)
            try ResultFiles.write(text, to: "\(directory)/derived.csv")
        }
        try ResultFiles.write(paperCsv(paper), to: "\(directory)/paper.csv")
        try ResultFiles.write(plotVariables(summary, paper: paper), to: "\(directory)/plot.gp")
    }

    static func paperCsv(_ curves: [Int: Curve]) -> String {
        var lines = ["servers,read_percent,ops_per_s"]
        for servers in curves.keys.sorted() {
            for point in curves[servers]!.points {
                lines.append("\(servers),\(Decimal.text(point.x, 2)),\(Decimal.text(point.y, 0))")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    static func plotVariables(_ summary: SaturationSummary, paper: [Int: Curve]) -> String {
        func quoted(_ text: String) -> String { "\"" + text.filter { $0 != "\"" && $0 != "\\" } + "\"" }
        let plan = summary.plan
        let subjects = summary.subjects.map(\.subject)
        let kinds = Set(subjects.map(\.kind)).count
        let placements = Set(subjects.map(\.clients)).count
        let titles = subjects.map { subject in
            var text = subject.servers == 1 ? "1 server" : "\(subject.servers) servers"
            if kinds > 1 { text = "\(subject.kind.title), \(text)" }
            if placements > 1, subject.clients != .everywhere { text += ", clients on the \(subject.clients.rawValue)" }
            return quoted(text)
        }
        let durability = Set(summary.subjects.map(\.description.durability)).sorted().joined(separator: ", ")
        let rounds = plan.rounds == 1 ? "one round" : "\(plan.rounds) rounds, median and interval"
        let lines = [
            "subjects = \"\(subjects.map(\.name).joined(separator: " "))\"",
            "sizes = \"\(subjects.map { "\($0.servers)" }.joined(separator: " "))\"",
            "array subject_titles[\(max(1, subjects.count))] = [\(titles.joined(separator: ", "))]",
            "paper_sizes = \"\(paper.keys.sorted().map { "\($0)" }.joined(separator: " "))\"",
            "heading = \(quoted(summary.title))",
            "paper_name = \(quoted(summary.paper ?? ""))",
            "durability = \(quoted(durability))",
            "machine = \(quoted(summary.environment.machine))",
            "figures_file = \"\(summary.derived == nil ? "figures" : "derived").csv\"",
            "cpu_text = \(quoted(summary.limitText))",
            "measured_text = \(quoted(summary.sharedText))",
            "load_text = \"\(plan.connections) clients, \(plan.window) outstanding each, "
                + "\(plan.valueBytes)-byte values\"",
            "runs_text = \(quoted(rounds))",
        ]
        return lines.joined(separator: "\n") + "\n"
    }
}
