/// History as text, and as what `plots/history.gp` draws.
public enum HistoryReport {
    public static func text(_ history: History, _ series: [History.Series]) -> String {
        guard !series.isEmpty else { return "no runs" }
        var lines: [String] = []
        var heading = ""
        for item in series {
            let title = "\(item.source) on \(item.machine), \(item.fileSystem), \(item.compiler)"
            if title != heading { lines.append(title) }
            heading = title
            let last = item.entries.last.map { "\(value(item.values.last!, item.metric)) at \(commit($0))" } ?? ""
            lines.append("  \(padded(name(item.metric), 24, left: true)) \(item.values.count) runs, last \(last)")
            for change in item.changes {
                let entry = item.entries[change.index]
                let canary = item.canary(of: change)
                let word = canary != nil ? "other" : item.isWorse(change) ? "worse" : "better"
                lines.append(
                    "    \(word) since \(commit(entry)), \(entry.at): "
                        + "\(value(change.before, item.metric)) to \(value(change.after, item.metric)), "
                        + "×\(fixed(change.ratio, 3)), p \(fixed(change.pValue, 4))"
                        + (canary.map { "; the machine: \($0.name) ×\(fixed($0.ratio, 3))" } ?? ""))
            }
        }
        for number in history.oddLines { lines.append("line \(number) is no entry of this version") }
        return lines.joined(separator: "\n")
    }

    static func commit(_ entry: HistoryEntry) -> String { entry.commit.prefix(10) + (entry.dirty ? "+" : "") }

    private static func name(_ metric: String) -> String { RegressionMetric(rawValue: metric)?.title ?? metric }

    private static func value(_ number: Double, _ metric: String) -> String {
        switch RegressionMetric(rawValue: metric) {
        case .cpuPerRead, .cpuPerWrite: "\(fixed(number, 4)) µs"
        case .readThroughput, .writeThroughput: "\(short(number))/s"
        case .offeredP99: shortTime(number)
        case nil: fixed(number, 3)
        }
    }

    /// One machine and source: each metric relative to its first run, changes marked.
    ///
    /// - Returns: a script that sets variables and data blocks for `plots/history.gp`; nil below two runs.
    public static func plotData(_ series: [History.Series]) -> String? {
        guard let first = series.first, series.contains(where: { $0.values.count > 1 }) else { return nil }
        func quoted(_ text: String) -> String { "\"" + text.filter { $0 != "\"" && $0 != "\\" } + "\"" }
        var lines = [
            "machine = \(quoted(first.machine))", "durability = \(quoted(first.source))",
            "runs_text = \"\(series.map(\.values.count).max() ?? 0) runs\"", "count = \(series.count)",
            "array names[\(series.count)] = [\(series.map { quoted(name($0.metric)) }.joined(separator: ", "))]",
            "longest = \(series.map(\.values.count).max() ?? 1)",
        ]
        let longest = series.max { $0.entries.count < $1.entries.count }!
        let ticks = longest.entries.enumerated().map { "\(quoted(String(commit($0.element)))) \($0.offset + 1)" }
        lines.append("ticks = '\(ticks.joined(separator: ", "))'")
        for (number, item) in series.enumerated() {
            lines.append("$runs\(number + 1) << EOD")
            for (index, value) in item.values.enumerated() {
                lines.append("\(index + 1) \(fixed(value / item.values[0], 5))")
            }
            lines.append("EOD")
            lines.append("$changes\(number + 1) << EOD")
            for change in item.changes {
                lines.append(
                    "\(fixed(Double(change.index) + 1, 1)) \(fixed(change.after / item.values[0], 5)) "
                        + "\(item.isWorse(change) ? 1 : 0)")
            }
            // A block may not be empty.
            if item.changes.isEmpty { lines.append("NaN NaN NaN") }
            lines.append("EOD")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
