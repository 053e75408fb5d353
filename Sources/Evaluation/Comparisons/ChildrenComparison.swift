import Load

extension ChildrenLoad: ComparedWork {
    public static var kind: String { "children" }

    public init(_ fields: inout FileFields, turns: ComparisonTurns) throws(LoadError) {
        let usual = try ChildrenLoad()
        try self.init(
            children: try fields.integers("children", in: 1...1_000_000) ?? usual.children,
            connections: try fields.integer("connections", in: 1...1000) ?? usual.connections,
            window: try fields.integer("window", in: 1...1000) ?? usual.window,
            seconds: try fields.number("seconds", in: 0.1...3600) ?? usual.seconds,
            warmupSeconds: try fields.number("warmupSeconds", in: 0...600) ?? usual.warmupSeconds,
            apacheWarmupSeconds: try fields.number("apacheWarmupSeconds", in: 0...3600) ?? usual.apacheWarmupSeconds)
    }

    public func measure(
        _ subject: EnsembleSubject, turns: ComparisonTurns, seed: UInt64, options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<ChildrenFigure> {
        try run(
            subject.kind, servers: subject.servers, settings: turns.settings, options: options, progress: progress)
    }

    /// Children are made at some tens of thousands a second.
    public func estimatedSeconds(of subject: EnsembleSubject) -> Double {
        let warm = subject.kind == .apache ? apacheWarmupSeconds + 2 * warmupSeconds : 0
        return subject.startSeconds() + warm + Double(children.last ?? 0) / 20_000
            + Double(children.count) * (0.5 + 2 * (seconds + warmupSeconds))
    }

    public var caseNames: [String] { children.map(ChildrenFigure.name) }

    /// 1 where the cost does not grow with the list.
    public func metrics(of figure: ChildrenFigure, among all: [ChildrenFigure]) -> [Metric] {
        guard let shortest = all.first?.changes.serverCpuMicrosPerReply, shortest > 0 else { return [] }
        return [
            Metric(
                "growth", "a create's or delete's CPU over that in the shortest list",
                figure.changes.serverCpuMicrosPerReply / shortest, better: .lower)
        ]
    }

    public func problems(of figure: ChildrenFigure, among all: [ChildrenFigure]) -> [String] {
        [("lists", figure.lists), ("changes", figure.changes)].compactMap { name, part in
            part.windowSeconds < 0.9 * seconds ? "\(name): the window is too short" : nil
        }
    }
}

extension ChildrenFigure: ComparedFigure {
    static func name(_ children: Int) -> String { "\(children) children" }

    public var caseName: String { Self.name(children) }

    public var metrics: [Metric] {
        [
            Metric("lists_per_s", "lists a second", lists.perSecond, better: .higher),
            Metric("list_cpu_us", "server CPU per list, µs", lists.serverCpuMicrosPerReply, better: .lower),
            Metric("list_p99_ms", "list p99, ms", lists.p99Millis("getChildren"), better: .lower),
            Metric("changes_per_s", "creates and deletes a second", changes.perSecond, better: .higher),
            Metric(
                "change_cpu_us", "server CPU per create or delete, µs", changes.serverCpuMicrosPerReply,
                better: .lower),
            Metric("create_p99_ms", "create p99, ms", changes.p99Millis("create"), better: .lower),
            Metric("delete_p99_ms", "delete p99, ms", changes.p99Millis("delete"), better: .lower),
            Metric("reply_bytes", "bytes of a list", Double(replyBytes)),
        ]
            + Metric.machine(
                max(lists.generatorCpuShare, changes.generatorCpuShare),
                steal: max(lists.stealShare, changes.stealShare))
    }

    public var problems: [String] {
        [("lists", lists), ("changes", changes)].flatMap { name, part in part.doubts().map { "\(name): \($0)" } }
    }

    public var latencies: [NamedLatencies] { NamedLatencies.of(lists) + NamedLatencies.of(changes) }

    public var remarks: [String] {
        needsRaisedBuffer ? ["a client must raise its jute.maxbuffer to take the list"] : []
    }

    public var isGeneratorBound: Bool { [lists, changes].contains { !$0.generatorBoundReasons.isEmpty } }
}
