import Load

/// Corral beside its peers: the table, the leaders' deaths, and what became of each claim.
enum PeersSection {
    static func html(_ summary: PeersSummary) -> HTML {
        let plan = summary.plan
        let tables = plan.servers.map { table(summary, servers: $0).html }
        return """
            <p>\(plan.connections) clients with \(plan.window) requests outstanding each,
            \(plan.valueBytes)-byte values, \(plan.rounds) rounds in turns (A B B A), servers started anew for each.
            Figures are of all servers of an ensemble together; they and the load share the machine.
            \(offered(plan)).</p>
            \(verdicts(summary))
            \(tables)
            <p class="note">* the load generator may have set the figure, and not the servers: at saturation its CPU was
            used up, at the offered load it sent late. – under p99.9: too few answers in a round to tell.</p>
            \(failOver(summary).html)
            \(versions(summary).html)
            """
    }

    private static func offered(_ plan: PeersPlan) -> String {
        if let rate = plan.offered.ratePerSecond {
            return "The offered load is \(ReportNumber.text(rate)) requests a second"
        }
        return "The offered load of a mix and size is \(ReportNumber.percent(plan.offered.share)) of what the slowest "
            + "did at saturation in the first round, the same to all"
    }

    private static func range(_ estimate: Estimate) -> HTML {
        guard estimate.samples.count > 1 else { return "\(ReportNumber.text(estimate.median))" }
        let bounds = "\(ReportNumber.text(estimate.low))…\(ReportNumber.text(estimate.high))"
        return "\(ReportNumber.text(estimate.median))<span class=\"interval\">\(bounds)</span>"
    }

    private static func table(_ summary: PeersSummary, servers: Int) -> ReportTable {
        var table = ReportTable(
            servers == 1 ? "One server" : "\(servers) servers",
            [
                "reads", "server", "ops/s", "server CPU, µs/op", "resident, MB", "bytes written/op", "offered/s",
                "p50, ms", "p99, ms", "p99.9, ms", "fail-over gap, ms",
            ], numbersFrom: 2)
        for row in summary.rows where row.servers == servers {
            let mark = row.generatorBound ? "*" : ""
            var cells: [HTML] = [
                "\(PeersSummary.mix(row.readPercent)) %", "\(row.kind.title)",
                "\(range(row.throughputPerSecond))\(mark)", range(row.serverCpuMicrosPerOperation),
                "\(ReportNumber.text(row.residentMegabytes.median))",
                "\(ReportNumber.text(row.writtenBytesPerOperation.median))",
            ]
            if let offered = row.offered {
                let late = offered.generatorBound ? "*" : ""
                cells.append("\(ReportNumber.text(offered.ratePerSecond))")
                if offered.isSustained {
                    cells += [
                        "\(ReportNumber.text(offered.p50Millis.median))", "\(range(offered.p99Millis))\(late)",
                        "\(offered.p999Millis.map { ReportNumber.text($0.median) } ?? "–")",
                    ]
                } else {
                    let rate = ReportNumber.text(offered.answeredPerSecond.median)
                    cells += ["<span class=\"bad\">not sustained</span>", "\(rate)/s answered", "–"]
                }
            } else {
                cells += ["–", "–", "–", "–"]
            }
            cells.append(summary.gap(row.kind, servers).map(range) ?? "–")
            table.add(cells)
        }
        return table
    }

    private static func failOver(_ summary: PeersSummary) -> ReportTable {
        var table = ReportTable(
            "The leader killed under \(ReportNumber.text(summary.plan.failOver?.writesPerSecond ?? 0)) writes a second",
            ["server", "servers", "no write for, ms (each kill)", "median", "back after, ms"], numbersFrom: 1)
        for item in summary.failOvers {
            let kills = item.result.kills
            let gaps = kills.map { Decimal.text($0.gapMillis, 0) }.joined(separator: ", ")
            let back = kills.map { $0.servesMillis.map { Decimal.text($0, 0) } ?? "–" }.joined(separator: ", ")
            table.add([
                "\(item.subject.kind.title)", "\(item.subject.servers)", "\(gaps)",
                "\(item.gapMillis.map { ReportNumber.text($0.median) } ?? "–")", "\(back)",
            ])
        }
        return table
    }

    private static func versions(_ summary: PeersSummary) -> ReportTable {
        var table = ReportTable(
            "What was measured", ["server", "version", "durability", "command line"], numbersFrom: 9)
        for kind in summary.plan.kinds {
            guard let own = summary.subjects.first(where: { $0.subject.kind == kind })?.description else { continue }
            table.add([
                "\(kind.title)", "\(own.version)", "\(own.durability)",
                "<code>\(own.commandLine.joined(separator: " "))</code>",
            ])
        }
        return table
    }

    // MARK: Verdicts

    private static func verdicts(_ summary: PeersSummary) -> HTML {
        let isUsable = summary.status != .invalid
        let list = PeerVerdict.Claim.allCases.map { claim -> HTML in
            let own = summary.verdicts.filter { $0.claim == claim }
            let yes = own.count { $0.outcome == .yes }
            let no = own.count { $0.outcome == .no }
            let look = no > 0 ? "bad" : yes == own.count ? "good" : "open"
            return """
                <li>Corral \(claim.rawValue): <span class="outcome \(look)">yes at \(yes) of \(own.count)</span>,
                no at \(no), \(own.count - yes - no) undecided or not compared.</li>

                """
        }
        var table = ReportTable(
            "Corral's figure over the peer's, round by round: median (least…most)",
            ["servers", "reads", "peer"] + PeerVerdict.Claim.allCases.map(\.rawValue) + ["note"], numbersFrom: 9)
        for servers in summary.plan.servers {
            for reads in summary.plan.readPercents {
                for peer in summary.plan.kinds.dropFirst() {
                    let own = summary.verdicts.filter {
                        $0.servers == servers && $0.readPercent == reads && $0.peer == peer
                    }
                    let cells = PeerVerdict.Claim.allCases.map { claim -> HTML in
                        own.first { $0.claim == claim }.map { cell($0, isUsable) } ?? "–"
                    }
                    let notes = own.compactMap { verdict in verdict.note.map { "\(short(verdict.claim)): \($0)" } }
                    table.add(
                        ["\(servers)", "\(PeersSummary.mix(reads)) %", "\(peer.title)"] + cells
                            + ["<span class=\"note\">\(notes.joined(separator: "; "))</span>"])
                }
            }
        }
        let warning: HTML =
            isUsable ? "" : "<p class=\"banner bad\">The result is invalid: it decides nothing.</p>\n"
        let items: HTML = isUsable ? "<ul>\(list)</ul>\n" : ""
        return "\(warning)\(items)\(table.html)"
    }

    private static func short(_ claim: PeerVerdict.Claim) -> String {
        switch claim {
        case .throughput: "throughput"
        case .serverCpu: "CPU"
        case .p99: "p99"
        }
    }

    private static func cell(_ verdict: PeerVerdict, _ isUsable: Bool) -> HTML {
        let look =
            switch isUsable ? verdict.outcome : .undecided {
            case .yes: "good"
            case .no: "bad"
            case .undecided, .notCompared: "open"
            }
        let ratio = verdict.ratio.map { ratio -> HTML in
            let bounds = "\(ReportNumber.ratio(ratio.low))…\(ReportNumber.ratio(ratio.high))"
            return " \(ReportNumber.ratio(ratio.median))<span class=\"interval\">\(bounds)</span>"
        }
        let word = isUsable ? verdict.outcome.rawValue : "withdrawn"
        return "<span class=\"outcome \(look)\">\(word)</span>\(ratio ?? "")"
    }
}
