import CPlatform
import Histogram

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One measurement of an etcd cluster: the load is a program of its own (Bench/etcd), which speaks gRPC; the servers'
/// CPU time, memory and bytes are taken here, as with any server. Used from one thread.
struct EtcdLoadRun {
    let configuration: RunConfiguration
    let options: ServerOptions
    let serverPids: [Int32]
    /// For the generator's output.
    let directory: String
    let progress: ProgressReporter

    /// Over the time a run is to take, before its generator is taken for hung.
    private static let patienceSeconds = 45.0

    /// What the generator is started with. Its warm-up has a fixed length.
    var arguments: [String] {
        var list = [
            options.etcdLoadPath, "--endpoints", configuration.servers.map(\.description).joined(separator: ","),
            "--connections", "\(configuration.connections)", "--window", "\(configuration.window)",
            "--read-percent", "\(configuration.mix.readPercent)", "--value-bytes", "\(configuration.valueBytes)",
            "--duration", "\(configuration.durationSeconds)", "--warmup", "\(configuration.warmupLimitSeconds)",
            "--seed", "\(configuration.seed)", "--threads", "\(configuration.threads)",
        ]
        if let rate = configuration.ratePerSecond { list += ["--rate", "\(rate)"] }
        if options.etcdReads == .linearizable { list.append("--linearizable") }
        if configuration.following != nil { list.append("--follow") }
        return list
    }

    /// - Throws: when the generator cannot be started, ends without a result, or prints what is none.
    ///
    /// - Parameter beside: what is done beside the load, called every millisecond or so once the window has begun, with
    ///   its beginning on the monotonic clock.
    func measure(
        _ number: Int, beside: ((_ windowStart: UInt64) throws(LoadError) -> Void)? = nil
    ) throws(LoadError) -> RepeatData {
        let outputPath = "\(directory)/load.ndjson"
        unlink(outputPath)
        let process = try ChildProcess(arguments, outputPath: outputPath)
        defer { process.stop(graceSeconds: 2) }
        let deadline =
            Clock.seconds + configuration.warmupLimitSeconds + configuration.durationSeconds + Self.patienceSeconds
        var lines = LineTail(path: outputPath)
        var other: [String] = []
        var warmup: [UInt64] = []
        var wallSeconds = 0.0
        var windowStart: UInt64?
        var start: [ProcessSnapshot]?
        var end: [ProcessSnapshot]?
        var ticks = EnvironmentRecord.stealAndTotal()
        var stealShare = 0.0
        var isTold = false
        while true {
            // First, so that what it printed before it ended is read.
            let isRunning = process.isRunning
            while let line = lines.next() {
                guard line.hasPrefix("{") else {
                    other.append(line)
                    continue
                }
                switch try EtcdLoadEvent(line: line) {
                case .ready: progress.update("etcd's load is connected")
                case .measuring(let nanos, let counts):
                    windowStart = nanos
                    start = try snapshots()
                    wallSeconds = Double(corral_wall_millis()) / 1000
                    ticks = EnvironmentRecord.stealAndTotal()
                    warmup = counts
                case .measured:
                    windowStart = nil
                    end = try snapshots()
                    let now = EnvironmentRecord.stealAndTotal()
                    stealShare = Double(now.steal - ticks.steal) / Double(max(1, now.total - ticks.total))
                case .result(let report):
                    guard let start, let end else {
                        throw .result("etcd's load generator printed a result without a window")
                    }
                    return data(
                        number, report, warmup: warmup, servers: (start, end), wallSeconds: wallSeconds,
                        stealShare: stealShare)
                }
            }
            if let windowStart { try beside?(windowStart) }
            guard isRunning else {
                throw .environment(
                    "etcd's load generator ended without a result (exit code \(process.exitCode ?? -1)): "
                        + (other.isEmpty ? "it printed nothing" : other.suffix(5).joined(separator: "\n")))
            }
            if Interrupt.isRequested, !isTold {
                process.send(SIGTERM)
                isTold = true
            }
            guard Clock.seconds < deadline else {
                throw .environment("etcd's load generator did not end in time; it was stopped")
            }
            usleep(1000)
        }
    }

    private func snapshots() throws(LoadError) -> [ProcessSnapshot] {
        var list: [ProcessSnapshot] = []
        for pid in serverPids { list.append(try ProcessSnapshot(pid: pid)) }
        return list
    }

    /// The generator's report as a repeat like any other.
    func data(
        _ number: Int, _ report: EtcdLoadReport, warmup: [UInt64],
        servers: (start: [ProcessSnapshot], end: [ProcessSnapshot]), wallSeconds: Double, stealShare: Double
    ) -> RepeatData {
        let seconds = Double(report.windowNanos) / 1e9
        var intervals: [HistogramInterval] = []
        var operations: [OperationResult] = []
        var all = LatencyRecorder.emptyHistogram()
        for (kind, counts) in [(OperationKind.read, report.reads), (.set, report.writes)] where counts.total > 0 {
            let recorder = counts.makeRecorder()
            let histogram = recorder.makeHistogram()
            all.add(histogram)
            operations.append(
                OperationResult(operation: kind, completed: counts.total, latency: LatencySummary(histogram)))
            intervals.append(
                HistogramInterval(
                    tag: kind.name, startSeconds: 0, lengthSeconds: seconds, maximumNanos: recorder.maximum,
                    encoded: HistogramLog.encode(recorder)))
        }
        var violations = Violations()
        for kind in ViolationKind.allCases {
            if let found = report.violations[kind.name] {
                violations.add(kind, count: found.count, example: found.first)
            }
        }
        let usage = zip(serverPids, zip(servers.start, servers.end)).map { pid, pair in
            ServerUsage(
                pid: pid, from: pair.0, to: pair.1, operations: report.completed, nanos: report.windowNanos)
        }
        let isOpen = configuration.isOpenLoop
        let result = RepeatResult(
            number: number, warmup: Self.warmup(warmup), windowSeconds: seconds, completed: report.completed,
            throughputPerSecond: seconds > 0 ? Double(report.completed) / seconds : 0,
            latencyMeaning: isOpen ? "response time" : "service time", latency: LatencySummary(all),
            operations: operations,
            serviceTime: report.serviceTimes.map { LatencySummary($0.makeRecorder().makeHistogram()) },
            errorsByCode: report.writeSilences == nil ? report.errors : [:], errorLatency: nil,
            violations: violations, following: Self.following(report),
            generator: health(report, all: all, seconds: seconds), servers: usage, stealShare: stealShare,
            partial: report.partial, stopReason: report.fatal)
        return RepeatData(
            result: result, slices: report.slices.map(Self.slice), intervals: intervals,
            startWallSeconds: wallSeconds, spectrum: all)
    }

    /// What clients went through that follow the cluster. A call that failed may have happened all the same.
    private static func following(_ report: EtcdLoadReport) -> FollowResult? {
        guard let pairs = report.writeSilences else { return nil }
        let silences = pairs.map { Silence(startNanos: $0[0], endNanos: $0[1]) }
        let listed = FollowResult.listed(silences, windowStart: 0)
        let writes = OutcomeCounts(
            operation: .set, succeeded: report.writes.total, failed: 0, unknown: report.errors.values.reduce(0, +))
        return FollowResult(
            connectionsLost: report.moves ?? 0, reattached: report.moves ?? 0, failedAttempts: 0, sessionsLost: 0,
            outcomes: [writes], longestGaps: LatencySummary(LatencyRecorder.emptyHistogram()), silences: listed,
            writeSilences: listed)
    }

    /// The warm-up is of a given length; whether throughput had become steady by its end is told by the usual test.
    private static func warmup(_ counts: [UInt64]) -> WarmupResult {
        var test = SteadinessTest()
        for count in counts { test.add(Double(count)) }
        return WarmupResult(seconds: Double(counts.count) / 10, steadyStateAttained: test.isSteady)
    }

    private static func slice(_ slice: EtcdLoadReport.Slice) -> SeriesSlice {
        var completed = [UInt64](repeating: 0, count: OperationKind.count)
        completed[OperationKind.read.rawValue] = slice.reads
        completed[OperationKind.set.rawValue] = slice.writes
        return SeriesSlice(
            startMillis: slice.startMillis, completed: completed, errors: slice.errors,
            medianNanos: slice.medianNanos, p99Nanos: slice.p99Nanos, maximumNanos: slice.maximumNanos)
    }

    /// The whole process's CPU time counts, over the threads that carry connections: gRPC may use others beside them.
    private func health(_ report: EtcdLoadReport, all: Histogram<UInt64>, seconds: Double) -> GeneratorHealth {
        let share = seconds > 0 ? Double(report.cpuNanos) / 1e9 / seconds / Double(report.threads) : 0
        let busiest = seconds > 0 ? Double(report.busiestThreadNanos) / 1e9 / seconds : 0
        let delays = report.sendDelays.map { $0.makeRecorder().makeHistogram() }
        let delay = delays.map(LatencySummary.init)
        let verdict = LoadRun.boundReasons(
            cpuShare: max(share, busiest), delayP99Nanos: delay?.p99Nanos, medianNanos: all.valueAtPercentile(50))
        return GeneratorHealth(
            cpuShare: share,
            cpuMicrosPerRequest: all.totalCount > 0 ? Double(report.cpuNanos) / 1000 / Double(all.totalCount) : 0,
            requestsPerSend: nil, repliesPerReceive: nil, sendDelay: delay,
            sentWithinOneMilliPercent: delays.map { $0.percentileAtOrBelowValue(1_000_000) },
            generatorBound: !verdict.isEmpty, generatorBoundReasons: verdict)
    }
}

/// Whole lines of a file that grows.
struct LineTail {
    private let path: String
    private var offset = 0
    private var rest: [UInt8] = []
    private var lines: [String] = []

    init(path: String) { self.path = path }

    /// The next whole line; nil when there is none yet.
    mutating func next() -> String? {
        if lines.isEmpty { readOn() }
        return lines.isEmpty ? nil : lines.removeFirst()
    }

    private mutating func readOn() {
        let file = corral_open(path, O_RDONLY, 0, 0, 0)
        guard file >= 0 else { return }
        defer { close(file) }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = pread(file, &chunk, chunk.count, off_t(offset))
            if count <= 0 { break }
            offset += count
            rest += chunk[..<count]
        }
        while let end = rest.firstIndex(of: 10) {
            lines.append(String(decoding: rest[..<end], as: UTF8.self))
            rest.removeSubrange(...end)
        }
    }
}
