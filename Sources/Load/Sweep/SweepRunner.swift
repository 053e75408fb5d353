import CPlatform
import Histogram

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Carries a sweep out: starts servers, measures points, keeps raw data as it goes. Used from one thread.
public final class SweepRunner {
    private let plan: SweepPlan
    private let options: ServerOptions
    private let directory: String
    private let progress: ProgressReporter
    private var runs: [Key: [RepeatResult]] = [:]
    private var rawFiles: [Key: [String]] = [:]
    private var descriptions: [String: ServerDescription] = [:]
    private var blockOrder: [String] = []
    private var failure: String?
    private var spectra: [Key: Histogram<UInt64>] = [:]
    private var measured = 0

    private struct Key: Hashable {
        var point: SweepPoint
        var server: ServerKind
    }

    public init(plan: SweepPlan, options: ServerOptions, directory: String, progress: ProgressReporter)
        throws(LoadError)
    {
        try Self.check(plan, options: options)
        self.plan = plan
        self.options = options
        self.directory = directory
        self.progress = progress
    }

    /// Refuses, before anything is started or written, what could not be carried out.
    public static func check(_ plan: SweepPlan, options: ServerOptions) throws(LoadError) {
        try plan.validate()
        guard let unit = options.apacheHeap.last, "kKmMgGtT".contains(unit),
            let size = Int(options.apacheHeap.dropLast()), size > 0
        else {
            throw .usage("--apache-heap is a number with k, m or g, such as 2g, not '\(options.apacheHeap)'")
        }
        for kind in plan.servers { try ManagedServer.checkStartable(kind, options: options) }
    }

    /// Runs everything and writes `summary.json`, CSV files and raw data. An interrupt leaves a partial result.
    public func run(experiment: String, label: String) throws(LoadError) -> SweepSummary {
        try ResultFiles.makeDirectory("\(directory)/raw")
        try ResultFiles.makeDirectory(options.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        try checkSpace()
        let startedAt = ResultFiles.timestamp()
        let start = corral_monotonic_nanos()
        let blocks = plan.blocks
        let total = blocks.reduce(0) { $0 + $1.points.count }
        progress.note(
            "sweep: \(blocks.count) server starts, \(total) measurements, about "
                + "\(fixed(plan.estimatedSeconds / 60, 1)) minutes")
        for block in blocks where failure == nil && !Interrupt.isRequested {
            do throws(LoadError) {
                try run(block, total: total)
            } catch {
                // Whatever it says: servers that were told to end too are what a broken connection is about.
                guard Interrupt.isRequested else { throw error }
            }
        }
        progress.clear()
        let summary = summarize(
            experiment: experiment, label: label, environment: environment, startedAt: startedAt,
            seconds: Double(corral_monotonic_nanos() - start) / 1e9, total: total)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try SweepFiles.write(summary, spectra: offeredSpectra(), directory: directory)
        return summary
    }

    /// Servers write some hundred megabytes a second at worst; refuse to fill a disk.
    private func checkSpace() throws(LoadError) {
        var status = statvfs()
        guard statvfs(options.dataRoot, &status) == 0 else { return }
        let free = Double(status.f_bavail) * Double(status.f_frsize)
        let writing = plan.readPercents.reduce(0) { $0 + (100 - $1) / 100 } * Double(plan.connections.count)
        let needed = 2e9 + writing * (plan.durationSeconds + plan.warmupLimitSeconds) * 0.6e9
        guard free > needed else {
            throw .environment(
                "\(options.dataRoot) has \(Int(free / 1e9)) GB free; this sweep may write up to "
                    + "\(Int(needed / 1e9)) GB "
                    + "between cleanings. Name another place with --data-root, or shorten --duration")
        }
    }

    private func run(_ block: SweepBlock, total: Int) throws(LoadError) {
        progress.update("starting \(block.server.title), block \(block.number)")
        let target = try SweepTarget(block.server, plan: plan, options: options)
        defer { target.stop() }
        descriptions[block.server.rawValue] = target.description
        blockOrder.append("\(block.server.rawValue) \(block.number)")
        if block.server == .apache { try warmUpJvm(target) }
        if let budget = plan.budget, block.server != .null { try target.limit(budget) }
        for point in block.points where failure == nil && !Interrupt.isRequested {
            let configuration = try plan.configuration(
                for: point, servers: target.addresses, kind: block.server, block: block.number)
            progress.prefix = "[\(measured + 1)/\(total)] \(block.server.rawValue) \(point.name): "
            let roles = target.roles
            let throttled = target.throttling
            var data = try target.measure(configuration, number: block.number, progress: progress)
            data.result.binRates = plan.reports?.rates(data.slices)
            if let throttled, let now = target.throttling { data.result.throttling = now - throttled }
            if let roles {
                for (index, role) in roles.enumerated() where index < data.result.servers.count {
                    data.result.servers[index].serverId = index + 1
                    data.result.servers[index].role = role
                }
                if target.roles != roles { failure = "\(progress.prefix)roles changed while measuring" }
            }
            measured += 1
            let stem = "\(block.server.rawValue)-\(point.name)-b\(block.number)"
            try ResultFiles.writeRaw(data, directory: "\(directory)/raw", stem: stem)
            let key = Key(point: point, server: block.server)
            if data.result.partial { break }
            runs[key, default: []].append(data.result)
            rawFiles[key, default: []].append(stem)
            if point.mode == .offered, plan.offeredLoads == nil {
                var sum = spectra[key] ?? LatencyRecorder.emptyHistogram()
                sum.add(data.spectrum)
                spectra[key] = sum
            }
            let result = data.result
            progress.note(
                "\(progress.prefix)\(short(result.throughputPerSecond))/s, "
                    + "server \(fixed(result.serverCpuMicrosPerOperation ?? 0, 3)) µs/op, "
                    + "\(result.latencyMeaning) p99 \(shortTime(Double(result.latency.p99Nanos)))"
                    + (result.generator.generatorBound ? ", generator-bound" : ""))
            if !result.isValid, failure == nil {
                failure = (result.violations.lines + [result.stopReason].compactMap { $0 }).joined(separator: "; ")
            }
        }
        progress.prefix = ""
    }

    /// A JVM compiles what is hot only after it has been hot: load of the same kind first, thrown away.
    private func warmUpJvm(_ target: SweepTarget) throws(LoadError) {
        let point = SweepPoint(
            mode: .saturation, readPercent: 50, connections: plan.connections.max()!, window: plan.window)
        var configuration = try plan.configuration(for: point, servers: target.addresses, kind: .apache, block: 0)
        configuration.durationSeconds = max(0.1, plan.apacheWarmupSeconds - 1)
        configuration.warmupLimitSeconds = 1
        progress.prefix = "warming \(target.kind.title) up: "
        let result = try LoadRun(configuration: configuration, serverPids: [], progress: progress).measure(0).result
        if !result.isValid { failure = result.violations.lines.joined(separator: "; ") }
    }

    private func offeredSpectra() -> [(ServerKind, Histogram<UInt64>)] {
        ServerKind.allCases.compactMap { kind in
            spectra.first { $0.key.server == kind }.map { (kind, $0.value) }
        }
    }

    private func summarize(
        experiment: String, label: String, environment: EnvironmentRecord, startedAt: String, seconds: Double,
        total: Int
    ) -> SweepSummary {
        let keys = runs.keys.sorted {
            ($0.server.rawValue, $0.point.mode.rawValue, $0.point.connections, $0.point.readPercent)
                < ($1.server.rawValue, $1.point.mode.rawValue, $1.point.connections, $1.point.readPercent)
        }
        let figures = keys.compactMap {
            SweepFigure($0.point, $0.server, runs: runs[$0]!, rawFiles: rawFiles[$0]!, seed: plan.seed)
        }
        var status = RunStatus.valid
        var reasons: [String] = []
        if let failure {
            status = .invalid
            reasons.append(failure)
        } else if Interrupt.isRequested {
            status = .partial
            reasons.append("interrupted after \(measured) of \(total) measurements")
        }
        for kind in ServerKind.allCases {
            let unsteady = figures.filter { $0.server == kind && !$0.steadyInAll }.map(\.point.name)
            guard !unsteady.isEmpty else { continue }
            reasons.append(
                "\(kind.rawValue): steady state not attained before the warm-up limit in every block of "
                    + unsteady.joined(separator: ", "))
        }
        var comparisons: [SweepComparison] = []
        if plan.servers.contains(.corral) {
            for peer in [ServerKind.apache, .etcd, .keeper] where plan.servers.contains(peer) {
                comparisons += SweepSummary.compare(.corral, peer, in: figures, seed: plan.seed)
            }
        }
        return SweepSummary(
            experiment: experiment, label: label, status: status, statusReasons: reasons, startedAt: startedAt,
            elapsedSeconds: seconds, environment: environment, plan: plan, blockOrder: blockOrder,
            servers: descriptions, figures: figures, comparisons: comparisons)
    }
}
