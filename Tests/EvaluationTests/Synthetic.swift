import Foundation
import Load

@testable import Evaluation

/// Results made up for tests: what files of real ones hold, from numbers of a test's choice.
enum Synthetic {
    static let paperPath = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Bench/paper/points.csv").path
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    private static func decode<T: Decodable>(_ text: String) throws -> T {
        try JSONDecoder().decode(T.self, from: Data(text.utf8))
    }

    static func plan(_ text: String) throws -> SaturationPlan {
        let file = try ExperimentFile(text: text, path: "figure.yaml", scale: .full)
        guard case .saturation(let plan) = file.body else { throw LoadError.usage("another kind") }
        return plan
    }

    static func estimate(_ samples: [Double]) -> Estimate { Estimate(samples)! }

    private static let latency = """
        {"count": 10, "minimumNanos": 1000, "meanNanos": 5e6, "p50Nanos": 5000000, "p90Nanos": 6000000,
         "p99Nanos": 9000000, "p999Nanos": 9000000, "p9999Nanos": 9000000, "maximumNanos": 9000000}
        """

    private static func usage(_ role: String, cpu: Double, operations: Double, seconds: Double) -> String {
        let used = cpu * operations / 1e6
        return """
        {"pid": 1, "role": "\(role)", "cpuSeconds": \(used), "scheduledSeconds": \(used), "userSeconds": \(used),
         "systemSeconds": 0, "cpuShare": \(used / seconds), "residentBytes": 1000000,
         "residentPeakBytes": 1000000, "writtenBytes": \(Int(2300 * operations)),
         "voluntarySwitches": 1, "threads": 3, "cpuMicrosPerOperation": \(cpu), "writtenBytesPerOperation": 2300}
        """
    }

    static func figure(
        servers: Int, reads: Double, rates: [Double], leader: Double, follower: Double, generatorBound: Bool = false,
        plan: SaturationPlan
    ) throws -> SweepFigure {
        func run(_ rate: Double) -> String {
            let members = (0..<servers).map {
                usage(
                    $0 == 0 ? "leader" : "follower", cpu: $0 == 0 ? leader : follower, operations: rate, seconds: 1)
            }
            return """
                {"number": 1, "warmup": {"seconds": 1, "steadyStateAttained": true}, "windowSeconds": 1,
                 "completed": \(Int(rate)), "throughputPerSecond": \(rate), "latencyMeaning": "service time",
                 "latency": \(latency), "operations": [], "errorsByCode": {},
                 "violations": {"counts": {}, "firstExamples": {}},
                 "generator": {"cpuShare": 0.4, "cpuMicrosPerRequest": 1, "requestsPerSend": 10,
                   "repliesPerReceive": 10,
                   "generatorBound": \(generatorBound), "generatorBoundReasons": []},
                 "servers": [\(members.joined(separator: ", "))],
                 "throttling": {"periods": 100, "throttledPeriods": 93, "throttledNanos": 1000000},
                 "stealShare": 0.001, "partial": false}
                """
        }
        let total = leader + Double(servers - 1) * follower
        func text(_ values: [Double]) throws -> String {
            String(decoding: try JSONEncoder().encode(estimate(values)), as: UTF8.self)
        }
        let role = { (name: String, count: Int, cpu: Double) throws -> String in
            """
            {"role": "\(name)", "servers": \(count), "cpuMicrosPerOperation": \(try text([cpu])),
             "residentMegabytes": \(try text([30])), "writtenBytesPerOperation": \(try text([2300]))}
            """
        }
        let point = """
            {"mode": "saturation", "readPercent": \(reads), "connections": \(plan.connections),
             "window": \(plan.window)}
            """
        return try decode(
            """
            {"point": \(point), "server": "corral", "latencyMeaning": "service time",
             "throughputPerSecond": \(try text(rates)), "serverCpuMicrosPerOperation": \(try text([total])),
             "residentMegabytes": \(try text([30])), "writtenBytesPerOperation": \(try text([2300])),
             "p50Nanos": \(try text([5e6])), "p99Nanos": \(try text([9e6])), "p999Nanos": \(try text([9e6])),
             "generatorCpuMicrosPerRequest": \(try text([1])), "generatorCpuShare": \(try text([0.4])),
             "generatorBound": \(generatorBound), "steadyInAll": true, "rawFiles": [],
             "runs": [\(rates.map(run).joined(separator: ", "))],
             "roles": [\(try role("leader", 1, leader)), \(try role("follower", servers - 1, follower))]}
            """)
    }

    /// What servers with 4 % of a CPU would do whose costs are like Corral's.
    static func saturation(
        name: String = "figure-5", leaderOnly: Bool = false, status: RunStatus = .valid, reasons: [String] = [],
        change: (Int, Double, Double) -> Double = { _, _, rate in rate }
    ) throws -> SaturationSummary {
        let plan = try plan(
            """
            title: Throughput against the share of reads
            kind: saturation
            servers: [3, 5, 7, 9, 13]
            clients: [\(leaderOnly ? "leader" : "everywhere")]
            reads: [0, 25, 50, 75, 90, 100]
            cpuPercent: 4
            rounds: 2
            paperPoints: [\(leaderOnly ? "fig6_digitised" : "fig5_digitised, table1")]
            """)
        let subjects = try plan.subjects.map { subject in
            SaturationSummary.SubjectResult(
                subject: subject,
                description: ServerDescription(
                    kind: "corral", version: "1", commandLine: [], durability: "fsync", settings: [:]),
                figures: try plan.readPercents.map { reads in
                    let count = Double(subject.servers)
                    let writes = 1 - reads / 100
                    let served = leaderOnly ? 1 : 1 / count
                    let leader = writes * (6 + 0.7 * count + (leaderOnly ? 4 : 0)) + reads / 100 * 2 * served
                    let follower = writes * 5 + (leaderOnly ? 0 : reads / 100 * 2 / count)
                    let rate = change(subject.servers, reads, 40_000 / leader)
                    return try figure(
                        servers: subject.servers, reads: reads, rates: [rate * 0.99, rate * 1.01], leader: leader,
                        follower: follower, plan: plan)
                })
        }
        return SaturationSummary(
            experiment: name, title: "Throughput against the share of reads",
            paper: leaderOnly ? "Figure 6" : "Figure 5 and Table 1", scale: .full, label: "made-up", status: status,
            statusReasons: reasons, startedAt: "2026-01-01T00:00:00Z", elapsedSeconds: 60, environment: environment,
            plan: plan, order: [], subjects: subjects)
    }

    static func broadcast() throws -> BroadcastSummary {
        try broadcast(
            "title: Broadcast\nkind: broadcast\nvalueBytes: 1024\ncpuPercent: 4\npaperPoints: [fig7_digitised]\n",
            name: "figure-7", paper: "Figure 7")
    }

    /// Zab's own figures.
    static func logs(isLatency: Bool) throws -> BroadcastSummary {
        let number = isLatency ? 7 : 6
        let points = isLatency ? "zab_dsn2011_fig7" : "zab_dsn2011_fig6_digitised"
        return try broadcast(
            """
            title: Logs
            kind: broadcast
            latency: \(isLatency)
            logs: [memory, cached, forced]
            paperPoints: [\(points)]
            """, name: "zab-figure-\(number)", paper: "Figure \(number) of the Zab paper")
    }

    private static func broadcast(_ text: String, name: String, paper: String) throws -> BroadcastSummary {
        let file = try ExperimentFile(text: text, path: "\(name).yaml", scale: .full)
        guard case .broadcast(let plan) = file.body else { throw LoadError.usage("another kind") }
        let subjects = try plan.subjects.map { subject in
            let leader = 2 + 0.25 * Double(subject.servers)
            let forced = subject.log == .forced ? (plan.isLatency == true ? 10 : 4 / Double(subject.servers)) : 1
            let rate = 40_000 / leader / max(1, forced)
            let members = (0..<subject.servers).map {
                usage(
                    $0 == 0 ? "leader" : "follower", cpu: leader, operations: (rate * plan.seconds).rounded(.down),
                    seconds: plan.seconds)
            }
            let isForced = subject.log?.isForced ?? true
            let description = try JSONEncoder().encode(
                ServerDescription(
                    kind: "corral", version: "1", commandLine: [], durability: isForced ? "fsync" : "no fsync",
                    settings: [:]))
            let throttling =
                plan.budget == nil
                ? "null" : "{\"periods\": 100, \"throttledPeriods\": 50, \"throttledNanos\": 1000000}"
            let run: BroadcastResult = try decode(
                """
                {"windowSeconds": \(plan.seconds), "transactions": \(Int(rate * plan.seconds)),
                 "throughputPerSecond": \(rate),
                 "samplesPerSecond": [\([0.9, 1.1, 1, 1.1, 0.9].map { "\(rate * $0)" }.joined(separator: ", "))],
                 "servers": [\(members.joined(separator: ", "))], "throttling": \(throttling),
                 "description": \(String(decoding: description, as: UTF8.self))}
                """)
            let runs = [BroadcastResult](repeating: run, count: plan.rounds)
            return BroadcastSummary.SubjectResult(subject, runs: runs, seed: 1)!
        }
        return BroadcastSummary(
            experiment: name, title: file.title, paper: paper, scale: .full, label: "made-up", status: .valid,
            statusReasons: [], startedAt: "2026-01-01T00:00:00Z", elapsedSeconds: 60, environment: environment,
            plan: plan, order: plan.order.map { "\($0.subject.name), round \($0.round)" }, subjects: subjects)
    }

    /// As if captured; the CPU's name would be markup in a page that does not escape it.
    static let environment: EnvironmentRecord = {
        var environment = EnvironmentRecord.capture(dataDirectory: nil)
        environment.argv = ["corral-bench", "experiment", "figure-5", "--label", "made up"]
        environment.cpuModel = "Fast & <b>Furious</b> \"9\""
        environment.loadAverage = "0.10 0.20 0.30 1/100 4711"
        environment.optimized = true
        environment.dirty = false
        environment.diskCalibration = []
        return environment
    }()

    /// A directory that goes when the body ends.
    static func withResults(
        _ files: [String: any Encodable], _ body: (String) throws -> Void
    ) throws {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent("corral-report-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: place) }
        for (name, summary) in files {
            let directory = place.appendingPathComponent("results/\(name)/made-up").path
            try ResultFiles.makeDirectory(directory)
            try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        }
        try ResultFiles.makeDirectory(place.appendingPathComponent("plots").path)
        try body(place.path)
    }
}
