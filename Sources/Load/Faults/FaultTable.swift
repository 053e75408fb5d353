/// A fault run's result for a terminal.
public enum FaultTable {
    public static func text(_ summary: FaultSummary) -> String {
        var lines = [
            "faults \(summary.label): \(summary.status == .invalid ? "FAILED" : summary.status.rawValue), "
                + "\(summary.roundsDone) of \(summary.plan.rounds) rounds, seed \(summary.plan.seed)",
            "servers: \(summary.servers.map(\.rawValue).joined(separator: ", "))"
                + (summary.observers > 0 ? ", the last \(summary.observers) observing" : "") + "; "
                + summary.settings.keys.sorted().map { "\($0)=\(summary.settings[$0]!)" }.joined(separator: " "),
            "load: \(summary.plan.connections) clients, "
                + (summary.plan.ratePerSecond.map { "\(short($0)) requests/s" } ?? "window \(summary.plan.window)")
                + ", \(fixed(100 - summary.plan.readPercent, 0)) % writes, \(summary.plan.valueBytes)-byte values",
            "", "milliseconds: p50 / p99 / maximum over the rounds",
        ]
        let header = [
            "fault", "rounds", "no success", "no write", "client's gap (median)", "client's gap (longest)",
            "rate back", "in step again", "unknown writes",
        ]
        func cell(_ spread: Spread?) -> String {
            spread.map { "\(fixed($0.p50, 0)) / \(fixed($0.p99, 0)) / \(fixed($0.maximum, 0))" } ?? "-"
        }
        let rows = summary.figures.map { figure in
            [
                figure.name, "\(figure.rounds)", cell(figure.silentMillis), cell(figure.writeSilentMillis),
                cell(figure.clientGapMedianMillis), cell(figure.clientGapLongestMillis),
                cell(figure.rateBackMillis) + (figure.rateNotBack > 0 ? " (\(figure.rateNotBack) never)" : ""),
                cell(figure.synchronizedMillis), "\(figure.unknownWrites)",
            ]
        }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        for row in [header] + rows {
            lines.append(
                zip(row, widths).enumerated().map { padded($0.1.0, $0.1.1, left: $0.0 == 0) }.joined(separator: "  "))
        }
        lines.append("")
        lines.append(
            "acknowledged writes: \(summary.acknowledgedWrites), lost: \(summary.acknowledgedLost); "
                + "sessions lost: \(summary.sessionsLost)")
        lines.append(
            "checked: \(summary.checkedOperations) operations on \(summary.checkedZnodes) znodes, "
                + "\(summary.undecidedZnodes) undecided; equal on every server at the end: \(summary.equalZnodes)")
        if let following = summary.load?.following { lines += RunReport.lines(following) }
        lines += summary.statusReasons.prefix(40)
        return lines.joined(separator: "\n")
    }
}
