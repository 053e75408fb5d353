/// A sweep's result as tables: for a terminal and as markdown, from the same rows.
public enum SweepTable {
    private struct Table {
        var title: String
        var header: [String]
        var rows: [[String]]
    }

    public static func text(_ summary: SweepSummary) -> String {
        var lines: [String] = [headline(summary), ""]
        for table in tables(summary) {
            lines.append(table.title)
            let widths = table.header.indices.map { column in
                ([table.header] + table.rows).map { $0[column].count }.max() ?? 0
            }
            for row in [table.header] + table.rows {
                lines.append(
                    "  "
                        + zip(row, widths).enumerated().map { padded($1.0, $1.1, left: $0 == 0) }.joined(
                            separator: "  "))
            }
            lines.append("")
        }
        return (lines + notes(summary)).joined(separator: "\n")
    }

    public static func markdown(_ summary: SweepSummary) -> String {
        var lines = ["# \(summary.experiment) \(summary.label)", "", headline(summary), ""]
        for table in tables(summary) {
            lines.append("## \(table.title)")
            lines.append("")
            lines.append("| " + table.header.joined(separator: " | ") + " |")
            lines.append("|" + table.header.indices.map { $0 == 0 ? "---|" : "---:|" }.joined())
            for row in table.rows { lines.append("| " + row.joined(separator: " | ") + " |") }
            lines.append("")
        }
        lines += notes(summary).map { $0.isEmpty ? "" : "- \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func headline(_ summary: SweepSummary) -> String {
        "Status: \(summary.status.rawValue). "
            + (summary.plan.ensembleText.map { "Ensembles of \($0), clients on all of them; " } ?? "")
            + "\(SweepFiles.durabilityText(summary)), "
            + "\(summary.plan.valueBytes)-byte values, \(summary.environment.machine); "
            + "server and generator share the CPUs, nothing pinned."
    }

    private static func tables(_ summary: SweepSummary) -> [Table] {
        var list: [Table] = []
        let modes: [(SweepPoint.Mode, String)] = [
            (.saturation, "Saturation: closed loop, \(summary.plan.window) outstanding requests per connection"),
            (.shallow, "One outstanding request per connection"),
            (
                .offered,
                "Equal offered load: \(short(summary.plan.offeredRatePerSecond)) requests/s, open loop, "
                    + "response time from the planned send"
            ),
        ]
        for (mode, title) in modes {
            let rows = summary.figures.filter { $0.point.mode == mode }.sorted {
                ($0.point.connections, $0.point.readPercent, $0.server.rawValue)
                    < ($1.point.connections, $1.point.readPercent, $1.server.rawValue)
            }.map { figureRow($0) }
            guard !rows.isEmpty else { continue }
            let latency = mode == .offered ? "response" : "service"
            list.append(
                Table(
                    title: title,
                    header: [
                        "conns, reads", "server", "ops/s", "low…high", "server CPU µs/op", "low…high",
                        "\(latency) p50", "\(latency) p99", "resident MB", "B written/op", "generator µs",
                    ], rows: rows))
        }
        if let roles = rolesTable(summary) { list.append(roles) }
        for peer in ServerKind.allCases {
            let items = summary.comparisons.filter { $0.second == peer }
            if !items.isEmpty { list.append(comparisonTable(summary, items, with: peer)) }
        }
        return list
    }

    private static func range(_ estimate: Estimate, _ show: (Double) -> String) -> String {
        estimate.samples.count > 1 ? "\(show(estimate.low))…\(show(estimate.high))" : "-"
    }

    private static func pointText(_ point: SweepPoint) -> String {
        "\(point.connections), \(fixed(point.readPercent, point.readPercent == point.readPercent.rounded() ? 0 : 1)) %"
    }

    private static func figureRow(_ figure: SweepFigure) -> [String] {
        let cpu = figure.serverCpuMicrosPerOperation
        return [
            pointText(figure.point), figure.server.rawValue,
            short(figure.throughputPerSecond.median) + (figure.generatorBound ? "*" : ""),
            range(figure.throughputPerSecond, short), fixed(cpu.median, 3), range(cpu) { fixed($0, 3) },
            shortTime(figure.p50Nanos.median), shortTime(figure.p99Nanos.median),
            fixed(figure.residentMegabytes.median, 0), fixed(figure.writtenBytesPerOperation.median, 0),
            fixed(figure.generatorCpuMicrosPerRequest.median, 3),
        ]
    }

    /// Of ensembles: CPU, memory and bytes to disk of one server by its role.
    private static func rolesTable(_ summary: SweepSummary) -> Table? {
        let roles: [MemberRole] = [.leader, .follower, .observer]
        let present = roles.filter { role in
            summary.figures.contains { $0.roles?.contains { $0.role == role } ?? false }
        }
        guard !present.isEmpty else { return nil }
        let rows = summary.figures.filter { $0.roles != nil }.sorted {
            ($0.point.mode.rawValue, $0.point.connections, $0.point.readPercent, $0.server.rawValue)
                < ($1.point.mode.rawValue, $1.point.connections, $1.point.readPercent, $1.server.rawValue)
        }.map { figure in
            ["\(figure.point.mode.rawValue) \(pointText(figure.point))", figure.server.rawValue]
                + present.flatMap { role -> [String] in
                    guard let item = figure.roles?.first(where: { $0.role == role }) else { return ["-", "-", "-"] }
                    return [
                        fixed(item.cpuMicrosPerOperation.median, 3), fixed(item.residentMegabytes.median, 0),
                        fixed(item.writtenBytesPerOperation.median, 0),
                    ]
                }
        }
        return Table(
            title: "One server of each role, per operation of the ensemble",
            header: ["point", "server"]
                + present.flatMap { ["\($0.rawValue) CPU µs/op", "resident MB", "B written/op"] }, rows: rows)
    }

    private static func comparisonTable(
        _ summary: SweepSummary, _ items: [SweepComparison], with peer: ServerKind
    ) -> Table {
        let rows = items.sorted {
            ($0.point.mode.rawValue, $0.point.connections, $0.point.readPercent)
                < ($1.point.mode.rawValue, $1.point.connections, $1.point.readPercent)
        }.map { item in
            let sides = [item.first, item.second].compactMap { summary.figure(item.point, $0) }
            let mark = sides.contains(where: \.generatorBound) ? "*" : ""
            return [
                "\(item.point.mode.rawValue) \(pointText(item.point))",
                "1/\(fixed(1 / item.cpuRatio.median, 1))\(mark)",
                range(item.cpuRatio) { "1/\(fixed(1 / $0, 1))" },
                "\(fixed(item.throughputRatio.median, 2))×\(mark)", range(item.throughputRatio) { fixed($0, 2) },
                "\(fixed(item.p99Ratio.median, 2))×\(mark)", range(item.p99Ratio) { fixed($0, 2) },
            ]
        }
        return Table(
            title: "Corral against \(peer.title), pairs of interleaved blocks",
            header: ["point", "CPU/op", "low…high", "ops/s", "low…high", "p99", "low…high"], rows: rows)
    }

    private static func notes(_ summary: SweepSummary) -> [String] {
        var lines: [String] = []
        if summary.figures.contains(where: \.generatorBound) {
            lines.append(
                "* generator-bound: the load generator's own CPU or timing may have set this figure; read the CPU per "
                    + "operation instead. A ratio has the mark when either server's figure has it.")
        }
        for name in summary.servers.keys.sorted() {
            guard let server = summary.servers[name] else { continue }
            lines.append("\(name): \(server.version); \(server.commandLine.joined(separator: " "))")
        }
        let disk = summary.environment.diskCalibration.map {
            "\($0.writeBytes) B p50 \(fixed($0.fdatasyncP50Micros, 0)) µs p99 \(fixed($0.fdatasyncP99Micros, 0)) µs"
        }
        if !disk.isEmpty { lines.append("fdatasync of the data directory's disk: \(disk.joined(separator: ", "))") }
        lines.append("blocks in order: \(summary.blockOrder.joined(separator: ", "))")
        if let interval = summary.figures.first(where: { $0.server != .null })?.throughputPerSecond.interval {
            lines.append("intervals: \(interval); elapsed \(fixed(summary.elapsedSeconds, 0)) s")
        }
        return lines + summary.statusReasons
    }
}
