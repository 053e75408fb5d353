import Foundation

/// What a worker process tells of one seed, as one line of JSON.
public struct SeedReport: Codable, Sendable {
    public var seed: UInt64
    public var property: String?
    public var text: String?
    public var violationNanos: UInt64?
    public var traceHash: UInt64
    public var events: UInt64
    public var virtualNanos: UInt64
    public var faults: [Int]
    public var operations: Int
    public var successes: Int
    public var transactions: Int
    public var servers: Int
    public var counts: RunCounts
    /// Of the worker's process so far.
    public var cpuNanos: UInt64 = 0

    public init(_ result: SimulationResult) {
        seed = result.seed
        property = result.violation?.property.rawValue
        text = result.violation?.text
        violationNanos = result.violation?.timeNanos
        traceHash = result.traceHash
        events = result.events
        virtualNanos = result.virtualNanos
        faults = result.faults.counts
        operations = result.operations
        successes = result.successes
        transactions = result.transactions
        servers = result.servers
        counts = result.counts
    }

    /// A seed whose process ended within it: a broken invariant of the production code.
    init(trapped seed: UInt64, text: String) {
        self.seed = seed
        property = "trap"
        self.text = text
        traceHash = 0
        events = 0
        virtualNanos = 0
        faults = []
        operations = 0
        successes = 0
        transactions = 0
        servers = 0
        counts = RunCounts()
    }
}

/// The lines between a worker and its campaign.
enum WorkerLine {
    static let begin = "begin "
    static let end = "end "
}

/// Runs seeds in this process, one after the other, and tells of each. What traps ends the process: the campaign
/// knows from the last line which seed it was.
public struct SeedWorker {
    public var first: UInt64
    public var count: Int
    public var stride: UInt64
    public var options: SimulationOptions

    public init(first: UInt64, count: Int, stride: UInt64, options: SimulationOptions) {
        self.first = first
        self.count = count
        self.stride = stride
        self.options = options
    }

    public func run() {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        for index in 0..<count {
            let seed = first + UInt64(index) * stride
            print("\(WorkerLine.begin)\(seed)")
            fflush(nil)
            var report = SeedReport(SimulationRun(seed: seed, options: options).run())
            report.cpuNanos = Self.cpuNanos()
            guard let line = try? encoder.encode(report) else { preconditionFailure("a report that is no JSON") }
            print(WorkerLine.end + String(decoding: line, as: UTF8.self))
            fflush(nil)
        }
    }

    private static func cpuNanos() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
