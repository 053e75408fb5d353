import Load

extension KneeLoad: ComparedWork {
    public static var kind: String { "knee" }

    public init(_ fields: inout FileFields, turns: ComparisonTurns) throws(LoadError) {
        let usual = try KneeLoad()
        try self.init(
            readPercents: try fields.readPercents("reads") ?? usual.readPercents,
            connections: try fields.integer("connections", in: 1...10_000) ?? usual.connections,
            valueBytes: try fields.integer("valueBytes", in: 16...1_000_000) ?? usual.valueBytes,
            limitMillis: try fields.number("limitMillis", in: 0.1...60_000) ?? usual.limitMillis,
            lowestRate: try fields.number("lowestRate", in: 1...50_000_000) ?? usual.lowestRate,
            highestRate: try fields.number("highestRate", in: 1...50_000_000) ?? usual.highestRate,
            factor: try fields.number("factor", in: 1.05...100) ?? usual.factor,
            tolerance: try fields.number("tolerance", in: 1.01...10) ?? usual.tolerance,
            tries: try fields.integer("tries", in: 1...10) ?? usual.tries,
            seconds: try fields.number("seconds", in: 0.2...3600) ?? usual.seconds,
            warmupSeconds: try fields.number("warmupSeconds", in: 0.1...600) ?? usual.warmupSeconds,
            apacheWarmupSeconds: try fields.number("apacheWarmupSeconds", in: 0...3600) ?? usual.apacheWarmupSeconds)
    }

    public func measure(
        _ subject: EnsembleSubject, turns: ComparisonTurns, seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<KneeCurve> {
        try run(
            subject.kind, servers: subject.servers, settings: turns.settings, seed: seed, options: options,
            progress: progress)
    }

    /// A search for a rate that is near the upper end of what is looked at, though most end sooner.
    public func estimatedSeconds(of subject: EnsembleSubject) -> Double {
        var search = search
        var steps = 0.0
        let assumed = min(highestRate, subject.kind == .apache ? 30_000 : 150_000)
        while let rate = search.next {
            search.add(keptUp: rate <= assumed)
            steps += 1
        }
        let warm = subject.kind == .apache ? apacheWarmupSeconds : 0
        return subject.startSeconds() + warm + Double(readPercents.count) * steps * (seconds + warmupSeconds + 0.3)
    }

    public var caseNames: [String] { readPercents.map(KneeCurve.name) }

    public func problems(of curve: KneeCurve, among all: [KneeCurve]) -> [String] {
        var list: [String] = []
        if all.allSatisfy({ $0.outcome == .generatorBound }) { list.append("the generator was the limit everywhere") }
        if curve != KneeCurve(readPercent: curve.readPercent, steps: curve.steps, load: self) {
            list.append("the knee is not what the steps say")
        }
        var search = search
        for step in curve.steps {
            let place = "\(Int(step.ratePerSecond))/s"
            if search.next != step.ratePerSecond { list.append("rates were not tried as planned") }
            search.add(keptUp: step.verdict == .keptUp)
            if step.verdict != KneeStep.verdict(of: step, load: self) {
                list.append("\(place): the verdict is not what the figures say")
            }
            if step.response.count != step.completed {
                list.append("\(place): latencies are not those of all replies")
            }
            if step.verdict == .keptUp, step.windowSeconds < 0.9 * seconds {
                list.append("\(place): the window is too short")
            }
        }
        if search.next != nil { list.append("the search did not end") }
        return list
    }

    public func drawing(_ summary: ComparisonSummary<Self>) -> ComparisonDrawing? {
        guard !summary.rows.isEmpty else { return nil }
        return ComparisonDrawing(
            caption: "Response time over the load that was offered, each round's curve, by share of reads; the dashed "
                + "line is the limit. Hollow: not kept up with.",
            csv: Self.stepsCsv(summary),
            variables: [
                "shares = \"\(readPercents.map { Decimal.text($0, 1) }.joined(separator: " "))\"",
                "rounds = \(summary.turns.rounds)",
                "limit_ms = \(Decimal.text(limitMillis, 3))",
                "load_text = \"\(connections) connections, \(valueBytes)-byte values, open loop\"",
            ])
    }

    /// Every rate that was offered, by rising rate.
    private static func stepsCsv(_ summary: ComparisonSummary<Self>) -> String {
        var lines = [
            "subject,read_percent,round,offered_per_s,answered_per_s,p50_ms,p99_ms,p999_ms,cpu_us,most_outstanding,"
                + "generator_share,verdict"
        ]
        for row in summary.rows {
            for (index, curve) in summary.figures(row).enumerated() {
                for step in curve.steps.sorted(by: { $0.ratePerSecond < $1.ratePerSecond }) {
                    let columns: [String] = [
                        row.subject.name, Decimal.text(curve.readPercent, 1), "\(index + 1)",
                        Decimal.text(step.ratePerSecond, 1), Decimal.text(step.answeredPerSecond, 1),
                        Decimal.text(Double(step.response.p50Nanos) / 1e6, 3),
                        Decimal.text(Double(step.response.p99Nanos) / 1e6, 3),
                        Decimal.text(Double(step.response.p999Nanos) / 1e6, 3),
                        Decimal.text(step.serverCpuMicrosPerOperation, 3), "\(step.mostOutstanding)",
                        Decimal.text(step.generatorCpuShare, 3), step.verdict.rawValue,
                    ]
                    lines.append(columns.joined(separator: ","))
                }
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension KneeCurve: ComparedFigure {
    static func name(_ readPercent: Double) -> String { "\(NumberFormat.short(readPercent)) % reads" }

    public var caseName: String { Self.name(readPercent) }
    public var latencies: [NamedLatencies] {
        steps.enumerated().map { index, step in
            NamedLatencies(
                "step \(index + 1), \(Int(step.ratePerSecond)) a second", seconds: step.windowSeconds,
                step.responseTimes, is: step.response)
        }
    }

    /// At the greatest rate that was kept up with; see `remarks`.
    public var metrics: [Metric] {
        guard let knee else { return [] }
        return [
            Metric("per_s", "greatest rate kept up with, a second", knee.ratePerSecond, better: .higher),
            Metric("p50_ms", "p50 there, ms", Double(knee.response.p50Nanos) / 1e6),
            Metric("p99_ms", "p99 there, ms", Double(knee.response.p99Nanos) / 1e6),
            Metric("cpu_us", "server CPU per operation there, µs", knee.serverCpuMicrosPerOperation, better: .lower),
        ] + Metric.machine(knee.generatorCpuShare, steal: steps.map(\.stealShare).max() ?? 0)
    }

    public var problems: [String] { [] }

    /// What kind of number the rate is, where it is no knee.
    public var remarks: [String] {
        switch outcome {
        // What is kept up with is, whatever it cost the generator; what is not may be its doing.
        case .found: (knee?.generatorCpuShare ?? 0) > CrowdLimits.generatorShare
            ? ["the generator used its CPU up there: the knee may lie above"] : []
        case .belowLowest: ["no knee: no rate tried was kept up with"]
        case .aboveHighest: ["no knee: it lies above the highest rate"]
        case .generatorBound: ["INVALID as a knee: the generator was the limit, the knee lies above"]
        }
    }

    public var isGeneratorBound: Bool { outcome == .generatorBound }
}
