/// How long writes pause when the leader dies: a modest load, and the leader killed again and again (SIGKILL), each
/// time started anew on its directory and left time to come back into step.
public struct FailOverPlan: Codable, Equatable, Sendable {
    public var servers: Int
    public var kills: Int
    /// Writes a second of all clients, in an open loop.
    public var ratePerSecond: Double
    public var connections: Int
    public var valueBytes: Int
    public var warmupSeconds: Double
    public var seed: UInt64
    /// From the window's start to the first kill: the rate before it is taken from here.
    public var firstSeconds: Double
    /// From a kill to the next, or to half a second after the end.
    public var periodSeconds: Double
    /// From a kill to the server's start: longer than these elections take, so that it is no part of them.
    public var awaySeconds: Double

    public init(
        servers: Int, kills: Int, ratePerSecond: Double, connections: Int, valueBytes: Int, warmupSeconds: Double,
        seed: UInt64, firstSeconds: Double = 2, periodSeconds: Double = 7.5, awaySeconds: Double = 2.5
    ) throws(LoadError) {
        self.servers = servers
        self.kills = kills
        self.ratePerSecond = ratePerSecond
        self.connections = connections
        self.valueBytes = valueBytes
        self.warmupSeconds = warmupSeconds
        self.seed = seed
        self.firstSeconds = firstSeconds
        self.periodSeconds = periodSeconds
        self.awaySeconds = awaySeconds
        guard (1...100).contains(kills) else { throw .usage("a leader is killed 1 to 100 times, not \(kills)") }
        _ = try failurePlan()
    }

    public var seconds: Double { firstSeconds + Double(kills) * periodSeconds - 0.5 }

    var steps: [FailureStep] {
        (0..<kills).flatMap { number in
            let at = firstSeconds + Double(number) * periodSeconds
            return [
                FailureStep(at: at, .kill, FailureStep.leader, as: "leader-\(number + 1)"),
                FailureStep(at: at + awaySeconds, .start, "leader-\(number + 1)"),
            ]
        }
    }

    /// The same as a script of failures.
    func failurePlan() throws(LoadError) -> FailurePlan {
        try FailurePlan(
            servers: servers, readPercent: 0, connections: connections, window: 1, valueBytes: valueBytes,
            seconds: seconds, warmupSeconds: warmupSeconds, replyTimeoutMillis: 5000, seed: seed, steps: steps,
            leastRatePerSecond: ratePerSecond / 2, probesStaleness: false, ratePerSecond: ratePerSecond)
    }

    /// - Parameter kind: of the servers: a JVM takes a second to start, others a third.
    public func estimatedSeconds(_ kind: ServerKind) -> Double {
        seconds + warmupSeconds + 2 + Double(servers) * (kind == .apache ? 1.5 : 0.4)
    }
}

/// One kill of a leader, and what followed until the next.
public struct FailOverKill: Codable, Equatable, Sendable {
    /// Its id, and the id of whoever led before.
    public var server: Int
    public var leaderBefore: Int?
    /// From the start of the measured window.
    public var atSeconds: Double
    /// Successful writes per second before.
    public var rateBefore: Double
    /// The longest time without a successful write of any client.
    public var gapMillis: Double
    /// From its start until it followed or led again; nil when it did not before the next kill or the end.
    public var servesMillis: Double?
}

/// What came of one ensemble.
public struct FailOverResult: Codable, Equatable, Sendable {
    public var description: ServerDescription
    public var kills: [FailOverKill]
    public var load: RepeatResult
    /// Why the figures may not be used; empty when they may.
    public var problems: [String]
    /// Ended by Ctrl-C.
    public var isPartial: Bool
}

extension FailOverPlan {
    /// The kills with their pauses: of each the longest time without a write between it and the next.
    static func withGaps(_ kills: [FailOverKill], _ load: RepeatResult) -> [FailOverKill] {
        let silences = joined(load.following?.writeSilences ?? [])
        func nanos(_ kill: FailOverKill) -> UInt64 { UInt64(max(0, kill.atSeconds) * 1e9) }
        return kills.enumerated().map { index, kill in
            var kill = kill
            let end = index + 1 < kills.count ? nanos(kills[index + 1]) : .max
            let own = silences.filter { $0.endNanos > nanos(kill) && $0.startNanos < end }
            // A silence that the next kill ends up in begins before that, with the last success.
            kill.gapMillis =
                own.map { Double(min($0.endNanos, end) - max(nanos(kill), $0.startNanos)) / 1e6 }.max() ?? 0
            return kill
        }
    }

    /// A generator ends a silence where the script's next step is, and begins another there: the two are one.
    private static func joined(_ silences: [Silence]) -> [Silence] {
        var list: [Silence] = []
        for silence in silences {
            if let last = list.last, silence.startNanos <= last.endNanos {
                list[list.count - 1].endNanos = max(last.endNanos, silence.endNanos)
            } else {
                list.append(silence)
            }
        }
        return list
    }

    /// Where pauses and the raw series (100 ms slices) contradict each other: a slice within a pause has no write, and
    /// slices without one are no longer than the pause.
    public static func contradictions(_ kills: [FailOverKill], series text: String) -> [String] {
        let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        guard let heading = lines.first, let column = heading.firstIndex(of: Substring(OperationKind.set.name)) else {
            return ["the series has no writes"]
        }
        let slices = lines.dropFirst().compactMap { line -> (start: Double, writes: UInt64)? in
            guard line.count == heading.count, let start = Double(line[0]), let writes = UInt64(line[column]) else {
                return nil
            }
            return (start, writes)
        }
        return kills.indices.compactMap { index in
            let start = kills[index].atSeconds * 1000
            let end = index + 1 < kills.count ? kills[index + 1].atSeconds * 1000 : .infinity
            var longest = 0.0
            var since: Double?
            for (slice, next) in zip(slices, slices.dropFirst()) where slice.start >= start && slice.start < end {
                since = slice.writes > 0 ? nil : since ?? slice.start
                if let since { longest = max(longest, next.start - since) }
            }
            let gap = kills[index].gapMillis
            let slack = 2.5 * Double(SeriesSlice.lengthMillis)
            guard longest > gap + 20 || gap > longest + slack else { return nil }
            return "kill \(index + 1): a pause of \(fixed(gap, 0)) ms, but \(fixed(longest, 0)) ms of the series "
                + "without writes"
        }
    }

    /// What makes a result's figures useless.
    public func problems(of result: FailOverResult) -> [String] {
        var problems = result.load.violations.lines
        if result.kills != Self.withGaps(result.kills, result.load) {
            problems.append("the pauses are not those of the load")
        }
        if let reason = result.load.stopReason { problems.append("the load stopped: \(reason)") }
        guard !result.isPartial else { return problems }
        if result.kills.count != kills { problems.append("\(result.kills.count) kills, \(kills) were asked for") }
        if result.load.windowSeconds < seconds - 0.5 {
            problems.append("the load ended after \(fixed(result.load.windowSeconds, 1)) s")
        }
        for (index, kill) in result.kills.enumerated() {
            let place = "kill \(index + 1)"
            if kill.server != kill.leaderBefore { problems.append("\(place): server \(kill.server) did not lead") }
            if kill.rateBefore < ratePerSecond / 2 {
                problems.append("\(place): too little traffic before, \(fixed(kill.rateBefore, 0)) writes/s")
            }
            if kill.gapMillis <= 0 { problems.append("\(place): writes never paused") }
            if kill.gapMillis >= 1000 * (periodSeconds - 1) { problems.append("\(place): no new leader in time") }
            if kill.servesMillis == nil { problems.append("\(place): the server was not back in time") }
        }
        return problems
    }
}
