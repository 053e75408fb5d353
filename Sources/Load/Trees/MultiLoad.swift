import Jute
import ZooKeeperProtocol

/// Writes that come several at a time, each number of them in one `multi`.
public struct MultiLoad: Codable, Equatable, Sendable {
    /// Operations of a multi, measured one after another.
    public var operations: [Int]
    public var connections: Int
    /// Outstanding multis of each connection.
    public var window: Int
    public var valueBytes: Int
    public var seconds: Double
    public var warmupSeconds: Double
    /// Seconds of load before a JVM is measured.
    public var apacheWarmupSeconds: Double

    /// What a server takes whose `jute.maxbuffer` is not raised.
    static let mostRequestBytes = 1_048_575

    public init(
        operations: [Int] = [1, 2, 5, 10, 50, 100], connections: Int = 10, window: Int = 8, valueBytes: Int = 100,
        seconds: Double = 3, warmupSeconds: Double = 0.5, apacheWarmupSeconds: Double = 10
    ) throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need(
            !operations.isEmpty && operations.allSatisfy { (1...10_000).contains($0) }
                && Set(operations).count == operations.count,
            "a multi has 1 to 10000 operations, and each number is named once")
        try need((1...1000).contains(connections), "multis come over 1 to 1000 connections")
        try need((1...1000).contains(window), "a connection has 1 to 1000 multis outstanding")
        try need((8...100_000).contains(valueBytes), "a znode has 8 to 100000 bytes")
        let most = operations.max()!
        try need(
            MultiMaker.requestBytes(most, valueBytes: valueBytes) <= Self.mostRequestBytes,
            "a multi of \(most) writes of \(valueBytes) bytes is more than a server takes "
                + "(jute.maxbuffer, \(Self.mostRequestBytes) bytes)")
        try need(seconds >= 0.1 && seconds <= 3600, "multis are measured for 0.1 to 3600 seconds")
        try need(warmupSeconds >= 0 && warmupSeconds <= 600, "the warm-up takes 0 to 600 seconds")
        try need(apacheWarmupSeconds >= 0 && apacheWarmupSeconds <= 3600, "a JVM's warm-up takes 0 to 3600 seconds")
        self.operations = operations
        self.connections = connections
        self.window = window
        self.valueBytes = valueBytes
        self.seconds = seconds
        self.warmupSeconds = warmupSeconds
        self.apacheWarmupSeconds = apacheWarmupSeconds
    }
}

/// One number of operations.
public struct MultiFigure: Codable, Equatable, Sendable {
    public var operations: Int
    /// Of whole multis.
    public var multis: PipelinedFigure

    public var operationsPerSecond: Double { multis.perSecond * Double(operations) }
    /// All servers together.
    public var serverCpuMicrosPerOperation: Double { multis.serverCpuMicrosPerReply / Double(operations) }
}

extension MultiLoad {
    static let root = "/corral-multi"

    /// Measures a fresh ensemble.
    public func run(
        _ kind: ServerKind, servers: Int, settings: [String: String], options: ServerOptions,
        progress: ProgressReporter
    ) throws(LoadError) -> EnsembleResult<MultiFigure> {
        let target = try MeasuredEnsemble(kind, servers: servers, settings: settings, options: options)
        defer { target.stop() }
        try target.control.create(1) { _ in (Self.root, []) }
        var result = EnsembleResult<MultiFigure>(description: target.description)
        if kind == .apache, apacheWarmupSeconds > 0 {
            let middle = operations.sorted()[operations.count / 2]
            progress.update("warming \(kind.title) up")
            _ = try measure(middle, place: "warm-up", target, seconds: max(0.1, apacheWarmupSeconds), &result)
        }
        for count in operations {
            progress.update("\(kind.title): multis of \(count)")
            let figure = try measure(count, place: "m\(count)", target, seconds: seconds, &result)
            result.figures.append(MultiFigure(operations: count, multis: figure))
        }
        return result
    }

    private func measure(
        _ count: Int, place: String, _ target: MeasuredEnsemble, seconds: Double,
        _ result: inout EnsembleResult<MultiFigure>
    ) throws(LoadError) -> PipelinedFigure {
        let root = "\(Self.root)/\(place)"
        let value = [UInt8](repeating: 0, count: valueBytes)
        try target.control.create(1) { _ in (root, []) }
        try target.control.create(connections * count) { index in
            (MultiMaker.path(root, index / count, index % count), value)
        }
        try target.level()
        let load = try PipelinedLoad(
            MultiMaker(root, operations: count, connections: connections, valueBytes: valueBytes),
            servers: target.ensemble.addresses, connections: connections, window: window)
        let figure = try load.closed(
            window: window, warmupSeconds: warmupSeconds, seconds: seconds, pids: target.ensemble.pids)
        // All parts of the last multi, and nothing else: what a lost or doubled one would show.
        var wrong = 0
        for connection in 0..<connections {
            for part in Set([0, count - 1]) {
                target.control.queueSync(root)
                try target.control.flush { (_, _) in }
                let data = try target.control.data(of: MultiMaker.path(root, connection, part)) ?? []
                let number = data.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                if data.count != valueBytes || number != UInt64(load.maker.sent[connection]) { wrong += 1 }
            }
        }
        if wrong > 0 { result.violations.append("multis of \(count): \(wrong) znodes do not show the last write") }
        return figure
    }
}

/// Multis of `setData`, each connection on znodes of its own.
struct MultiMaker: RequestMaker {
    let kinds = ["multi"]
    let maximumReplyBytes: Int
    /// Multis of each connection so far; the number is in every value it writes.
    private(set) var sent: [Int]
    private let operations: Int
    /// Of each connection, with places for xid and numbers.
    private let templates: [[UInt8]]
    /// Where in a template values begin.
    private let values: [Int]

    private static let partBytes = MultiHeader.wireSize + Stat.wireSize

    static func path(_ root: String, _ connection: Int, _ part: Int) -> String {
        func padded(_ number: Int) -> String { String(String(100_000 + number).dropFirst()) }
        return "\(root)/c\(padded(connection))-\(padded(part))"
    }

    static func requestBytes(_ operations: Int, valueBytes: Int) -> Int {
        let path = Self.path("\(MultiLoad.root)/m\(operations)", 0, 0).utf8.count
        return 12 + operations * (MultiHeader.wireSize + 4 + path + 4 + valueBytes + 4) + MultiHeader.wireSize
    }

    init(_ root: String, operations: Int, connections: Int, valueBytes: Int) {
        self.operations = operations
        sent = [Int](repeating: 0, count: connections)
        maximumReplyBytes = 16 + operations * Self.partBytes + MultiHeader.wireSize + 4096
        var templates: [[UInt8]] = []
        var values: [Int] = []
        let value = [UInt8](repeating: 0x63, count: valueBytes)
        for connection in 0..<connections {
            var frame = WireBuffer()
            frame.append(int32: 0)
            frame.append(int32: 0)
            frame.append(int32: OpCode.multi.rawValue)
            values = []
            for part in 0..<operations {
                MultiHeader(type: OpCode.setData.rawValue, done: false, error: -1).encode(to: &frame)
                frame.append(string: Self.path(root, connection, part))
                values.append(frame.count + 4)
                value.withUnsafeBytes { frame.append(buffer: $0) }
                frame.append(int32: -1)
            }
            MultiHeader.end.encode(to: &frame)
            frame.patch(int32: Int32(frame.count - 4), at: 0)
            templates.append([UInt8](frame.bytes))
        }
        self.templates = templates
        self.values = values
    }

    mutating func append(_ connection: Int, xid: Int32, to output: inout WireBuffer) -> RequestTag {
        let start = output.count
        templates[connection].withUnsafeBytes { output.append(raw: $0) }
        output.patch(int32: xid, at: start + 4)
        sent[connection] += 1
        for place in values { output.patch(int64: Int64(sent[connection]), at: start + place) }
        return RequestTag(kind: 0, expected: sent[connection])
    }

    mutating func problem(_ tag: RequestTag, bytes: Int, body: UnsafeRawBufferPointer) -> String? {
        guard bytes == operations * Self.partBytes + MultiHeader.wireSize else {
            return "a reply of \(bytes) bytes to \(operations) operations"
        }
        for part in 0..<operations {
            let place = part * Self.partBytes
            guard ReplyBytes.integer(body, place) == Int(OpCode.setData.rawValue),
                ReplyBytes.integer(body, place + 5) == 0
            else { return "part \(part + 1) of \(operations) failed" }
            let version = ReplyBytes.integer(body, place + MultiHeader.wireSize + ReplyBytes.versionOffset)
            guard version == tag.expected else {
                return "part \(part + 1) has version \(version), write \(tag.expected) was sent"
            }
        }
        return nil
    }
}
