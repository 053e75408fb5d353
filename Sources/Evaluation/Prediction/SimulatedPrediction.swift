import Load

/// Throughput as the simulator has it: the servers' own code in virtual time, every read and every transaction of
/// every server charged with what it was measured to cost.
public struct SimulatedPrediction: Codable, Equatable, Sendable {
    /// What was asked. The same question has the same answer, always.
    public struct Question: Codable, Equatable, Sendable {
        public var costs: RoleCosts
        public var valueBytes: Int
        /// Requests that all clients together keep outstanding; a long queue more than this changes nothing.
        public var outstanding: Int
        public var measured: Hardware
        /// Nil: the measured run had no hardware of its own to be checked against.
        public var checks: [Place]?
        public var hardware: Hardware
        public var places: [Place]
        /// Of the model: a change makes other answers.
        public var version = 1
    }

    /// One ensemble at one share of reads.
    public struct Place: Codable, Equatable, Sendable {
        public var servers: Int
        public var readPercent: Double
    }

    public struct Point: Codable, Equatable, Sendable {
        public var servers: Int
        public var readPercent: Double
        public var operationsPerSecond: Double
    }

    /// Beside what was measured.
    public struct Check: Codable, Equatable, Sendable {
        public var servers: Int
        public var readPercent: Double
        public var operationsPerSecond: Double
        public var measuredPerSecond: Double
        /// 1 is exact.
        public var ratio: Double { operationsPerSecond / measuredPerSecond }
    }

    public var question: Question
    public var checks: [Check]
    public var points: [Point]
    public var events: UInt64

    /// At the same place as the model's.
    func check(_ error: PredictionError) -> Check? {
        checks.first { $0.servers == error.servers && $0.readPercent == error.readPercent }
    }

    /// As `Prediction.typicalError`: of the places between the ends, whose costs were taken.
    public var typicalError: Double? {
        Prediction.typical(checks.filter { $0.readPercent > 0 && $0.readPercent < 100 }.map(\.ratio))
    }
}
