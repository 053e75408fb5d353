import Load

/// An ensemble under load while servers fail and come back: Figure 8 of the paper.
public struct FailureExperimentPlan: Codable, Equatable, Sendable {
    public var kinds: [ServerKind]
    /// The run with its events.
    public var run: FailurePlan
    /// How long the same load goes on without events; nil leaves it out.
    public var twinSeconds: Double?
    public var paperPoints: [String]

    /// One run of one kind of server.
    public struct Subject: Codable, Equatable, Hashable, Sendable {
        public var kind: ServerKind
        /// Without events.
        public var isTwin: Bool
        public var name: String { kind.rawValue + (isTwin ? "-without-failures" : "") }
    }

    init(_ fields: inout FileFields) throws(LoadError) {
        kinds = try fields.list("kinds") ?? [.corral]
        guard !kinds.contains(.null) else { throw fields.refusal("kinds", "lists servers, not the null server") }
        paperPoints = try fields.words("paperPoints") ?? []
        let seconds = try fields.number("seconds", in: 1...86_400) ?? 60
        var steps: [FailureStep] = []
        for var item in try fields.mappings("events") ?? [] { steps.append(try Self.step(&item)) }
        guard !steps.isEmpty else { throw fields.refusal("events", "lists what happens: a run without is its twin") }
        let twin = try fields.number("twinSeconds", in: 0...86_400) ?? seconds
        twinSeconds = twin >= 1 ? twin : nil
        let sessionTimeout = try fields.integer("sessionTimeoutMillis", in: 1000...3_600_000) ?? 20_000
        let replyTimeout = try fields.integer("replyTimeoutMillis", in: 50...3_600_000)
        let attemptTimeout = try fields.integer("attemptTimeoutMillis", in: 50...3_600_000) ?? 2000
        let servers = try fields.integer("servers", in: 3...EnsembleOptions.maximumServers) ?? 5
        let reads = try fields.number("reads", in: 0...99) ?? 70
        let connections = try fields.integer("connections", in: 1...10_000) ?? 250
        let window = try fields.integer("window", in: 1...65_536) ?? 100
        let valueBytes = try fields.integer("valueBytes", in: 16...1_000_000) ?? 1024
        let warmup = try fields.number("warmupSeconds", in: 0.1...600) ?? 3
        let settings = try fields.texts("settings") ?? [:]
        let budget = try fields.budget()
        let network = try fields.network()
        let seed = try fields.integer("seed", in: 1...Int.max) ?? 1
        let least = try fields.number("leastRatePerSecond", in: 1...1e9) ?? 200
        let probes = try fields.flag("probesStaleness") ?? true
        do throws(LoadError) {
            run = try FailurePlan(
                servers: servers, readPercent: reads, connections: connections, window: window, valueBytes: valueBytes,
                seconds: seconds, warmupSeconds: warmup, sessionTimeoutMillis: Int32(sessionTimeout),
                replyTimeoutMillis: replyTimeout.map { Int32($0) }, attemptTimeoutMillis: Int32(attemptTimeout),
                settings: settings, budget: budget, network: network, seed: UInt64(seed), steps: steps,
                leastRatePerSecond: least, probesStaleness: probes)
        } catch .usage(let text) {
            throw fields.refusal("events", "cannot be carried out: \(text)")
        }
    }

    /// `{at: 10, kill: follower, as: a}`: one kind of step, with its target.
    private static func step(_ fields: inout FileFields) throws(LoadError) -> FailureStep {
        guard let at = try fields.number("at", in: 0...86_400) else { throw fields.missing("at") }
        var found: (kind: FailureKind, target: String)?
        for kind in FailureKind.allCases {
            guard let target = try fields.text(kind.rawValue) else { continue }
            guard found == nil else { throw fields.refusal(kind.rawValue, "is a second thing to do at one time") }
            found = (kind, target)
        }
        guard let found else {
            throw fields.missing(FailureKind.allCases.map(\.rawValue).joined(separator: " or "))
        }
        let shape: [PartitionShape]? = try fields.list("shape")
        let step = FailureStep(
            at: at, found.kind, found.target, as: try fields.text("as"), shape: shape?.first,
            writesPerSecond: try fields.integer("writesPerSecond", in: 1...1_000_000),
            label: try fields.text("label"))
        try fields.finish()
        return step
    }

    public var subjects: [Subject] {
        kinds.flatMap { kind in
            [Subject(kind: kind, isTwin: false)] + (twinSeconds == nil ? [] : [Subject(kind: kind, isTwin: true)])
        }
    }

    public func plan(for subject: Subject) -> FailurePlan {
        subject.isTwin ? run.twin(seconds: twinSeconds ?? run.seconds) : run
    }

    public var estimatedSeconds: Double { subjects.reduce(0) { $0 + plan(for: $1).estimatedSeconds } }
}
