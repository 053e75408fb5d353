import Load

/// Thousands of sessions lose their server, and come back with their watches and ephemeral znodes.
public struct ReconnectsComparison: ComparedWork {
    public static let kind = "reconnects"

    public var times: CrowdTimes
    public var sessions: Int
    public var watches: Int
    public var ephemerals: Int
    public var storms: Int

    public init(_ fields: inout FileFields, turns: ComparisonTurns) throws(LoadError) {
        times = try CrowdTimes(&fields)
        sessions = try fields.integer("sessions", in: 1...50_000) ?? 5000
        watches = try fields.integer("watches", in: 0...1000) ?? 10
        ephemerals = try fields.integer("ephemerals", in: 0...100) ?? 1
        storms = try fields.integer("storms", in: 1...100) ?? 3
        guard watches + ephemerals > 0 else {
            throw fields.refusal("watches", "and ephemerals are not both none: nothing would show what came back")
        }
        guard !turns.servers.contains(2) else {
            throw fields.refusal("servers", "cannot be 2: without its leader such an ensemble serves nobody")
        }
    }

    public var caseNames: [String] { ["\(sessions) sessions"] }

    public func estimatedSeconds(of subject: EnsembleSubject) -> Double {
        let pace: Double = subject.kind == .apache ? 1 : 3
        let opening = Double(sessions) / (1500 * pace)
        let storm = (1 + Double(sessions) / 1500) / pace + subject.startSeconds() / 2 + 0.3
        return subject.startSeconds() + opening + Double(storms) * storm
    }

    public func measure(
        _ subject: EnsembleSubject, turns: ComparisonTurns, seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<ReconnectsFigure> {
        try ReconnectsRunner.run(
            ReconnectsPlan(
                kind: subject.kind, servers: subject.servers, settings: turns.settings, sessions: sessions,
                watches: watches, ephemerals: ephemerals, storms: storms, limitSeconds: times.limitSeconds,
                seed: seed),
            options: options, progress: progress)
    }

    public func problems(of figure: ReconnectsFigure, among all: [ReconnectsFigure]) -> [String] {
        var list: [String] = []
        if figure.sessions != sessions || figure.watches != watches || figure.ephemerals != ephemerals {
            list.append("sessions that are not the plan's")
        }
        if figure.rounds.count != storms { list.append("\(figure.rounds.count) storms, \(storms) were asked for") }
        return list
    }
}

extension ReconnectsFigure: ComparedFigure {
    public var caseName: String { "\(sessions) sessions" }
    public var latencies: [NamedLatencies] {
        rounds.enumerated().map { index, round in
            // Who is not back has no time, and the shares are of all.
            let shares: [(Double, Double?)] =
                round.lostSessions == 0 ? [(50, round.halfMillis), (99, round.mostMillis)] : []
            return NamedLatencies(
                "storm \(index + 1)", round.times, count: sessions - round.lostSessions,
                percentiles: shares.map { ($0.0, $0.1 ?? 0) }, longestMillis: round.allMillis)
        }
    }

    public var metrics: [Metric] {
        func metric(
            _ name: String, _ title: String, better: Metric.Direction? = nil, _ value: (ReconnectRound) -> Double?
        ) -> [Metric] {
            let values = rounds.compactMap(value)
            return values.isEmpty ? [] : [Metric(name, title, Middle.of(values), better: better)]
        }
        return metric("first_ms", "first back, ms", better: .lower) { $0.firstMillis }
            + metric("half_ms", "50 % back, ms", better: .lower) { $0.halfMillis }
            + metric("most_ms", "99 % back, ms", better: .lower) { $0.mostMillis }
            + metric("all_ms", "all back, ms", better: .lower) { $0.allMillis }
            + metric("cpu_us", "server CPU per session, µs", better: .lower) { $0.serverCpuMicros }
            + metric("disturbed", "sessions that lost a connection") { Double($0.disturbed) }
            + metric("relapses", "connections lost again afterwards", better: .lower) { Double($0.relapses) }
            + metric("failed_attempts", "connects that failed") { Double($0.failedAttempts) }
            + metric("lost_sessions", "sessions lost", better: .lower) { Double($0.lostSessions) }
            + (rounds.map(\.generator).max { $0.cpuShare < $1.cpuShare }.map(Metric.of) ?? [])
    }

    public var problems: [String] {
        rounds.enumerated().flatMap { index, round -> [String] in
            var list: [String] = []
            if round.lostSessions > 0 { list.append("\(round.lostSessions) of \(sessions) sessions were lost") }
            if round.lostWatches > 0 { list.append("\(round.lostWatches) watches did not fire afterwards") }
            if round.extraNotifications > 0 { list.append("\(round.extraNotifications) notifications too many") }
            if round.wrongEphemerals > 0 {
                list.append("\(round.wrongEphemerals) ephemeral znodes were gone or another's")
            }
            if round.disturbed == 0 { list.append("nobody lost a connection") }
            list += round.generator.problems
            return list.map { "storm \(index + 1): \($0)" }
        } + contradictions
    }

    public var isGeneratorBound: Bool { rounds.contains { $0.generator.isBound } }

    private var contradictions: [String] {
        rounds.enumerated().compactMap { index, round in
            let times = [round.firstMillis, round.halfMillis, round.mostMillis, round.allMillis].compactMap(\.self)
            let isWhole = (round.lostSessions == 0) == (round.allMillis != nil)
            guard times != times.sorted() || (times.first ?? 1) <= 0 || !isWhole || round.disturbed > sessions else {
                return nil
            }
            return "storm \(index + 1): its times do not fit its sessions"
        }
    }
}
