import Foundation
import Testing

@testable import Evaluation
@testable import Load

@Suite("Peers")
struct PeersTests {
    private static func file(_ text: String) throws -> ExperimentFile {
        try ExperimentFile(text: "title: x\nkind: peers\n" + text, path: "peers.yaml", scale: .full)
    }

    private static func plan(_ text: String) throws -> PeersPlan {
        guard case .peers(let plan) = try file(text).body else { throw LoadError.usage("another kind") }
        return plan
    }

    // MARK: The plan

    @Test("every kind is measured at every size in turns, loads are offered from the second round on, leaders die last")
    func steps() throws {
        let plan = try Self.plan("servers: [1, 3]\nkillServers: 3\nkills: 2\nrounds: 2\n")
        #expect(plan.kinds == [.corral, .apache, .etcd] && plan.steps.count == 2 * 6 + 3)
        let names = plan.order.map(\.subject.name)
        #expect(Array(names[6...]) == names[..<6].reversed())
        #expect(plan.steps.suffix(3).allSatisfy { $0.hasSuffix("-3, fail-over") })
        let loads = [OfferedPoint(readPercent: 0, ratePerSecond: 70)]
        let subject = plan.subjects[0]
        #expect(plan.plan(for: subject, round: 1, loads: loads).points.allSatisfy { $0.mode == .saturation })
        let offered = plan.plan(for: subject, round: 2, loads: loads).points.filter { $0.mode == .offered }
        #expect(offered.map(\.ratePerSecond) == [70])
        let steps = try plan.failOverPlan(for: plan.failOverSubjects[0]).steps
        #expect(steps.map(\.title) == ["kill leader", "start leader-1", "kill leader", "start leader-2"])
    }

    @Test(
        "what cannot be compared is refused",
        arguments: [
            ("kinds: [apache, etcd]\n", "lists corral first"), ("kinds: [corral]\n", "lists corral first"),
            ("kinds: [corral, etcd, etcd]\n", "names etcd twice"), ("rounds: 1\n", "are 2 at least"),
            ("offeredRate: 100\nofferedShare: 0.5\n", "are two loads"), ("offeredShare: 1.5\n", "0.05 to 0.95"),
            ("kills: 0\nkillServers: 3\n", "needs kills"), ("killServers: 1\n", "3 to 13"),
        ])
    func mistakes(text: String, message: String) {
        let error = #expect(throws: LoadError.self) { try Self.plan(text) }
        #expect("\(String(describing: error))".contains(message), "\(String(describing: error))")
    }

    // MARK: Loads and verdicts, from figures made up

    /// A point's runs: rates, p99 of responses and of services in milliseconds, one of each a round.
    private static func figure(
        _ kind: ServerKind, rates: [Double], cpu: Double = 1, p99: Double = 1, service: Double = 1,
        generatorBound: Bool = false, load: Double = 0.5, offered: Double? = nil
    ) -> SweepFigure {
        func latency(_ millis: Double) -> LatencySummary {
            var recorder = LatencyRecorder()
            recorder.record(UInt64(millis * 1e6))
            return LatencySummary(recorder.makeHistogram())
        }
        let runs = rates.map { rate in
            let json = """
                {"pid": 1, "cpuSeconds": 1, "scheduledSeconds": 1, "userSeconds": 1, "systemSeconds": 0,
                 "cpuShare": 0.5,
                 "residentBytes": 20000000, "residentPeakBytes": 20000000, "writtenBytes": 1000,
                 "voluntarySwitches": 0, "threads": 1, "cpuMicrosPerOperation": \(cpu), "writtenBytesPerOperation": 10}
                """
            let usage = try! JSONDecoder().decode(ServerUsage.self, from: Data(json.utf8))
            return RepeatResult(
                number: 1, warmup: WarmupResult(seconds: 1, steadyStateAttained: true), windowSeconds: 1,
                completed: UInt64(rate), throughputPerSecond: rate, latencyMeaning: "response time",
                latency: latency(p99), operations: [], serviceTime: latency(service), errorsByCode: [:],
                errorLatency: nil, violations: Violations(), following: nil,
                generator: GeneratorHealth(
                    cpuShare: load, cpuMicrosPerRequest: 1, requestsPerSend: nil, repliesPerReceive: nil,
                    sendDelay: nil,
                    sentWithinOneMilliPercent: nil, generatorBound: generatorBound, generatorBoundReasons: []),
                servers: [usage], stealShare: 0, partial: false, stopReason: nil)
        }
        let point = SweepPoint(
            mode: offered == nil ? .saturation : .offered, readPercent: 50, connections: 20, window: 100,
            ratePerSecond: offered)
        return SweepFigure(point, kind, runs: runs, rawFiles: [], seed: 1)!
    }

    private static func result(_ kind: ServerKind, _ figures: SweepFigure...) -> SaturationSummary.SubjectResult {
        .init(subject: .init(kind: kind, servers: 3, clients: .everywhere), description: .unknown, figures: figures)
    }

    /// Verdicts about etcd at the one point.
    private static func verdicts(
        _ corral: SaturationSummary.SubjectResult, _ etcd: SaturationSummary.SubjectResult
    ) throws -> [PeerVerdict] {
        let plan = try plan("kinds: [corral, etcd]\nservers: 3\nreads: 50\n")
        return PeerVerdict.all([corral, etcd], plan: plan, cpus: 2)
    }

    @Test("the slowest in the first round sets the load, half of it, rounded down")
    func loads() throws {
        let plan = try Self.plan("kinds: [corral, etcd]\nservers: 3\nreads: 50\n")
        let both = [
            Self.result(.corral, Self.figure(.corral, rates: [90_000])),
            Self.result(.etcd, Self.figure(.etcd, rates: [8642])),
        ]
        let load = try #require(PeersSummary.loads(both, plan: plan).first)
        #expect(load.ratePerSecond == 4300 && load.slowest == .etcd && load.slowestPerSecond == 8642)
        #expect(PeersSummary.loads([both[0]], plan: plan).isEmpty, "nobody is left out")
        #expect(PeersSummary.rounded(99.9) == 99 && PeersSummary.rounded(3) == 20)
        let fixed = try Self.plan("kinds: [corral, etcd]\nservers: 3\nreads: 50\nofferedRate: 1234\n")
        #expect(PeersSummary.loads([], plan: fixed).map(\.ratePerSecond) == [1234])
    }

    @Test("where Corral is ahead the rows say yes with the rounds' ratio, elsewhere no")
    func yesAndNo() throws {
        func pair(_ corral: Double, _ etcd: Double) throws -> [PeerVerdict] {
            try Self.verdicts(
                Self.result(
                    .corral, Self.figure(.corral, rates: [corral, corral * 1.2], cpu: etcd),
                    Self.figure(.corral, rates: [100], p99: etcd, offered: 100)),
                Self.result(
                    .etcd, Self.figure(.etcd, rates: [etcd, etcd], cpu: corral),
                    Self.figure(.etcd, rates: [100], p99: corral, offered: 100)))
        }
        let ahead = try pair(30, 10)
        #expect(ahead.map(\.claim) == PeerVerdict.Claim.allCases && ahead.map(\.outcome) == [.yes, .yes, .yes])
        #expect(ahead[0].ratio?.low == 3 && abs(ahead[0].ratio!.high - 3.6) < 1e-9 && ahead[0].note == nil)
        let behind = try pair(10, 30)
        #expect(behind.map(\.outcome) == [.no, .no, .no])
        let mixed = try pair(9, 10)
        #expect(mixed[0].outcome == .no && mixed[0].note == "rounds do not agree")
    }

    @Test("a generator at its limit proves nothing, unless the peer's own CPU time does")
    func generatorBound() throws {
        func throughput(cpu: Double) throws -> PeerVerdict {
            try Self.verdicts(
                Self.result(.corral, Self.figure(.corral, rates: [100_000])),
                Self.result(.etcd, Self.figure(.etcd, rates: [10_000], cpu: cpu, generatorBound: true)))[0]
        }
        // Two CPUs at 10 µs an operation make 200,000 at most, at 40 µs 50,000.
        #expect(try throughput(cpu: 10).outcome == .undecided)
        let proven = try throughput(cpu: 40)
        #expect(proven.outcome == .yes && proven.note?.contains("50,000/s at most") == true, "\(proven)")
        let late = try Self.verdicts(
            Self.result(.corral, Self.figure(.corral, rates: [100], p99: 2, offered: 100)),
            Self.result(
                .etcd, Self.figure(.etcd, rates: [100], p99: 9, service: 1.5, generatorBound: true, offered: 100)))[2]
        #expect(late.outcome == .undecided && late.note?.contains("1.50 ms") == true, "\(late)")
    }

    @Test("a load that takes a peer's CPU is told, with what the peer would do without it")
    func heavyLoad() throws {
        func throughput(load: Double, cpu: Double) throws -> PeerVerdict {
            try Self.verdicts(
                Self.result(.corral, Self.figure(.corral, rates: [100_000])),
                Self.result(.etcd, Self.figure(.etcd, rates: [10_000], cpu: cpu, load: load)))[0]
        }
        #expect(try throughput(load: 0.4, cpu: 10).note == nil)
        #expect(try throughput(load: 0.9, cpu: 10).outcome == .undecided)
        let proven = try throughput(load: 0.9, cpu: 40)
        #expect(proven.outcome == .yes)
        #expect(proven.note?.hasPrefix("etcd's load took 90 % of a CPU") == true, "\(proven)")
        #expect(proven.note?.hasSuffix("Corral did 2.00 times that") == true, "\(proven)")
    }

    @Test("who does not sustain the load is not compared on p99; when that is Corral, the answer is no")
    func sustained() throws {
        func p99(_ corral: Double, _ etcd: Double) throws -> PeerVerdict {
            try Self.verdicts(
                Self.result(.corral, Self.figure(.corral, rates: [corral], offered: 10_000)),
                Self.result(.etcd, Self.figure(.etcd, rates: [etcd], offered: 10_000)))[2]
        }
        #expect(try p99(9900, 9900).outcome == .yes)
        let etcd = try p99(9900, 8000)
        #expect(etcd.outcome == .notCompared && etcd.note == "etcd does not sustain 10,000/s")
        #expect(try p99(8000, 9900).outcome == .no)
        let nothing = try Self.verdicts(Self.result(.corral), Self.result(.etcd))
        #expect(nothing.allSatisfy { $0.outcome == .notCompared && $0.note == "not measured" })
    }

    // MARK: A run

    /// A keeper that keeps its log of arguments and is Corral's server in truth: for a moment without `ruok`.
    static func fakeKeeper(_ directory: String, corral: String) throws -> String {
        let path = "\(directory)/clickhouse-keeper"
        let text = """
            #!/bin/sh
            echo "$@" >> '\(directory)/arguments'
            value() { sed -n "s:.*<$1>\\(.*\\)</$1>.*:\\1:p" "${2#--config-file=}" | head -1; }
            serve() {
                echo server --standalone --data-dir "$(value log_storage_path "$1")" --client-port \\
                    "$(value tcp_port "$1")" --set clientPortAddress=127.0.0.1 --set maxClientCnxns=0
            }
            timeout 0.7 '\(corral)' $(serve "$1") --set 4lw.commands.whitelist=srvr
            touch '\(directory)/second'
            exec '\(corral)' $(serve "$1") --set '4lw.commands.whitelist=ruok,srvr,mntr'
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + ".text"))
        // Written by another process: a child forked beside this test could hold a file of ours open, which then could
        // not be started.
        try Process.run(
            URL(fileURLWithPath: "/usr/bin/install"), arguments: ["-m", "755", path + ".text", path]
        ).waitUntilExit()
        return path
    }

    @Test("a run of Corral beside a keeper is whole, and check-result refuses it damaged")
    func run() throws { try Project.onAnyMachine(runAndDamage) }

    private func runAndDamage() throws {
        let directory = try TemporaryDirectory()
        var options = try Project.options(directory.path)
        options.keeperPath = try Self.fakeKeeper(directory.path, corral: options.corralPath)
        let file = try Self.file(
            """
            kinds: [corral, keeper]
            servers: 1
            reads: 50
            connections: 4
            window: 4
            valueBytes: 64
            rounds: 2
            seconds: 0.3
            warmupSeconds: 0.1
            offeredShare: 0.1
            offeredConnections: 4
            kills: 0
            """)
        guard case .peers(let plan) = file.body else { throw LoadError.usage("another kind") }
        func run(resumes: Bool) throws -> PeersSummary {
            try PeersRunner(
                file, plan: plan, scale: .full, options: options, directory: "\(directory.path)/result",
                resumes: resumes, progress: ProgressReporter(quiet: true)
            ).run(label: "one")
        }
        let summary = try run(resumes: false)
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.rows.map(\.kind) == [.corral, .keeper] && summary.verdicts.count == 3)
        for row in summary.rows {
            #expect(row.offered?.ratePerSecond == summary.loads[0].ratePerSecond && row.residentMegabytes.median > 0)
            #expect(row.writtenBytesPerOperation.median > 0 && row.throughputPerSecond.samples.count == 2)
        }
        let arguments = try String(contentsOfFile: "\(directory.path)/arguments", encoding: .utf8)
        #expect(arguments.split(separator: "\n").count == 2, "two starts: \(arguments)")
        // As a run leaves them that is interrupted before its summary.
        let store = try StepStore<PeersPlan, PeersRunner.Step>(
            plan, directory: "\(directory.path)/result", environment: EnvironmentRecord.capture(dataDirectory: nil),
            options: options, resumes: true)
        for (subject, round) in plan.order {
            let place = "\(directory.path)/result/\(subject.name)/round-\(round)/summary.json"
            let sweep = try JSONDecoder().decode(SweepSummary.self, from: Data(contentsOf: URL(fileURLWithPath: place)))
            try store.keep(PeersRunner.Step(sweep: SweepStep(sweep)), as: "\(subject.name), round \(round)")
        }
        #expect(try run(resumes: true).subjects == summary.subjects, "taken from the first run")
        try damage("\(directory.path)/result", summary)
    }

    /// Each change of a good result must be found.
    private func damage(_ place: String, _ summary: PeersSummary) throws {
        func problems() throws -> [String] {
            try ResultCheck.problems(path: "\(place)/summary.json", others: ExperimentCheck.schemas)
        }
        #expect(try problems() == [])
        let changes: [(String, (inout PeersSummary) -> Void)] = [
            ("a verdict", { $0.verdicts[0].outcome = $0.verdicts[0].outcome == .yes ? .no : .yes }),
            ("a ratio", { $0.verdicts[1].ratio?.median *= 1.1 }), ("a row", { $0.rows[1].isDamaged() }),
            ("a row gone", { $0.rows.removeLast() }), ("the load", { $0.loads[0].ratePerSecond += 1 }),
            ("a figure", { $0.subjects[0].figures[0].residentMegabytes.median += 1 }),
            ("a kind gone", { $0.subjects.removeLast() }), ("a step", { $0.order.removeLast() }),
            ("the status", { $0.status = .partial }), ("the rounds", { $0.plan.rounds = 3 }),
            ("the plan", { $0.plan.seconds = 9 }),
            ("the durability", { $0.subjects[0].description.durability = "no fsync" }),
            ("the machine", { $0.environment.cpuCount += 62 }), ("the label", { $0.label = "other" }),
            ("fail-over missing", {
                $0.plan.failOver = .init(servers: [3], kills: 1, writesPerSecond: 100, connections: 4)
            }),
        ]
        for (name, change) in changes {
            var damaged = summary
            change(&damaged)
            try ResultFiles.write(try ResultFiles.json(damaged), to: "\(place)/summary.json")
            #expect(try problems() != [], "\(name)")
        }
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(place)/summary.json")
        try ResultFiles.write(summary.csv + "more\n", to: "\(place)/peers.csv")
        #expect(try problems() == ["peers.csv is not what the summary says"])
        try FileManager.default.removeItem(atPath: "\(place)/peers.csv")
        #expect(try problems() == ["peers.csv is missing"])
    }

    // MARK: Report

    @Test("a report has the table, the deaths and the verdicts; the plot has the same bytes twice")
    func report() throws {
        let plan = try Self.plan("kinds: [corral, etcd]\nservers: 3\nreads: 50\nkillServers: 3\nkills: 1\n")
        let subjects = [
            Self.result(
                .corral, Self.figure(.corral, rates: [50_000, 60_000]),
                Self.figure(.corral, rates: [4000], p99: 2, offered: 4000)),
            Self.result(
                .etcd, Self.figure(.etcd, rates: [9000, 8000], cpu: 90, generatorBound: true),
                Self.figure(.etcd, rates: [3000], p99: 9, offered: 4000)),
        ]
        let load = Self.figure(.etcd, rates: [500]).runs[0]
        let kill = FailOverKill(
            server: 1, leaderBefore: 1, atSeconds: 2, rateBefore: 500, gapMillis: 1234, servesMillis: 800)
        let failOver = FailOverResult(
            description: .unknown, kills: [kill], load: load, problems: [], isPartial: false)
        let summary = PeersSummary(
            experiment: "peers", title: "Peers", paper: nil, scale: .full, label: "made-up", status: .valid,
            statusReasons: [], startedAt: "2026-01-01T00:00:00Z", elapsedSeconds: 60,
            environment: Synthetic.environment, plan: plan, order: [], loads: [], subjects: subjects,
            failOvers: [PeersSummary.FailOver(plan.failOverSubjects[1], failOver, seed: 1)],
            rows: PeersSummary.rows(subjects, plan: plan), verdicts: PeerVerdict.all(subjects, plan: plan, cpus: 2))
        #expect(summary.text.contains("NOT SUSTAINED") && summary.text.contains("no write for 1234 ms"))
        try Synthetic.withResults(["peers": summary]) { place in
            func write() throws -> [String: Data] {
                let writer = ReportWriter(
                    output: "\(place)/results", plots: "\(place)/plots", root: Synthetic.root,
                    paper: try PaperPoints.load(Synthetic.paperPath))
                let (path, _) = try writer.write(label: "made-up", progress: ProgressReporter(quiet: true))
                let html = try String(contentsOfFile: path, encoding: .utf8)
                for text in ["<section id=\"peers\">", "not sustained", "1234", "not compared", "yes at 1 of 1"] {
                    #expect(html.contains(text), "\(text)")
                }
                #expect(!html.contains("HTML(text"), "a value's description in place of what it says")
                let names = try FileManager.default.contentsOfDirectory(atPath: "\(place)/plots")
                return Dictionary(
                    uniqueKeysWithValues: names.map {
                        ($0, FileManager.default.contents(atPath: "\(place)/plots/\($0)") ?? Data())
                    })
            }
            let first = try write()
            if Gnuplot.isThere { #expect(first.count == 2 && first.values.allSatisfy { $0.count > 5000 }) }
            #expect(try write() == first)
        }
    }
}

extension PeerRow {
    fileprivate mutating func isDamaged() { throughputPerSecond.median += 1 }
}
