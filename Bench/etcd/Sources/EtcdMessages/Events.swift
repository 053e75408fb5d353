/// One line that the load prints: JSON with the name of the event in `event`. The last one is `result`.
///
/// corral-bench reads the same lines with `EtcdLoadEvent`; README.md describes them.
public enum Event {
    /// The version of what is printed; corral-bench refuses another.
    public static let version = 1
}

/// A latency distribution; see `LatencyCounts`.
public struct CountsEvent: Encodable, Sendable {
    public var total: UInt64
    public var minimumNanos: UInt64
    public var maximumNanos: UInt64
    public var p50Nanos: UInt64
    public var p90Nanos: UInt64
    public var p99Nanos: UInt64
    public var p999Nanos: UInt64
    /// Pairs of a slot and its count.
    public var slots: [[UInt64]]
}

/// What happened in some 100 ms of the window.
public struct SliceEvent: Encodable, Sendable {
    public var startMillis: Int
    public var reads: UInt64
    public var writes: UInt64
    public var errors: UInt64
    public var medianNanos: UInt64
    public var p99Nanos: UInt64
    public var maximumNanos: UInt64

    public init(startMillis: Int, reads: UInt64, writes: UInt64, errors: UInt64, all: LatencyCounts) {
        self.startMillis = startMillis
        self.reads = reads
        self.writes = writes
        self.errors = errors
        let event = all.event
        medianNanos = event.p50Nanos
        p99Nanos = event.p99Nanos
        maximumNanos = event.maximumNanos
    }
}

/// How often a rule was broken, and the first case in words.
public struct ViolationEvent: Encodable, Sendable {
    public var count: UInt64
    public var first: String

    public init(count: UInt64, first: String) {
        self.count = count
        self.first = first
    }
}

/// A moment: `ready`, `measuring` (the window begins) and `measured` (it ends).
public struct MomentEvent: Encodable, Sendable {
    public var event: String
    public var version = Event.version
    /// Of the monotonic clock.
    public var nanos: UInt64
    /// `measuring`: completed operations of each 100 ms of the warm-up.
    public var warmup: [UInt64]?

    public init(_ event: String, nanos: UInt64, warmup: [UInt64]? = nil) {
        self.event = event
        self.nanos = nanos
        self.warmup = warmup
    }
}

/// The whole result.
public struct ResultEvent: Encodable, Sendable {
    public var event = "result"
    public var version = Event.version
    public var windowNanos: UInt64
    public var reads: CountsEvent
    public var writes: CountsEvent
    /// Open loop: from the actual send, all operations.
    public var serviceTimes: CountsEvent?
    /// Open loop: from the planned to the actual send.
    public var sendDelays: CountsEvent?
    public var slices: [SliceEvent]
    /// Failed calls in the window, by gRPC status.
    public var errors: [String: UInt64]
    public var violations: [String: ViolationEvent]
    /// CPU time of the whole process in the window.
    public var cpuNanos: UInt64
    /// CPU time of the thread that used most.
    public var busiestThreadNanos: UInt64
    /// Threads that carry connections.
    public var threads: Int
    /// Clients that follow the cluster: when no write succeeded, in pairs of nanoseconds from the window's start.
    public var writeSilences: [[UInt64]]?
    /// Likewise: how often a connection's calls went over to another member, warm-up included.
    public var moves: UInt64?
    /// Stopped by a signal.
    public var partial: Bool
    /// Why it stopped early.
    public var fatal: String?

    public init(
        windowNanos: UInt64, reads: LatencyCounts, writes: LatencyCounts, serviceTimes: LatencyCounts?,
        sendDelays: LatencyCounts?, slices: [SliceEvent], errors: [String: UInt64],
        violations: [String: ViolationEvent], cpuNanos: UInt64, busiestThreadNanos: UInt64, threads: Int,
        writeSilences: [[UInt64]]?, moves: UInt64?, partial: Bool, fatal: String?
    ) {
        self.windowNanos = windowNanos
        self.reads = reads.event
        self.writes = writes.event
        self.serviceTimes = serviceTimes?.event
        self.sendDelays = sendDelays?.event
        self.slices = slices
        self.errors = errors
        self.violations = violations
        self.cpuNanos = cpuNanos
        self.busiestThreadNanos = busiestThreadNanos
        self.threads = threads
        self.writeSilences = writeSilences
        self.moves = moves
        self.partial = partial
        self.fatal = fatal
    }
}
