import Load

/// A failure experiment's CSV files, and what its plot scripts load.
enum FailureFiles {
    static func write(
        _ summary: FailureExperimentSummary, series: [(name: String, slices: [FailureSlice])], paper: PaperPoints,
        directory: String
    ) throws(LoadError) {
        try ResultFiles.write(seriesCsv(series), to: "\(directory)/series.csv")
        try ResultFiles.write(summary.eventsCsv, to: "\(directory)/events.csv")
        try ResultFiles.write(summary.text + "\n", to: "\(directory)/report.txt")
        let course = summary.plan.paperPoints.isEmpty ? nil : try FailureCourse.ofThePaper(paper)
        var lines = ["at_s,ops_per_s"]
        for sample in course?.samples ?? [] {
            lines.append("\(Decimal.text(sample.seconds, 1)),\(Decimal.text(sample.rate, 0))")
        }
        try ResultFiles.write(lines.joined(separator: "\n") + "\n", to: "\(directory)/paper.csv")
        try ResultFiles.write(plotVariables(summary, paper: course), to: "\(directory)/plot.gp")
    }

    static func seriesCsv(_ series: [(name: String, slices: [FailureSlice])]) -> String {
        var lines = ["subject,at_s,ops_per_s,writes_per_s,errors,p50_ms,p99_ms"]
        for (name, slices) in series {
            for slice in slices {
                let columns: [String] = [
                    name, Decimal.text(slice.startSeconds + slice.seconds / 2, 3), Decimal.text(slice.ratePerSecond, 1),
                    Decimal.text(slice.writesPerSecond, 1), "\(slice.errors)",
                    slice.p50Millis.map { Decimal.text($0, 2) } ?? "",
                    slice.p99Millis.map { Decimal.text($0, 2) } ?? "",
                ]
                lines.append(columns.joined(separator: ","))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A subject's samples as `series.csv` has them: verdicts are of these, so that they can be made again.
    static func samples(of name: String, inSeries text: String) -> [FailureCourse.Sample] {
        text.split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: ",", omittingEmptySubsequences: false)
            guard columns.count > 2, columns[0] == name, let seconds = Double(columns[1]),
                let rate = Double(columns[2])
            else { return nil }
            return FailureCourse.Sample(seconds: seconds, rate: rate)
        }
    }

    static func plotVariables(_ summary: FailureExperimentSummary, paper: FailureCourse?) -> String {
        func quoted(_ text: String) -> String { "\"" + text.filter { $0 != "\"" && $0 != "\\" } + "\"" }
        let plan = summary.plan.run
        let runs = summary.subjects.filter { !$0.subject.isTwin }
        let twins = summary.subjects.filter(\.subject.isTwin)
        // Marks are those of the first subject: the others run the same script.
        let marks = runs.first?.result.marks ?? []
        let labels = marks.map { quoted($0.step.label ?? $0.step.title) }
        let events = paper?.events ?? []
        func list(_ name: String, _ values: [String]) -> String {
            "array \(name)[\(max(1, values.count))] = [\(values.isEmpty ? "0" : values.joined(separator: ", "))]"
        }
        let durability = Set(summary.subjects.map(\.result.description.durability)).sorted().joined(separator: ", ")
        let lines = [
            "subjects = \"\(runs.map(\.subject.name).joined(separator: " "))\"",
            "twins = \"\(twins.map(\.subject.name).joined(separator: " "))\"",
            list("subject_titles", runs.map { quoted($0.subject.kind.title) }),
            "seconds = \(Decimal.text(plan.seconds, 1))",
            "marks_count = \(marks.count)",
            list("mark_seconds", marks.map { Decimal.text($0.atSeconds, 3) }),
            list("mark_labels", labels),
            list("mark_faults", marks.map { $0.step.kind.isFault ? "1" : "0" }),
            "paper_marks_count = \(events.count)",
            list("paper_mark_seconds", events.map { Decimal.text($0.seconds, 1) }),
            list("paper_mark_labels", events.map { quoted($0.label) }),
            "heading = \(quoted(summary.title))",
            "paper_name = \(quoted(summary.paper ?? ""))",
            "durability = \(quoted(durability))",
            "machine = \(quoted(summary.environment.machine))",
            "runs_text = \"one run\"",
            "cpu_text = \(quoted(summary.limitText))",
            "load_text = \"\(plan.servers) servers, \(Decimal.text(100 - plan.readPercent, 0)) % writes, "
                + "\(plan.connections) clients, \(plan.window) outstanding each\"",
        ]
        return lines.joined(separator: "\n") + "\n"
    }
}
