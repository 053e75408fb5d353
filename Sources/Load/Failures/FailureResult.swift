/// A tenth of a second of a failure run, on the clock of its events.
public struct FailureSlice: Codable, Equatable, Sendable {
    /// From the start of the measured window.
    public var startSeconds: Double
    public var seconds: Double
    public var ratePerSecond: Double
    public var writesPerSecond: Double
    public var errors: UInt64
    /// nil without a success.
    public var p50Millis: Double?
    public var p99Millis: Double?

    static func list(_ slices: [SeriesSlice], windowSeconds: Double) -> [FailureSlice] {
        let set = OperationKind.set.rawValue
        return slices.indices.compactMap { index in
            let slice = slices[index]
            let start = Double(slice.startMillis) / 1000
            let end = index + 1 < slices.count ? Double(slices[index + 1].startMillis) / 1000 : windowSeconds
            // The window's last slice may be a sliver.
            guard end - start >= 0.02 else { return nil }
            let count = slice.completed.reduce(0, +)
            func millis(_ nanos: UInt64) -> Double? { count == 0 ? nil : Double(nanos) / 1e6 }
            return FailureSlice(
                startSeconds: start, seconds: end - start, ratePerSecond: Double(count) / (end - start),
                writesPerSecond: Double(slice.completed[set]) / (end - start), errors: slice.errors,
                p50Millis: millis(slice.medianNanos), p99Millis: millis(slice.p99Nanos))
        }
    }
}

/// What followed one step of the script, until the next one. Times are in milliseconds from the step.
public struct FailureMark: Codable, Equatable, Sendable {
    public var step: FailureStep
    /// Which it was.
    public var server: Int
    /// The leader's id before the step; nil when none led.
    public var leaderBefore: Int?
    /// When it was done, from the start of the measured window: the clock of the series.
    public var atSeconds: Double
    /// Clients attached to each server just before, in the order of ids.
    public var clientsBefore: [Int]
    /// Successes per second in up to three seconds before.
    public var rateBefore: Double
    /// Until a client lost its connection or was answered with an error; nil when none was.
    public var firstErrorMillis: Double?
    /// The longest time in which no client had a success; 0 when it stayed below ten milliseconds.
    public var silentMillis: Double
    /// Likewise no successful write.
    public var writeSilentMillis: Double
    /// Of a fault: until half a second had nine tenths of the rate before it, whether the server was back or not; nil
    /// when that was not before the next fault.
    public var rateBackMillis: Double?
    /// Of a step that brings a server back: until that said it leads or follows; nil when it had not before something
    /// else happened to it, or the end.
    public var servesMillis: Double?
    /// Each client's longest time without success.
    public var clientGapMedianMillis: Double
    public var clientGapLongestMillis: Double
    public var connectionsLost: UInt64
    public var sessionsLost: UInt64
    public var unknownWrites: UInt64
    public var unknownReads: UInt64
    public var failedRequests: UInt64
    /// nil without probes.
    public var staleness: StalenessFigure?
}

/// One run by a script.
public struct FailureResult: Codable, Equatable, Sendable {
    public var windowSeconds: Double
    public var description: ServerDescription
    public var marks: [FailureMark]
    /// Before the first step; the whole run without steps.
    public var staleness: StalenessFigure?
    /// The longest time without a success before the first step; below ten milliseconds 0.
    public var silentBeforeMillis: Double?
    public var clientsAtEnd: [Int]
    public var throttling: Throttling?
    public var load: RepeatResult
    /// Why the figures may not be used; empty when they may.
    public var problems: [String]
    /// Ended by Ctrl-C.
    public var isPartial: Bool
    /// What servers used before the first step, by operation; of a run without steps, until its end.
    public var steadyServers: [ServerUsage]?
}

extension FailurePlan {
    /// Why the generator itself may have set the figures. What a run with failures tells is read off slices of a tenth
    /// of a second, and gaps: sends may be later than beside a median response time, as long as no slice takes
    /// another's.
    static func boundReasons(_ generator: GeneratorHealth) -> [String] {
        var reasons: [String] = []
        if generator.cpuShare > LoadRun.cpuShareLimit {
            reasons.append("its threads used \(fixed(100 * generator.cpuShare, 0)) % of their CPU time")
        }
        let latest = UInt64(SeriesSlice.lengthMillis) * 100_000
        if let delay = generator.sendDelay?.p99Nanos, delay > latest {
            reasons.append(
                "send delay p99 \(shortTime(Double(delay))) exceeds a tenth of a slice of the series")
        }
        return reasons
    }

    /// What makes a run's figures useless.
    ///
    /// - Parameters:
    ///   - failure: an error that ended the script early.
    ///   - slicesSeconds: how much of the run its series covers.
    func problems(
        marks: [FailureMark], load: RepeatResult, slicesSeconds: Double, failure: String?, isPartial: Bool
    ) -> [String] {
        var problems: [String] = []
        if let failure { problems.append(failure) }
        if !isPartial, failure == nil {
            if marks.count < steps.count {
                problems.append("\(steps.count - marks.count) of \(steps.count) events were lost")
            }
            if load.windowSeconds < seconds - 0.5 {
                problems.append(
                    "the load ended after \(fixed(load.windowSeconds, 1)) s, not \(fixed(seconds, 1)) s")
            }
            if slicesSeconds < load.windowSeconds - 1 {
                problems.append(
                    "the series covers \(fixed(slicesSeconds, 1)) s of \(fixed(load.windowSeconds, 1)) s")
            }
        }
        for mark in marks {
            let late = mark.atSeconds - mark.step.atSeconds
            let place = "\(mark.step.title) at \(fixed(mark.step.atSeconds, 1)) s"
            if abs(late) > Self.latestSeconds { problems.append("\(place): \(fixed(late, 1)) s late") }
            // What brings a server back may come while nothing goes.
            if mark.step.kind.isFault, mark.rateBefore < leastRatePerSecond {
                problems.append(
                    "\(place): too little traffic before it, \(fixed(mark.rateBefore, 0)) requests/s, at least "
                        + "\(fixed(leastRatePerSecond, 0)) needed")
            }
        }
        for (index, mark) in marks.enumerated()
        where !isPartial && !mark.step.kind.isFault && mark.servesMillis == nil {
            // A server that something else happens to has its own story.
            guard !marks[(index + 1)...].contains(where: { $0.server == mark.server }) else { continue }
            problems.append(
                "\(mark.step.title) at \(fixed(mark.step.atSeconds, 1)) s: the server did not serve again until the "
                    + "end; let the run last longer")
        }
        if steps.isEmpty, !isPartial, load.throughputPerSecond < leastRatePerSecond {
            problems.append("too little traffic: \(fixed(load.throughputPerSecond, 0)) requests/s")
        }
        if !load.violations.isEmpty { problems += load.violations.lines }
        problems += Self.boundReasons(load.generator).map { "generator-bound: \($0)" }
        if let reason = load.stopReason { problems.append("the load stopped: \(reason)") }
        return problems
    }
}

extension FailurePlan {
    /// The same from a result that was read back.
    public func problems(of result: FailureResult) -> [String] {
        problems(
            marks: result.marks, load: result.load, slicesSeconds: result.load.windowSeconds, failure: nil,
            isPartial: result.isPartial)
    }
}
