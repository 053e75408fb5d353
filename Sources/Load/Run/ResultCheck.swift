#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Judges a result file: is it whole, does it agree with its raw data, may its figures be used. It says nothing about
/// speed.
public enum ResultCheck {
    /// A result that another module knows.
    public struct Schema {
        let name: String
        let currentVersion: Int
        let check: (Data, _ directory: String) throws -> [String]

        /// - Parameter check: gets the summary and the directory it is in; what it throws is told as a result that is
        ///   not whole.
        public init(
            name: String, currentVersion: Int, check: @escaping (Data, _ directory: String) throws -> [String]
        ) {
            self.name = name
            self.currentVersion = currentVersion
            self.check = check
        }
    }

    /// What is wrong with the result; empty when nothing is.
    ///
    /// - Parameter others: results to judge beside this module's own.
    public static func problems(path: String, others: [Schema] = []) throws(LoadError) -> [String] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .result("cannot read \(path)")
        }
        struct Kind: Decodable {
            var schema: String?
            var schemaVersion: Int?
        }
        let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let place = directory.isEmpty ? "." : directory
        let decoder = JSONDecoder()
        do {
            let kind = try decoder.decode(Kind.self, from: data)
            switch kind.schema {
            case RunSummary.schemaName:
                if !knows(kind.schemaVersion, RunSummary.currentSchemaVersion) {
                    return [versionProblem(kind.schemaVersion)]
                }
                return check(try decoder.decode(RunSummary.self, from: data), directory: place)
            case SweepSummary.schemaName:
                if !knows(kind.schemaVersion, SweepSummary.currentSchemaVersion) {
                    return [versionProblem(kind.schemaVersion)]
                }
                return check(try decoder.decode(SweepSummary.self, from: data), directory: place)
            case MemorySummary.schemaName:
                if !knows(kind.schemaVersion, MemorySummary.currentSchemaVersion) {
                    return [versionProblem(kind.schemaVersion)]
                }
                return check(try decoder.decode(MemorySummary.self, from: data))
            case FaultSummary.schemaName:
                if !knows(kind.schemaVersion, FaultSummary.currentSchemaVersion) {
                    return [versionProblem(kind.schemaVersion)]
                }
                return check(try decoder.decode(FaultSummary.self, from: data), directory: place)
            case CatchUpSummary.schemaName:
                if !knows(kind.schemaVersion, CatchUpSummary.currentSchemaVersion) {
                    return [versionProblem(kind.schemaVersion)]
                }
                return check(try decoder.decode(CatchUpSummary.self, from: data))
            case ClientOverheadSummary.schemaName:
                if !knows(kind.schemaVersion, ClientOverheadSummary.currentSchemaVersion) {
                    return [versionProblem(kind.schemaVersion)]
                }
                return check(try decoder.decode(ClientOverheadSummary.self, from: data))
            case SessionsSummary.schemaName:
                if !knows(kind.schemaVersion, SessionsSummary.currentSchemaVersion) {
                    return [versionProblem(kind.schemaVersion)]
                }
                return check(try decoder.decode(SessionsSummary.self, from: data))
            case RegressionSummary.schemaName:
                if !knows(kind.schemaVersion, RegressionSummary.currentSchemaVersion) {
                    return [versionProblem(kind.schemaVersion)]
                }
                return check(try decoder.decode(RegressionSummary.self, from: data))
            case RegressionTrialsSummary.schemaName:
                if !knows(kind.schemaVersion, RegressionTrialsSummary.currentSchemaVersion) {
                    return [versionProblem(kind.schemaVersion)]
                }
                return check(try decoder.decode(RegressionTrialsSummary.self, from: data))
            default:
                if let other = others.first(where: { $0.name == kind.schema }) {
                    if !knows(kind.schemaVersion, other.currentVersion) { return [versionProblem(kind.schemaVersion)] }
                    return try other.check(data, place)
                }
                return ["no corral-bench result: schema is \(kind.schema ?? "absent")"]
            }
        } catch {
            return [explanation(error)]
        }
    }

    /// One line for a file that is not JSON, or not all of a result.
    private static func explanation(_ error: any Error) -> String {
        func name(_ path: [any CodingKey]) -> String {
            path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        }
        guard let error = error as? DecodingError else { return "not a whole result: \(error)" }
        switch error {
        case .keyNotFound(let key, let context):
            return "not a whole result: \(name(context.codingPath + [key])) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            if !context.codingPath.isEmpty {
                return "not a whole result: \(name(context.codingPath)) is not what a result has there"
            }
            if case .typeMismatch = error { return "no corral-bench result: JSON, but no object" }
            return "no corral-bench result: not JSON"
        @unknown default: return "not a whole result"
        }
    }

    /// Later versions only add fields that may be absent.
    private static func knows(_ version: Int?, _ current: Int) -> Bool {
        version.map { (1...current).contains($0) } ?? false
    }

    private static func versionProblem(_ version: Int?) -> String {
        "schema version \(version.map { "\($0)" } ?? "absent") is not the one this program knows"
    }

    static func check(_ summary: RunSummary, directory: String) -> [String] {
        var problems: [String] = []
        if summary.status != .valid {
            problems.append("status is \(summary.status.rawValue): \(summary.statusReasons.joined(separator: "; "))")
        }
        if summary.repeats.count != summary.configuration.repeats, summary.status == .valid {
            problems.append("\(summary.repeats.count) repeats, \(summary.configuration.repeats) were asked for")
        }
        for result in summary.repeats {
            problems += check(result, stem: "\(directory)/repeat-\(result.number)", name: "repeat \(result.number)")
            let expected = summary.configuration.isOpenLoop ? "response time" : "service time"
            if result.latencyMeaning != expected {
                problems.append("repeat \(result.number): latencies are called \(result.latencyMeaning)")
            }
            if summary.status == .valid {
                problems += length(
                    result, planned: summary.configuration.durationSeconds, name: "repeat \(result.number)")
            }
        }
        return problems
    }

    static func check(_ summary: SweepSummary, directory: String) -> [String] {
        var problems: [String] = []
        if summary.status != .valid {
            problems.append("status is \(summary.status.rawValue): \(summary.statusReasons.joined(separator: "; "))")
        }
        for block in summary.plan.blocks {
            for point in block.points {
                guard let figure = summary.figure(point, block.server) else {
                    problems.append("\(block.server.rawValue) \(point.name) is missing")
                    continue
                }
                if !figure.runs.contains(where: { $0.number == block.number }) {
                    problems.append("\(block.server.rawValue) \(point.name): block \(block.number) is missing")
                }
            }
        }
        for figure in summary.figures {
            if figure.rawFiles.count != figure.runs.count {
                problems.append("\(figure.server.rawValue) \(figure.point.name): raw files do not match the runs")
            }
            for (result, stem) in zip(figure.runs, figure.rawFiles) {
                problems += check(result, stem: "\(directory)/raw/\(stem)", name: stem)
                problems += check(result, of: figure, in: summary, name: stem)
                if let timing = summary.plan.reports {
                    problems += bins(result, timing, stem: "\(directory)/raw/\(stem)", name: stem)
                }
                if result.servers.isEmpty || result.servers.contains(where: { $0.cpuSeconds <= 0 }) {
                    problems.append("\(stem): no CPU time of the server")
                }
                if let count = summary.plan.ensembleServers, figure.server != .null {
                    let leaders = result.servers.count { $0.role == .leader }
                    if result.servers.count != count || leaders != 1 {
                        problems.append("\(stem): \(result.servers.count) of \(count) servers, \(leaders) leaders")
                    }
                }
            }
        }
        problems += figures(of: summary)
        return problems + SweepFiles.differences(summary, directory: directory)
    }

    static func check(_ summary: MemorySummary) -> [String] {
        var problems: [String] = []
        if summary.status != .valid { problems.append("status is \(summary.status.rawValue)") }
        for item in summary.results where item.znodes != summary.znodes || item.residentBytesPerZnode <= 0 {
            problems.append("\(item.server.rawValue): \(item.znodes) znodes, \(item.residentBytesPerZnode) bytes each")
        }
        if summary.results.isEmpty { problems.append("no server was measured") }
        return problems
    }

    static func check(_ summary: CatchUpSummary) -> [String] {
        var problems: [String] = []
        if summary.status != .valid { problems.append("status is \(summary.status.rawValue)") }
        if summary.results.count != summary.plan.repeats * summary.plan.ways.count {
            problems.append("\(summary.results.count) results, \(summary.plan.repeats) of each way were asked for")
        }
        for result in summary.results {
            let name = "\(result.way.rawValue) \(result.number)"
            if result.awayWrites < summary.plan.awayWrites { problems.append("\(name): too few writes were missed") }
            if result.inStepSeconds <= 0 || result.diffs + result.snapshots == 0 {
                problems.append("\(name): the follower did not come back")
            }
            if result.way == .diff, result.snapshots > 0 { problems.append("\(name): by a snapshot, not the log") }
            if result.quiet.count == 0 || result.catching.count == 0 { problems.append("\(name): no writes measured") }
            if !result.violations.isEmpty { problems.append("\(name): a rule was broken") }
        }
        if summary.figures != summary.plan.ways.compactMap({ CatchUpFigure($0, summary.results) }) {
            problems.append("the figures are not the results'")
        }
        return problems
    }

    static func check(_ summary: ClientOverheadSummary) -> [String] {
        var problems: [String] = []
        if summary.status != .valid { problems.append("status is \(summary.status.rawValue)") }
        for client in summary.plan.clients {
            let own = summary.measurements.filter { $0.client == client }
            if Set(own.map(\.round)) != Set(1...summary.plan.rounds) || own.count != summary.plan.rounds {
                problems.append("\(client.rawValue): \(own.count) measurements in \(summary.plan.rounds) rounds")
            }
            for measurement in own where measurement.sample.reads != summary.plan.reads(of: client)
                || measurement.sample.cpuSeconds <= 0 || measurement.sample.wallSeconds <= 0
            {
                problems.append("\(client.rawValue), round \(measurement.round): no whole measurement")
            }
        }
        if summary.figures != ClientOverheadSummary.figures(summary.plan, summary.measurements) {
            problems.append("the figures are not the measurements'")
        }
        return problems
    }

    static func check(_ summary: SessionsSummary) -> [String] {
        var problems = SessionsSummary.problems(summary.plan, summary.result)
        if summary.status != .valid { problems.append("status is \(summary.status.rawValue)") }
        if summary.result.storms.count != summary.plan.storms {
            problems.append("\(summary.result.storms.count) storms, \(summary.plan.storms) were asked for")
        }
        if summary.result.clientBytesPerSession <= 0 || summary.result.restSeconds <= 0 {
            problems.append("nothing was measured")
        }
        return problems
    }

    static func check(_ summary: FaultSummary, directory: String) -> [String] {
        var problems: [String] = []
        if summary.status != .valid {
            problems.append("status is \(summary.status.rawValue): \(summary.statusReasons.joined(separator: "; "))")
        }
        if summary.status == .valid, summary.rounds.count != summary.plan.rounds {
            problems.append("\(summary.rounds.count) rounds, \(summary.plan.rounds) were asked for")
        }
        if summary.roundsDone != summary.rounds.count { problems.append("the count of rounds is wrong") }
        if summary.acknowledgedLost > 0 || summary.sessionsLost > 0 || summary.undecidedZnodes > 0 {
            problems.append("writes or sessions were lost, or a history is undecided")
        }
        let acknowledged = summary.rounds.reduce(0) { $0 + $1.acknowledgedWrites }
        if acknowledged != summary.acknowledgedWrites { problems.append("acknowledged writes do not add up") }
        if summary.figures.first?.rounds ?? 0 != summary.rounds.count {
            problems.append("the figures do not cover the rounds")
        }
        for result in summary.rounds {
            let least = summary.plan.leastRatePerSecond
            if result.rateBefore < least || result.acknowledgedWrites == 0 {
                problems.append("round \(result.round.number): too little traffic")
            }
            if !result.violations.isEmpty { problems.append("round \(result.round.number): a rule was broken") }
        }
        if summary.status == .valid, summary.equalZnodes < summary.rounds.count * summary.plan.keysPerRound {
            problems.append("not every znode was read back on every server")
        }
        if let load = summary.load {
            problems += check(load, stem: "\(directory)/load", name: "load")
        } else {
            problems.append("no load was measured")
        }
        return problems
    }
}
