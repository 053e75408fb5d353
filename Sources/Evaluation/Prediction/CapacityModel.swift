import Load

/// The throughput that ensembles of given hardware reach at saturation, from what an operation costs each role.
///
/// Clients are spread over all servers alike, and each goes on only when it is answered; so the ensemble is as fast as
/// the first of its servers that has no more CPU time, or as the leader's link, or as the disk lets the outstanding
/// writes through.
public struct CapacityModel: Codable, Equatable, Sendable {
    public var costs: RoleCosts
    public var hardware: Hardware
    public var valueBytes: Int
    /// Requests that all clients together keep outstanding.
    public var outstanding: Int

    /// Headers around a value on the wire and in a proposal.
    static let overheadBytes = 120.0

    /// What sets the throughput.
    public enum Limit: String, Codable, Sendable {
        case leaderCpu = "the leader's CPU"
        case followerCpu = "a follower's CPU"
        case network = "the leader's link"
        case disk = "the disk"
    }

    public struct Prediction: Codable, Equatable, Sendable {
        public var operationsPerSecond: Double
        public var limit: Limit
    }

    public init(costs: RoleCosts, hardware: Hardware, valueBytes: Int, outstanding: Int) {
        self.costs = costs
        self.hardware = hardware
        self.valueBytes = valueBytes
        self.outstanding = outstanding
    }

    public func prediction(servers: Int, readPercent: Double) -> Prediction {
        let reads = readPercent / 100
        let writes = 1 - reads
        let share = reads / Double(servers)
        let microseconds = hardware.cpus * hardware.speed * 1e6
        let read = costs.read.value(servers)
        let leader = writes * costs.leaderWrite.value(servers) + share * read
        let follower = writes * costs.followerWrite.value(servers) + share * read
        let bytes = Double(valueBytes) + Self.overheadBytes
        // To each follower every write, and to its own clients what they read.
        let sent = writes * bytes * Double(servers - 1) + share * bytes
        var limits: [(Limit, Double)] = [(.leaderCpu, microseconds / leader), (.followerCpu, microseconds / follower)]
        if writes > 0 {
            // Writes have an order: one thread makes them, however many CPUs there are.
            let one = min(1, hardware.cpus) * hardware.speed * 1e6
            limits.append((.leaderCpu, one / (writes * costs.leaderWrite.value(servers))))
            limits.append((.followerCpu, one / (writes * costs.followerWrite.value(servers))))
        }
        limits.append((.network, hardware.networkMegabits * 1e6 / 8 / sent))
        if writes > 0, hardware.fsyncMillis > 0 {
            // While one batch is forced, the next gathers, and the one before is acknowledged and asked for again: a
            // third of what is outstanding to a force, as the simulator's disks show with the servers' own code.
            limits.append((.disk, Double(outstanding) / 3 / (hardware.fsyncMillis / 1000) / writes))
        }
        let least = limits.filter { $0.1.isFinite }.min { $0.1 < $1.1 }!
        return Prediction(operationsPerSecond: least.1, limit: least.0)
    }

    public func curve(servers: Int, readPercents: [Double]) -> Curve {
        var curve = Curve()
        for reads in readPercents {
            curve.add(reads, prediction(servers: servers, readPercent: reads).operationsPerSecond)
        }
        return curve
    }

    /// Predicted over measured, at every point of a run whose servers had a budget.
    ///
    /// - Parameter summary: measured with the budget that `hardware` states.
    public func errors(against summary: SaturationSummary) -> [PredictionError] {
        summary.predictable.flatMap { result in
            result.figures.filter { $0.point.mode == .saturation }.map { figure in
                let prediction = prediction(servers: result.subject.servers, readPercent: figure.point.readPercent)
                return PredictionError(
                    servers: result.subject.servers, readPercent: figure.point.readPercent,
                    predicted: prediction, measuredPerSecond: figure.throughputPerSecond.median)
            }
        }
    }
}

/// How far a prediction was off.
public struct PredictionError: Codable, Equatable, Sendable {
    public var servers: Int
    public var readPercent: Double
    public var predicted: CapacityModel.Prediction
    public var measuredPerSecond: Double

    /// 1 is exact.
    public var ratio: Double { predicted.operationsPerSecond / measuredPerSecond }
}
