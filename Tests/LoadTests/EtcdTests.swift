import Foundation
import Testing

@testable import Load

/// Measuring etcd through a load generator of its own, here a script that prints what one could.
struct EtcdTests {
    /// A result of three reads and a write in half a second.
    private static var counts: [String: Any] {
        [
            "total": 3, "minimumNanos": 1000, "maximumNanos": 5000, "slots": [[1000, 2], [slot(5000), 1]],
        ]
    }
    private static var report: [String: Any] {
        [
            "event": "result", "version": 1, "windowNanos": 500_000_000, "reads": counts,
            "writes": ["total": 1, "minimumNanos": 9000, "maximumNanos": 9000, "slots": [[slot(9000), 1]]],
            "slices": [
                [
                    "startMillis": 0, "reads": 3, "writes": 1, "errors": 0, "medianNanos": 1000, "p99Nanos": 9000,
                    "maximumNanos": 9000,
                ]
            ], "errors": [String: Int](), "violations": [String: Any](), "cpuNanos": 100_000_000,
            "busiestThreadNanos": 90_000_000, "threads": 1, "partial": false,
        ]
    }
    private static func slot(_ nanos: UInt64) -> Int { LatencyRecorder.index(of: nanos) }

    private static func line(_ event: [String: Any]) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: event, options: .sortedKeys), as: UTF8.self)
    }

    private static let moments = [
        #"{"event":"ready","nanos":1,"version":1}"#,
        #"{"event":"measuring","nanos":2,"version":1,"warmup":[100,100,101,99,100,100,100,100,100,100]}"#,
        #"{"event":"measured","nanos":3,"version":1}"#,
    ]

    /// Runs a generator that prints these lines and ends.
    private func measure(_ lines: [String], exitCode: Int = 0, rate: Double? = nil) throws -> RepeatData {
        let directory = try TemporaryDirectory()
        let script = "\(directory.path)/load"
        let text = "#!/bin/sh\ncat <<'END'\n\(lines.joined(separator: "\n"))\nEND\nexit \(exitCode)\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: script + ".text"))
        // Another process writes the program: while this one had it open, a child forked by a test beside this one
        // could hold it open for a moment longer, and it could not be started ("text file busy").
        let install = try Process.run(
            URL(fileURLWithPath: "/usr/bin/install"), arguments: ["-m", "755", script + ".text", script])
        install.waitUntilExit()
        var configuration = try shortConfiguration(ServerAddress(host: "127.0.0.1", port: 2379), readPercent: 75)
        configuration.ratePerSecond = rate
        var options = ServerOptions(corralPath: "", benchPath: "", dataRoot: directory.path)
        options.etcdLoadPath = script
        return try EtcdLoadRun(
            configuration: configuration, options: options, serverPids: [getpid()], directory: directory.path,
            progress: ProgressReporter(quiet: true)
        ).measure(1)
    }

    @Test func aReportBecomesARepeat() throws {
        let data = try measure(Self.moments + [Self.line(Self.report)])
        let result = data.result
        #expect(result.isValid && !result.partial)
        #expect(result.completed == 4 && result.throughputPerSecond == 8)
        #expect(result.warmup == WarmupResult(seconds: 1, steadyStateAttained: true))
        #expect(result.operations.map(\.operation) == [.read, .set] && result.operations.map(\.completed) == [3, 1])
        #expect(result.latency.maximumNanos / 10 == 900 && result.latency.minimumNanos == 1000)
        #expect(result.latencyMeaning == "service time")
        #expect(result.generator.cpuShare == 0.2 && result.generator.cpuMicrosPerRequest == 25_000)
        #expect(!result.generator.generatorBound && result.generator.requestsPerSend == nil)
        #expect(result.servers.map(\.pid) == [getpid()] && result.servers[0].residentBytes > 0)
        let log = HistogramLog.text(data.intervals, startWallSeconds: data.startWallSeconds)
        #expect(try HistogramLogReader.totalCount(log, excludingTag: "error") == 4)
        #expect(data.slices.map { $0.completed.reduce(0, +) } == [4])
    }

    @Test("a stale read makes the run invalid")
    func violation() throws {
        var report = Self.report
        report["violations"] = ["zxidOrder": ["count": 2, "first": "revision 10, but 11 was seen"]]
        let result = try measure(Self.moments + [Self.line(report)]).result
        #expect(!result.isValid)
        #expect(result.violations.lines == ["zxidOrder: 2 times, first: revision 10, but 11 was seen"])
    }

    @Test func aLoadThatStoppedEarlySaysWhy() throws {
        var report = Self.report
        report["fatal"] = "unavailable: connection closed"
        #expect(try measure(Self.moments + [Self.line(report)]).result.stopReason == "unavailable: connection closed")
    }

    @Test("a generator at its limit, by CPU or by late sends, is told")
    func generatorBound() throws {
        var report = Self.report
        report["busiestThreadNanos"] = 490_000_000
        #expect(try measure(Self.moments + [Self.line(report)]).result.generator.generatorBound)
        report = Self.report
        report["sendDelays"] = Self.counts
        report["serviceTimes"] = Self.counts
        let open = try measure(Self.moments + [Self.line(report)], rate: 1000).result
        #expect(open.latencyMeaning == "response time" && open.serviceTime?.count == 3)
        #expect(open.generator.generatorBound && open.generator.sendDelay?.p99Nanos == 5000)
    }

    /// Changes to a good report that make it none.
    private static let damages: [(String, @Sendable (inout [String: Any]) -> Void)] = [
        ("an operation missing in the series", { $0["slices"] = [[String: Any]]() }),
        ("a field missing", { $0["cpuNanos"] = nil }),
        ("no window", { $0["windowNanos"] = 0 }),
        ("another version", { $0["version"] = 2 }),
        ("an unknown rule", { $0["violations"] = ["other": ["count": 1, "first": ""]] }),
        ("counts that are not the total", { $0["reads"] = counts.merging(["total": 4]) { $1 } }),
        ("a slot out of range", { $0["reads"] = counts.merging(["slots": [[99_999, 3]]]) { $1 } }),
        ("a slot beyond the maximum", { $0["reads"] = counts.merging(["maximumNanos": 4000]) { $1 } }),
        ("a number below zero", { $0["cpuNanos"] = -1 }),
        ("a silence that runs backwards", { $0["writeSilences"] = [[5, 4]] }),
        ("a silence after the window", { $0["writeSilences"] = [[5, 9_000_000_000]] }),
    ]

    @Test("a damaged report is refused", arguments: damages.indices)
    func damaged(index: Int) throws {
        var report = Self.report
        Self.damages[index].1(&report)
        let lines = Self.moments + [try Self.line(report)]
        let error = try #require(throws: LoadError.self, "\(Self.damages[index].0)") { try measure(lines) }
        guard case .result = error else { throw error }
    }

    @Test func linesOutOfPlaceAreRefused() throws {
        let report = try Self.line(Self.report)
        for lines in [[report], ["{\"event\":\"other\",\"version\":1}"], Self.moments + [String(report.dropLast(9))]] {
            let error = try #require(throws: LoadError.self) { try measure(lines) }
            guard case .result = error else { throw error }
        }
    }

    @Test func aGeneratorThatFailsIsQuoted() throws {
        let error = try #require(throws: LoadError.self) {
            try measure([Self.moments[0], "corral-etcd-load: no connection within 20 s"], exitCode: 1)
        }
        #expect("\(error)".contains("exit code 1") && "\(error)".contains("no connection within 20 s"))
    }

    @Test("what is missing is named, with what to do")
    func missing() throws {
        var options = ServerOptions(corralPath: "", benchPath: "", dataRoot: "")
        options.etcdPath = "/nowhere/etcd"
        var error = try #require(throws: LoadError.self) {
            try ManagedServer.checkStartable(.etcd, options: options)
        }
        #expect("\(error)".contains("etcd-server") && "\(error)".contains("Bench/etcd/build"))
        options.etcdPath = "true"
        options.etcdLoadPath = "/nowhere/load"
        error = try #require(throws: LoadError.self) { try ManagedServer.checkStartable(.etcd, options: options) }
        #expect("\(error)".contains("/nowhere/load") && "\(error)".contains("Bench/etcd/build"))
    }

    @Test func etcdIsNoZooKeeper() throws {
        let options = ServerOptions(corralPath: "", benchPath: "", dataRoot: "")
        #expect(throws: LoadError.self) { try EnsembleOptions(kinds: [.corral, .etcd, .corral], server: options) }
        var plan = SweepPlan()
        plan.servers = [.corral, .etcd]
        plan.ensembleServers = 3
        try plan.validate()
        plan.observers = 1
        #expect(throws: LoadError.self) { try plan.validate() }
        plan.observers = nil
        plan.settings = ["globalOutstandingLimit": "10"]
        #expect(throws: LoadError.self) { try plan.validate() }
    }

    @Test func statusTellsTheLeader() throws {
        let text = #"{"header":{"cluster_id":"1","member_id":"17","revision":"5","raft_term":"2"},"version":"3.4.23","#
            + #""dbSize":"20480","leader":"18446744073709551615","raftIndex":"8","raftAppliedIndex":"8"}"#
        let status = try #require(EtcdStatus(json: Array(text.utf8)))
        #expect(status.member == 17 && status.leader == .max && status.version == "3.4.23")
        #expect(status.raftIndex == 8 && status.raftAppliedIndex == 8)
        // A cluster without a leader leaves the field out.
        let waiting = EtcdStatus(json: Array(#"{"header":{"member_id":"17"},"version":"3.4.23"}"#.utf8))
        #expect(waiting?.leader == 0)
        #expect(EtcdStatus(json: Array("not found".utf8)) == nil)
    }

    @Test func durabilityIsStated() {
        var options = ServerOptions(corralPath: "", benchPath: "", dataRoot: "")
        let member = EtcdMember(id: 2, port: 12_345, peerPort: 12_346, directory: "place")
        func launch() -> ServerDescription {
            EtcdCluster.launch(member, cluster: "m2=\(member.peerUrl)", token: "t", options: options).description
        }
        #expect(launch().durability == "fsync" && !launch().commandLine.contains { $0.contains("fsync") })
        options.fsync = false
        #expect(launch().durability == "no fsync" && launch().commandLine.contains("--unsafe-no-fsync=true"))
        #expect(launch().settings["reads"] == "serializable")
    }

    // MARK: The real ones, where they are installed

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static func options(_ directory: TemporaryDirectory) -> ServerOptions {
        var options = ServerOptions(corralPath: "", benchPath: "", dataRoot: "\(directory.path)/data")
        options.etcdLoadPath = "\(root)/\(ServerOptions.builtEtcdLoad)"
        return options
    }

    static var isInstalled: Bool {
        guard let directory = try? TemporaryDirectory() else { return false }
        return (try? ManagedServer.checkStartable(.etcd, options: options(directory))) != nil
    }

    @Test(
        "a cluster is measured: closed and open loop, both kinds of reads",
        .enabled(if: isInstalled, "needs Bench/etcd/build"), arguments: [1, 3])
    func realRun(servers: Int) throws {
        let directory = try TemporaryDirectory()
        var options = Self.options(directory)
        options.etcdReads = servers == 1 ? .linearizable : .serializable
        var plan = SweepPlan()
        plan.servers = [.etcd]
        plan.ensembleServers = servers > 1 ? servers : nil
        plan.readPercents = [50]
        plan.connections = [4]
        plan.window = 10
        plan.offeredRatePerSecond = 300
        plan.offeredConnections = 4
        plan.modes = [.saturation, .offered]
        plan.blocksPerServer = 1
        plan.includeNull = false
        plan.durationSeconds = 1
        plan.warmupLimitSeconds = 0.5
        let place = "\(directory.path)/result"
        let summary = try SweepRunner(
            plan: plan, options: options, directory: place, progress: ProgressReporter(quiet: true)
        ).run(experiment: "test", label: "etcd")
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(try ResultCheck.problems(path: "\(place)/summary.json") == [])
        #expect(summary.servers["etcd"]?.version.first?.isNumber == true)
        for figure in summary.figures {
            let run = figure.runs[0]
            #expect(run.servers.count == servers && run.serverCpuMicrosPerOperation! > 0)
            #expect(Set(run.operations.map(\.operation)) == [.read, .set])
            #expect((run.serverWrittenBytesPerOperation ?? 0) > 0)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(directory.path)/data")
        #expect(left.isEmpty, "left behind: \(left)")
    }
}
