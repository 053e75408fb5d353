import Histogram

/// From the threads' reports to one result.
extension LoadRun {
    func summarize(
        _ number: Int, warmup: WarmupResult, window: WindowSnapshots, reports: [GeneratorReport]
    ) -> RepeatData {
        let byOperation = OperationKind.allCases.map { kind in
            LatencySummary.merged(reports.map { $0.latencies[kind.rawValue] })
        }
        let all = LatencySummary.merged(byOperation)
        let seconds = Double(reports.map(\.measuredNanos).max() ?? 0) / 1e9
        let errors = LatencySummary.merged(reports.map(\.errorLatencies))
        var violations = Violations()
        var errorsByCode: [String: UInt64] = [:]
        for report in reports {
            violations.add(report.violations)
            for (code, count) in report.errorsByCode {
                errorsByCode["\(ErrorClass.name(code)): \(ControlClient.text(code))", default: 0] += count
            }
        }
        let operations = window.endCompleted - window.startCompleted
        let nanos = window.endNanos - window.startNanos
        let usage = zip(window.startServers, window.endServers).enumerated().map { index, pair in
            ServerUsage(
                pid: serverPid(index), from: pair.0, to: pair.1, operations: operations, nanos: nanos)
        }
        let isOpen = configuration.isOpenLoop
        let result = RepeatResult(
            number: number, warmup: warmup, windowSeconds: seconds, completed: all.totalCount,
            throughputPerSecond: seconds > 0 ? Double(all.totalCount) / seconds : 0,
            latencyMeaning: isOpen ? "response time" : "service time", latency: LatencySummary(all),
            operations: OperationKind.allCases.filter { byOperation[$0.rawValue].totalCount > 0 }.map {
                OperationResult(
                    operation: $0, completed: byOperation[$0.rawValue].totalCount,
                    latency: LatencySummary(byOperation[$0.rawValue]))
            },
            serviceTime: isOpen ? LatencySummary(LatencySummary.merged(reports.map(\.serviceTimes))) : nil,
            errorsByCode: errorsByCode, errorLatency: errors.totalCount > 0 ? LatencySummary(errors) : nil,
            violations: violations,
            following: following(reports, succeeded: byOperation.map(\.totalCount)),
            generator: health(reports, all: all, seconds: seconds), servers: usage,
            stealShare: window.stealShare, partial: window.interrupted,
            stopReason: reports.compactMap(\.fatal).first)
        return RepeatData(
            result: result, slices: Self.mergedSlices(reports.map(\.slices)), intervals: reports.flatMap(\.intervals),
            startWallSeconds: window.startWallSeconds, spectrum: all)
    }

    private func following(_ reports: [GeneratorReport], succeeded: [UInt64]) -> FollowResult? {
        let parts = reports.compactMap(\.follow)
        return parts.isEmpty ? nil : FollowResult(parts, succeeded: succeeded)
    }

    private func health(
        _ reports: [GeneratorReport], all: Histogram<UInt64>, seconds: Double
    ) -> GeneratorHealth {
        let cpu = Double(reports.reduce(0) { $0 + $1.cpuNanos })
        let share = seconds > 0 ? cpu / 1e9 / seconds / Double(reports.count) : 0
        let sent = Double(reports.reduce(0) { $0 + $1.sent })
        let sends = Double(max(1, reports.reduce(0) { $0 + $1.sendCalls }))
        let receives = Double(max(1, reports.reduce(0) { $0 + $1.receiveCalls }))
        let delays = configuration.isOpenLoop ? LatencySummary.merged(reports.map(\.sendDelays)) : nil
        let delay = delays.map(LatencySummary.init)
        let verdict = Self.boundReasons(
            cpuShare: share, delayP99Nanos: delay?.p99Nanos, medianNanos: all.valueAtPercentile(50))
        return GeneratorHealth(
            cpuShare: share, cpuMicrosPerRequest: all.totalCount > 0 ? cpu / 1000 / Double(all.totalCount) : 0,
            requestsPerSend: sent / sends, repliesPerReceive: Double(all.totalCount) / receives, sendDelay: delay,
            sentWithinOneMilliPercent: delays.map { $0.percentileAtOrBelowValue(1_000_000) },
            generatorBound: !verdict.isEmpty, generatorBoundReasons: verdict)
    }

    /// The share of one CPU above which a generator thread counts as the bottleneck.
    static let cpuShareLimit = 0.95
    /// The most the 99th percentile of the send delay may be, as a share of the median response time.
    static let sendDelayLimit = 0.10

    /// Why the generator itself may have set the figures; empty when it did not.
    static func boundReasons(cpuShare: Double, delayP99Nanos: UInt64?, medianNanos: UInt64) -> [String] {
        var reasons: [String] = []
        if cpuShare > cpuShareLimit {
            reasons.append("generator threads used \(fixed(100 * cpuShare, 0)) % of their CPU time")
        }
        if let delay = delayP99Nanos, Double(delay) > sendDelayLimit * Double(medianNanos) {
            reasons.append(
                "send delay p99 \(shortTime(Double(delay))) exceeds a tenth of the median response time "
                    + shortTime(Double(medianNanos)))
        }
        return reasons
    }

    /// Threads' slices added up by the tenth of a second they begin in: a thread that was kept waiting has fewer.
    /// Percentiles of a slice are the worst thread's.
    static func mergedSlices(_ lists: [[SeriesSlice]]) -> [SeriesSlice] {
        var merged: [Int: SeriesSlice] = [:]
        for slice in lists.joined() {
            let position = slice.startMillis / SeriesSlice.lengthMillis
            guard let other = merged[position] else {
                merged[position] = slice
                continue
            }
            merged[position] = SeriesSlice(
                startMillis: min(slice.startMillis, other.startMillis),
                completed: zip(slice.completed, other.completed).map(+), errors: slice.errors + other.errors,
                medianNanos: max(slice.medianNanos, other.medianNanos), p99Nanos: max(slice.p99Nanos, other.p99Nanos),
                maximumNanos: max(slice.maximumNanos, other.maximumNanos))
        }
        return merged.sorted { $0.key < $1.key }.map(\.value)
    }
}
