import Foundation
import Load
import Simulation

/// The summary file of `corral-bench simulate`: the campaign's numbers, and beside them what every result says of the
/// circumstances it is from.
struct SimulationResult: Codable {
    static let currentSchemaVersion = 1
    static let schemaName = "corral-bench/simulation"

    var schema = SimulationResult.schemaName
    var schemaVersion = SimulationResult.currentSchemaVersion
    /// Valid when no seed broke a property; partial when none did before someone ended the campaign.
    var status: RunStatus
    var startedAt: String
    var endedAt: String
    var environment: EnvironmentRecord
    var campaign: CampaignSummary

    init(_ campaign: CampaignSummary, startedAt: String, environment: EnvironmentRecord, isInterrupted: Bool) {
        self.campaign = campaign
        self.startedAt = startedAt
        self.environment = environment
        status = campaign.violations.isEmpty ? (isInterrupted ? .partial : .valid) : .invalid
        endedAt = ResultFiles.timestamp()
    }

    /// All but the campaign's, whose numbers stand beside these.
    private enum CodingKeys: String, CodingKey {
        case schema, schemaVersion, status, startedAt, endedAt, environment
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        schema = try container.decode(String.self, forKey: .schema)
        schemaVersion = try container.decode(Int.self, forKey: .schemaVersion)
        status = try container.decode(RunStatus.self, forKey: .status)
        startedAt = try container.decode(String.self, forKey: .startedAt)
        endedAt = try container.decode(String.self, forKey: .endedAt)
        environment = try container.decode(EnvironmentRecord.self, forKey: .environment)
        campaign = try CampaignSummary(from: decoder)
    }

    func encode(to encoder: any Encoder) throws {
        try campaign.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(schema, forKey: .schema)
        try container.encode(schemaVersion, forKey: .schemaVersion)
        try container.encode(status, forKey: .status)
        try container.encode(startedAt, forKey: .startedAt)
        try container.encode(endedAt, forKey: .endedAt)
        try container.encode(environment, forKey: .environment)
    }

    // MARK: judging

    static var resultSchema: ResultCheck.Schema {
        ResultCheck.Schema(name: schemaName, currentVersion: currentSchemaVersion) { data, _ in
            try JSONDecoder().decode(SimulationResult.self, from: data).problems
        }
    }

    private var problems: [String] {
        var problems = campaign.violations.map { "seed \($0.seed): \($0.property): \($0.text)" }
        if status != .valid || !campaign.violations.isEmpty {
            problems.append("status is \(status.rawValue), with \(campaign.violations.count) violations")
        }
        guard let first = campaign.firstSeed, let last = campaign.lastSeed, campaign.seeds > 0 else {
            return problems + ["no seed was run"]
        }
        // A limit of time leaves some of the range out.
        if first > last || UInt64(campaign.seeds) - 1 > last - first {
            problems.append("\(campaign.seeds) seeds do not lie between \(first) and \(last)")
        }
        if campaign.seedsByServers.values.reduce(0, +) != campaign.seeds {
            problems.append("the seeds by number of servers do not add up")
        }
        if campaign.successes <= 0 || campaign.events == 0 { problems.append("nothing happened") }
        return problems
    }

    // MARK: in words

    static func describe(_ summary: CampaignSummary) -> String {
        let faults = faultsByKind(summary).map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        return (head(summary) + ["\(summary.faultTotal) faults: \(faults)"]).joined(separator: "\n")
    }

    private static func faultsByKind(_ summary: CampaignSummary) -> [(key: String, value: Int)] {
        summary.faults.filter { $0.value > 0 }.sorted { $0.key < $1.key }
    }

    private static func head(_ summary: CampaignSummary) -> [String] {
        func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
        let perSeed = summary.cpuSeconds / Double(max(1, summary.seeds))
        let rate = Double(summary.seeds) / max(0.001, summary.wallSeconds)
        let counts = summary.counts
        return [
            "\(summary.seeds) seeds, \(summary.violations.count) violations; \(number(rate, 1)) seeds a second, "
                + "\(number(perSeed, 3)) CPU seconds a seed, virtual to CPU time \(number(summary.timeRatio, 0)) : 1",
            "\(summary.operations) operations, \(summary.successes) successes, \(summary.transactions) transactions, "
                + "\(counts.linearizedOperations) writes put in order",
            "\(counts.termsOfOffice) terms of office, \(counts.diffs) DIFF, \(counts.truncations) TRUNC, "
                + "\(counts.snapshotsSent) SNAP, \(counts.sessionsExpired) sessions expired",
        ]
    }

    /// The result on a page.
    ///
    /// - Parameter replay: the command that runs a seed again.
    func report(_ replay: (UInt64) -> String) -> String {
        let commit = environment.commit.prefix(12) + (environment.dirty ? ", with changes" : "")
        var lines = [
            "Status: \(status.rawValue). Seeds \(campaign.firstSeed ?? 0) to \(campaign.lastSeed ?? 0), "
                + "from \(startedAt) to \(endedAt).",
            "\(environment.machine); \(environment.compiler); commit \(commit).",
            environment.argv.joined(separator: " "), "",
        ]
        lines += Self.head(campaign)
        lines += ["", "Seeds by number of servers:"]
        for item in campaign.seedsByServers.sorted(by: { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }) {
            lines.append("  \(item.key): \(item.value)")
        }
        lines += ["", "\(campaign.faultTotal) faults:"]
        for item in Self.faultsByKind(campaign) { lines.append("  \(item.key): \(item.value)") }
        lines += ["", campaign.violations.isEmpty ? "No violations." : "Violations:"]
        for item in campaign.violations {
            lines += ["  seed \(item.seed): \(item.property): \(item.text)", "    \(replay(item.seed))"]
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
