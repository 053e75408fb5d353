/// All sessions lose their server at once and come back to it.
public struct ReconnectStorm: Codable, Equatable, Sendable {
    public var number: Int
    /// From the kill until every client has noticed; then the server is started.
    public var noticedSeconds: Double
    /// From the start of the server's process until so many sessions were back: one, half, 99 %, all.
    public var firstSeconds: Double?
    public var halfSeconds: Double?
    public var mostSeconds: Double?
    public var settledSeconds: Double?
    /// How long it took, then, to ask every session for its ephemeral znode.
    public var checkSeconds: Double
    /// From the start of the server's process until all were back.
    public var clientCpuSeconds: Double
    public var serverCpuSeconds: Double
    /// Sessions that ended, or are not the ones that they were.
    public var lostSessions: Int
    /// Sessions whose ephemeral znode is gone or another's.
    public var wrongEphemerals: Int

    static let shares = [0, 0.5, 0.99, 1]

    var line: String {
        func text(_ seconds: Double?) -> String { seconds.map { fixed($0, 2) } ?? "-" }
        return "storm \(number): noticed after \(text(noticedSeconds)) s; back after the server's start: first "
            + "\(text(firstSeconds)) s, half \(text(halfSeconds)) s, 99 % \(text(mostSeconds)) s, all "
            + "\(text(settledSeconds)) s; CPU of clients \(fixed(clientCpuSeconds, 2)) s, of the server "
            + "\(fixed(serverCpuSeconds, 2)) s; lost sessions \(lostSessions), wrong ephemerals \(wrongEphemerals)"
    }
}

/// What many sessions of one process cost.
public struct SessionsResult: Codable, Equatable, Sendable {
    public var sessions: Int
    public var openSeconds: Double
    /// Resident memory gained while the sessions were opened, for each of them; in this process and in the server's.
    public var clientBytesPerSession: Double
    public var serverBytesPerSession: Double
    public var restSeconds: Double
    /// 100 is one CPU busy all the time.
    public var clientRestCpuPercent: Double
    public var serverRestCpuPercent: Double
    public var lostAtRest: Int
    public var storms: [ReconnectStorm]
    /// Of this process, behind all storms.
    public var residentBytesAtEnd: UInt64
    /// Ephemeral znodes that are there after all sessions were closed.
    public var leftAtEnd: Int
}

/// The summary file of `corral-bench sessions`.
public struct SessionsSummary: Codable, Equatable, Sendable {
    public static let currentSchemaVersion = 1
    public static let schemaName = "corral-bench/sessions"

    public var schema = SessionsSummary.schemaName
    public var schemaVersion = SessionsSummary.currentSchemaVersion
    public var experiment: String
    public var label: String
    public var status: RunStatus
    public var startedAt: String
    public var environment: EnvironmentRecord
    public var plan: SessionsPlan
    public var server: ServerDescription
    public var result: SessionsResult

    init(
        experiment: String, label: String, startedAt: String, environment: EnvironmentRecord, plan: SessionsPlan,
        server: ServerDescription, result: SessionsResult
    ) {
        self.experiment = experiment
        self.label = label
        self.startedAt = startedAt
        self.environment = environment
        self.plan = plan
        self.server = server
        self.result = result
        if !Self.problems(plan, result).isEmpty {
            status = .invalid
        } else {
            status = result.storms.count == plan.storms ? .valid : .partial
        }
    }

    /// What must not be: a session lost, an ephemeral znode lost or left behind.
    static func problems(_ plan: SessionsPlan, _ result: SessionsResult) -> [String] {
        var problems: [String] = []
        if result.sessions != plan.sessions {
            problems.append("\(result.sessions) of \(plan.sessions) sessions opened")
        }
        if result.lostAtRest > 0 { problems.append("\(result.lostAtRest) sessions were lost at rest") }
        for storm in result.storms {
            if storm.lostSessions > 0 {
                problems.append("storm \(storm.number): \(storm.lostSessions) sessions were lost")
            }
            if storm.wrongEphemerals > 0 {
                problems.append(
                    "storm \(storm.number): \(storm.wrongEphemerals) ephemeral znodes are not their owners'")
            }
            if storm.settledSeconds == nil { problems.append("storm \(storm.number) did not settle") }
        }
        if result.leftAtEnd > 0 { problems.append("\(result.leftAtEnd) ephemeral znodes outlived their sessions") }
        return problems
    }

    public var text: String {
        let lines = [
            "sessions \(label): \(status.rawValue); \(result.sessions) sessions of one process at one server "
                + "(\(plan.server.title)), timeout \(fixed(plan.timeoutSeconds, 0)) s, an ephemeral znode each",
            environment.machine, "",
            "opened in            \(fixed(result.openSeconds, 2)) s",
            "memory per session   client \(fixed(result.clientBytesPerSession, 0)) bytes, "
                + "server \(fixed(result.serverBytesPerSession, 0)) bytes",
            "CPU at rest          client \(fixed(result.clientRestCpuPercent, 2)) %, server "
                + "\(fixed(result.serverRestCpuPercent, 2)) % of one CPU, over \(fixed(result.restSeconds, 0)) s",
        ]
        let problems = Self.problems(plan, result)
        return (lines + result.storms.map(\.line) + (problems.isEmpty ? [] : [""] + problems)).joined(separator: "\n")
    }
}
