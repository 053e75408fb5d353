import Load

/// The summary file of a comparison with peers.
public struct PeersSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/peers"

    /// The load offered to all at one size and mix, and whose saturation set it.
    public struct OfferedLoad: Codable, Equatable, Sendable {
        public var servers: Int
        public var readPercent: Double
        public var ratePerSecond: Double
        /// nil for a rate that the file gives.
        public var slowest: ServerKind?
        public var slowestPerSecond: Double?
    }

    /// One ensemble whose leader was killed.
    public struct FailOver: Codable, Equatable, Sendable {
        public var subject: PeersPlan.Subject
        public var result: FailOverResult
        /// Of the kills.
        public var gapMillis: Estimate?

        init(_ subject: PeersPlan.Subject, _ result: FailOverResult, seed: UInt64) {
            self.subject = subject
            self.result = result
            gapMillis = Estimate(result.kills.map(\.gapMillis), seed: seed)
        }
    }

    public var schema = PeersSummary.schemaName
    public var schemaVersion = PeersSummary.currentSchemaVersion
    public var experiment: String
    public var title: String
    public var paper: String?
    public var scale: Scale
    public var label: String
    public var status: RunStatus
    public var statusReasons: [String]
    public var startedAt: String
    public var elapsedSeconds: Double
    public var environment: EnvironmentRecord
    public var plan: PeersPlan
    /// Steps in the order they ran.
    public var order: [String]
    public var loads: [OfferedLoad]
    public var subjects: [SaturationSummary.SubjectResult]
    public var failOvers: [FailOver]
    /// The comparison's table.
    public var rows: [PeerRow]
    /// What became of each claim.
    public var verdicts: [PeerVerdict]
}

/// One kind at one size and mix: a line of the comparison's table. Of ensembles, all servers together.
public struct PeerRow: Codable, Equatable, Sendable {
    public var kind: ServerKind
    public var servers: Int
    public var readPercent: Double
    /// At saturation.
    public var throughputPerSecond: Estimate
    public var serverCpuMicrosPerOperation: Estimate
    /// Mebibytes at the window's end.
    public var residentMegabytes: Estimate
    public var writtenBytesPerOperation: Estimate
    /// Whether the load generator, not the servers, may have set the throughput.
    public var generatorBound: Bool
    /// nil where no round offered a load.
    public var offered: Offered?

    /// At the offered load.
    public struct Offered: Codable, Equatable, Sendable {
        public var ratePerSecond: Double
        public var answeredPerSecond: Estimate
        /// Whether what was asked for was answered. If not, response times only grow with the window.
        public var isSustained: Bool
        /// From the planned send.
        public var p50Millis: Estimate
        public var p99Millis: Estimate
        /// nil where a round has less than a thousand answers: they do not tell.
        public var p999Millis: Estimate?
        /// From the actual send: without what the generator was late.
        public var serviceP99Millis: Estimate
        public var generatorBound: Bool

        init?(_ figure: SweepFigure, seed: UInt64) {
            guard let rate = figure.point.ratePerSecond else { return nil }
            func estimate(_ pick: (RepeatResult) -> Double) -> Estimate? { Estimate(figure.runs.map(pick), seed: seed) }
            guard let p50 = estimate({ Double($0.latency.p50Nanos) / 1e6 }),
                let p99 = estimate({ Double($0.latency.p99Nanos) / 1e6 }),
                let service = estimate({ Double(($0.serviceTime ?? $0.latency).p99Nanos) / 1e6 })
            else { return nil }
            ratePerSecond = rate
            answeredPerSecond = figure.throughputPerSecond
            p50Millis = p50
            p99Millis = p99
            serviceP99Millis = service
            let isEnough = figure.runs.allSatisfy { $0.completed >= 1000 }
            p999Millis = isEnough ? estimate { Double($0.latency.p999Nanos) / 1e6 } : nil
            generatorBound = figure.generatorBound
            // Arrivals are random: three deviations of their count are granted.
            let seconds = figure.runs.map(\.windowSeconds).min() ?? 1
            let least = 0.97 * rate - 3 * (rate / seconds).squareRoot()
            isSustained = figure.throughputPerSecond.median >= least
        }
    }

    init?(_ result: SaturationSummary.SubjectResult, reads: Double, seed: UInt64) {
        guard let figure = result.figure(reads: reads) else { return nil }
        kind = result.subject.kind
        servers = result.subject.servers
        readPercent = reads
        throughputPerSecond = figure.throughputPerSecond
        serverCpuMicrosPerOperation = figure.serverCpuMicrosPerOperation
        residentMegabytes = figure.residentMegabytes
        writtenBytesPerOperation = figure.writtenBytesPerOperation
        generatorBound = figure.generatorBound
        let offering = result.figures.first { $0.point.mode == .offered && $0.point.readPercent == reads }
        offered = offering.flatMap { Offered($0, seed: seed) }
    }
}

extension PeersSummary {
    /// By size, mix and kind.
    static func rows(_ subjects: [SaturationSummary.SubjectResult], plan: PeersPlan) -> [PeerRow] {
        plan.servers.flatMap { servers in
            plan.readPercents.flatMap { reads in
                plan.kinds.compactMap { kind in
                    subjects.first { $0.subject.kind == kind && $0.subject.servers == servers }.flatMap {
                        PeerRow($0, reads: reads, seed: plan.seed)
                    }
                }
            }
        }
    }

    /// What later rounds offer, from the sweeps of the first.
    static func loads(_ first: [SaturationSummary.SubjectResult], plan: PeersPlan) -> [OfferedLoad] {
        plan.servers.flatMap { servers in
            plan.readPercents.compactMap { reads -> OfferedLoad? in
                if let rate = plan.offered.ratePerSecond {
                    return OfferedLoad(servers: servers, readPercent: reads, ratePerSecond: rate)
                }
                let own = first.filter { $0.subject.servers == servers }
                let rates = own.compactMap { result in
                    result.figure(reads: reads).map { (result.subject.kind, $0.throughputPerSecond.samples[0]) }
                }
                guard rates.count == plan.kinds.count, let slowest = rates.min(by: { $0.1 < $1.1 }) else { return nil }
                return OfferedLoad(
                    servers: servers, readPercent: reads, ratePerSecond: rounded(plan.offered.share * slowest.1),
                    slowest: slowest.0, slowestPerSecond: slowest.1)
            }
        }
    }

    /// Down to two digits that count; twenty at least.
    static func rounded(_ rate: Double) -> Double {
        var step = 1.0
        while rate / step >= 100 { step *= 10 }
        return max(20, (rate / step).rounded(.down) * step)
    }

    static func points(_ loads: [OfferedLoad], servers: Int) -> [OfferedPoint] {
        loads.filter { $0.servers == servers }.map {
            OfferedPoint(readPercent: $0.readPercent, ratePerSecond: $0.ratePerSecond)
        }
    }

    func row(_ kind: ServerKind, _ servers: Int, reads: Double) -> PeerRow? {
        rows.first { $0.kind == kind && $0.servers == servers && $0.readPercent == reads }
    }
}
