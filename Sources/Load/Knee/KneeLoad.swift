/// Latency against offered load, in an open loop, up to the rate that servers no longer keep up with.
public struct KneeLoad: Codable, Equatable, Sendable {
    public var readPercents: [Double]
    public var connections: Int
    public var valueBytes: Int
    /// The 99th percentile of the response time, from the planned send, that a rate may have.
    public var limitMillis: Double
    public var lowestRate: Double
    public var highestRate: Double
    /// From one rising step to the next.
    public var factor: Double
    /// The search ends when the rates that were and were not kept up with differ by no more than this ratio.
    public var tolerance: Double
    /// How often a rate must fail in a row before it counts as too much.
    public var tries: Int
    public var seconds: Double
    public var warmupSeconds: Double
    public var apacheWarmupSeconds: Double

    public init(
        readPercents: [Double] = [0, 50, 100], connections: Int = 20, valueBytes: Int = 1024,
        limitMillis: Double = 20, lowestRate: Double = 1000, highestRate: Double = 1_000_000, factor: Double = 2,
        tolerance: Double = 1.1, tries: Int = 2, seconds: Double = 3, warmupSeconds: Double = 1,
        apacheWarmupSeconds: Double = 15
    ) throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need(
            !readPercents.isEmpty && readPercents.allSatisfy { $0 >= 0 && $0 <= 100 }
                && Set(readPercents).count == readPercents.count, "shares of reads are 0 to 100 %, each named once")
        try need((1...10_000).contains(connections), "1 to 10000 connections offer the load")
        try need((16...1_000_000).contains(valueBytes), "a znode has 16 to 1000000 bytes")
        try need(limitMillis >= 0.1 && limitMillis <= 60_000, "the limit lies between 0.1 and 60000 ms")
        try need(
            lowestRate >= 1 && highestRate <= 50_000_000 && lowestRate <= highestRate,
            "rates rise from 1 a second at least to 50000000 at most")
        try need(factor >= 1.05 && factor <= 100, "steps rise by a factor of 1.05 to 100")
        try need(tolerance >= 1.01 && tolerance <= 10, "the search ends at a ratio of 1.01 to 10")
        try need((1...10).contains(tries), "a rate is tried 1 to 10 times before it counts as too much")
        try need(seconds >= 0.2 && seconds <= 3600, "a step is measured for 0.2 to 3600 seconds")
        try need(warmupSeconds >= 0.1 && warmupSeconds <= 600, "a step's warm-up takes 0.1 to 600 seconds")
        try need(apacheWarmupSeconds >= 0 && apacheWarmupSeconds <= 3600, "a JVM's warm-up takes 0 to 3600 seconds")
        self.readPercents = readPercents
        self.connections = connections
        self.valueBytes = valueBytes
        self.limitMillis = limitMillis
        self.lowestRate = lowestRate
        self.highestRate = highestRate
        self.factor = factor
        self.tolerance = tolerance
        self.tries = tries
        self.seconds = seconds
        self.warmupSeconds = warmupSeconds
        self.apacheWarmupSeconds = apacheWarmupSeconds
    }

    public var search: KneeSearch {
        KneeSearch(lowest: lowestRate, highest: highestRate, factor: factor, tolerance: tolerance, tries: tries)
    }

    /// Requests out at once beyond which a rate is not kept up with, whatever the latencies until then: those of ten
    /// times the limit.
    public func backlogLimit(rate: Double) -> Int {
        max(10 * connections, Int(rate * 10 * limitMillis / 1000))
    }
}

/// One offered rate.
public struct KneeStep: Codable, Equatable, Sendable {
    public enum Verdict: String, Codable, Sendable {
        /// Within the limit, everything answered.
        case keptUp
        /// The 99th percentile is over the limit.
        case late
        /// More requests were out than the limit allows, or fewer answered than offered.
        case backlog
        /// Too much for the generator: it says nothing of the servers.
        case generatorBound
    }

    public var ratePerSecond: Double
    public var windowSeconds: Double
    public var completed: UInt64
    /// Most requests planned and not answered.
    public var mostOutstanding: Int
    /// From the planned send.
    public var response: LatencySummary
    public var responseTimes: KeptLatencies
    /// From the planned to the actual send: the generator's part.
    public var sendDelay: LatencySummary
    public var generatorCpuShare: Double
    /// All servers together.
    public var serverCpuMicrosPerOperation: Double
    public var stealShare: Double
    public var verdict: Verdict

    public var answeredPerSecond: Double { windowSeconds > 0 ? Double(completed) / windowSeconds : 0 }
}

/// One share of reads on one ensemble.
public struct KneeCurve: Codable, Equatable, Sendable {
    public enum Outcome: String, Codable, Sendable {
        case found
        /// Even the lowest rate is too much.
        case belowLowest
        /// The highest rate was kept up with.
        case aboveHighest
        /// The generator was the limit: the servers' knee lies above.
        case generatorBound
    }

    public var readPercent: Double
    /// In the order in which they were tried.
    public var steps: [KneeStep]
    public var outcome: Outcome
    /// The greatest rate that was kept up with; the knee when that was found, else a bound.
    public var ratePerSecond: Double?

    /// Nothing but the steps decides.
    public init(readPercent: Double, steps: [KneeStep], load: KneeLoad) {
        self.readPercent = readPercent
        self.steps = steps
        var search = load.search
        for step in steps { search.add(keptUp: step.verdict == .keptUp) }
        ratePerSecond = search.good
        let bad = search.bad
        let isBound = bad != nil && steps.last { $0.ratePerSecond == bad }?.verdict == .generatorBound
        if isBound {
            outcome = .generatorBound
        } else if bad == nil {
            outcome = .aboveHighest
        } else {
            outcome = search.good == nil ? .belowLowest : .found
        }
    }

    /// The step at the knee.
    public var knee: KneeStep? { steps.last { $0.ratePerSecond == ratePerSecond && $0.verdict == .keptUp } }
}

extension KneeStep {
    /// What the step's own figures say of it.
    ///
    /// An open loop's generator shares the machine with the servers. It is to blame when it has used its CPU up, or
    /// when half of the limit went by before requests were sent although few were out: a socket that takes no more
    /// delays sends too, but then many are.
    public static func verdict(of step: KneeStep, load: KneeLoad) -> Verdict {
        // Arrivals are by chance: three standard deviations of their number are no sign of anything.
        let chance = 3 * (step.ratePerSecond / max(step.windowSeconds, 0.01)).squareRoot()
        let isBehind =
            step.mostOutstanding > load.backlogLimit(rate: step.ratePerSecond)
            || step.answeredPerSecond < 0.95 * step.ratePerSecond - chance
        let limitNanos = load.limitMillis * 1e6
        let isLate = Double(step.response.p99Nanos) > limitNanos
        guard isBehind || isLate else { return .keptUp }
        if step.generatorCpuShare > LoadRun.cpuShareLimit { return .generatorBound }
        if isBehind { return .backlog }
        return Double(step.sendDelay.p99Nanos) > limitNanos / 2 ? .generatorBound : .late
    }
}
