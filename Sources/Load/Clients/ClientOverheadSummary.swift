/// One client in one round.
public struct ClientOverheadMeasurement: Codable, Equatable, Sendable {
    public var client: ComparedClient
    public var round: Int
    public var sample: ClientReadSample
    /// Of the server's process, the client's warm-up included.
    public var serverCpuSeconds: Double
}

/// One client over all rounds.
public struct ClientOverheadFigure: Codable, Equatable, Sendable {
    public var client: ComparedClient
    public var version: String
    public var cpuMicrosPerRead: Estimate
    public var readsPerSecond: Estimate
    /// CPU time of this client over that of the Swift client's dearer form, of the same round.
    public var ratio: Estimate?

    init?(_ client: ComparedClient, _ measurements: [ClientOverheadMeasurement], dearest: ComparedClient?) {
        let own = measurements.filter { $0.client == client }
        guard let cpu = Estimate(own.map(\.sample.cpuMicrosPerRead)),
            let rate = Estimate(own.map(\.sample.readsPerSecond))
        else { return nil }
        self.client = client
        version = own[0].sample.version
        cpuMicrosPerRead = cpu
        readsPerSecond = rate
        guard let dearest, client.form == nil else { return }
        ratio = Estimate(
            own.compactMap { measurement in
                measurements.first { $0.client == dearest && $0.round == measurement.round }.map {
                    measurement.sample.cpuMicrosPerRead / $0.sample.cpuMicrosPerRead
                }
            })
    }
}

/// The summary file of `corral-bench client-overhead`.
public struct ClientOverheadSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/client-overhead"

    public var schema = ClientOverheadSummary.schemaName
    public var schemaVersion = ClientOverheadSummary.currentSchemaVersion
    public var experiment: String
    public var label: String
    public var status: RunStatus
    public var startedAt: String
    public var environment: EnvironmentRecord
    public var plan: ClientOverheadPlan
    public var server: ServerDescription
    public var figures: [ClientOverheadFigure]
    public var measurements: [ClientOverheadMeasurement]

    init(
        experiment: String, label: String, startedAt: String, environment: EnvironmentRecord,
        plan: ClientOverheadPlan, server: ServerDescription, measurements: [ClientOverheadMeasurement]
    ) {
        self.experiment = experiment
        self.label = label
        self.startedAt = startedAt
        self.environment = environment
        self.plan = plan
        self.server = server
        self.measurements = measurements
        status = measurements.count == plan.rounds * plan.clients.count ? .valid : .partial
        figures = Self.figures(plan, measurements)
    }

    static func figures(
        _ plan: ClientOverheadPlan, _ measurements: [ClientOverheadMeasurement]
    ) -> [ClientOverheadFigure] {
        let swift = plan.clients.filter { $0.form != nil }
            .compactMap { ClientOverheadFigure($0, measurements, dearest: nil) }
        let dearest = swift.max { $0.cpuMicrosPerRead.median < $1.cpuMicrosPerRead.median }?.client
        return plan.clients.compactMap { ClientOverheadFigure($0, measurements, dearest: dearest) }
    }

    public var text: String {
        var lines = [
            "client-overhead \(label): \(status.rawValue); reads of \(plan.valueBytes) bytes, \(plan.window) at once, "
                + "one session, \(plan.rounds) interleaved rounds", environment.machine, "",
        ]
        func cell(_ estimate: Estimate, _ decimals: Int) -> String {
            let (low, high) = (fixed(estimate.low, decimals), fixed(estimate.high, decimals))
            return "\(fixed(estimate.median, decimals)) (\(low) to \(high))"
        }
        let header = ["client", "version", "CPU µs per read", "against Swift's dearer form", "reads per second"]
        let rows = figures.map { figure in
            [
                figure.client.title, figure.version, cell(figure.cpuMicrosPerRead, 2),
                figure.ratio.map { cell($0, 1) } ?? "", cell(figure.readsPerSecond, 0),
            ]
        }
        let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
        for row in [header] + rows {
            lines.append(
                zip(row, widths).enumerated().map { padded($0.1.0, $0.1.1, left: $0.0 < 2) }.joined(separator: "  "))
        }
        lines += [
            "", "Medians, in brackets the interval (\(figures.first?.cpuMicrosPerRead.interval ?? "none")).",
            "CPU time: user and system, all threads of the client's process, over the reads behind its warm-up.",
            "Client and server share the processors, so rates are of both together.",
        ]
        return lines.joined(separator: "\n")
    }
}
