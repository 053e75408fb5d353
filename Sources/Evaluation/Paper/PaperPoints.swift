import Foundation
import Load

/// Every number that the paper prints or draws, from `Bench/paper/points.csv`.
public struct PaperPoints: Sendable {
    /// One line of the file.
    public struct Point: Equatable, Sendable {
        /// The figure or table, and how the value was read, such as `fig5_digitised`.
        public var experiment: String
        /// Nil where the paper has none.
        public var servers: Int?
        /// Such as `read_pct=50`.
        public var parameter: String
        public var value: Double
        public var unit: String

        /// The number behind the parameter's equals sign; nil without one.
        public var parameterValue: Double? {
            parameter.split(separator: "=").dropFirst().first.flatMap { text in
                Double(text.prefix { $0.isNumber || $0 == "." || $0 == "-" })
            }
        }
    }

    public let points: [Point]

    /// - Parameters:
    ///   - text: lines of `experiment,servers,param,value,unit` below a heading.
    ///   - path: for messages.
    public init(text: String, path: String) throws(LoadError) {
        var points: [Point] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where index > 0 && !line.isEmpty {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 5, let value = Double(fields[3]) else {
                throw .result("\(path):\(index + 1): no line of experiment,servers,param,value,unit")
            }
            points.append(
                Point(
                    experiment: fields[0], servers: Int(fields[1]), parameter: fields[2], value: value, unit: fields[4])
            )
        }
        self.points = points
    }

    public static func load(_ path: String) throws(LoadError) -> PaperPoints {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw .environment("cannot read \(path), the paper's own points")
        }
        return try PaperPoints(text: String(decoding: data, as: UTF8.self), path: path)
    }

    /// What an experiment's file may name: figures and tables, and `figure:configuration` where one has several.
    var names: Set<String> {
        var names: Set<String> = []
        for point in points {
            names.insert(point.experiment)
            if point.parameter.hasPrefix("config="), let end = point.parameter.firstIndex(of: ";") {
                names.insert("\(point.experiment):\(point.parameter[..<end].dropFirst("config=".count))")
            }
        }
        return names
    }

    public func points(of experiment: String) -> [Point] { points.filter { $0.experiment == experiment } }

    /// Curves of several figures or tables as one; where two have a point, the first's counts.
    public func curves(_ experiments: [String]) throws(LoadError) -> [Int: Curve] {
        var merged: [Int: Curve] = [:]
        for experiment in experiments {
            let curves = curves(experiment)
            guard !curves.isEmpty else {
                throw .usage("the paper's points know no '\(experiment)' over shares of reads")
            }
            for (servers, curve) in curves {
                for point in curve.points where merged[servers]?[point.x] == nil {
                    merged[servers, default: Curve()].add(point.x, point.y)
                }
            }
        }
        return merged
    }

    /// A figure whose parameter is the share of reads, as curves by number of servers.
    public func curves(_ experiment: String) -> [Int: Curve] {
        var curves: [Int: Curve] = [:]
        for point in points(of: experiment) where point.parameter.hasPrefix("read_pct=") {
            guard let servers = point.servers, let reads = point.parameterValue else { continue }
            curves[servers, default: Curve()].add(reads, point.value)
        }
        return curves
    }
}

/// The broadcast alone at one size of ensemble, as the paper draws it.
public struct PaperBroadcast: Equatable, Sendable {
    public var servers: Int
    public var mean: Double
    public var minimum: Double?
    public var maximum: Double?
}

extension PaperPoints {
    /// Figures of the broadcast alone, by number of servers.
    ///
    /// - Parameter experiments: such as `fig7_digitised`, or `zab_dsn2011_fig6_digitised:net_only`.
    func broadcast(_ experiments: [String]) -> [PaperBroadcast] {
        var list: [Int: PaperBroadcast] = [:]
        for name in experiments {
            let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
            let prefix = parts.count > 1 ? "config=\(parts[1]);" : ""
            for point in points(of: parts[0]) where point.parameter.hasPrefix(prefix) {
                guard let servers = point.servers else { continue }
                var entry = list[servers] ?? PaperBroadcast(servers: servers, mean: .nan)
                let parameter = point.parameter.dropFirst(prefix.count)
                if parameter == "mean" || parameter == "mean_latency" { entry.mean = point.value }
                if parameter == "min" { entry.minimum = point.value }
                // Where the paper's axis cuts the bar off, a bound of it.
                if parameter.hasPrefix("max") { entry.maximum = point.value }
                list[servers] = entry
            }
        }
        return list.values.filter { $0.mean.isFinite }.sorted { $0.servers < $1.servers }
    }

    /// Those that the plan names, of one way to keep logs where it compares several.
    func broadcast(_ plan: BroadcastExperimentPlan, log: BroadcastLog?) -> [PaperBroadcast] {
        broadcast(plan.paperPoints.map { name in log.map { "\(name):\($0.paperName)" } ?? name })
    }
}

extension BroadcastLog {
    /// What the points of Zab's paper are called.
    var paperName: String {
        switch self {
        case .memory: "net_only"
        case .cached: "net_disk_write_cache_on"
        case .forced: "net_disk_write_cache_off"
        }
    }
}
