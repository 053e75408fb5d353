/// Makes the summary of a run, its files and its report in words.
public enum RunReport {
    public static func makeSummary(
        experiment: String, label: String, configuration: RunConfiguration, repeats: [RepeatResult],
        server: ServerDescription, environment: EnvironmentRecord, startedAt: String, interrupted: Bool
    ) -> RunSummary {
        var reasons: [String] = []
        var status = RunStatus.valid
        if interrupted || repeats.contains(where: \.partial) || repeats.count < configuration.repeats {
            status = .partial
            reasons.append("interrupted after \(repeats.count) of \(configuration.repeats) repeats had begun")
        }
        for result in repeats where !result.isValid {
            status = .invalid
            reasons += result.violations.lines.map { "repeat \(result.number): \($0)" }
            if let reason = result.stopReason { reasons.append("repeat \(result.number) stopped early: \(reason)") }
        }
        for result in repeats where !result.warmup.steadyStateAttained {
            reasons.append("repeat \(result.number): steady state not attained before the warm-up limit")
        }
        for result in repeats where result.completed == 0 && !result.partial {
            status = .invalid
            reasons.append("repeat \(result.number): nothing completed in the measured window")
        }
        func estimate(_ pick: (RepeatResult) -> Double?) -> Estimate? {
            Estimate(repeats.compactMap(pick), seed: configuration.seed)
        }
        return RunSummary(
            experiment: experiment, label: label, status: status, statusReasons: reasons,
            mode: configuration.isOpenLoop ? "open loop (offered load)" : "closed loop (saturation)",
            startedAt: startedAt, server: server, environment: environment, configuration: configuration,
            throughputPerSecond: estimate(\.throughputPerSecond),
            p50Nanos: estimate { Double($0.latency.p50Nanos) }, p99Nanos: estimate { Double($0.latency.p99Nanos) },
            serverCpuMicrosPerOperation: estimate(\.serverCpuMicrosPerOperation),
            generatorCpuMicrosPerRequest: estimate(\.generator.cpuMicrosPerRequest),
            generatorBound: repeats.contains(where: \.generator.generatorBound), repeats: repeats)
    }

    /// Runs every repeat, writes all files, returns the summary and its path.
    public static func run(
        _ configuration: RunConfiguration, serverPids: [Int32], server: ServerDescription, output: String,
        experiment: String, label: String, progress: ProgressReporter
    ) throws(LoadError) -> (summary: RunSummary, path: String) {
        let directory = try ResultFiles.directory(output: output, experiment: experiment, label: label)
        let run = try LoadRun(configuration: configuration, serverPids: serverPids, progress: progress)
        let environment = EnvironmentRecord.capture(dataDirectory: nil)
        let startedAt = ResultFiles.timestamp()
        var results: [RepeatResult] = []
        for number in 1...configuration.repeats where !Interrupt.isRequested {
            progress.prefix = configuration.repeats > 1 ? "repeat \(number)/\(configuration.repeats): " : ""
            let data = try run.measure(number)
            try ResultFiles.writeRaw(data, directory: directory, stem: "repeat-\(number)")
            results.append(data.result)
            if data.result.stopReason != nil { break }
        }
        ResultFiles.removeRaw(directory: directory, beyond: results.count)
        let summary = makeSummary(
            experiment: experiment, label: label, configuration: configuration, repeats: results, server: server,
            environment: environment, startedAt: startedAt, interrupted: Interrupt.isRequested)
        let path = "\(directory)/summary.json"
        try ResultFiles.write(try ResultFiles.json(summary), to: path)
        // A server that failed the checks may be gone; the result is what counts.
        if summary.status != .invalid { try run.cleanUp() }
        return (summary, path)
    }

    /// What following clients went through.
    static func lines(_ following: FollowResult) -> [String] {
        var lines = [
            "clients: \(following.connectionsLost) connections lost, \(following.reattached) sessions attached again, "
                + "\(following.failedAttempts) attempts failed, \(following.sessionsLost) sessions lost"
        ]
        for counts in following.outcomes where counts.failed + counts.unknown > 0 {
            lines.append(
                "\(counts.operation.name): \(counts.succeeded) succeeded, \(counts.failed) failed, "
                    + "\(counts.unknown) unknown")
        }
        let gaps = following.longestGaps
        lines.append(
            "clients' longest time without success: p50 \(shortTime(Double(gaps.p50Nanos))), "
                + "p99 \(shortTime(Double(gaps.p99Nanos))), max \(shortTime(Double(gaps.maximumNanos)))")
        for (name, silences) in [("any success", following.silences), ("a write", following.writeSilences)] {
            guard let longest = silences.max(by: { $0.nanos < $1.nanos }) else { continue }
            lines.append(
                "longest time without \(name) by any client: \(shortTime(Double(longest.nanos))), from "
                    + "\(fixed(Double(longest.startNanos) / 1e9, 3)) s on")
        }
        return lines
    }

    /// The summary for a terminal.
    public static func text(_ summary: RunSummary) -> String {
        var lines: [String] = []
        let configuration = summary.configuration
        lines.append(
            "\(summary.mode): \(configuration.connections) connections"
                + (configuration.isOpenLoop
                    ? ", \(short(configuration.ratePerSecond!))/s offered (\(configuration.arrivals.rawValue))"
                    : ", window \(configuration.window)")
                + ", \(configuration.valueBytes)-byte values, \(fixed(configuration.mix.readPercent, 1)) % reads, "
                + "\(configuration.keys.rawValue) keys")
        func line(_ name: String, _ estimate: Estimate?, _ show: (Double) -> String) {
            guard let estimate else { return }
            var text = "  \(padded(name, 34, left: true)) \(padded(show(estimate.median), 10))"
            if estimate.samples.count > 1 {
                text +=
                    "   [\(show(estimate.low)) … \(show(estimate.high))] \(estimate.interval), "
                    + "\(estimate.samples.count) repeats"
            }
            lines.append(text)
        }
        let meaning = configuration.isOpenLoop ? "response time" : "service time"
        line("throughput", summary.throughputPerSecond) { short($0) + "/s" }
        line("\(meaning) p50", summary.p50Nanos, shortTime)
        line("\(meaning) p99", summary.p99Nanos, shortTime)
        line("server CPU per operation", summary.serverCpuMicrosPerOperation) { fixed($0, 3) + " µs" }
        line("generator CPU per request", summary.generatorCpuMicrosPerRequest) { fixed($0, 3) + " µs" }
        if let last = summary.repeats.last {
            lines.append("  of repeat \(last.number), by operation:")
            for operation in last.operations {
                let latency = operation.latency
                let times = [
                    "p50 \(shortTime(Double(latency.p50Nanos)))", "p99 \(shortTime(Double(latency.p99Nanos)))",
                    "p99.9 \(shortTime(Double(latency.p999Nanos)))", "max \(shortTime(Double(latency.maximumNanos)))",
                ]
                lines.append(
                    "    \(padded(operation.operation.name, 9, left: true)) "
                        + padded(String(operation.completed), 11) + "   " + times.joined(separator: "  "))
            }
            if let delay = last.generator.sendDelay {
                lines.append(
                    "    send delay: p50 \(shortTime(Double(delay.p50Nanos)))  p99 \(shortTime(Double(delay.p99Nanos)))"
                        + "  max \(shortTime(Double(delay.maximumNanos)))")
            }
            if let following = last.following { lines += Self.lines(following).map { "    \($0)" } }
            for usage in last.servers {
                lines.append(
                    "    server \(usage.pid): \(fixed(usage.cpuSeconds, 2)) s CPU "
                        + "(\(fixed(100 * usage.cpuShare, 0)) %), "
                        + "resident \(usage.residentBytes >> 20) MB, peak \(usage.residentPeakBytes >> 20) MB, "
                        + "wrote \(fixed(usage.writtenBytesPerOperation, 0)) B/op")
            }
            lines.append(
                "    generator: \(fixed(100 * last.generator.cpuShare, 0)) % of its CPU"
                    + (last.generator.requestsPerSend.map { ", \(fixed($0, 1)) requests a send" } ?? ""))
            for reason in last.generator.generatorBoundReasons { lines.append("    GENERATOR-BOUND: \(reason)") }
        }
        lines.append(
            "  checks: \(summary.status == .invalid ? "FAILED" : "all held")  status: \(summary.status.rawValue)")
        for reason in summary.statusReasons { lines.append("    \(reason)") }
        return lines.joined(separator: "\n")
    }
}
