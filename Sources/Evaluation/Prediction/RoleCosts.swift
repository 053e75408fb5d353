import Load

/// What an operation of a whole ensemble costs one server of each role, in microseconds of CPU, over the number of
/// servers: straight lines through what was measured.
public struct RoleCosts: Codable, Equatable, Sendable {
    /// `constant + perServer * servers`.
    public struct Line: Codable, Equatable, Sendable {
        public var constant: Double
        public var perServer: Double

        public func value(_ servers: Int) -> Double { max(0, constant + perServer * Double(servers)) }

        /// By least squares; level through a single point.
        init?(_ points: [(servers: Int, cost: Double)]) {
            guard !points.isEmpty else { return nil }
            let count = Double(points.count)
            let meanX = points.reduce(0) { $0 + Double($1.servers) } / count
            let meanY = points.reduce(0) { $0 + $1.cost } / count
            let spread = points.reduce(0) { $0 + (Double($1.servers) - meanX) * (Double($1.servers) - meanX) }
            let slope =
                spread == 0
                ? 0 : points.reduce(0) { $0 + (Double($1.servers) - meanX) * ($1.cost - meanY) } / spread
            perServer = slope
            constant = meanY - slope * meanX
        }
    }

    /// Of an operation that is a write.
    public var leaderWrite: Line
    public var followerWrite: Line
    /// Of a read, on the server that serves it.
    public var read: Line

    /// - Parameter summary: Corral's ensembles with clients everywhere, measured without reads and with reads alone.
    public init(_ summary: SaturationSummary) throws(LoadError) {
        var leader: [(Int, Double)] = []
        var follower: [(Int, Double)] = []
        var read: [(Int, Double)] = []
        for result in summary.predictable {
            let servers = result.subject.servers
            if let roles = result.figure(reads: 0)?.roles {
                for role in roles {
                    if role.role == .leader { leader.append((servers, role.cpuMicrosPerOperation.median)) }
                    if role.role == .follower { follower.append((servers, role.cpuMicrosPerOperation.median)) }
                }
            }
            if let reads = result.figure(reads: 100) {
                // Of all servers together, each read served by one of them.
                read.append((servers, reads.serverCpuMicrosPerOperation.median))
            }
        }
        guard let leaderLine = Line(leader), let followerLine = Line(follower), let readLine = Line(read) else {
            throw .result(
                "costs need ensembles with clients on all servers, measured at 0 and at 100 % reads: "
                    + "\(summary.experiment)/\(summary.label) has none")
        }
        leaderWrite = leaderLine
        followerWrite = followerLine
        self.read = readLine
    }

    init(leaderWrite: Line, followerWrite: Line, read: Line) {
        self.leaderWrite = leaderWrite
        self.followerWrite = followerWrite
        self.read = read
    }
}

extension SaturationSummary {
    /// What costs are taken from, and predictions are held to: one kind of server, clients on all.
    var predictable: [SubjectResult] {
        subjects.filter { $0.subject.kind == .corral && $0.subject.clients == .everywhere && $0.subject.servers > 1 }
    }
}
