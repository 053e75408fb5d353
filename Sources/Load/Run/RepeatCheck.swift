#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One measured window against its own figures, its raw files and its plan.
extension ResultCheck {
    /// - Parameter stem: path of the raw files without `.hlog` and `-series.csv`.
    public static func check(_ result: RepeatResult, stem: String, name: String) -> [String] {
        var problems: [String] = []
        if !result.violations.isEmpty { problems.append("\(name): \(result.violations.lines.joined(separator: "; "))") }
        if result.completed == 0 { problems.append("\(name): nothing completed") }
        if result.operations.reduce(0, { $0 + $1.completed }) != result.completed {
            problems.append("\(name): operations do not add up to the total")
        }
        if !isNear(result.throughputPerSecond, Double(result.completed) / max(result.windowSeconds, 1e-9), 0.001) {
            problems.append("\(name): throughput is not completed operations over the window")
        }
        if let following = result.following { problems += check(following, of: result, name: name) }
        problems += usage(
            result.servers, completed: result.completed, windowSeconds: result.windowSeconds, name: name)
        problems += generator(result, name: name)
        if let data = FileManager.default.contents(atPath: "\(stem)-series.csv") {
            problems += series(String(decoding: data, as: UTF8.self), of: result, name: name)
        } else {
            problems.append("\(name): the series file is missing")
        }
        guard let log = FileManager.default.contents(atPath: "\(stem).hlog") else {
            return problems + ["\(name): the histogram log is missing"]
        }
        do {
            problems += latencies(result, try HistogramLogReader.decode(String(decoding: log, as: UTF8.self)), name)
        } catch {
            problems.append("\(name): the histogram log is broken: \(error)")
        }
        return problems
    }

    public static func isNear(_ value: Double, _ expected: Double, _ share: Double) -> Bool {
        abs(value - expected) <= share * abs(expected)
    }

    /// A window takes what was planned; the machine may keep the generator from seeing its end at once.
    static func length(_ result: RepeatResult, planned: Double, name: String) -> [String] {
        guard result.windowSeconds < 0.9 * planned || result.windowSeconds > 1.5 * planned + 0.5 else { return [] }
        return ["\(name): a window of \(fixed(result.windowSeconds, 2)) s, \(fixed(planned, 2)) s were planned"]
    }

    // MARK: Servers and generator

    /// CPU time per operation must be the CPU time over the operations, which are the same for all servers of a window
    /// and about those that the generator counted: it begins and ends a moment later than the readings.
    public static func usage(
        _ servers: [ServerUsage], completed: UInt64, windowSeconds: Double, name: String
    ) -> [String] {
        var problems: [String] = []
        var counts: [Double] = []
        // A busy machine keeps those who read waiting, for as long in a short window as in a long one.
        let slack = 0.3 + 0.15 / max(0.1, windowSeconds)
        for server in servers {
            let place = server.serverId.map { "\(name), server \($0)" } ?? name
            if abs(server.userSeconds + server.systemSeconds - server.cpuSeconds) > 0.1 + 0.1 * server.cpuSeconds {
                problems.append("\(place): CPU time is not user and system time")
            }
            var own: [Double] = []
            if server.cpuMicrosPerOperation > 0 { own.append(server.cpuSeconds * 1e6 / server.cpuMicrosPerOperation) }
            if server.writtenBytesPerOperation > 0 {
                own.append(Double(server.writtenBytes) / server.writtenBytesPerOperation)
            }
            let isLeftOut =
                server.cpuSeconds > 0 && server.cpuMicrosPerOperation <= 0
                || server.writtenBytes > 0 && server.writtenBytesPerOperation <= 0
            if isLeftOut || own.contains(where: { !isNear($0, Double(completed), slack) }) {
                problems.append("\(place): CPU time or bytes per operation are not those of the completed operations")
            }
            counts += own
            if server.cpuShare > 0 ? !isNear(server.cpuSeconds / server.cpuShare, windowSeconds, slack)
                : server.cpuSeconds > 0
            {
                problems.append("\(place): its share of a CPU is not its CPU time over the window")
            }
        }
        if let least = counts.min(), let most = counts.max(), most - least > 1e-6 * most {
            problems.append("\(name): servers' figures are per different numbers of operations")
        }
        return problems
    }

    /// Its share of CPU time and its time per request are of the same time, for a whole number of threads.
    private static func generator(_ result: RepeatResult, name: String) -> [String] {
        var problems: [String] = []
        let health = result.generator
        let seconds = health.cpuMicrosPerRequest * Double(result.completed) / 1e6
        let threads = seconds / max(1e-9, health.cpuShare * result.windowSeconds)
        let isWhole = (0.5...64.5).contains(threads) && isNear(threads, threads.rounded(), 0.001)
        if health.cpuShare > 0 || seconds > 0, !isWhole {
            problems.append("\(name): the generator's share of CPU time is not its time per request")
        }
        if health.generatorBound == health.generatorBoundReasons.isEmpty {
            problems.append("\(name): generator-bound without a reason, or not in spite of one")
        }
        return problems
    }

    // MARK: Raw data

    /// Counts by operation, and the slices' times, which must rise and end where the window does.
    private static func series(_ text: String, of result: RepeatResult, name: String) -> [String] {
        var problems: [String] = []
        let slices = slices(text)
        guard let last = slices.last?.startMillis else { return ["\(name): the series is empty"] }
        let windowMillis = result.windowSeconds * 1000
        if zip(slices, slices.dropFirst()).contains(where: { $0.startMillis >= $1.startMillis }) {
            problems.append("\(name): the series' times do not rise")
        }
        // A generator that was kept waiting leaves gaps of some slices.
        let slack = 5 * Double(SeriesSlice.lengthMillis) + 0.1 * windowMillis
        if Double(last) > windowMillis + 1 || windowMillis > Double(last) + slack
            || Double(slices[0].startMillis) > slack
        {
            problems.append(
                "\(name): the series covers \(slices[0].startMillis) to \(last) ms, the window lasts "
                    + "\(fixed(windowMillis, 0)) ms")
        }
        // Series of earlier versions do not list a window's last slice when it is short; all others must add up.
        let least = Double(last + SeriesSlice.lengthMillis) < windowMillis ? 0.8 : 1
        for kind in OperationKind.allCases {
            let counted = slices.reduce(UInt64(0)) { $0 + $1.completed[kind.rawValue] }
            let completed = result.operations.first { $0.operation == kind }?.completed ?? 0
            if counted > completed || Double(counted) < least * Double(completed) {
                problems.append(
                    "\(name): the series counts \(counted) operations of \(kind.name), the result \(completed)")
            }
        }
        return problems
    }

    /// Bins of a run that reports as the paper's generator did.
    static func bins(_ result: RepeatResult, _ timing: ReportTiming, stem: String, name: String) -> [String] {
        guard let data = FileManager.default.contents(atPath: "\(stem)-series.csv") else { return [] }
        let rates = timing.rates(slices(String(decoding: data, as: UTF8.self)))
        return result.binRates == rates ? [] : ["\(name): the bins are not those of the series"]
    }

    /// What a series file lists; times of latencies left out.
    private static func slices(_ text: String) -> [SeriesSlice] {
        text.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: ",")
            var counts = fields.dropFirst().prefix(OperationKind.count).map { UInt64($0) ?? 0 }
            counts += [UInt64](repeating: 0, count: OperationKind.count - counts.count)
            return SeriesSlice(
                startMillis: fields.first.flatMap { Int($0) } ?? 0, completed: counts, errors: 0, medianNanos: 0,
                p99Nanos: 0, maximumNanos: 0)
        }
    }

    private static func latencies(
        _ result: RepeatResult, _ log: [HistogramLogReader.Decoded], _ name: String
    ) -> [String] {
        var problems: [String] = []
        var all: [Int: UInt64] = [:]
        var byTag: [String: [Int: UInt64]] = [:]
        for interval in log where interval.tag != "error" {
            all.merge(interval.counts, uniquingKeysWith: +)
            byTag[interval.tag, default: [:]].merge(interval.counts, uniquingKeysWith: +)
        }
        let logged = all.values.reduce(0, +)
        if logged != result.completed {
            problems.append("\(name): the histogram log counts \(logged) operations, the result \(result.completed)")
        } else if let wrong = LoggedLatencies(all).difference(result.latency) {
            problems.append("\(name): \(wrong) is not that of the histogram log")
        }
        for operation in result.operations {
            guard let counts = byTag[operation.operation.name] else {
                problems.append("\(name): the histogram log has no \(operation.operation.name)")
                continue
            }
            if let wrong = LoggedLatencies(counts).difference(operation.latency) {
                problems.append("\(name), \(operation.operation.name): \(wrong) is not that of the histogram log")
            }
        }
        return problems
    }

    // MARK: Following

    /// Outcomes must agree with what was counted, and a gap is no longer than the window.
    private static func check(_ following: FollowResult, of result: RepeatResult, name: String) -> [String] {
        var problems: [String] = []
        if following.outcomes.reduce(0, { $0 + $1.succeeded }) != result.completed {
            problems.append("\(name): successful outcomes do not add up to the completed operations")
        }
        if following.outcomes.reduce(0, { $0 + $1.failed }) != result.errorsByCode.values.reduce(0, +) {
            problems.append("\(name): failed outcomes do not add up to the error replies")
        }
        if Double(following.longestGaps.maximumNanos) > 1.01 * result.windowSeconds * 1e9 + 1e8 {
            problems.append("\(name): a client's gap is longer than the window")
        }
        for silence in following.silences + following.writeSilences where silence.endNanos < silence.startNanos {
            problems.append("\(name): a silence that ends before it begins")
        }
        return problems
    }
}

/// Latencies as a histogram log has them.
struct LoggedLatencies {
    private let slots: [(slot: Int, count: UInt64)]
    private let total: UInt64

    init(_ counts: [Int: UInt64]) {
        slots = counts.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        total = slots.reduce(0) { $0 + $1.count }
    }

    /// The first figure that cannot be of these values; nil when all can. Values are known by their slots; a rank may
    /// be one off, for libraries round differently.
    func difference(_ summary: LatencySummary) -> String? {
        guard total == summary.count else { return "the count" }
        guard let first = slots.first?.slot, let last = slots.last?.slot else { return nil }
        if LatencyRecorder.index(of: summary.minimumNanos) != first { return "the minimum" }
        if LatencyRecorder.index(of: summary.maximumNanos) != last { return "the maximum" }
        for (percentile, nanos) in [
            (50, summary.p50Nanos), (90, summary.p90Nanos), (99, summary.p99Nanos), (99.9, summary.p999Nanos),
            (99.99, summary.p9999Nanos),
        ] where !holds(nanos, percentile) {
            return "p\(shortPercentile(percentile))"
        }
        let sum = slots.reduce(0.0) { $0 + Double($1.count) * Double(LatencyRecorder.lowestValue(at: $1.slot)) }
        let mean = sum / Double(total)
        // A slot is a thousandth wide, and an extreme may stand at its slot's other end.
        return abs(summary.meanNanos - mean) <= 0.003 * mean + 2 ? nil : "the mean"
    }

    /// The same for times in milliseconds; those below 0 are kept as 0.
    func difference(
        count: Int, millis: [(percentile: Double, millis: Double)], longest: Double?
    ) -> String? {
        guard total == UInt64(count) else { return "the count" }
        func nanos(_ millis: Double) -> UInt64 { UInt64(max(0, (millis * 1e6).rounded())) }
        for (percentile, value) in millis where !holds(nanos(value), percentile) {
            return "p\(shortPercentile(percentile))"
        }
        if let longest, let last = slots.last?.slot, LatencyRecorder.index(of: nanos(longest)) != last {
            return "the longest"
        }
        return nil
    }

    private func holds(_ nanos: UInt64, _ percentile: Double) -> Bool {
        let slot = LatencyRecorder.index(of: nanos)
        let rank = percentile / 100 * Double(total)
        let below = slots.reduce(UInt64(0)) { $1.slot < slot ? $0 + $1.count : $0 }
        let upTo = slots.reduce(UInt64(0)) { $1.slot <= slot ? $0 + $1.count : $0 }
        return Double(below) < rank + 1 && Double(upTo) >= rank - 1
    }

    private func shortPercentile(_ percentile: Double) -> String {
        percentile == percentile.rounded() ? "\(Int(percentile))" : "\(percentile)"
    }
}
