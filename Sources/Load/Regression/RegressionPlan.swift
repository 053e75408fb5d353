/// The two builds that `regress` compares.
public enum RegressionSide: String, Codable, CaseIterable, Sendable {
    case base
    case work

    var other: RegressionSide { self == .base ? .work : .base }
}

/// What a block measures.
public enum RegressionPoint: String, Codable, CaseIterable, Sendable {
    /// Closed loop, reads alone.
    case reads
    /// Closed loop, writes alone.
    case writes
    /// Open loop at the same rate for both builds, two reads to a write.
    case offered
}

/// Four blocks of one point, A B B A: whatever drifts evenly, within a fraction of a second, meets both builds alike.
public struct RegressionQuad: Codable, Equatable, Sendable {
    public var point: RegressionPoint
    public var order: [RegressionSide]
}

/// One start of both builds, side by side: only one of them has work at any time.
public struct RegressionRound: Codable, Equatable, Sendable {
    public var number: Int
    /// Which server is started first.
    public var first: RegressionSide
    /// Those of one point lie together.
    public var quads: [RegressionQuad]

    /// In the order of their quads.
    var points: [RegressionPoint] {
        quads.indices.filter { $0 == 0 || quads[$0].point != quads[$0 - 1].point }.map { quads[$0].point }
    }
}

/// Everything a comparison does, fixed before it begins.
public struct RegressionPlan: Codable, Equatable, Sendable {
    /// Starts of both builds; each gives one pair for the test.
    public var rounds = 8
    /// Quads in a round; 0 leaves the point, and what is derived from it, out.
    public var readQuads = 6
    public var writeQuads = 6
    public var offeredQuads = 1
    public var connections = 20
    public var window = 100
    public var valueBytes = 1024
    /// CPU seconds that the server works in a block at saturation.
    public var blockSeconds = 0.04
    /// Load on each server before its first block, and before each block at the offered load.
    public var settleSeconds = 0.1
    public var offeredBlockSeconds = 0.4
    public var offeredRatePerSecond = 10_000.0
    public var offeredConnections = 50
    /// The smallest effect on CPU time looked for; 0.05 is 5 %.
    public var effect = 0.05
    /// How far a canary's median may lie apart between the quietest and the busiest third of a run.
    public var canaryLimit = 2.0
    /// Both servers and their loads share one CPU, another one in each round. Where server and load run on two, what an
    /// operation costs depends on which two, and where they meet on one it costs a quarter less: on a machine that
    /// others use, that changes from second to second.
    public var pinsToOneCpu = true
    public var fsync = true
    public var seed: UInt64 = 1

    public init() {}

    /// Fewer pairs cannot reach 95 %.
    public static let minimumRounds = 6

    public func validate() throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need(
            (Self.minimumRounds...60).contains(rounds),
            "--trials lies between \(Self.minimumRounds) (fewer pairs cannot tell) and 60, not \(rounds)")
        for (name, count) in [("--reads", readQuads), ("--writes", writeQuads), ("--offered", offeredQuads)] {
            try need((0...50).contains(count), "\(name) lies between 0 and 50 quads a trial, not \(count)")
        }
        try need(readQuads + writeQuads > 0, "neither reads nor writes are to be measured")
        try need((1...1000).contains(connections), "--connections lies between 1 and 1000, not \(connections)")
        try need((1...1000).contains(offeredConnections), "--offered-connections lies between 1 and 1000")
        try need((1...1000).contains(window), "--window lies between 1 and 1000, not \(window)")
        try need(effect >= 0.005 && effect <= 1, "--effect lies between 0.5 and 100 %, not \(100 * effect)")
        try need(
            blockSeconds >= 0.01 && blockSeconds <= 10 && offeredBlockSeconds >= 0.1 && offeredBlockSeconds <= 10,
            "a block lasts between 0.01 and 10 s")
        try need(settleSeconds >= 0 && settleSeconds <= 5, "--settle lies between 0 and 5 s, not \(settleSeconds)")
        try need(
            offeredRatePerSecond >= 1 && offeredRatePerSecond <= 1_000_000,
            "--offered-rate lies between 1 and 1000000 per second, not \(offeredRatePerSecond)")
        try need(canaryLimit > 1, "--canary-limit is above 1, not \(canaryLimit)")
    }

    func quads(of point: RegressionPoint) -> Int {
        switch point {
        case .reads: readQuads
        case .writes: writeQuads
        case .offered: offeredQuads
        }
    }

    func seconds(of point: RegressionPoint) -> Double { point == .offered ? offeredBlockSeconds : blockSeconds }

    /// The rounds in order. What comes first, in each round, point and quad, comes from the seed; over a pair of quads
    /// of one point both builds come first once.
    public var schedule: [RegressionRound] {
        var random = RandomSource(seed: seed)
        func side() -> RegressionSide { random.below(2) == 0 ? .base : .work }
        return (1...rounds).map { number in
            var list: [RegressionQuad] = []
            for point in RegressionPoint.allCases.shuffled(using: &random) {
                var first = side()
                for _ in 0..<quads(of: point) {
                    list.append(RegressionQuad(point: point, order: [first, first.other, first.other, first]))
                    first = first.other
                }
            }
            return RegressionRound(number: number, first: side(), quads: list)
        }
    }

    /// The comparison's length in seconds where the servers get their processor, builds not counted.
    public var estimatedSeconds: Double {
        let quads = RegressionPoint.allCases.reduce(0.0) { sum, point in
            let blocks = Double(4 * self.quads(of: point))
            guard blocks > 0 else { return sum }
            let setUp = settleSeconds + Self.setUpSeconds
            let canaries = blocks * 1.25 * Canaries.estimatedSeconds
            return sum + canaries + blocks * (seconds(of: point) + (point == .offered ? setUp : 0)) + 2 * setUp
        }
        return 2 + Double(rounds) * (0.5 + quads)
    }

    /// How many times longer than that a block may last on the clock, when the server does not get its processor.
    static let blockLimitFactor = 6.0

    /// Of the tree and the sessions, and the drain.
    static let setUpSeconds = 0.15

    func configuration(_ point: RegressionPoint, server: ServerAddress, round: Int) throws(LoadError)
        -> RunConfiguration
    {
        let reads: Double =
            switch point {
            case .reads: 100
            case .writes: 0
            case .offered: 200.0 / 3
            }
        var configuration = RunConfiguration(servers: [server], mix: try OperationMix(readPercent: reads))
        configuration.connections = point == .offered ? offeredConnections : connections
        configuration.window = window
        configuration.valueBytes = valueBytes
        // At saturation blocks end by themselves, and the load behind the last of them.
        configuration.durationSeconds = point == .offered ? offeredBlockSeconds : 1
        configuration.warmupLimitSeconds = settleSeconds
        configuration.ratePerSecond = point == .offered ? offeredRatePerSecond : nil
        // Both builds get the same requests.
        configuration.seed = seed &+ UInt64(round) &* 1000
        return configuration
    }
}
