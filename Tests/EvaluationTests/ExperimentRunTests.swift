import Foundation
import Testing

@testable import Evaluation
@testable import Load

/// One short run of each kind on real servers.
@Suite("Experiment runs", .serialized)
struct ExperimentRunTests {
    private func file(_ text: String) throws -> ExperimentFile {
        try ExperimentFile(text: text, path: "test.yaml", scale: .full)
    }

    private func check(_ path: String) throws -> [String] {
        try ResultCheck.problems(path: path, others: ExperimentCheck.schemas)
    }

    /// Each change of a good summary must be found.
    private func damage(_ path: String, _ changes: [(from: String, to: String)]) throws {
        #expect(try check(path) == [])
        let good = try String(contentsOfFile: path, encoding: .utf8)
        for (from, to) in changes {
            #expect(good.contains(from), "\(from)")
            try good.replacing(from, with: to, maxReplacements: 1).write(
                toFile: path, atomically: true, encoding: .utf8)
            #expect(try check(path) != [], "\(from)")
        }
        try good.write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Changes one value of a JSON file, checks that the result at `path` is then refused for it, and takes it back.
    private func damage(
        _ file: String, of path: String, _ keys: [Any], _ value: Any, finds text: String
    ) throws {
        func changed(_ node: Any, _ keys: ArraySlice<Any>) throws -> Any {
            guard let key = keys.first else { return value }
            if let index = key as? Int {
                var list = try #require(node as? [Any])
                list[index] = try changed(list[index], keys.dropFirst())
                return list
            }
            var object = try #require(node as? [String: Any])
            let name = try #require(key as? String)
            object[name] = try changed(object[name] as Any, keys.dropFirst())
            return object
        }
        let good = try Data(contentsOf: URL(fileURLWithPath: file))
        let bad = try changed(try JSONSerialization.jsonObject(with: good), keys[...])
        try JSONSerialization.data(withJSONObject: bad).write(to: URL(fileURLWithPath: file))
        let problems = try check(path)
        #expect(problems.contains { $0.contains(text) }, "\(keys) = \(value): \(problems)")
        try good.write(to: URL(fileURLWithPath: file))
    }

    @Test func saturation() throws {
        let directory = try TemporaryDirectory()
        let file = try file(
            """
            title: Throughput
            kind: saturation
            servers: 1
            reads: [0, 100]
            connections: 4
            window: 4
            valueBytes: 64
            seconds: 0.5
            warmupSeconds: 0.3
            rounds: 1
            """)
        guard case .saturation(let plan) = file.body else { throw LoadError.usage("another kind") }
        let summary = try SaturationRunner(
            file, plan: plan, scale: .full, options: try Project.options(directory.path), directory: directory.path,
            paper: [:], resumes: false, progress: ProgressReporter(quiet: true)
        ).run(label: "one")
        #expect(summary.subjects.first?.figures.count == 2)
        let path = "\(directory.path)/summary.json"
        let round = "\(directory.path)/corral-1/round-1"
        let run: [Any] = ["figures", 0, "runs", 0]
        let own: [Any] = ["subjects", 0, "figures", 0]
        // What the machine was doing meanwhile may have made it unsteady or generator-bound.
        if summary.status == .valid { #expect(try check(path) == []) }
        let sweep = "\(round)/summary.json"
        try damage(path, of: path, ["status"], "invalid", finds: "status is invalid")
        try damage(path, of: path, own + ["generatorBound"], true, finds: "the figures are not those of its rounds")
        try damage(path, of: path, own + ["runs", 0, "generator", "cpuShare"], 0.99, finds: "generator-bound by its")
        try damage(path, of: path, own + ["runs", 0, "completed"], 3, finds: "too little traffic")
        try damage(path, of: path, ["order"], [String](), finds: "steps that are not the plan's")
        try damage(path, of: path, ["plan", "window"], 5, finds: "measured by another plan: window")
        try damage(path, of: path, ["plan", "budget"], ["percent": 6, "periodMicros": 16667], finds: "plan: budget")
        let description: [Any] = ["subjects", 0, "description"]
        try damage(path, of: path, description + ["durability"], "no fsync", finds: "not that of its first round")
        try damage(path, of: path, description + ["durability"], "no fsync", finds: "rounds differ in durability")
        try damage(path, of: path, ["label"], "two", finds: "of another result")
        try damage(sweep, of: path, ["environment", "commit"], "0", finds: "measured by another program")
        try damage(sweep, of: path, ["environment", "cpuCount"], 64, finds: "measured on another machine")
        try damage(sweep, of: path, ["servers", "corral", "durability"], "no fsync", finds: "forceSync=yes")
        let throughput = ["figures", 0, "throughputPerSecond", "median"] as [Any]
        try damage(sweep, of: path, throughput, 1.5, finds: "not those of its runs")
        try damage(sweep, of: path, run + ["latency", "p99Nanos"], 1, finds: "p99 is not that of the histogram log")
        try damage(sweep, of: path, run + ["servers", 0, "cpuMicrosPerOperation"], 0.01, finds: "per operation are not")
        try damage(sweep, of: path, run + ["windowSeconds"], 0.2, finds: "s were planned")
        for (file, name) in [(directory.path, "figures.csv"), (round, "saturation.csv")] {
            let good = try String(contentsOfFile: "\(file)/\(name)", encoding: .utf8)
            try good.replacing("corral", with: "other").write(
                toFile: "\(file)/\(name)", atomically: true, encoding: .utf8)
            #expect(try check(path).contains { $0.contains("\(name) is not what the summary says") })
            try FileManager.default.removeItem(atPath: "\(file)/\(name)")
            #expect(try check(path).contains { $0.contains("\(name) is missing") })
            try good.write(toFile: "\(file)/\(name)", atomically: true, encoding: .utf8)
        }
        try damage(sweep, of: path, run + ["violations", "counts"], ["a rule": 1], finds: "a rule")
        try damage(sweep, of: path, run + ["completed"], 17, finds: "operations do not add up")
        try damage(sweep, of: path, run + ["throughputPerSecond"], 1.5, finds: "not completed operations over the")

        let stem = try #require(summary.subjects[0].figures[0].rawFiles.first)
        let series = "\(round)/raw/\(stem)-series.csv"
        let lines = try String(contentsOfFile: series, encoding: .utf8).split(separator: "\n")
        try (lines.prefix(3).joined(separator: "\n") + "\n").write(toFile: series, atomically: true, encoding: .utf8)
        #expect(try check(path).contains { $0.contains("the series counts") }, "lost events")
        // All of the traffic in the first half: the sums agree, and yet it is no level load.
        let values = lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(round)/raw")
        where name.hasSuffix("-series.csv") {
            let skewed = values.enumerated().map { index, line in
                let count = index < values.count / 2 ? "1000" : "0"
                return line.enumerated().map { column, text in
                    column == 1 ? count : (2...OperationKind.count).contains(column) ? "0" : String(text)
                }.joined(separator: ",")
            }
            let text = ([String(lines[0])] + skewed).joined(separator: "\n") + "\n"
            try text.write(toFile: "\(round)/raw/\(name)", atomically: true, encoding: .utf8)
        }
        let problems = try check(path)
        #expect(problems.contains { $0.contains("are unsteady") }, "\(problems)")
        try FileManager.default.removeItem(atPath: "\(round)/raw/\(stem).hlog")
        #expect(try check(path).contains { $0.contains("the histogram log is missing") })
    }

    @Test func broadcast() throws {
        let directory = try TemporaryDirectory()
        let file = try file(
            """
            title: Logs
            kind: broadcast
            servers: 2
            valueBytes: 64
            logs: [memory, forced]
            latency: true
            rounds: 1
            seconds: 0.6
            warmupSeconds: 0.1
            """)
        guard case .broadcast(let plan) = file.body else { throw LoadError.usage("another kind") }
        let options = try Project.options(directory.path)
        let summary = try BroadcastExperiment.run(
            file, plan: plan, scale: .full, options: options, directory: directory.path, label: "one",
            progress: ProgressReporter(quiet: true))
        #expect(summary.subjects.map(\.subject.name) == ["2-servers-64-bytes-memory", "2-servers-64-bytes-forced"])
        #expect(summary.subjects.map { $0.runs[0].description.durability } == ["no fsync", "fsync"])
        let places = summary.subjects.map { $0.runs[0].description.settings["dataDir"] ?? "" }
        #expect(places[0].hasPrefix("/dev/shm/") && !places[1].hasPrefix("/dev/shm/"), "\(places)")
        #expect(!FileManager.default.fileExists(atPath: places[0]))
        let path = "\(directory.path)/summary.json"
        let run: [Any] = ["subjects", 0, "runs", 0]
        try damage(path, of: path, run + ["transactions"], 4, finds: "too little traffic")
        try damage(path, of: path, run + ["samplesPerSecond"], [Double](), finds: "do not make its window")
        try damage(path, of: path, run + ["windowSeconds"], 0.1, finds: "the window is too short")
        try damage(path, of: path, run + ["servers"], [Any](), finds: "not all servers")
        try damage(path, of: path, ["order"], ["x"], finds: "steps that are not the plan's")
        try damage(path, of: path, ["plan", "rounds"], 2, finds: "2 were asked for")
    }

    @Test("an interrupted experiment goes on with the steps that it has, if nothing else has changed")
    func resumption() throws {
        let directory = try TemporaryDirectory()
        let text = """
            title: Creates
            kind: creates
            servers: 1
            workers: 1
            createsPerWorker: 20
            warmupCreates: 0
            valueBytes: 16
            rounds: 2
            """
        let file = try file(text)
        guard case .creates(let plan) = file.body else { throw LoadError.usage("another kind") }
        let options = try Project.options(directory.path)
        let environment = EnvironmentRecord.capture(dataDirectory: nil)
        let store = try StepStore<CreatesExperimentPlan, CreatesResult>(
            plan, directory: directory.path, environment: environment, options: options, resumes: true)
        let figure = try #require(
            CreatesFigure(
                workers: 1, latencies: [UInt64](repeating: 1_000_000_000, count: 20), seconds: 20, cpuNanos: 20_000,
                isCutShort: false))
        try store.keep(
            CreatesResult(description: .unknown, figures: [figure], problems: []), as: "corral-1, round 1")
        #expect(store.step("corral-1, round 1") != nil && store.step("corral-1, round 2") == nil)
        var other = plan
        other.valueBytes = 17
        #expect(
            try StepStore<CreatesExperimentPlan, CreatesResult>(
                other, directory: directory.path, environment: environment, options: options, resumes: true
            ).step("corral-1, round 1") == nil, "another plan")
        var rebuilt = options
        rebuilt.corralPath = "/bin/true"
        #expect(
            try StepStore<CreatesExperimentPlan, CreatesResult>(
                plan, directory: directory.path, environment: environment, options: rebuilt, resumes: true
            ).step("corral-1, round 1") == nil, "another program")

        var unsafe = options
        unsafe.fsync = false
        #expect(
            try StepStore<CreatesExperimentPlan, CreatesResult>(
                plan, directory: directory.path, environment: environment, options: unsafe, resumes: true
            ).step("corral-1, round 1") == nil, "other server options")
        let session = try StepStore<CreatesExperimentPlan, CreatesResult>(
            plan, directory: directory.path, environment: environment, options: options, resumes: true)
        #expect(session.startedAt == store.startedAt && session.elapsedSeconds > 0)

        var startedAt = ""
        func run(resumes: Bool) throws -> [Double] {
            let summary = try CreatesExperiment.run(
                file, plan: plan, scale: .full, options: options, paper: try Project.paper(),
                directory: directory.path, label: "one", resumes: resumes, progress: ProgressReporter(quiet: true))
            #expect(summary.order.count == 2)
            startedAt = summary.startedAt
            return summary.rows[0].runs.map(\.createsPerSecond)
        }
        let rates = try run(resumes: true)
        #expect(rates[0] == 1 && rates[1] != 1)
        #expect(startedAt == store.startedAt, "both sessions")
        #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/steps"), "the summary has them now")
        try store.keep(
            CreatesResult(description: .unknown, figures: [figure], problems: []), as: "corral-1, round 1")
        #expect(try !run(resumes: false).contains(1))
    }

    @Test func failures() throws { try Project.onAnyMachine(failAndDamage) }

    private func failAndDamage() throws {
        let directory = try TemporaryDirectory()
        let file = try file(
            """
            title: A follower and a leader
            kind: failures
            paperPoints: [fig8_digitised]
            servers: 3
            connections: 12
            window: 4
            valueBytes: 128
            seconds: 7
            twinSeconds: 1.5
            warmupSeconds: 0.5
            leastRatePerSecond: 50
            settings: {tickTime: 200, initLimit: 50, maxSessionTimeout: 60000}
            replyTimeoutMillis: 2000
            events:
              - {at: 1.2, kill: follower, as: a}
              - {at: 2.2, start: a}
              - {at: 4, pause: leader, as: b}
              - {at: 5.2, resume: b}
            """)
        guard case .failures(let plan) = file.body else { throw LoadError.usage("another kind") }
        let summary = try FailureExperiment.run(
            file, plan: plan, scale: .full, options: try Project.options(directory.path), paper: try Project.paper(),
            directory: directory.path, label: "one", progress: ProgressReporter(quiet: true))
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        let run = try #require(summary.subjects.first)
        #expect(summary.subjects.map(\.subject.isTwin) == [false, true] && run.result.marks.count == 4)
        let (kill, start, pause) = (run.result.marks[0], run.result.marks[1], run.result.marks[2])
        #expect(kill.leaderBefore != nil && kill.leaderBefore != kill.server)
        #expect(Int(kill.connectionsLost) >= kill.clientsBefore[kill.server - 1])
        #expect(kill.clientsBefore.reduce(0, +) == 12 && kill.firstErrorMillis != nil)
        #expect(start.server == kill.server && start.clientsBefore[kill.server - 1] == 0)
        #expect(start.servesMillis != nil)
        // A leader that stands still commits nothing until the others have noticed, or it goes on.
        #expect(pause.server == pause.leaderBefore && pause.writeSilentMillis > 300, "\(pause)")
        #expect(run.result.staleness?.reads ?? 0 > 0)
        let series = try String(contentsOfFile: "\(directory.path)/series.csv", encoding: .utf8)
        let lines = series.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("corral,") } >= 60)
        #expect(lines.contains { $0.hasPrefix("corral-without-failures,") })
        try damage("\(directory.path)/summary.json", [
            ("\"status\" : \"valid\"", "\"status\" : \"invalid\""), ("\"rateBefore\" : ", "\"rateBefore\" : 0.0000"),
            ("\"atSeconds\" : 1.2", "\"atSeconds\" : 1.9"), ("\"unknownWrites\" : ", "\"unknownWrites\" : 9999"),
            ("\"measured\" : \"", "\"measured\" : \"none; "),
        ])
        // A series without its best samples has other levels.
        let rates = lines.dropFirst().filter { $0.hasPrefix("corral,") }.compactMap { line in
            Double(line.split(separator: ",")[2])
        }
        let middle = rates.sorted()[rates.count / 2]
        let worse = lines.filter { line in
            !line.hasPrefix("corral,") || Double(line.split(separator: ",")[2])! <= middle
        }
        try (worse.joined(separator: "\n") + "\n").write(
            toFile: "\(directory.path)/series.csv", atomically: true, encoding: .utf8)
        #expect(
            try check("\(directory.path)/summary.json").contains(
                "corral: the verdicts are not those of its series and events"))
        try FileManager.default.removeItem(atPath: "\(directory.path)/series.csv")
        #expect(try check("\(directory.path)/summary.json") == ["series.csv is missing"])
        let report = "\(directory.path)/report.txt"
        let text = try String(contentsOfFile: report, encoding: .utf8)
        try (text + "7\n").write(toFile: report, atomically: true, encoding: .utf8)
        #expect(
            try check("\(directory.path)/summary.json").contains("report.txt has other numbers than the summary"))
    }

    @Test func creates() throws {
        let directory = try TemporaryDirectory()
        let file = try file(
            """
            title: Creates
            kind: creates
            paperPoints: [table2]
            servers: [1, 3]
            workers: [1, 3]
            createsPerWorker: 40
            warmupCreates: 5
            valueBytes: 64
            rounds: 1
            """)
        guard case .creates(let plan) = file.body else { throw LoadError.usage("another kind") }
        let summary = try CreatesExperiment.run(
            file, plan: plan, scale: .full, options: try Project.options(directory.path), paper: try Project.paper(),
            directory: directory.path, label: "one", progress: ProgressReporter(quiet: true))
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.rows.map(\.workers) == [1, 3, 1, 3])
        #expect(summary.rows.map { $0.runs[0].creates } == [40, 120, 40, 120])
        #expect(summary.rows[2].paperPerSecond == 776 && summary.rows[0].paperPerSecond == nil)
        for row in summary.rows { #expect(row.meanMillis.median > 0 && row.serverCpuMicrosPerCreate.median >= 0) }
        try damage("\(directory.path)/summary.json", [
            ("\"status\" : \"valid\"", "\"status\" : \"partial\""), ("\"creates\" : 40", "\"creates\" : 39"),
            ("\"rounds\" : 1", "\"rounds\" : 2"), ("\"paperPerSecond\" : 776", "\"paperPerSecond\" : \"776\""),
        ])
    }

    @Test func barriers() throws {
        let directory = try TemporaryDirectory()
        let file = try file(
            """
            title: Barriers
            kind: barriers
            servers: 1
            clients: [3, 6]
            barriers: [2, 4]
            warmupBarriers: 1
            rounds: 1
            """)
        guard case .barriers(let plan) = file.body else { throw LoadError.usage("another kind") }
        let summary = try BarriersExperiment.run(
            file, plan: plan, scale: .full, options: try Project.options(directory.path), paper: try Project.paper(),
            directory: directory.path, label: "one", progress: ProgressReporter(quiet: true))
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.rows.map { $0.runs[0].operations } == [12, 24, 24, 48])
        try damage("\(directory.path)/summary.json", [
            ("\"operations\" : 12", "\"operations\" : 11"), ("\"round\" : 1", "\"round\" : 2"),
            ("\"status\" : \"valid\"", "\"status\" : \"invalid\""),
        ])
    }
}
