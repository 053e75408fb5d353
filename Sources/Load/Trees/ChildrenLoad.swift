/// Long lists of children: what it costs to read one, and to create and delete a child in it.
public struct ChildrenLoad: Codable, Equatable, Sendable {
    /// Lengths of the list, rising.
    public var children: [Int]
    public var connections: Int
    /// Outstanding requests of each connection.
    public var window: Int
    public var seconds: Double
    public var warmupSeconds: Double
    /// Seconds of either load on the shortest list before a JVM is measured.
    public var apacheWarmupSeconds: Double

    /// What a client takes whose `jute.maxbuffer` is not raised.
    static let defaultClientBytes = 1_048_575

    public init(
        children: [Int] = [1000, 10_000, 100_000], connections: Int = 8, window: Int = 4, seconds: Double = 3,
        warmupSeconds: Double = 0.5, apacheWarmupSeconds: Double = 5
    ) throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need(
            !children.isEmpty && children.allSatisfy { (1...1_000_000).contains($0) }
                && zip(children, children.dropFirst()).allSatisfy(<),
            "lengths of a list of children rise, from 1 at least to 1000000 at most")
        try need((1...1000).contains(connections), "lists are read over 1 to 1000 connections")
        try need((1...1000).contains(window), "a connection has 1 to 1000 requests outstanding")
        try need(
            connections * window * ListMaker.replyBytes(children.last!) <= 2_000_000_000,
            "\(connections) connections with \(window) lists of \(children.last!) children outstanding are more than "
                + "2 GB: take fewer")
        try need(seconds >= 0.1 && seconds <= 3600, "a list is measured for 0.1 to 3600 seconds")
        try need(warmupSeconds >= 0 && warmupSeconds <= 600, "the warm-up takes 0 to 600 seconds")
        try need(apacheWarmupSeconds >= 0 && apacheWarmupSeconds <= 3600, "a JVM's warm-up takes 0 to 3600 seconds")
        self.children = children
        self.connections = connections
        self.window = window
        self.seconds = seconds
        self.warmupSeconds = warmupSeconds
        self.apacheWarmupSeconds = apacheWarmupSeconds
    }
}

/// One length of the list.
public struct ChildrenFigure: Codable, Equatable, Sendable {
    public var children: Int
    /// Of a reply that lists them.
    public var replyBytes: Int
    /// Whether a client must raise its `jute.maxbuffer` to take that reply. The generator here needs no such limit.
    public var needsRaisedBuffer: Bool
    /// Replies to `getChildren`.
    public var lists: PipelinedFigure
    /// Kinds `create` and `delete`, as many of one as of the other, so that the list keeps its length.
    public var changes: PipelinedFigure
}

extension ChildrenLoad {
    static let root = "/corral-children"

    /// Measures a fresh ensemble.
    public func run(
        _ kind: ServerKind, servers: Int, settings: [String: String], options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<ChildrenFigure> {
        let target = try MeasuredEnsemble(kind, servers: servers, settings: settings, options: options)
        defer { target.stop() }
        try target.control.create(1) { _ in (Self.root, []) }
        var result = EnsembleResult<ChildrenFigure>(description: target.description)
        var length = 0
        for children in children {
            progress.update("\(kind.title): a list of \(children) children")
            let first = length
            try target.control.create(children - first) { ("\(Self.root)/\(ChildName.text(first + $0))", []) }
            length = children
            if first == 0, kind == .apache {
                _ = try lists(children, target, seconds: max(0.1, apacheWarmupSeconds / 2))
                _ = try changes(children, target, seconds: max(0.1, apacheWarmupSeconds / 2))
            }
            let place = "\(children) children"
            if try !isWhole(children, target) { result.violations.append("\(place): the list is not as it was made") }
            let lists = try lists(children, target, seconds: seconds)
            let changes = try changes(children, target, seconds: seconds)
            if try !isWhole(children, target) {
                result.violations.append("\(place): the list is not as it was, a create or delete was lost")
            }
            let bytes = ListMaker.replyBytes(children)
            result.figures.append(
                ChildrenFigure(
                    children: children, replyBytes: bytes, needsRaisedBuffer: bytes > Self.defaultClientBytes,
                    lists: lists, changes: changes))
        }
        return result
    }

    /// Whether every server has the names that were made, and no other.
    private func isWhole(_ count: Int, _ target: MeasuredEnsemble) throws(LoadError) -> Bool {
        try target.level()
        for address in target.ensemble.addresses {
            let names = try ControlClient(address).children(of: Self.root)
            if names.count != count || Set(names) != Set((0..<count).map(ChildName.text)) { return false }
        }
        return true
    }

    private func lists(_ count: Int, _ target: MeasuredEnsemble, seconds: Double) throws(LoadError) -> PipelinedFigure {
        let load = try PipelinedLoad(
            ListMaker(count), servers: target.ensemble.addresses, connections: connections, window: window)
        return try load.closed(
            window: window, warmupSeconds: warmupSeconds, seconds: seconds, pids: target.ensemble.pids)
    }

    private func changes(
        _ count: Int, _ target: MeasuredEnsemble, seconds: Double
    ) throws(LoadError) -> PipelinedFigure {
        let load = try PipelinedLoad(
            ChangeMaker(first: count, connections: connections), servers: target.ensemble.addresses,
            connections: connections, window: window)
        let figure = try load.closed(
            window: window, warmupSeconds: warmupSeconds, seconds: seconds, pids: target.ensemble.pids)
        // Where the run ended behind a create.
        for name in load.maker.leftOver { target.control.queueDelete("\(Self.root)/\(name)") }
        try target.control.flush { (_, _) in }
        return figure
    }
}
