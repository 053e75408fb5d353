import Foundation
import Load

/// What `corral-bench predict` writes: a model from a measured run, how far it is off on that run itself, and its
/// curves for hardware that somebody asks about.
public struct Prediction: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/prediction"
    /// Below the results.
    public static let directoryName = "prediction"

    /// One ensemble at one share of reads.
    public struct Point: Codable, Equatable, Sendable {
        public var servers: Int
        public var readPercent: Double
        public var prediction: CapacityModel.Prediction
    }

    public var schema = Prediction.schemaName
    public var schemaVersion = Prediction.currentSchemaVersion
    public var label: String
    /// The run that costs are from, such as `figure-5/quick`.
    public var source: String
    public var sourceStatus: RunStatus
    public var argv: [String]
    public var costs: RoleCosts
    public var valueBytes: Int
    public var outstanding: Int
    /// What each server of the measured run had.
    public var measuredHardware: Hardware
    /// Whether it was a budget of its own; without one there is nothing to check the model against.
    public var isBudgeted: Bool
    /// Of the model with the measured run's own hardware; empty without a budget.
    public var errors: [PredictionError]
    public var hardware: Hardware
    public var points: [Point]
    /// The same from the simulator; nil where it was not asked.
    public var simulated: SimulatedPrediction?

    /// - Parameters:
    ///   - summary: measured with clients everywhere, at 0 and at 100 % reads among others.
    ///   - source: what it is called.
    ///   - hardware: that the curves are for.
    public init(
        _ summary: SaturationSummary, source: String, hardware: Hardware, label: String
    ) throws(LoadError) {
        self.label = label
        self.source = source
        sourceStatus = summary.status
        argv = CommandLine.arguments
        costs = try RoleCosts(summary)
        valueBytes = summary.plan.valueBytes
        let asked = summary.plan.connections * summary.plan.window
        outstanding = summary.plan.settings["globalOutstandingLimit"].flatMap(Int.init).map { min($0, asked) } ?? asked
        isBudgeted = summary.plan.budget != nil
        measuredHardware = try Hardware(
            cpus: summary.plan.budget.map { $0.percent / 100 } ?? Double(summary.environment.cpuCount),
            // The loopback device, far from any limit that a budget leaves within reach.
            networkMegabits: 1_000_000, fsyncMillis: Self.fsyncMillis(summary.environment) ?? 0)
        self.hardware = hardware
        let own = CapacityModel(
            costs: costs, hardware: measuredHardware, valueBytes: valueBytes, outstanding: outstanding)
        let ownErrors = isBudgeted ? own.errors(against: summary) : []
        errors = ownErrors.filter { $0.measuredPerSecond > 0 }
            .sorted { ($0.servers, $0.readPercent) < ($1.servers, $1.readPercent) }
        let model = CapacityModel(costs: costs, hardware: hardware, valueBytes: valueBytes, outstanding: outstanding)
        let sizes = summary.sizes.filter { $0 > 1 }
        let shares = Set(summary.shares + stride(from: 0.0, through: 100, by: 5)).sorted()
        points = sizes.flatMap { servers in
            shares.map {
                Point(
                    servers: servers, readPercent: $0,
                    prediction: model.prediction(servers: servers, readPercent: $0))
            }
        }
    }

    /// What it takes to make a small batch durable on the measured machine.
    public static func fsyncMillis(_ environment: EnvironmentRecord) -> Double? {
        environment.diskCalibration.first.map { $0.fdatasyncP50Micros / 1000 }
    }

    public var sizes: [Int] { Set(points.map(\.servers)).sorted() }

    /// The geometric mean of how far off predictions are between the ends, as a factor of 1 or more; nil without a
    /// check. At the ends the costs were taken, so that they prove nothing.
    public var typicalError: Double? { Self.typical(checks.map(\.ratio)) }

    /// Between the ends.
    var checks: [PredictionError] { errors.filter { $0.readPercent > 0 && $0.readPercent < 100 } }

    public var worstError: PredictionError? { checks.max { abs(log($0.ratio)) < abs(log($1.ratio)) } }

    static func typical(_ ratios: [Double]) -> Double? {
        guard !ratios.isEmpty else { return nil }
        return exp(ratios.reduce(0) { $0 + abs(log($1)) } / Double(ratios.count))
    }

    /// Asks the simulator too: at the measured run's own points for the check, at some for the hardware asked about.
    /// Takes seconds to a minute.
    ///
    /// - Parameter known: taken instead where it answers the same question.
    public mutating func simulate(known: SimulatedPrediction?, progress: ProgressReporter) throws(LoadError) {
        simulated = try CapacitySimulator(self).run(known: known, progress: progress)
    }

    /// The same model's curve on the measured run's hardware.
    func check(servers: Int, readPercent: Double) -> Double {
        CapacityModel(costs: costs, hardware: measuredHardware, valueBytes: valueBytes, outstanding: outstanding)
            .prediction(servers: servers, readPercent: readPercent).operationsPerSecond
    }
}

extension Hardware {
    /// In a sentence.
    public var text: String {
        func short(_ value: Double) -> String { NumberFormat.short(value) }
        return "\(short(cpus)) CPU\(cpus == 1 ? "" : "s") of \(short(speed)) times the measured one's speed, "
            + "\(short(networkMegabits)) Mbit/s, \(short(fsyncMillis)) ms to make a batch durable"
    }
}

enum NumberFormat {
    /// Without zeros that say nothing.
    static func short(_ value: Double) -> String {
        var text = Decimal.text(value, 3)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }
}
