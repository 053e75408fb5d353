import Load

/// Figures 5 and 6 and Table 1, and their like.
enum SaturationSection {
    static func html(_ experiment: ReportedExperiment, _ summary: SaturationSummary, paper: [Int: Curve]) -> HTML {
        var body: HTML = ""
        for kind in summary.kinds {
            for clients in summary.placements {
                let results = summary.subjects.filter { $0.subject.kind == kind && $0.subject.clients == clients }
                guard !results.isEmpty else { continue }
                let name = kind.title + (clients == .everywhere ? "" : ", clients on the \(clients.rawValue)")
                body += throughput(name, summary, results, paper: kind == .corral ? paper : [:]).html
                body += details(name, summary, results)
            }
        }
        if body == "" { body = "<p class=\"note\">No ensemble was measured to its end.</p>" }
        return """
            <p>\(summary.plan.connections) clients, each with \(summary.plan.window) requests outstanding; reads and
            writes of \(summary.plan.valueBytes) bytes of data; \(settings(summary.plan.settings));
            \(rounds(summary.plan)).</p>
            \(body)
            """
    }

    private static func settings(_ settings: [String: String]) -> String {
        let words = settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return words.isEmpty ? "default settings" : words.joined(separator: ", ")
    }

    private static func rounds(_ plan: SaturationPlan) -> String {
        let seconds = "\(NumberFormat.short(plan.seconds)) s a point"
        return plan.rounds == 1 ? "one round, \(seconds)" : "\(plan.rounds) rounds, \(seconds), median (least…most)"
    }

    private static func throughput(
        _ name: String, _ summary: SaturationSummary, _ results: [SaturationSummary.SubjectResult], paper: [Int: Curve]
    ) -> ReportTable {
        var table = ReportTable(
            "\(name): operations per second by number of servers"
                + (paper.isEmpty ? "" : "; below each, the paper's")
                + "; \(summary.limitText)",
            ["reads"] + results.map { $0.subject.servers == 1 ? "1 server" : "\($0.subject.servers) servers" })
        for share in summary.shares {
            let cells = results.map { result -> HTML in
                guard let figure = result.saturated(reads: share) else {
                    return "<span class=\"missing\">missing</span>"
                }
                let printed = paper[result.subject.servers]?[share].map { rate -> HTML in
                    "<span class=\"paper\">\(ReportNumber.text(rate))</span>"
                }
                let cell =
                    summary.derived == nil
                    ? rate(figure) : summary.derived(result.subject, reads: share).map { text($0.perSecond) } ?? "–"
                return "\(cell)\(printed ?? "")"
            }
            table.add(["\(Decimal.text(share, share == share.rounded() ? 0 : 1)) %"] + cells)
        }
        return table
    }

    private static func rate(_ figure: SweepFigure) -> HTML {
        var marks = ""
        if figure.generatorBound { marks += "†" }
        if !figure.steadyInAll { marks += "‡" }
        let violated = figure.runs.contains { !$0.isValid } ? HTML("<span class=\"bad\">invalid</span> ") : ""
        return "\(violated)\(text(figure.throughputPerSecond, marks: marks))"
    }

    private static func text(_ rate: Estimate, marks: String = "") -> HTML {
        let bounds = "\(ReportNumber.text(rate.low))…\(ReportNumber.text(rate.high))"
        let interval = rate.samples.count > 1 ? HTML("<span class=\"interval\">\(bounds)</span>") : ""
        return "\(ReportNumber.text(rate.median))\(marks)\(interval)"
    }

    /// CPU and latency, folded away.
    private static func details(
        _ name: String, _ summary: SaturationSummary, _ results: [SaturationSummary.SubjectResult]
    ) -> HTML {
        var table = ReportTable(
            "\(name): CPU per operation, latency, and what held servers back",
            [
                "servers", "reads", "all servers, µs", "leader, µs", "each follower, µs", "p50, ms", "p99, ms",
                "bytes written an operation", "generator's CPU", "throttled",
            ])
        for result in results {
            for figure in result.saturated {
                func role(_ role: MemberRole) -> String {
                    let found = (figure.roles ?? []).first { $0.role == role }
                    return found.map { Decimal.text($0.cpuMicrosPerOperation.median, 2) } ?? "–"
                }
                table.add([
                    "\(result.subject.servers)", "\(NumberFormat.short(figure.point.readPercent.rounded())) %",
                    "\(Decimal.text(figure.serverCpuMicrosPerOperation.median, 2))", "\(role(.leader))",
                    "\(role(.follower))", "\(ReportNumber.text(figure.p50Nanos.median / 1e6))",
                    "\(ReportNumber.text(figure.p99Nanos.median / 1e6))",
                    "\(ReportNumber.text(figure.writtenBytesPerOperation.median))",
                    "\(ReportNumber.percent(figure.generatorCpuShare.median))",
                    "\(figure.throttledPercent.map { Decimal.text($0, 0) + " %" } ?? "–")",
                ])
            }
        }
        return """
            <p class="note">† the generator was the limit; ‡ not level after the warm-up. Latency at saturation is the
            time in queues: requests outstanding over throughput.</p>
            <details><summary>\(name): CPU per operation and role, latency, throttling</summary>
            \(table.html)</details>

            """
    }
}
