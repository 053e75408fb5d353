/// What a `PipelinedLoad` did in one window.
public struct PipelinedFigure: Codable, Equatable, Sendable {
    /// Requests of one kind.
    public struct Kind: Codable, Equatable, Sendable {
        public var name: String
        public var completed: UInt64
        /// From the sending (closed loop) or the planned sending (open loop) to the reply.
        public var latency: LatencySummary
        public var times: KeptLatencies
    }

    public var windowSeconds: Double
    public var kinds: [Kind]
    /// Of each server, user and system time.
    public var serverCpuSeconds: [Double]
    /// CPU time of the generator's thread over the window's length.
    public var generatorCpuShare: Double
    /// Open loop: from the planned to the actual sending.
    public var sendDelay: LatencySummary?
    /// Why the generator itself may have set the figures; empty when it did not.
    public var generatorBoundReasons: [String]
    /// Steal time of the machine as a share of all CPU time.
    public var stealShare: Double
    /// Replies that were wrong or missing; empty in a good run.
    public var problems: [String]

    public var completed: UInt64 { kinds.reduce(0) { $0 + $1.completed } }
    public var perSecond: Double { windowSeconds > 0 ? Double(completed) / windowSeconds : 0 }
    /// All servers together.
    public var serverCpuMicrosPerReply: Double {
        serverCpuSeconds.reduce(0, +) * 1e6 / Double(max(1, completed))
    }
    public func p99Millis(_ kind: String) -> Double {
        kinds.first { $0.name == kind }.map { Double($0.latency.p99Nanos) / 1e6 } ?? 0
    }

    /// Why it may not be used as a result; empty when it may.
    ///
    /// - Parameter least: replies of each kind below which there is no figure.
    public func doubts(least: UInt64 = 1) -> [String] {
        var list = problems + generatorBoundReasons.map { "generator-bound: \($0)" }
        for kind in kinds where kind.completed < least || kind.latency.count != kind.completed {
            list.append("too little traffic: \(kind.completed) of '\(kind.name)'")
        }
        if windowSeconds <= 0 { list.append("the window is empty") }
        return list
    }
}

/// One reply of an open loop.
struct TimedReply {
    var kind: UInt8
    var plannedNanos: UInt64
    var repliedNanos: UInt64
}
