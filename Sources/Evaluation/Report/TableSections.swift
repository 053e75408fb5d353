import Load

/// Table 2: creates a second.
enum CreatesSection {
    static func html(_ summary: CreatesSummary) -> HTML {
        let plan = summary.plan
        let tables = plan.kinds.map { kind -> HTML in
            let rows = summary.rows.filter { $0.subject.kind == kind }
            let sizes = Set(rows.map(\.subject.servers)).sorted()
            let workers = Set(rows.map(\.workers)).sorted()
            var table = ReportTable(
                "\(kind.title): creates per second by workers and servers" + paperText(rows),
                ["workers"] + sizes.map { $0 == 1 ? "1 server" : "\($0) servers" })
            var details = ReportTable(
                "\(kind.title): a create's time, and its CPU",
                ["servers", "workers", "mean, ms", "p99, ms", "all servers, µs of CPU", "creates measured"])
            for count in workers {
                let own = rows.filter { $0.workers == count }
                table.add(
                    ["\(count)"]
                        + sizes.map { size in own.first { $0.subject.servers == size }.map(cell) ?? "–" })
            }
            for row in rows {
                details.add([
                    "\(row.subject.servers)", "\(row.workers)", "\(ReportNumber.text(row.meanMillis.median))",
                    "\(ReportNumber.text(row.p99Millis.median))",
                    "\(ReportNumber.text(row.serverCpuMicrosPerCreate.median))",
                    "\(row.runs.map { "\($0.creates)" + ($0.isCutShort ? "*" : "") }.joined(separator: ", "))",
                ])
            }
            return """
                \(table.html)
                <details><summary>\(kind.title): latency and CPU</summary>\(details.html)
                <p class="note">* ended by the limit of \(NumberFormat.short(plan.limitSeconds)) s.</p></details>

                """
        }
        let rounds = plan.rounds == 1 ? "one round" : "\(plan.rounds) rounds, median (least…most)"
        return """
            <p>Each worker creates a znode of \(plan.valueBytes) bytes and waits, sends its deletion without waiting
            together with the next create: \(plan.createsPerWorker) creates a worker, at most
            \(NumberFormat.short(plan.limitSeconds)) s; \(rounds); \(TablePlots.sharedCpus).</p>
            \(summary.rows.isEmpty ? ["<p class=\"note\">No ensemble was measured to its end.</p>"] : tables)
            """
    }

    private static func paperText(_ rows: [CreatesSummary.Row]) -> String {
        rows.contains { $0.paperPerSecond != nil } ? "; below each, the paper's" : ""
    }

    private static func cell(_ row: CreatesSummary.Row) -> HTML {
        ReportCell.html(row.createsPerSecond, paper: row.paperPerSecond)
    }
}

/// Table 3: seconds to pass barriers.
enum BarriersSection {
    static func html(_ summary: BarriersSummary) -> HTML {
        let plan = summary.plan
        let clients = Set(summary.rows.map(\.subject.clients)).sorted()
        let counts = Set(summary.rows.map(\.subject.barriers)).sorted()
        let hasPaper = summary.rows.contains { $0.paperSeconds != nil }
        var table = ReportTable(
            "Seconds until a client has passed all, mean over clients" + (hasPaper ? "; below each, the paper's" : ""),
            ["barriers"] + clients.map { "\($0) clients" })
        var rates = ReportTable("Barriers entered or left per second", ["barriers"] + clients.map { "\($0) clients" })
        for count in counts {
            func row(_ size: Int) -> BarriersSummary.Row? {
                summary.rows.first { $0.subject.clients == size && $0.subject.barriers == count }
            }
            let rows = clients.map(row)
            table.add(
                ["\(count)"] + rows.map { $0.map { ReportCell.html($0.seconds, paper: $0.paperSeconds) } ?? "–" })
            rates.add(
                ["\(count)"] + rows.map { $0.map { ReportCell.html($0.operationsPerSecond, paper: nil) } ?? "–" })
        }
        let rounds = plan.rounds == 1 ? "one round" : "\(plan.rounds) rounds, median (least…most)"
        return """
            <p>\(plan.servers) servers (the paper does not say how many it had); all clients in one process, which
            shares the machine with the servers; \(rounds). The paper had 1,950 to 3,100 entered or left per second.</p>
            \(summary.rows.isEmpty ? "<p class=\"note\">No cell was measured to its end.</p>" : table.html)
            \(rates.html)
            """
    }
}

/// A figure with its interval and the paper's, in one cell.
enum ReportCell {
    static func html(_ estimate: Estimate, paper: Double?) -> HTML {
        let bounds = "\(ReportNumber.text(estimate.low))…\(ReportNumber.text(estimate.high))"
        let interval: HTML = estimate.samples.count > 1 ? "<span class=\"interval\">\(bounds)</span>" : ""
        let printed = paper.map { value -> HTML in "<span class=\"paper\">\(ReportNumber.text(value))</span>" }
        return "\(ReportNumber.text(estimate.median))\(interval)\(printed ?? "")"
    }
}
