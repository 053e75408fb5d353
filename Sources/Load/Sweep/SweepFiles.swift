import Histogram

/// A sweep's CSV files, its tables, and the variables its plot scripts load.
enum SweepFiles {
    static func write(
        _ summary: SweepSummary, spectra: [(ServerKind, Histogram<UInt64>)], directory: String
    ) throws(LoadError) {
        try ResultFiles.write(figuresCsv(summary, mode: .saturation), to: "\(directory)/saturation.csv")
        try ResultFiles.write(figuresCsv(summary, mode: .shallow), to: "\(directory)/shallow.csv")
        try ResultFiles.write(figuresCsv(summary, mode: .offered), to: "\(directory)/offered.csv")
        if summary.plan.ensembleServers != nil {
            try ResultFiles.write(rolesCsv(summary), to: "\(directory)/roles.csv")
        }
        try ResultFiles.write(spectrumCsv(spectra), to: "\(directory)/spectrum.csv")
        try ResultFiles.write(plotVariables(summary), to: "\(directory)/plot.gp")
        try ResultFiles.write(SweepTable.markdown(summary), to: "\(directory)/report.md")
    }

    /// Read percentages in order; a plot's axis has one place for each.
    static func axis(_ summary: SweepSummary) -> [Double] {
        Array(Set(summary.figures.filter { $0.point.mode == .saturation }.map(\.point.readPercent))).sorted()
    }

    static func figuresCsv(_ summary: SweepSummary, mode: SweepPoint.Mode) -> String {
        let axis = axis(summary)
        var lines = [
            [
                "server", "connections", "window", "read_percent", "position", "ops_per_s", "ops_low", "ops_high",
                "cpu_us", "cpu_low", "cpu_high", "p50_us", "p99_us", "p99_low", "p99_high", "resident_mb",
                "written_bytes_per_op", "generator_cpu_us", "generator_share", "generator_bound", "runs",
            ].joined(separator: ",")
        ]
        for figure in summary.figures where figure.point.mode == mode {
            let position = axis.firstIndex(of: figure.point.readPercent) ?? 0
            let rate = figure.throughputPerSecond
            let cpu = figure.serverCpuMicrosPerOperation
            let p99 = figure.p99Nanos
            let columns: [String] = [
                figure.server.rawValue, "\(figure.point.connections)", "\(figure.point.window)",
                fixed(figure.point.readPercent, 2), "\(position)", fixed(rate.median, 1), fixed(rate.low, 1),
                fixed(rate.high, 1), fixed(cpu.median, 4), fixed(cpu.low, 4), fixed(cpu.high, 4),
                fixed(figure.p50Nanos.median / 1000, 1), fixed(p99.median / 1000, 1), fixed(p99.low / 1000, 1),
                fixed(p99.high / 1000, 1), fixed(figure.residentMegabytes.median, 1),
                fixed(figure.writtenBytesPerOperation.median, 1),
                fixed(figure.generatorCpuMicrosPerRequest.median, 4), fixed(figure.generatorCpuShare.median, 3),
                figure.generatorBound ? "1" : "0", "\(figure.runs.count)",
            ]
            lines.append(columns.joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What each role of an ensemble used, at every point.
    static func rolesCsv(_ summary: SweepSummary) -> String {
        let axis = axis(summary)
        var lines = [
            [
                "server", "mode", "connections", "window", "read_percent", "position", "role", "servers", "cpu_us",
                "cpu_low", "cpu_high", "resident_mb", "written_bytes_per_op",
            ].joined(separator: ",")
        ]
        for figure in summary.figures {
            for role in figure.roles ?? [] {
                let cpu = role.cpuMicrosPerOperation
                let columns: [String] = [
                    figure.server.rawValue, figure.point.mode.rawValue, "\(figure.point.connections)",
                    "\(figure.point.window)", fixed(figure.point.readPercent, 2),
                    "\(axis.firstIndex(of: figure.point.readPercent) ?? 0)", role.role.rawValue, "\(role.servers)",
                    fixed(cpu.median, 4), fixed(cpu.low, 4), fixed(cpu.high, 4),
                    fixed(role.residentMegabytes.median, 1), fixed(role.writtenBytesPerOperation.median, 1),
                ]
                lines.append(columns.joined(separator: ","))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The percentile spectrum of the offered load, all blocks merged.
    static func spectrumCsv(_ spectra: [(ServerKind, Histogram<UInt64>)]) -> String {
        var lines = ["server,percentile,one_over_one_minus_p,response_us"]
        for (kind, histogram) in spectra where histogram.totalCount > 0 {
            var inverse = 1.0
            // Up to the rank that the count can resolve.
            while inverse <= Double(histogram.totalCount) {
                let percentile = 100 * (1 - 1 / inverse)
                let value = Double(histogram.valueAtPercentile(percentile)) / 1000
                lines.append("\(kind.rawValue),\(fixed(percentile, 5)),\(fixed(inverse, 4)),\(fixed(value, 2))")
                inverse *= 1.1
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// How a read percentage is labelled: ratios where they are round. Tick labels are formats, hence the doubled sign.
    static func readLabel(_ percent: Double) -> String {
        let text = "\(fixed(percent, percent == percent.rounded() ? 0 : 1)) %%"
        guard percent > 0, percent < 100 else { return text }
        let ratio = percent / (100 - percent)
        guard abs(ratio - ratio.rounded()) < 0.01 else { return text }
        return "\(text)\\n\(Int(ratio.rounded())):1"
    }

    static func durabilityText(_ summary: SweepSummary) -> String {
        let kinds = Set(
            summary.plan.servers.compactMap { summary.servers[$0.rawValue]?.durability })
        if kinds == ["fsync"] { return "fsync on" }
        if kinds == ["no fsync"] { return "fsync OFF (unsafe)" }
        return kinds.isEmpty ? "no durable server" : kinds.sorted().joined(separator: " / ")
    }

    static func plotVariables(_ summary: SweepSummary) -> String {
        func quoted(_ text: String) -> String { "\"" + text.filter { $0 != "\"" && $0 != "\\" } + "\"" }
        let axis = axis(summary)
        let ticks = axis.enumerated().map { "\"\(readLabel($0.element))\" \($0.offset)" }.joined(separator: ", ")
        let present = Set(summary.figures.map(\.server))
        let servers = ServerKind.allCases.filter { present.contains($0) && $0 != .null }
        let connections = Set(summary.figures.filter { $0.point.mode == .saturation }.map(\.point.connections)).sorted()
        let plan = summary.plan
        let ensemble = plan.ensembleText.map { "\($0), " } ?? ""
        let titles = servers.map { kind in
            return quoted([kind.title, shortVersion(kind, summary)].joined(separator: " ").trimmingWhitespace)
        }
        let lines = [
            "servers = \"\(servers.map(\.rawValue).joined(separator: " "))\"",
            "array server_titles[\(max(1, servers.count))] = [\(titles.joined(separator: ", "))]",
            "connections = \"\(connections.map { "\($0)" }.joined(separator: " "))\"",
            "has_null = \(present.contains(.null) ? 1 : 0)",
            "last_position = \(max(1, axis.count - 1))",
            "ticks = '\(ticks)'",
            "durability = \(quoted(durabilityText(summary)))",
            "machine = \(quoted(summary.environment.machine))",
            "load_text = \"\(ensemble)W=\(plan.window), \(plan.valueBytes)-byte values, generator on the same CPUs\"",
            "offered_text = \"\(ensemble)\(Int(plan.offeredRatePerSecond)) requests/s offered to each (Poisson), "
                + "\(plan.offeredConnections) connections, \(fixed(plan.offeredReadPercent, 1)) % reads\"",
            "runs_text = \(quoted(intervalText(summary)))",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// `0.1.0` out of `3.9.5-corral-0.1.0`, `3.8.0` out of `3.8.0-…, built on …`.
    static func shortVersion(_ kind: ServerKind, _ summary: SweepSummary) -> String {
        let version = summary.servers[kind.rawValue]?.version ?? ""
        if let own = version.split(separator: "corral-").dropFirst().first { return String(own) }
        let first = version.split(whereSeparator: { "- ".contains($0) }).first.map(String.init) ?? ""
        return first.first?.isNumber == true ? first : ""
    }

    private static func intervalText(_ summary: SweepSummary) -> String {
        let sample = summary.figures.first { $0.server != .null }?.throughputPerSecond
        guard let sample, sample.samples.count > 1 else { return "one run each" }
        return "median of \(sample.samples.count) runs, bars: \(sample.interval)"
    }
}
