#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A sweep's windows against its plan, its figures against its windows, its files against its figures.
extension ResultCheck {
    /// One window: as long as planned, and held back by the budget that was planned, if any.
    static func check(
        _ result: RepeatResult, of figure: SweepFigure, in summary: SweepSummary, name: String
    ) -> [String] {
        let plan = summary.plan
        var problems: [String] = []
        let server = ServerAddress(host: "localhost", port: 2181)
        if let planned = try? plan.configuration(for: figure.point, servers: [server], kind: figure.server, block: 1) {
            problems += length(result, planned: planned.durationSeconds, name: name)
            let expected = planned.isOpenLoop ? "response time" : "service time"
            if result.latencyMeaning != expected || figure.latencyMeaning != expected {
                problems.append("\(name): latencies are called \(result.latencyMeaning)")
            }
        }
        guard figure.server != .null else { return problems }
        return problems
            + throttling(
                result.throttling, result.servers, budget: plan.budget, name: name,
                beforeShare: result.warmup.seconds / max(1e-9, result.windowSeconds))
    }

    /// A budget counts periods, and no server can have had more than it; without one there is nothing to count.
    ///
    /// - Parameter beforeShare: how long periods were counted before the window, as a share of it.
    public static func throttling(
        _ throttling: Throttling?, _ servers: [ServerUsage], budget: CpuBudget?, name: String,
        beforeShare: Double = 0
    ) -> [String] {
        guard let budget else {
            return throttling == nil ? [] : ["\(name): periods of a CPU budget, and none was planned"]
        }
        guard let throttling, throttling.periods > 0, throttling.throttledPeriods <= throttling.periods else {
            return ["\(name): a CPU budget was planned, and no server's periods were counted"]
        }
        // What a server has left of a period before the window is its own to use.
        let most = 1.3 * budget.percent / 100 + 0.02
        if let over = servers.first(where: { $0.cpuShare > most }) {
            return ["\(name): a server used \(fixed(100 * over.cpuShare, 1)) % of a CPU, beyond its budget"]
        }
        // Whoever was held back in a period had used its budget up in it.
        let used = servers.reduce(0) { $0 + $1.cpuSeconds } * (1 + beforeShare)
        let least = Double(throttling.throttledPeriods) * Double(budget.quotaMicros) / 1e6
        return used <= 0 || used >= 0.4 * least
            ? []
            : [
                "\(name): servers used \(fixed(used, 2)) s of CPU time, and yet a budget of \(fixed(least, 2)) s up: "
                    + "it was another budget"
            ]
    }

    /// Figures and comparisons again from the runs; what the servers were.
    static func figures(of summary: SweepSummary) -> [String] {
        var problems: [String] = []
        for figure in summary.figures
        where SweepFigure(
            figure.point, figure.server, runs: figure.runs, rawFiles: figure.rawFiles, seed: summary.plan.seed)
            != figure
        {
            problems.append("\(figure.server.rawValue) \(figure.point.name): the figures are not those of its runs")
        }
        var comparisons: [SweepComparison] = []
        for comparison in summary.comparisons
        where !comparisons.contains(where: { $0.first == comparison.first && $0.second == comparison.second }) {
            comparisons += SweepSummary.compare(
                comparison.first, comparison.second, in: summary.figures, seed: summary.plan.seed)
        }
        if comparisons != summary.comparisons { problems.append("the comparisons are not those of the figures") }
        for kind in summary.plan.servers {
            guard let description = summary.servers[kind.rawValue] else {
                problems.append("\(kind.rawValue): nothing says how it was started")
                continue
            }
            problems += durability(description, kind: kind, name: kind.rawValue)
        }
        return problems
    }

    /// What is said of the disk must be what the server's own settings say.
    public static func durability(_ description: ServerDescription, kind: ServerKind? = nil, name: String) -> [String] {
        var problems: [String] = []
        if let kind, description.kind != "unknown", description.kind != kind.rawValue {
            problems.append("\(name): measured on \(description.kind)")
        }
        if !["fsync", "no fsync", "none", "unknown"].contains(description.durability) {
            problems.append("\(name): '\(description.durability)' is no durability")
        }
        guard let forced = description.settings["forceSync"] else { return problems }
        let expected = forced.lowercased() == "no" ? "no fsync" : "fsync"
        if description.durability != expected {
            problems.append(
                "\(name): durability is '\(description.durability)', and its settings have forceSync=\(forced)")
        }
        return problems
    }
}

extension SweepFiles {
    /// Files that are missing, or have other numbers than the summary makes.
    static func differences(_ summary: SweepSummary, directory: String) -> [String] {
        var problems = ResultCheck.differences(
            [
                ("saturation.csv", figuresCsv(summary, mode: .saturation)),
                ("shallow.csv", figuresCsv(summary, mode: .shallow)),
                ("offered.csv", figuresCsv(summary, mode: .offered)),
            ], directory: directory)
        if summary.plan.ensembleServers != nil {
            problems += ResultCheck.differences([("roles.csv", rolesCsv(summary))], directory: directory)
        }
        // Percentiles of the spectrum are the raw data's, and the wording of the others changes.
        for file in ["spectrum.csv", "plot.gp", "report.md"]
        where FileManager.default.contents(atPath: "\(directory)/\(file)") == nil {
            problems.append("\(file) is missing")
        }
        return problems
    }
}

extension ResultCheck {
    /// Tables beside a summary that are not there, or not what it makes.
    ///
    /// - Parameter files: name and content.
    public static func differences(_ files: [(name: String, text: String)], directory: String) -> [String] {
        files.compactMap { name, text in
            guard let data = FileManager.default.contents(atPath: "\(directory)/\(name)") else {
                return "\(name) is missing"
            }
            return isSameTable(String(decoding: data, as: UTF8.self), text)
                ? nil : "\(name) is not what the summary says"
        }
    }

    /// Columns come and go with versions: those that both tables have must be the same, line by line, and be most.
    private static func isSameTable(_ left: String, _ right: String) -> Bool {
        if left == right { return true }
        func columns(_ text: String) -> [String: [Substring]] {
            let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
            guard let names = lines.first else { return [:] }
            var columns: [String: [Substring]] = [:]
            for (index, name) in names.enumerated() {
                columns[String(name)] = lines.dropFirst().map { index < $0.count ? $0[index] : "" }
            }
            return columns
        }
        let (own, other) = (columns(left), columns(right))
        let common = Set(own.keys).intersection(other.keys)
        return 2 * common.count > min(own.count, other.count) && common.allSatisfy { own[$0] == other[$0] }
    }

    /// Files for readers that are not there, or have other numbers than the summary makes; their words may be those of
    /// an earlier version.
    public static func differences(inWords files: [(name: String, text: String)], directory: String) -> [String] {
        files.compactMap { name, text in
            guard let data = FileManager.default.contents(atPath: "\(directory)/\(name)") else {
                return "\(name) is missing"
            }
            return numbers(String(decoding: data, as: UTF8.self)) == numbers(text)
                ? nil : "\(name) has other numbers than the summary"
        }
    }

    private static func numbers(_ text: String) -> [Substring] {
        text.split { !($0.isNumber || $0 == ".") }.filter { $0.contains(where: \.isNumber) }
    }
}
