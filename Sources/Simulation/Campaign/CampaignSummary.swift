/// What many seeds came to.
public struct CampaignSummary: Codable, Sendable {
    public struct Found: Codable, Sendable {
        public var seed: UInt64
        public var property: String
        public var text: String
    }

    public var seeds = 0
    public var firstSeed: UInt64?
    public var lastSeed: UInt64?
    public var violations: [Found] = []
    public var wallSeconds = 0.0
    public var cpuSeconds = 0.0
    public var virtualSeconds = 0.0
    public var events: UInt64 = 0
    public var operations = 0
    public var successes = 0
    public var transactions = 0
    public var seedsByServers: [String: Int] = [:]
    public var faults: [String: Int] = [:]
    public var counts = RunCounts()

    public init() {}

    public var faultTotal: Int { faults.values.reduce(0, +) }
    /// Seconds of the ensemble's time per second of CPU.
    public var timeRatio: Double { cpuSeconds > 0 ? virtualSeconds / cpuSeconds : 0 }

    mutating func add(_ report: SeedReport) {
        seeds += 1
        firstSeed = min(firstSeed ?? report.seed, report.seed)
        lastSeed = max(lastSeed ?? report.seed, report.seed)
        if let property = report.property {
            violations.append(Found(seed: report.seed, property: property, text: report.text ?? ""))
        }
        virtualSeconds += Double(report.virtualNanos) / 1e9
        events += report.events
        operations += report.operations
        successes += report.successes
        transactions += report.transactions
        seedsByServers[String(report.servers), default: 0] += 1
        for kind in FaultKind.allCases where kind.rawValue < report.faults.count {
            faults[kind.name, default: 0] += report.faults[kind.rawValue]
        }
        counts += report.counts
    }
}
