/// How the requests of one operation ended.
public struct OutcomeCounts: Codable, Equatable, Sendable {
    public var operation: OperationKind
    /// Answered as asked.
    public var succeeded: UInt64
    /// Answered with an error: surely without effect.
    public var failed: UInt64
    /// Sent, and the connection lost before the answer: may or may not have happened.
    public var unknown: UInt64
}

/// What clients went through that follow the service across servers, in one measured window.
public struct FollowResult: Codable, Equatable, Sendable {
    public var connectionsLost: UInt64
    /// Sessions attached to a server again.
    public var reattached: UInt64
    /// Attempts to connect or attach that failed.
    public var failedAttempts: UInt64
    /// Sessions that a server called expired.
    public var sessionsLost: UInt64
    public var outcomes: [OutcomeCounts]
    /// Each client's longest time without success in the window.
    public var longestGaps: LatencySummary
    /// Times in which no client had a success, in nanoseconds from the window's start; the longest ones.
    public var silences: [Silence]
    /// Likewise without a successful write.
    public var writeSilences: [Silence]

    /// Longer lists of silences are cut to the longest ones.
    static let listedSilences = 1000

    /// The longest silences in the order of time, counted from the window's start.
    static func listed(_ silences: [Silence], windowStart: UInt64) -> [Silence] {
        silences.sorted { $0.nanos > $1.nanos }.prefix(listedSilences).sorted { $0.startNanos < $1.startNanos }.map {
            Silence(
                startNanos: $0.startNanos - min(windowStart, $0.startNanos),
                endNanos: $0.endNanos - min(windowStart, $0.endNanos))
        }
    }
}

/// What one generator thread counted of it.
struct FollowReport: Sendable {
    var connectionsLost: UInt64 = 0
    var reattached: UInt64 = 0
    var failedAttempts: UInt64 = 0
    var sessionsLost: UInt64 = 0
    /// By `OperationKind`.
    var failed = [UInt64](repeating: 0, count: OperationKind.count)
    var unknown = [UInt64](repeating: 0, count: OperationKind.count)
    /// Per client.
    var gaps: [UInt64] = []
    var silences: [Silence] = []
    var writeSilences: [Silence] = []
    var windowStartNanos: UInt64 = 0
}

extension FollowResult {
    /// - Parameter succeeded: by `OperationKind`.
    init(_ reports: [FollowReport], succeeded: [UInt64]) {
        func sum(_ pick: (FollowReport) -> UInt64) -> UInt64 { reports.reduce(0) { $0 + pick($1) } }
        connectionsLost = sum(\.connectionsLost)
        reattached = sum(\.reattached)
        failedAttempts = sum(\.failedAttempts)
        sessionsLost = sum(\.sessionsLost)
        outcomes = OperationKind.allCases.compactMap { kind in
            let counts = OutcomeCounts(
                operation: kind, succeeded: succeeded[kind.rawValue], failed: sum { $0.failed[kind.rawValue] },
                unknown: sum { $0.unknown[kind.rawValue] })
            return counts.succeeded + counts.failed + counts.unknown == 0 ? nil : counts
        }
        var recorder = LatencyRecorder()
        for gap in reports.flatMap(\.gaps) { recorder.record(gap) }
        longestGaps = LatencySummary(recorder.makeHistogram())
        let start = reports.map(\.windowStartNanos).min() ?? 0
        silences = Self.listed(SuccessTimeline.common(reports.map(\.silences)), windowStart: start)
        writeSilences = Self.listed(SuccessTimeline.common(reports.map(\.writeSilences)), windowStart: start)
    }
}
