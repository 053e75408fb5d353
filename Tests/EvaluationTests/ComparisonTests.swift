import Foundation
import Testing

@testable import Evaluation
@testable import Load

/// Kinds of servers compared case by case: a short run of each kind on real servers, and what may not pass as a result.
@Suite("Comparisons", .serialized)
struct ComparisonTests {
    private func file(_ text: String) throws -> ExperimentFile {
        try ExperimentFile(text: text, path: "test.yaml", scale: .full)
    }

    private func run<Work: ComparedWork>(
        _ type: Work.Type, _ text: String, in directory: String, resumes: Bool = false
    ) throws -> ComparisonSummary<Work> {
        try Comparisons.run(try file(text), in: directory, resumes: resumes)
    }

    /// A good result, and each change of it must be found.
    private func damage(_ directory: String, _ changes: [(from: String, to: String)]) throws {
        let path = "\(directory)/summary.json"
        func check() throws -> [String] { try ResultCheck.problems(path: path, others: ExperimentCheck.schemas) }
        #expect(try check() == [])
        let good = try String(contentsOfFile: path, encoding: .utf8)
        for (from, to) in changes + [("\"status\" : \"valid\"", "\"status\" : \"partial\"")] {
            #expect(good.contains(from), "\(from)")
            try good.replacing(from, with: to, maxReplacements: 1).write(
                toFile: path, atomically: true, encoding: .utf8)
            #expect(try check() != [], "\(from)")
        }
        try good.write(toFile: path, atomically: true, encoding: .utf8)
        try "kind\n".write(toFile: "\(directory)/figures.csv", atomically: true, encoding: .utf8)
        #expect(try check() == ["figures.csv is not what the summary says"])
    }

    /// A machine under other load may bind a generator; nothing else may be wrong with a short run.
    private func isFine<Work>(_ summary: ComparisonSummary<Work>) -> Bool {
        summary.statusReasons.allSatisfy { $0.contains("generator-bound") }
    }

    // MARK: Kinds

    private static let watches = """
        title: Watches
        kind: watches
        kinds: [corral]
        servers: 1
        watches: 200
        setters: 2
        window: 10
        passes: 1
        fires: 110
        watchers: [20, 40]
        storms: 2
        rounds: 1
        warmupSeconds: 0
        """

    @Test func watches() throws {
        let directory = try TemporaryDirectory()
        let summary = try run(WatchesComparison.self, Self.watches, in: directory.path)
        #expect(isFine(summary), "\(summary.statusReasons)")
        #expect(summary.rows.map(\.name) == ["setting", "firing", "storm, 20 watchers", "storm, 40 watchers"])
        let setting = try #require(summary.figures(summary.rows[0])[0].setting)
        #expect(setting.watches == 200 && setting.setTimes.count == 200)
        let fire = try #require(summary.figures(summary.rows[1])[0].fire)
        #expect(fire.fires == 110 && fire.lost == 0 && fire.fromSend.count == 110)
        let storm = try #require(summary.figures(summary.rows[3])[0].storm)
        #expect(storm.storms.count == 2 && storm.storms.allSatisfy { $0.received == 40 && $0.extra == 0 })
        #expect(storm.storms.allSatisfy { $0.firstMillis > 0 && $0.firstMillis <= $0.lastMillis })
        let curves = try String(contentsOfFile: "\(directory.path)/curves.csv", encoding: .utf8)
        #expect(curves.contains("corral-1,20,first_ms,") && curves.contains("corral-1,40,last_ms,"))
        guard summary.status == .valid else { return }
        try damage(
            directory.path,
            [
                ("\"received\" : 20", "\"received\" : 19"), ("\"extra\" : 0", "\"extra\" : 1"),
                ("\"lost\" : 0", "\"lost\" : 1"), ("\"fires\" : 110", "\"fires\" : 111"),
                ("\"setPerSecond\" : ", "\"setPerSecond\" : 1"), ("\"watches\" : 200", "\"watches\" : 199"),
                ("\"cpuShare\" : 0.", "\"cpuShare\" : 1."), ("\"rounds\" : 1", "\"rounds\" : 2"),
                ("\"firstMillis\" : ", "\"firstMillis\" : 1000"), ("\"refused\" : 0", "\"refused\" : 3"),
                ("\"violations\" : [\n", "\"violations\" : [\n\"a zxid fell\"\n"),
                ("\"durability\" : \"fsync\"", "\"durability\" : \"unknown\""),
            ])
    }

    @Test func reconnects() throws {
        let directory = try TemporaryDirectory()
        let summary = try run(
            ReconnectsComparison.self,
            """
            title: Reconnects
            kind: reconnects
            kinds: [corral]
            servers: [1, 3]
            sessions: 30
            watches: 2
            ephemerals: 2
            storms: 1
            rounds: 1
            settings: {tickTime: 500, maxSessionTimeout: 60000}
            """, in: directory.path)
        #expect(isFine(summary), "\(summary.statusReasons)")
        let rounds = summary.rows.flatMap { summary.figures($0).flatMap(\.rounds) }
        #expect(rounds.map(\.role) == [.standalone, .leader] && rounds[0].disturbed == 30)
        for round in rounds {
            #expect(round.lostSessions + round.lostWatches + round.wrongEphemerals + round.extraNotifications == 0)
            #expect(round.allMillis ?? 0 >= round.halfMillis ?? .infinity && round.firstMillis ?? 0 > 0)
        }
        guard summary.status == .valid else { return }
        try damage(
            directory.path,
            [
                ("\"lostSessions\" : 0", "\"lostSessions\" : 1"), ("\"lostWatches\" : 0", "\"lostWatches\" : 1"),
                ("\"wrongEphemerals\" : 0", "\"wrongEphemerals\" : 1"), ("\"allMillis\" : ", "\"allMillis\" : 0."),
                ("\"extraNotifications\" : 0", "\"extraNotifications\" : 2"),
                ("\"sessions\" : 30", "\"sessions\" : 31"),
                ("\"disturbed\" : 30", "\"disturbed\" : 0"),
            ])
    }

    @Test func churn() throws {
        let directory = try TemporaryDirectory()
        let text = """
            title: Churn
            kind: churn
            kinds: [corral]
            servers: 1
            workers: [1, 5]
            seconds: 0.3
            rounds: 2
            warmupSeconds: 0.1
            """
        let summary = try run(ChurnComparison.self, text, in: directory.path)
        #expect(isFine(summary), "\(summary.statusReasons)")
        #expect(summary.rows.map(\.name) == ["1 worker", "5 workers"])
        for run in summary.rows.flatMap(summary.figures) {
            #expect(run.sessions > 0 && run.failures == 0 && run.left == 0 && run.close.count == run.sessions)
        }
        guard summary.status == .valid else { return }
        try resume(summary, text, in: directory.path)
        try damage(
            directory.path,
            [
                ("\"failures\" : 0", "\"failures\" : 1"), ("\"left\" : 0", "\"left\" : 1"),
                ("\"sessions\" : ", "\"sessions\" : 9"), ("\"sessionsPerSecond\" : ", "\"sessionsPerSecond\" : 9"),
                ("\"windowSeconds\" : 0.", "\"windowSeconds\" : 0.0"),
                ("\"p99Millis\" : ", "\"p99Millis\" : 99999"),
            ])
    }

    /// What was measured whole is not measured again; what may not be used is.
    private func resume(_ summary: ComparisonSummary<ChurnComparison>, _ text: String, in place: String) throws {
        let directory = try TemporaryDirectory()
        #expect(!FileManager.default.fileExists(atPath: "\(place)/steps"))
        let store = try StepStore<ComparisonPlan<ChurnComparison>, ComparisonSummary<ChurnComparison>.Measured>(
            ComparisonPlan(turns: summary.turns, work: summary.work), directory: directory.path,
            environment: summary.environment, options: try Project.options(directory.path), resumes: true)
        var lost = summary.results[1]
        lost.result.violations = ["a zxid fell"]
        try store.keep(summary.results[0], as: "corral-1, round 1")
        try store.keep(lost, as: "corral-1, round 2")
        let again = try run(ChurnComparison.self, text, in: directory.path, resumes: true)
        #expect(again.results.count == 2 && again.results[0] == summary.results[0])
        #expect(again.results[1] != summary.results[1] && again.results[1].result.violations == [])
    }

    @Test func staleness() throws {
        let directory = try TemporaryDirectory()
        let summary = try run(
            StalenessComparison.self,
            """
            title: Staleness
            kind: staleness
            kinds: [corral]
            servers: 2
            observers: 1
            rates: [300]
            readsPerSecond: 600
            valueBytes: 64
            seconds: 1.5
            rounds: 1
            warmupSeconds: 0.1
            """, in: directory.path)
        let reasons = summary.statusReasons.filter { !$0.contains("generator-bound") && !$0.contains("reads") }
        #expect(reasons == [])
        #expect(summary.rows.compactMap { summary.figures($0).first?.role } == [.leader, .follower, .observer])
        // What its leader has acknowledged, its leader shows.
        #expect(summary.figures(summary.rows[0])[0].readsBehind == 0)
        for run in summary.rows.flatMap(summary.figures) { #expect(run.writes > 100 && run.zxidsP50 >= 0) }
        guard summary.status == .valid else { return }
        try damage(
            directory.path,
            [
                ("\"readsBehind\" : 0", "\"readsBehind\" : 7"), ("\"reads\" : ", "\"reads\" : 1"),
                ("\"acknowledgedPerSecond\" : ", "\"acknowledgedPerSecond\" : 9"),
                ("\"zxidsP50\" : ", "\"zxidsP50\" : 99999"),
                ("\"cpuShare\" : 0.", "\"cpuShare\" : 0.9999"),
            ])
    }

    // MARK: All kinds

    @Test("lost notifications and a generator that was the limit make a result invalid")
    func invalid() throws {
        func status(received: Int = 20, extra: Int = 0, share: Double = 0.5) throws -> (RunStatus, [String]) {
            let file = try file(Self.watches.replacing("[20, 40]", with: "20"))
            let (turns, work): (_, WatchesComparison) = try Comparisons.work(file)
            let millis = [Int64](repeating: 2, count: 11) + [Int64](repeating: 3, count: received - 12) + [4]
            let times = try ResultFiles.json(KeptLatencies(nanos: millis.map { $0 * 1_000_000 }))
            let figure = try JSONDecoder().decode(
                WatchesFigure.self,
                from: Data(
                    """
                    {"storm": {"watchers": 20, "storms": [
                      {"received": \(received), "extra": \(extra), "acknowledgedMillis": 1, "firstMillis": 1,
                       "medianMillis": 2, "p99Millis": 3, "lastMillis": 4, "times": \(times), "serverCpuMicros": 5,
                       "generator": {"cpuShare": \(share), "waitShare": 0}}]}}
                    """.utf8))
            let result = EnsembleResult(description: .null, figures: [figure])
            let summary = ComparisonSummary(
                file, turns: turns, work: work, scale: .full, label: "x",
                results: [.init(subject: turns.subjects[0], round: 1, result: result)],
                environment: Synthetic.environment, startedAt: "", elapsedSeconds: 1)
            // The other cases are not there, which is told too.
            let missing = summary.statusReasons.filter { $0.contains("not every case once") }
            #expect(missing.count == 1)
            return (summary.status, summary.statusReasons.filter { !missing.contains($0) })
        }
        #expect(try status().1 == [])
        for ((status, reasons), word) in [
            (try status(received: 19), "1 notifications were lost"),
            (try status(extra: 2), "2 notifications too many"), (try status(share: 0.97), "generator-bound"),
        ] {
            #expect(status == .invalid && reasons.count == 1 && reasons[0].contains(word), "\(reasons)")
        }
    }

    @Test(
        "a mistake in a file is told with its line",
        arguments: [
            ("kind: watches\nkinds: [etcd]", "test.yaml:3: 'kinds' lists servers of ZooKeeper's protocol"),
            ("kind: watches\nwatchers: [0]", "test.yaml:3: 'watchers' lists whole numbers of 1 to 50000"),
            ("kind: watches\nwatchers: [5, 5]", "test.yaml:3: 'watchers' names 5 twice"),
            ("kind: watches\nwatches: 2\nsetters: 3", "test.yaml:3: 'watches' is at least one for each setter"),
            ("kind: watches\nworkers: 2", "test.yaml:3: 'workers' is no field of this kind"),
            ("kind: reconnects\nservers: 2", "test.yaml:3: 'servers' cannot be 2"),
            ("kind: reconnects\nwatches: 0\nephemerals: 0", "test.yaml:3: 'watches' and ephemerals are not both"),
            ("kind: churn\nseconds: 0", "test.yaml:3: 'seconds' is a number of 0.1 to 3600"),
            ("kind: churn\nkinds: [corral, corral]", "test.yaml:3: 'kinds' names corral twice"),
            ("kind: staleness\nservers: 1", "test.yaml:3: 'servers' are 2 to 13"),
            ("kind: staleness\nrates: fast", "test.yaml:3: 'rates' lists whole numbers"),
        ])
    func mistakes(text: String, message: String) {
        let error = #expect(throws: LoadError.self) { try file("title: x\n\(text)\n") }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test("kinds are measured by turns that come back")
    func turns() throws {
        let file = try file("title: x\nkind: churn\nservers: [1, 3]\nrounds: 2\nseed: 7\n")
        let steps = file.steps.map { $0.split(separator: ",")[0] }
        #expect(steps.count == 8 && Array(steps[4...]) == steps[..<4].reversed())
        #expect(Set(steps) == ["corral-1", "corral-3", "apache-1", "apache-3"])
        #expect(file.estimatedSeconds > 8)
    }

    @Test("a report has a table for each case, with who is ahead")
    func report() throws {
        let file = try file("title: Doors\nkind: churn\nservers: 1\nworkers: 4\nrounds: 2\n")
        let (turns, work): (_, ChurnComparison) = try Comparisons.work(file)
        var results: [ComparisonSummary<ChurnComparison>.Measured] = []
        for (subject, round) in turns.order {
            let scale = subject.kind == .apache ? 3.0 : 1
            let millis = [Double](repeating: 1, count: 400) + [Double](repeating: 2, count: 99) + [4]
            let times = try ResultFiles.json(
                try #require(TimeFigures(nanos: millis.map { Int64($0 * scale * 1e6) })))
            let figure = try JSONDecoder().decode(
                ChurnFigure.self,
                from: Data(
                    """
                    {"workers": 4, "sessions": 500, "windowSeconds": 5, "sessionsPerSecond": 100, "connect": \(times),
                     "close": \(times), "serverCpuMicros": \(100 * scale), "failures": 0, "left": 0,
                     "generator": {"cpuShare": 0.2, "waitShare": 0.1}}
                    """.utf8))
            let result = EnsembleResult(description: .null, figures: [figure])
            results.append(.init(subject: subject, round: round, result: result))
        }
        let summary = ComparisonSummary(
            file, turns: turns, work: work, scale: .full, label: "made-up", results: results,
            environment: Synthetic.environment, startedAt: "now", elapsedSeconds: 1)
        #expect(summary.status == .valid)
        try Synthetic.withResults(["doors": summary]) { place in
            let writer = ReportWriter(
                output: "\(place)/results", plots: "\(place)/plots", root: Synthetic.root,
                paper: try PaperPoints.load(Synthetic.paperPath))
            let (path, _) = try writer.write(label: "made-up", progress: ProgressReporter(quiet: true))
            let html = try String(contentsOfFile: path, encoding: .utf8)
            #expect(html.contains("<caption>4 workers</caption>") && html.contains("Apache ZooKeeper</th>"))
            #expect(html.contains("Corral × 3.00"), "connect p99")
            #expect(html.contains("equal"), "sessions a second")
        }
    }
}
