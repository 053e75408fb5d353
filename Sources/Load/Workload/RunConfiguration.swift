/// Where a server listens.
public struct ServerAddress: Codable, Equatable, Sendable, CustomStringConvertible {
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// `host:port`, `[v6]:port`, or a bare host (port 2181).
    public init(parsing text: String) throws(LoadError) {
        var host = text
        var port: UInt16 = 2181
        let colons = text.count { $0 == ":" }
        guard text.hasPrefix("[") ? text.contains("]") : colons < 2 else {
            throw .usage(
                "'\(text)' is no server address: an IPv6 address is written in brackets, as in [::1]:2181, and any "
                    + "other as host:port")
        }
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            guard let number = UInt16(text[text.index(after: colon)...]), number > 0 else {
                throw .usage("'\(text)' is no server address: write host:port with a port of 1 to 65535")
            }
            host = String(text[..<colon])
            port = number
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { throw .usage("'\(text)' is no server address: the host is missing") }
        self.init(host: host, port: port)
    }

    /// A comma-separated list.
    public static func list(parsing text: String) throws(LoadError) -> [ServerAddress] {
        var list: [ServerAddress] = []
        for part in text.split(separator: ",") { list.append(try ServerAddress(parsing: String(part))) }
        guard !list.isEmpty else { throw .usage("no server given: write --servers host:port[,host:port…]") }
        return list
    }
}

/// Which znodes a connection works on.
public enum KeyMode: String, Codable, CaseIterable, Sendable {
    /// Each connection reads and writes its own znode, as in the paper.
    case own
    /// All connections share one set of znodes.
    case shared
}

/// How shared znodes are picked.
public enum KeyDistribution: String, Codable, CaseIterable, Sendable {
    case uniform
    /// Zipf's law with exponent 0.99.
    case zipf
}

/// When an open-loop schedule sends.
public enum Arrivals: String, Codable, CaseIterable, Sendable {
    /// Equal gaps.
    case fixed
    /// Exponential gaps.
    case poisson
}

/// Everything that determines a run, apart from the machine. Written whole into every result.
public struct RunConfiguration: Codable, Equatable, Sendable {
    public var servers: [ServerAddress]
    public var connections = 32
    /// Outstanding requests per connection, closed loop.
    public var window = 100
    public var valueBytes = 1024
    public var mix: OperationMix
    public var keys = KeyMode.own
    public var keyCount = 1000
    public var distribution = KeyDistribution.uniform
    public var durationSeconds = 10.0
    public var warmupLimitSeconds = 10.0
    public var repeats = 1
    /// Requests per second over all connections; nil for a closed loop.
    public var ratePerSecond: Double?
    public var arrivals = Arrivals.poisson
    public var seed: UInt64 = 1
    /// Generator threads.
    public var threads = 1
    /// CPUs to pin generator threads to, one each; empty pins nothing.
    public var pinnedCpus: [Int] = []
    public var sessionTimeoutMillis: Int32 = 30_000
    /// The znode under which the workload lives; created, and removed at the end.
    public var root = "/corral-load"
    /// Deletes a root that is there although this program did not make it; nil: refuses to.
    public var deletesExistingRoot: Bool?
    /// A connection with this many created children deletes instead of creating.
    public var liveNodeLimit = 10_000
    /// Accepts the null server's canned value in place of the stamp expected. Never for a real server.
    public var acceptsCannedContent = false
    /// How clients follow the service across servers; nil: a lost connection ends the run.
    public var following: FollowPolicy?
    /// How long replies to requests already sent are waited for at the end.
    public var drainLimitSeconds = 10.0

    public init(servers: [ServerAddress], mix: OperationMix) {
        self.servers = servers
        self.mix = mix
    }

    public static let zipfExponent = 0.99
    /// Outstanding requests per connection that an open-loop schedule may pile up before it waits.
    static let openLoopOutstandingLimit = 8192

    public var isOpenLoop: Bool { ratePerSecond != nil }

    /// Refuses what cannot work, with the limit in the message.
    public func validate() throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need(!servers.isEmpty, "no server given")
        try need((1...100_000).contains(connections), "--connections lies between 1 and 100000, not \(connections)")
        try need((1...65_536).contains(window), "--window lies between 1 and 65536, not \(window)")
        try need(
            (ContentStamp.wireSize...1_000_000).contains(valueBytes),
            "--value-bytes lies between \(ContentStamp.wireSize) (the content stamp) and 1000000, not \(valueBytes)")
        try need((1...10_000_000).contains(keyCount), "--key-count lies between 1 and 10000000, not \(keyCount)")
        try need(
            durationSeconds >= 0.1 && durationSeconds <= 86_400,
            "--duration lies between 0.1 s and one day, not \(durationSeconds)")
        try need(
            warmupLimitSeconds >= 0 && warmupLimitSeconds <= 3600,
            "--warmup-limit lies between 0 and 3600 s, not \(warmupLimitSeconds)")
        try need((1...1000).contains(repeats), "--repeats lies between 1 and 1000, not \(repeats)")
        try need((1...64).contains(threads), "--threads lies between 1 and 64, not \(threads)")
        try need(threads <= connections, "--threads must not exceed --connections (\(connections))")
        try need(
            pinnedCpus.isEmpty || pinnedCpus.count == threads,
            "--pin names one CPU per thread: \(threads) wanted, \(pinnedCpus.count) given")
        if let rate = ratePerSecond {
            try need(rate >= 1 && rate <= 50_000_000, "--rate lies between 1 and 50000000 per second, not \(rate)")
        }
        try following?.validate()
        try need((1...1_000_000).contains(liveNodeLimit), "the live-node limit lies between 1 and 1000000")
        try need(
            (1000...3_600_000).contains(sessionTimeoutMillis),
            "--session-timeout lies between 1000 and 3600000 ms, not \(sessionTimeoutMillis)")
        try need(
            root.hasPrefix("/") && root.utf8.count > 1 && !root.hasSuffix("/") && !root.contains("//"),
            "--root is an absolute znode path such as /corral-load, not '\(root)'")
        try need(
            root != "/zookeeper" && !root.hasPrefix("/zookeeper/"),
            "--root lies outside of /zookeeper, which is the server's own, not '\(root)'")
    }
}

extension RunConfiguration {
    /// CPU numbers separated by commas; nil is none.
    public static func cpuList(parsing text: String?) throws(LoadError) -> [Int] {
        guard let text else { return [] }
        var list: [Int] = []
        for part in text.split(separator: ",") {
            guard let number = Int(part), (0..<1024).contains(number) else {
                throw .usage("'\(part)' is no CPU number in '\(text)'")
            }
            list.append(number)
        }
        return list
    }
}
