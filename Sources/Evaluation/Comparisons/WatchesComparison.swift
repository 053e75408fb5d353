import Load

/// What watches cost, how soon they fire, and how long a write takes to reach thousands who watch one znode.
public struct WatchesComparison: ComparedWork {
    public static let kind = "watches"

    public var times: CrowdTimes
    public var valueBytes: Int
    public var setters: Int
    public var window: Int
    public var watches: Int
    public var passes: Int
    public var fires: Int
    public var watchers: [Int]
    public var storms: Int

    public init(_ fields: inout FileFields, turns: ComparisonTurns) throws(LoadError) {
        times = try CrowdTimes(&fields)
        valueBytes = try fields.integer("valueBytes", in: 0...100_000) ?? 100
        setters = try fields.integer("setters", in: 1...1000) ?? 4
        window = try fields.integer("window", in: 1...10_000) ?? 100
        watches = try fields.integer("watches", in: 1...10_000_000) ?? 200_000
        passes = try fields.integer("passes", in: 1...100) ?? 4
        fires = try fields.integer("fires", in: 1...1_000_000) ?? 5000
        watchers = try fields.integers("watchers", in: 1...50_000) ?? [1000, 2000, 5000, 10_000]
        storms = try fields.integer("storms", in: 1...1000) ?? 5
        guard watches >= setters else { throw fields.refusal("watches", "is at least one for each setter") }
    }

    public var caseNames: [String] {
        ["setting", "firing"] + watchers.sorted().map { "storm, \($0) watchers" }
    }

    /// A JVM sets some ten thousand watches a second and opens two thousand sessions, Corral ten times as many.
    public func estimatedSeconds(of subject: EnsembleSubject) -> Double {
        let pace: Double = subject.kind == .apache ? 1 : 5
        let setting = Double(2 * passes * watches) / (60_000 * pace)
        let firing = Double(fires) * 0.002
        let opening = Double(watchers.max() ?? 0) / (2000 * pace)
        let storming = Double(watchers.reduce(0, +) * (storms + 1)) / (20_000 * pace)
        let pauses = 0.1 * Double(watchers.count * (storms + 1))
        return subject.startSeconds() + 2 * times.warmup(subject.kind) + setting + firing + opening
            + storming + pauses
    }

    public func measure(
        _ subject: EnsembleSubject, turns: ComparisonTurns, seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<WatchesFigure> {
        try WatchesRunner.run(
            WatchesPlan(
                kind: subject.kind, servers: subject.servers, settings: turns.settings, valueBytes: valueBytes,
                setters: setters, window: window, watches: watches, passes: passes, fires: fires, watchers: watchers,
                storms: storms, warmupSeconds: times.warmup(subject.kind), limitSeconds: times.limitSeconds,
                seed: seed),
            options: options, progress: progress)
    }

    public func problems(of figure: WatchesFigure, among all: [WatchesFigure]) -> [String] {
        if let setting = figure.setting, setting.watches != passes * setters * max(1, watches / setters) {
            return ["\(setting.watches) watches are not what was asked for"]
        }
        if let fire = figure.fire, fire.fires != fires { return ["\(fire.fires) writes, \(fires) were asked for"] }
        return []
    }

    /// Storms over the number of watchers.
    public func drawing(_ summary: ComparisonSummary<Self>) -> ComparisonDrawing? {
        summary.curves(["first_ms", "median_ms", "last_ms"], over: "watchers") { figure in
            figure.storm.map { "\($0.watchers)" }
        }.map {
            ComparisonDrawing(
                caption:
                    "A watch storm: from the write to the first, the median and the last notification, over the number "
                    + "of sessions that watch the znode; both axes logarithmic.",
                csv: $0, variables: [])
        }
    }
}

extension WatchesFigure: ComparedFigure {
    public var caseName: String {
        if setting != nil { return "setting" }
        return storm.map { "storm, \($0.watchers) watchers" } ?? "firing"
    }

    public var latencies: [NamedLatencies] {
        if let setting {
            return [NamedLatencies("with a watch", setting.setTimes), NamedLatencies("without", setting.readTimes)]
        }
        if let fire {
            return [NamedLatencies("from the write", fire.fromSend), NamedLatencies("from its reply", fire.fromReply)]
        }
        return (storm?.storms ?? []).enumerated().map { index, storm in
            NamedLatencies(
                "storm \(index + 1)", storm.times, count: storm.received,
                percentiles: [(50, storm.medianMillis), (99, storm.p99Millis)], longestMillis: storm.lastMillis)
        }
    }

    public var metrics: [Metric] {
        if let setting { return Self.metrics(setting) }
        if let fire {
            return [
                Metric("send_p50_ms", "write to notification, p50 ms", fire.fromSend.p50Millis, better: .lower),
                Metric("send_p99_ms", "p99 ms", fire.fromSend.p99Millis, better: .lower),
                Metric("send_p999_ms", "p99.9 ms", fire.fromSend.p999Millis, better: .lower),
                Metric("reply_p50_ms", "write's reply to notification, p50 ms", fire.fromReply.p50Millis),
                Metric("reply_p99_ms", "write's reply to notification, p99 ms", fire.fromReply.p99Millis),
            ]
        }
        guard let storm, !storm.storms.isEmpty else { return [] }
        func median(_ value: (WatchStorm) -> Double) -> Double { Middle.of(storm.storms.map(value)) }
        return [
            Metric("first_ms", "first, ms", median(\.firstMillis), better: .lower),
            Metric("median_ms", "median, ms", median(\.medianMillis), better: .lower),
            Metric("p99_ms", "p99, ms", median(\.p99Millis), better: .lower),
            Metric("last_ms", "last, ms", median(\.lastMillis), better: .lower),
            Metric("acknowledged_ms", "write's reply, ms", median(\.acknowledgedMillis)),
            Metric("cpu_us", "server CPU per notification, µs", median(\.serverCpuMicros), better: .lower),
        ] + Metric.of(storm.storms.map(\.generator).max { $0.cpuShare < $1.cpuShare }!)
    }

    private static func metrics(_ setting: WatchSettingFigure) -> [Metric] {
        [
            Metric("set_per_s", "watches set a second", setting.setPerSecond, better: .higher),
            Metric("set_cpu_us", "server CPU per watch set, µs", setting.setCpuMicros, better: .lower),
            Metric("watch_cpu_us", "of it the watch itself, µs", setting.watchCpuMicros, better: .lower),
            Metric("set_p50_ms", "p50 ms", setting.setTimes.p50Millis, better: .lower),
            Metric("set_p99_ms", "p99 ms", setting.setTimes.p99Millis, better: .lower),
            Metric("read_per_s", "without watches: requests a second", setting.readPerSecond),
            Metric("read_cpu_us", "without watches: server CPU, µs", setting.readCpuMicros),
        ] + Metric.of(setting.generator)
    }

    public var problems: [String] {
        var problems: [String] = []
        if let setting {
            if setting.refused > 0 { problems.append("\(setting.refused) requests were refused") }
            problems += setting.generator.problems
        }
        if let fire, fire.lost > 0 { problems.append("\(fire.lost) of \(fire.fires) notifications were lost") }
        if let storm {
            for (index, one) in storm.storms.enumerated() {
                let lost = storm.watchers - one.received
                if lost > 0 { problems.append("storm \(index + 1): \(lost) notifications were lost") }
                if one.extra > 0 { problems.append("storm \(index + 1): \(one.extra) notifications too many") }
                problems += one.generator.problems.map { "storm \(index + 1): \($0)" }
            }
            if storm.storms.isEmpty { problems.append("no storm had a single notification") }
        }
        return problems + contradictions
    }

    public var isGeneratorBound: Bool {
        ([setting?.generator].compactMap(\.self) + (storm?.storms ?? []).map(\.generator)).contains(where: \.isBound)
    }

    private var contradictions: [String] {
        var list: [String] = []
        let parts = [setting != nil, fire != nil, storm != nil].count { $0 }
        if parts != 1 { list.append("\(parts) figures in one") }
        if let setting {
            let times = [setting.setTimes, setting.readTimes]
            if times.contains(where: { !$0.isInOrder || $0.count != setting.watches }) {
                list.append("times that are not those of \(setting.watches) watches")
            }
            if setting.setPerSecond <= 0 || setting.setCpuMicros <= 0 { list.append("watches that took no time") }
        }
        if let fire {
            let times = [fire.fromSend, fire.fromReply]
            if times.contains(where: { !$0.isInOrder || $0.count != fire.fires - fire.lost }) {
                list.append("times that are not those of \(fire.fires - fire.lost) notifications")
            }
        }
        for one in storm?.storms ?? [] {
            let inOrder = [0, one.firstMillis, one.medianMillis, one.p99Millis, one.lastMillis]
            if inOrder != inOrder.sorted() || one.received > (storm?.watchers ?? 0) {
                list.append("a storm whose notifications are out of order, or more than there are watchers")
            }
        }
        return list
    }
}
