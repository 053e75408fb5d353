/// What one point of a sweep measures.
public struct SweepPoint: Codable, Equatable, Hashable, Sendable {
    public enum Mode: String, Codable, Sendable {
        /// Closed loop at a window of many requests: throughput and CPU per operation.
        case saturation
        /// Closed loop at one outstanding request per connection: CPU per operation without batching.
        case shallow
        /// Open loop at the same rate for every server: response time.
        case offered
    }

    public var mode: Mode
    public var readPercent: Double
    public var connections: Int
    public var window: Int
    /// Offered load only.
    public var ratePerSecond: Double?

    /// A file name's part, such as `saturation-r66.7-c50-w100`.
    public var name: String {
        let reads = fixed(readPercent, readPercent == readPercent.rounded() ? 0 : 1)
        let rate = ratePerSecond.map { "-\(Int($0))ps" } ?? "-w\(window)"
        return "\(mode.rawValue)-r\(reads)-c\(connections)\(rate)"
    }
}

/// Which servers of an ensemble take clients.
public enum ClientPlacement: String, Codable, CaseIterable, Sendable {
    case everywhere
    /// All clients on the leader, as in the paper's Figure 6.
    case leader
    /// The leader has none, as with `leaderServes=no`.
    case followers
}

/// So many requests a second of one mix.
public struct OfferedPoint: Codable, Equatable, Sendable {
    public var readPercent: Double
    public var ratePerSecond: Double

    public init(readPercent: Double, ratePerSecond: Double) {
        self.readPercent = readPercent
        self.ratePerSecond = ratePerSecond
    }
}

/// One server process's life in a sweep: started fresh, measured at each point once, stopped.
public struct SweepBlock: Codable, Equatable, Sendable {
    public var number: Int
    public var server: ServerKind
    public var points: [SweepPoint]
}

/// Everything a sweep does, fixed before it begins.
public struct SweepPlan: Codable, Equatable, Sendable {
    public var servers: [ServerKind] = [.corral]
    public var readPercents: [Double] = SweepPlan.paperReadPercents
    public var connections: [Int] = [20, 50]
    public var window = 100
    public var valueBytes = 1024
    public var shallowConnections = 32
    public var offeredRatePerSecond = 10_000.0
    public var offeredReadPercent = 100 * 2.0 / 3
    public var offeredConnections = 50
    /// Offered loads of several mixes in place of the one above; nil: that one.
    public var offeredLoads: [OfferedPoint]?
    /// Measured seconds of an offered load; nil: as of the others.
    public var offeredSeconds: Double?
    public var blocksPerServer = 3
    public var durationSeconds = 2.0
    public var warmupLimitSeconds = 1.5
    /// Load before a JVM's first point, for its compiler.
    public var apacheWarmupSeconds = 8.0
    /// One block of the null server at the ends of the sweep's range.
    public var includeNull = true
    public var threads = 1
    public var seed: UInt64 = 1
    /// Ensembles of this many servers, with clients on all of them; nil for single servers.
    public var ensembleServers: Int?
    /// How many of the servers only observe; nil for single servers.
    public var observers: Int?
    /// The CPU time each server may use; nil leaves them the whole machine.
    public var budget: CpuBudget?
    /// The link each server has; nil: all on loopback.
    public var network: NetworkPlan?
    /// Keys of `zoo.cfg` on top of the defaults, for ensembles.
    public var settings: [String: String]?
    /// Which servers of an ensemble take clients; nil: all.
    public var clients: ClientPlacement?
    /// Reports as the paper's generator did; nil: throughput of the whole window, after a test for steadiness.
    public var reports: ReportTiming?
    /// What is measured; nil: everything.
    public var modes: [SweepPoint.Mode]?

    /// 0, 50, 2:1, 10:1, 100:1 and 100 %.
    public static let paperReadPercents = [0, 50, 100 * 2.0 / 3, 100 * 10.0 / 11, 100 * 100.0 / 101, 100]

    public init() {}

    public func validate() throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need(!servers.isEmpty, "no server to sweep")
        for (index, kind) in servers.enumerated() where servers[..<index].contains(kind) {
            throw .usage("'\(kind.rawValue)' is to be measured twice: name each kind of server once")
        }
        try need(!connections.isEmpty, "no connection count to sweep")
        try need(connections.allSatisfy { (1...10_000).contains($0) }, "connection counts lie between 1 and 10000")
        try need(!readPercents.isEmpty, "no read percentage to sweep")
        try need(readPercents.allSatisfy { $0 >= 0 && $0 <= 100 }, "read percentages lie between 0 and 100")
        try need((1...100).contains(blocksPerServer), "blocks per server lie between 1 and 100")
        if let count = ensembleServers {
            try need(
                (2...EnsembleOptions.maximumServers).contains(count),
                "an ensemble to sweep has 2 to \(EnsembleOptions.maximumServers) servers, not \(count)")
            if clients == .followers { try need(count > 1, "of one server none is a follower") }
            try need(
                (0..<count).contains(observers ?? 0),
                "of \(count) servers 0 to \(count - 1) can be observers, not \(observers ?? 0)")
        }
        try need(
            ensembleServers != nil || (settings ?? [:]).isEmpty && clients ?? .everywhere == .everywhere,
            "settings and a choice of servers for clients need an ensemble")
        try need(
            servers.allSatisfy { $0.hasZooCfg || $0 == .null } || observers ?? 0 == 0 && (settings ?? [:]).isEmpty,
            "etcd and keeper have neither observers nor settings of zoo.cfg")
        try validatePoints()
    }

    /// Every point must be one that can be measured, and its files its own: none of them is looked at again before it
    /// is its turn.
    private func validatePoints() throws(LoadError) {
        func need(_ holds: Bool, _ text: String) throws(LoadError) { if !holds { throw .usage(text) } }
        try need((1...65_536).contains(window), "--window lies between 1 and 65536, not \(window)")
        for (name, count) in [
            ("--shallow-connections", shallowConnections), ("--offered-connections", offeredConnections),
        ] {
            try need((1...10_000).contains(count), "\(name) lies between 1 and 10000, not \(count)")
        }
        try need(
            offeredRatePerSecond >= 1 && offeredRatePerSecond <= 50_000_000,
            "--offered-rate lies between 1 and 50000000 per second, not \(offeredRatePerSecond)")
        try need(
            apacheWarmupSeconds >= 0 && apacheWarmupSeconds <= 3600,
            "--apache-warmup lies between 0 and 3600 s, not \(apacheWarmupSeconds)")
        try need((1...64).contains(threads), "--threads lies between 1 and 64, not \(threads)")
        var names: Set<String> = []
        for point in points {
            try need(
                names.insert(point.name).inserted,
                "\(point.name) is to be measured twice: --reads (to a tenth of a percent) and --connections name each "
                    + "value once")
            try configuration(
                for: point, servers: [ServerAddress(host: "localhost", port: 2181)], kind: .corral, block: 1
            ).validate()
        }
    }

    /// What each block measures, before it is put in an order.
    public var points: [SweepPoint] { allPoints.filter { modes?.contains($0.mode) ?? true } }

    private var allPoints: [SweepPoint] {
        var list: [SweepPoint] = []
        for count in connections {
            for reads in readPercents {
                list.append(
                    SweepPoint(mode: .saturation, readPercent: reads, connections: count, window: window))
            }
        }
        list.append(SweepPoint(mode: .shallow, readPercent: 100, connections: shallowConnections, window: 1))
        let offered =
            offeredLoads ?? [OfferedPoint(readPercent: offeredReadPercent, ratePerSecond: offeredRatePerSecond)]
        for load in offered {
            list.append(
                SweepPoint(
                    mode: .offered, readPercent: load.readPercent, connections: offeredConnections, window: 0,
                    ratePerSecond: load.ratePerSecond))
        }
        return list
    }

    /// The null server knows nothing that depends on the mix: the ends of the range and the shallow point suffice.
    private var nullPoints: [SweepPoint] {
        points.filter { point in
            switch point.mode {
            case .saturation: point.readPercent == 0 || point.readPercent == 100
            case .shallow: true
            case .offered: false
            }
        }
    }

    /// The blocks in order. Servers alternate A B B A…; which comes first, and the order of points within a block,
    /// come from the seed.
    public var blocks: [SweepBlock] {
        var random = RandomSource(seed: seed)
        var order = servers
        if order.count > 1, random.below(2) == 1 { order.reverse() }
        var list: [SweepBlock] = []
        if includeNull { list.append(SweepBlock(number: 1, server: .null, points: nullPoints)) }
        for round in 0..<blocksPerServer {
            for server in round % 2 == 0 ? order : order.reversed() {
                list.append(SweepBlock(number: round + 1, server: server, points: points.shuffled(using: &random)))
            }
        }
        return list
    }

    /// "3 servers, 1 of them observing"; nil for single servers.
    var ensembleText: String? {
        guard let count = ensembleServers else { return nil }
        return "\(count) servers" + ((observers ?? 0) > 0 ? ", \(observers!) of them observing" : "")
    }

    /// A bound on the sweep's length in seconds.
    public var estimatedSeconds: Double {
        blocks.reduce(0) { sum, block in
            let starts = Double(block.server == .null ? 1 : ensembleServers ?? 1)
            let warm = block.server == .apache ? apacheWarmupSeconds + 3 * starts : starts
            let seconds = block.points.reduce(0) { sum, point in
                sum + 0.4 + (reports.map(\.windowSeconds) ?? (duration(of: point) + 0.8 * warmupLimitSeconds))
            }
            return sum + warm + seconds
        }
    }

    private func duration(of point: SweepPoint) -> Double {
        point.mode == .offered ? offeredSeconds ?? durationSeconds : durationSeconds
    }

    func configuration(for point: SweepPoint, servers: [ServerAddress], kind: ServerKind, block: Int) throws(LoadError)
        -> RunConfiguration
    {
        var configuration = RunConfiguration(servers: servers, mix: try OperationMix(readPercent: point.readPercent))
        configuration.connections = point.connections
        configuration.window = max(1, point.window)
        configuration.valueBytes = valueBytes
        configuration.durationSeconds = duration(of: point)
        configuration.warmupLimitSeconds = warmupLimitSeconds
        if let reports {
            configuration.warmupLimitSeconds = 0
            configuration.durationSeconds = reports.windowSeconds
        }
        configuration.ratePerSecond = point.ratePerSecond
        configuration.threads = min(threads, point.connections)
        // The same block number of two servers is offered the same requests at the same times.
        configuration.seed = seed &+ UInt64(block) &* 1000
        configuration.acceptsCannedContent = kind == .null
        return configuration
    }
}
