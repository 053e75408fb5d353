/// A comparison as text.
public enum RegressionTable {
    public static func text(_ summary: RegressionSummary) -> String {
        var lines = [
            "\(name(summary.work)) against \(name(summary.base)), \(summary.plan.rounds) starts of each, effect "
                + "\(percent(summary.plan.effect, signed: false)):",
            "",
        ]
        lines.append(
            padded("", 24, left: true)
                + ["base", "now", "ratio", "95 % interval", "p"].map { padded($0, $0.count > 8 ? 18 : 11) }.joined()
                + "  verdict")
        for finding in summary.findings {
            let interval = "\(fixed(finding.low, 3))...\(fixed(finding.high, 3))"
            lines.append(
                padded(finding.metric.title, 24, left: true) + padded(value(finding.base, finding.metric), 11)
                    + padded(value(finding.work, finding.metric), 11) + padded(fixed(finding.ratio, 3), 11)
                    + padded(interval, 18) + padded(fixed(finding.pValue, 4), 11) + "  \(finding.verdict.rawValue)"
                    + (finding.isDecisive ? "" : " (from \(percent(finding.effect, signed: false)) on)"))
        }
        lines.append("")
        for canary in summary.canaries {
            let shift = canary.shift.map { ", around the working tree's blocks ×\(fixed($0, 3))" } ?? ""
            lines.append(
                "canary \(canary.canary.title): \(shortTime(canary.medianNanos)), spread "
                    + "\(fixed(canary.spread, 2))\(shift)")
            if let veto = canary.veto { lines.append("  VETO: \(veto)") }
        }
        if summary.status != .valid {
            lines.append("\(summary.status.rawValue): \(summary.statusReasons.joined(separator: "; "))")
        }
        lines.append("verdict: \(summary.verdict.rawValue)")
        return lines.joined(separator: "\n")
    }

    private static func name(_ build: RegressionBuild) -> String {
        let commit = build.commit == "unknown" ? "" : " (\(build.commit.prefix(10))\(build.dirty ? ", changed" : ""))"
        return build.name + commit
    }

    static func percent(_ share: Double, signed: Bool) -> String {
        let value = 100 * share
        return (signed && value > 0 ? "+" : "") + fixed(value, value == value.rounded() ? 0 : 1) + " %"
    }

    private static func value(_ number: Double, _ metric: RegressionMetric) -> String {
        switch metric {
        case .cpuPerRead, .cpuPerWrite: "\(fixed(number, 4)) µs"
        case .readThroughput, .writeThroughput: "\(short(number))/s"
        case .offeredP99: shortTime(number)
        }
    }
}
