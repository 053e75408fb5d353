import Load

extension MultiLoad: ComparedWork {
    public static var kind: String { "multi" }

    public init(_ fields: inout FileFields, turns: ComparisonTurns) throws(LoadError) {
        let usual = try MultiLoad()
        try self.init(
            operations: try fields.integers("operations", in: 1...10_000) ?? usual.operations,
            connections: try fields.integer("connections", in: 1...1000) ?? usual.connections,
            window: try fields.integer("window", in: 1...1000) ?? usual.window,
            valueBytes: try fields.integer("valueBytes", in: 8...100_000) ?? usual.valueBytes,
            seconds: try fields.number("seconds", in: 0.1...3600) ?? usual.seconds,
            warmupSeconds: try fields.number("warmupSeconds", in: 0...600) ?? usual.warmupSeconds,
            apacheWarmupSeconds: try fields.number("apacheWarmupSeconds", in: 0...3600) ?? usual.apacheWarmupSeconds)
    }

    public func measure(
        _ subject: EnsembleSubject, turns: ComparisonTurns, seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<MultiFigure> {
        try run(
            subject.kind, servers: subject.servers, settings: turns.settings, options: options, progress: progress)
    }

    public func estimatedSeconds(of subject: EnsembleSubject) -> Double {
        let warm = subject.kind == .apache ? apacheWarmupSeconds + warmupSeconds : 0
        return subject.startSeconds() + warm + Double(operations.count) * (0.3 + seconds + warmupSeconds)
    }

    public var caseNames: [String] { operations.map(MultiFigure.name) }

    public func problems(of figure: MultiFigure, among all: [MultiFigure]) -> [String] {
        figure.multis.windowSeconds < 0.9 * seconds ? ["the window is too short"] : []
    }

    public func drawing(_ summary: ComparisonSummary<Self>) -> ComparisonDrawing? {
        summary.curves(["operations_per_s", "cpu_us"], over: "operations") { "\($0.operations)" }.map {
            ComparisonDrawing(
                caption: "Writes in multis: operations a second and server CPU per operation, over the number of "
                    + "operations in one.",
                csv: $0,
                variables: [
                    "load_text = \"\(connections) connections, \(window) multis outstanding each, "
                        + "\(valueBytes)-byte values\""
                ])
        }
    }
}

extension MultiFigure: ComparedFigure {
    static func name(_ operations: Int) -> String { "multis of \(operations)" }

    public var caseName: String { Self.name(operations) }
    public var latencies: [NamedLatencies] { NamedLatencies.of(multis) }

    public var metrics: [Metric] {
        [
            Metric("operations_per_s", "operations a second", operationsPerSecond, better: .higher),
            Metric("multis_per_s", "multis a second", multis.perSecond),
            Metric("cpu_us", "server CPU per operation, µs", serverCpuMicrosPerOperation, better: .lower),
            Metric(
                "p50_ms", "multis' p50, ms", Double(multis.kinds.first?.latency.p50Nanos ?? 0) / 1e6, better: .lower),
            Metric("p99_ms", "multis' p99, ms", multis.p99Millis("multi"), better: .lower),
        ] + Metric.machine(multis.generatorCpuShare, steal: multis.stealShare)
    }

    public var problems: [String] { multis.doubts() }
    public var isGeneratorBound: Bool { !multis.generatorBoundReasons.isEmpty }
}
