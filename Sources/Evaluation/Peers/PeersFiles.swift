import Load

/// A comparison's CSV files, its tables for a terminal, and what its plot loads.
enum PeersFiles {
    static func write(_ summary: PeersSummary, directory: String) throws(LoadError) {
        try ResultFiles.write(summary.csv, to: "\(directory)/peers.csv")
        try ResultFiles.write(summary.verdictsCsv, to: "\(directory)/verdicts.csv")
        try ResultFiles.write(summary.failOverCsv, to: "\(directory)/fail-over.csv")
        try ResultFiles.write(plotVariables(summary), to: "\(directory)/plot.gp")
        try ResultFiles.write(summary.text + "\n", to: "\(directory)/report.txt")
    }

    static func plotVariables(_ summary: PeersSummary) -> String {
        let plan = summary.plan
        let kinds = plan.kinds.filter { kind in summary.rows.contains { $0.kind == kind } }
        let titles = kinds.map { PlotVariables.quoted($0.title) }.joined(separator: ", ")
        let ticks = plan.readPercents.enumerated().map { "'\(PeersSummary.mix($1))' \($0)" }.joined(separator: ", ")
        let durability = Set(summary.subjects.map(\.description.durability)).sorted().joined(separator: ", ")
        let rounds = plan.rounds == 1 ? "one round" : "\(plan.rounds) rounds, median and range"
        let lines = [
            "kinds = \"\(kinds.map(\.rawValue).joined(separator: " "))\"",
            "array kind_titles[\(max(1, kinds.count))] = [\(titles)]",
            "sizes = \"\(plan.servers.map { "\($0)" }.joined(separator: " "))\"",
            "ticks = \"\(ticks)\"",
            "mixes = \(plan.readPercents.count)",
            "heading = \(PlotVariables.quoted(summary.title))",
            "durability = \(PlotVariables.quoted(durability))",
            "machine = \(PlotVariables.quoted(summary.environment.machine))",
            "load_text = \"\(plan.connections) clients, \(plan.window) outstanding each, "
                + "\(plan.valueBytes)-byte values; servers and generator share the CPUs\"",
            "runs_text = \(PlotVariables.quoted(rounds))",
        ]
        return lines.joined(separator: "\n") + "\n"
    }
}

extension PeersSummary {
    static func mix(_ reads: Double) -> String { Decimal.text(reads, reads == reads.rounded() ? 0 : 1) }

    /// A line for each row of the table.
    public var csv: String {
        var lines = [
            "kind,servers,read_percent,mix,ops_per_s,ops_low,ops_high,cpu_us,cpu_low,cpu_high,resident_mb,"
                + "written_bytes_per_op,generator_bound,offered_per_s,answered_per_s,sustained,p50_ms,p99_ms,p99_low,"
                + "p99_high,p999_ms,service_p99_ms,offered_generator_bound,gap_ms,gap_low_ms,gap_high_ms"
        ]
        func range(_ estimate: Estimate, _ places: Int) -> [String] {
            [estimate.median, estimate.low, estimate.high].map { Decimal.text($0, places) }
        }
        for row in rows {
            var columns: [String] = [
                row.kind.rawValue, "\(row.servers)", Decimal.text(row.readPercent, 2),
                "\(plan.readPercents.firstIndex(of: row.readPercent) ?? 0)",
            ]
            columns += range(row.throughputPerSecond, 1) + range(row.serverCpuMicrosPerOperation, 4)
            columns += [
                Decimal.text(row.residentMegabytes.median, 1), Decimal.text(row.writtenBytesPerOperation.median, 1),
                row.generatorBound ? "1" : "0",
            ]
            if let offered = row.offered {
                columns += [
                    Decimal.text(offered.ratePerSecond, 0), Decimal.text(offered.answeredPerSecond.median, 1),
                    offered.isSustained ? "1" : "0", Decimal.text(offered.p50Millis.median, 3),
                ]
                columns += range(offered.p99Millis, 3)
                columns += [
                    offered.p999Millis.map { Decimal.text($0.median, 3) } ?? "",
                    Decimal.text(offered.serviceP99Millis.median, 3), offered.generatorBound ? "1" : "0",
                ]
            } else {
                columns += [String](repeating: "", count: 10)
            }
            columns += gap(row.kind, row.servers).map { range($0, 1) } ?? ["", "", ""]
            lines.append(columns.joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    func gap(_ kind: ServerKind, _ servers: Int) -> Estimate? {
        failOvers.first { $0.subject.kind == kind && $0.subject.servers == servers }.flatMap(\.gapMillis)
    }

    public var verdictsCsv: String {
        var lines = ["servers,read_percent,peer,claim,outcome,ratio,ratio_low,ratio_high,note"]
        for verdict in verdicts {
            let ratio = verdict.ratio.map { [$0.median, $0.low, $0.high].map { Decimal.text($0, 4) } } ?? ["", "", ""]
            let note = (verdict.note ?? "").replacing(",", with: "")
            lines.append(
                ([
                    "\(verdict.servers)", Decimal.text(verdict.readPercent, 2), verdict.peer.rawValue,
                    verdict.claim.rawValue, verdict.outcome.rawValue,
                ] + ratio + [note]).joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A line for each kill.
    public var failOverCsv: String {
        var lines = ["kind,servers,kill,at_s,leader,writes_per_s_before,gap_ms,serves_ms"]
        for item in failOvers {
            for (index, kill) in item.result.kills.enumerated() {
                let columns: [String] = [
                    item.subject.kind.rawValue, "\(item.subject.servers)", "\(index + 1)",
                    Decimal.text(kill.atSeconds, 3), "\(kill.server)", Decimal.text(kill.rateBefore, 0),
                    Decimal.text(kill.gapMillis, 1), kill.servesMillis.map { Decimal.text($0, 0) } ?? "",
                ]
                lines.append(columns.joined(separator: ","))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// For a terminal.
    public var text: String {
        var lines: [String] = []
        for servers in plan.servers {
            lines.append(
                "\(servers == 1 ? "1 server" : "\(servers) servers"): ops/s, server CPU µs/op, resident MB, bytes "
                    + "written/op; offered/s: p50, p99, p99.9 ms")
            for row in rows where row.servers == servers {
                var text = "  \(Self.mix(row.readPercent)) % reads, \(row.kind.title): "
                text += "\(ReportNumber.text(row.throughputPerSecond.median))\(row.generatorBound ? "*" : ""), "
                text += "\(ReportNumber.text(row.serverCpuMicrosPerOperation.median)), "
                text += "\(ReportNumber.text(row.residentMegabytes.median)), "
                text += ReportNumber.text(row.writtenBytesPerOperation.median)
                if let offered = row.offered {
                    text += "; \(ReportNumber.text(offered.ratePerSecond)): "
                    text += [offered.p50Millis, offered.p99Millis, offered.p999Millis].map {
                        $0.map { ReportNumber.text($0.median) } ?? "-"
                    }.joined(separator: ", ")
                    text += offered.isSustained ? "" : " NOT SUSTAINED"
                    text += offered.generatorBound ? "*" : ""
                }
                lines.append(text)
            }
        }
        if rows.contains(where: { $0.generatorBound || $0.offered?.generatorBound == true }) {
            lines.append("  * the load generator may have set it")
        }
        for item in failOvers {
            let gaps = item.result.kills.map { "\(Int($0.gapMillis))" }.joined(separator: ", ")
            lines.append(
                "leader of \(item.subject.servers) x \(item.subject.kind.title) killed: no write for \(gaps) ms")
        }
        for claim in PeerVerdict.Claim.allCases {
            let own = verdicts.filter { $0.claim == claim }
            lines.append("Corral \(claim.rawValue): yes at \(own.count { $0.outcome == .yes }) of \(own.count)")
            for verdict in own where verdict.outcome != .yes || verdict.note != nil {
                var text = "  \(verdict.outcome.rawValue): \(verdict.peer.title), \(verdict.servers) servers, "
                text += "\(Self.mix(verdict.readPercent)) % reads"
                if let ratio = verdict.ratio {
                    text += ", ratio \(ReportNumber.ratio(ratio.median)) (\(ReportNumber.ratio(ratio.low))…"
                    text += "\(ReportNumber.ratio(ratio.high)))"
                }
                lines.append(text + (verdict.note.map { ": \($0)" } ?? ""))
            }
        }
        return lines.joined(separator: "\n")
    }
}
