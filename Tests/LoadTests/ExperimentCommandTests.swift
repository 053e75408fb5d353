import Foundation
import Testing

@testable import Load

/// `corral-bench experiment` as a user meets it: what becomes of earlier results, of failures and of interrupts, and
/// what it refuses.
@Suite(.serialized) struct ExperimentCommandTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../..").standardizedFileURL

    private struct Heading: Decodable {
        var schema: String
        var status: RunStatus
        var statusReasons: [String]
        var startedAt: String
        var environment: EnvironmentRecord
        var serverLogs: [ServerLogTail]?
    }

    /// A directory with experiments, results, programs and locks of its own.
    private final class Place {
        let directory: TemporaryDirectory
        var path: String { directory.path }

        init(_ experiments: [String: String]) throws {
            directory = try TemporaryDirectory()
            for name in ["experiments", "locks"] {
                try FileManager.default.createDirectory(
                    atPath: "\(directory.path)/\(name)", withIntermediateDirectories: true)
            }
            for (name, text) in experiments {
                try text.write(
                    toFile: "\(directory.path)/experiments/\(name).yaml", atomically: true, encoding: .utf8)
            }
        }

        /// A server program that is none.
        func script(_ text: String) throws -> String {
            let place = "\(path)/server-\(UUID().uuidString)"
            try "#!/bin/sh\n\(text)\n".write(toFile: place, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place)
            return place
        }

        func process(_ arguments: [String], _ output: Pipe) -> Process {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: CommandTests.product("corral-bench"))
            process.arguments = arguments
            process.currentDirectoryURL = ExperimentCommandTests.root
            var environment = ProcessInfo.processInfo.environment
            // Other tests, and whoever else measures here, have locks of their own.
            environment["TMPDIR"] = "\(path)/locks"
            process.environment = environment
            process.standardOutput = output
            process.standardError = output
            process.standardInput = FileHandle.nullDevice
            return process
        }

        func run(_ arguments: [String]) throws -> (code: Int32, text: String) {
            let output = Pipe()
            let process = process(arguments, output)
            try process.run()
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, text)
        }

        func experiment(_ name: String, corral: String) -> [String] {
            [
                "experiment", name, "--directory", "\(path)/experiments", "--output", "\(path)/results",
                "--data-root", "\(path)/data", "--label", "one", "--corral", corral,
            ]
        }

        func summary(_ name: String, label: String = "one") throws -> String {
            try String(contentsOfFile: "\(path)/results/\(name)/\(label)/summary.json", encoding: .utf8)
        }

        func heading(_ name: String) throws -> Heading {
            try JSONDecoder().decode(Heading.self, from: Data(try summary(name).utf8))
        }

        func labels(_ name: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: "\(path)/results/\(name)").sorted()
        }
    }

    private static let creates = """
        title: Creates
        kind: creates
        servers: 1
        workers: 1
        createsPerWorker: 20
        warmupCreates: 0
        valueBytes: 16
        rounds: 1
        """

    @Test func aWholeResultIsNeverLostByAStart() throws {
        let place = try Place(["tiny": Self.creates])
        let corral = CommandTests.product("corral")
        let first = try place.run(place.experiment("tiny", corral: corral))
        #expect(first.code == 0, "\(first)")
        let good = try place.summary("tiny")
        let logs = try String(contentsOfFile: "\(place.path)/results/tiny/one/server-logs.txt", encoding: .utf8)
        #expect(logs.contains("--- corral 1, of 1\n") && logs.contains("serving"), "\(logs)")

        let refused = try place.run(place.experiment("tiny", corral: "/nonexistent/corral"))
        #expect(refused.code == LoadExitCode.failure && refused.text.contains("no Corral server"), "\(refused)")
        #expect(try place.summary("tiny") == good, "what is refused leaves the result where it is")
        #expect(try place.labels("tiny") == ["one"])

        let failing = try place.script("echo there is no such heap; exit 1")
        let failed = try place.run(place.experiment("tiny", corral: failing))
        #expect(failed.code == LoadExitCode.failure && failed.text.contains("is now in"), "\(failed)")
        var labels = try place.labels("tiny")
        #expect(labels.count == 2 && labels[1].hasPrefix("one-before-2"), "\(labels)")
        #expect(try place.summary("tiny", label: labels[1]) == good)
        #expect(FileManager.default.fileExists(atPath: "\(place.path)/results/tiny/\(labels[1])/figures.csv"))

        // Why there is no result is written down, with what the server said.
        let heading = try place.heading("tiny")
        #expect(heading.status == .invalid && heading.schema == "corral-bench/failed")
        #expect(heading.statusReasons.first?.contains("server 1") == true, "\(heading.statusReasons)")
        #expect(heading.serverLogs == [ServerLogTail(server: "corral 1", lines: ["there is no such heap"])])
        let judged = try place.run(["check-result", "\(place.path)/results/tiny/one/summary.json"])
        #expect(judged.code == LoadExitCode.invalidRun && judged.text.contains("failed: "), "\(judged)")

        let again = try place.run(place.experiment("tiny", corral: corral))
        #expect(again.code == 0 && again.text.contains("unfinished result") && again.text.contains("is replaced"))
        #expect(try place.labels("tiny") == labels, "a failure is not kept")
        let resumed = try place.run(place.experiment("tiny", corral: corral) + ["--resume"])
        #expect(resumed.code == 0 && resumed.text.contains("measured already"), "\(resumed)")

        // Another program's result is none to go on with, and none to write over.
        let mine = try place.summary("tiny").replacing("\"scale\" : \"quick\"", with: "\"scale\" : \"full\"")
        try mine.write(toFile: "\(place.path)/results/tiny/one/summary.json", atomically: true, encoding: .utf8)
        #expect(try place.run(place.experiment("tiny", corral: corral) + ["--resume"]).code == 0)
        labels = try place.labels("tiny")
        #expect(labels.count == 3, "\(labels)")
        #expect(try labels.contains { try $0 != "one" && place.summary("tiny", label: $0) == mine })
    }

    @Test func aResultStaysWholeWhereTheServersLogsCannotBeWritten() throws {
        let place = try Place(["tiny": Self.creates])
        // What is to be resumed is not set aside.
        for name in ["server-logs.txt/taken", "steps/earlier.json"] {
            try FileManager.default.createDirectory(
                atPath: "\(place.path)/results/tiny/one/\(name)", withIntermediateDirectories: true)
        }
        let run = try place.run(place.experiment("tiny", corral: CommandTests.product("corral")) + ["--resume"])
        #expect(run.code == LoadExitCode.failure && run.text.contains("server-logs.txt"), "\(run)")
        #expect(try place.heading("tiny").status == .valid)
    }

    @Test func theEndsOfLogsAreKeptOfEachEnsembleOnce() throws {
        let directory = try TemporaryDirectory()
        func keep(_ names: [String], _ text: String) throws {
            let log = "\(directory.path)/log"
            try text.write(toFile: log, atomically: true, encoding: .utf8)
            ServerLogTails.keep(names.map { ($0, log) })
        }
        try keep(["made-up 1", "made-up 2"], "replaced by a later ensemble\n")
        try keep(["made-up 1"], (1...30).map { "line \($0)\n" }.joined())
        try keep(["made-up 1", "made-up 2"], "again\n")
        #expect(ServerLogTails.last.map(\.lines) == [["again"], ["again"]])
        for session in ["a", "b"] { try ServerLogTails.write(to: directory.path, startedAt: session) }
        let text = try String(contentsOfFile: "\(directory.path)/server-logs.txt", encoding: .utf8)
        #expect(text.hasPrefix("Session of a: ") && text.contains("\nSession of b: "))
        #expect(text.contains("--- made-up 1, of 2\nagain\n\n--- made-up 2, of 2\nagain\n"))
        #expect(text.contains("--- made-up 1, of 1\nline 11\n") && !text.contains("replaced by a later"))
    }

    @Test func twoAtOnceAreRefused() throws {
        let place = try Place(["tiny": Self.creates])
        let corral = CommandTests.product("corral")
        let machine = "\(place.path)/locks/corral-bench.lock"
        do {
            guard case .taken(let lock) = try FileLock.take(machine, saying: "experiment other (process 5)") else {
                Issue.record("a lock in a fresh directory is held")
                return
            }
            defer { withExtendedLifetime(lock) {} }
            let refused = try place.run(place.experiment("tiny", corral: corral))
            #expect(refused.code == LoadExitCode.failure, "\(refused)")
            #expect(refused.text.contains("another measurement runs on this machine: experiment other (process 5)"))
            #expect(!FileManager.default.fileExists(atPath: "\(place.path)/results/tiny/one"))
            let sweep = try place.run([
                "sweep", "--output", "\(place.path)/results", "--data-root", "\(place.path)/data", "--corral", corral,
            ])
            #expect(sweep.code == LoadExitCode.failure && sweep.text.contains("another measurement"), "\(sweep)")
            let beside = try place.run(place.experiment("tiny", corral: corral) + ["--beside-others"])
            #expect(beside.code == 0, "\(beside)")
            #expect(try place.heading("tiny").environment.neighbour == "experiment other (process 5)")
        }
        let good = try place.summary("tiny")
        let label = try FileLock.take("\(place.path)/results/tiny/.one.lock", saying: "tiny (process 6)")
        let refused = try place.run(place.experiment("tiny", corral: corral) + ["--beside-others"])
        #expect(refused.code == LoadExitCode.failure && refused.text.contains("is being written by another run: tiny"))
        #expect(try place.summary("tiny") == good && place.labels("tiny") == [".one.lock", "one"])
        withExtendedLifetime(label) {}
    }

    @Test func anInterruptWhileServersStartLeavesAPartialResult() throws {
        let place = try Place([
            "curve": "title: x\nkind: saturation\nservers: [3]\nreads: [0, 100]\nconnections: 3\nrounds: 1\n",
            "table": "title: x\nkind: barriers\nservers: 3\nclients: [2]\nbarriers: [2]\nrounds: 1\n",
            "creates": Self.creates,
            "course": """
                title: x
                kind: failures
                servers: 3
                connections: 6
                seconds: 5
                events: [{at: 2, kill: follower, as: a}]
                """,
        ])
        let silent = try place.script("exec sleep 60")
        for (name, kind) in [
            ("curve", "saturation"), ("table", "barriers"), ("creates", "creates"), ("course", "failures"),
        ] {
            let output = Pipe()
            let process = place.process(place.experiment(name, corral: silent), output)
            try process.run()
            let deadline = Date().addingTimeInterval(60)
            while Date() < deadline, process.isRunning {
                let files = FileManager.default.enumerator(atPath: "\(place.path)/data")
                if files?.contains(where: { ($0 as? String)?.hasSuffix("server.pid") == true }) == true { break }
                usleep(5000)
            }
            kill(process.processIdentifier, SIGINT)
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == LoadExitCode.interrupted, "\(name): \(text)")
            let heading = try place.heading(name)
            #expect(heading.status == .partial && heading.schema == "corral-bench/\(kind)", "\(name): \(heading)")
            #expect(heading.statusReasons.first?.contains("interrupted after 0 of ") == true, "\(heading)")
        }
    }

    @Test func mistakesAreToldWithoutTheFlags() throws {
        let place = try Place([
            "key": Self.creates + "\nsettings: {nosuchKey: 5}\n", "none": "title: x\nkind: [\n",
            "points": Self.creates + "\npaperPoints: [nosuch]\n", "tiny": Self.creates,
        ])
        for (name, words) in [
            ("key", "key.yaml:9: 'settings' knows no key 'nosuchKey'"), ("none", "none.yaml: no YAML"),
            ("points", "points.yaml:9: 'paperPoints' names 'nosuch'"),
        ] {
            let (code, text) = try place.run(place.experiment(name, corral: "/bin/true") + ["--dry-run"])
            #expect(code == 64 && text.contains(words), "\(text)")
            #expect(!text.contains("Usage") && !text.contains("See 'corral-bench"), "\(text)")
        }
        let flag = try place.run(place.experiment("tiny", corral: "/bin/true") + ["--scale", "huge"])
        #expect(flag.code == 64 && flag.text.contains("Usage"), "\(flag)")

        #expect(try place.run(place.experiment("tiny", corral: CommandTests.product("corral"))).code == 0)
        let prediction = try place.run(["predict", "--from", "\(place.path)/results/tiny/one"])
        #expect(prediction.code == LoadExitCode.failure, "\(prediction)")
        #expect(prediction.text.contains("is the result of a creates experiment") && !prediction.text.contains("Key"))
        let page = try place.run(["report", "one", "--output", "\(place.path)/results", "--only", "figure-99"])
        #expect(page.code == LoadExitCode.failure && page.text.contains("--only names (figure-99)"), "\(page)")
    }

    @Test func aLockIsOneProcesssUntilItIsGivenBack() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/lock"
        var lock: FileLock?
        if case .taken(let first) = try FileLock.take(path, saying: "first") { lock = first }
        #expect(lock != nil)
        guard case .held("first") = try FileLock.take(path, saying: "second") else {
            Issue.record("a held lock was given to another")
            return
        }
        lock = nil
        #expect(lock == nil && !FileManager.default.fileExists(atPath: path))
        guard case .taken = try FileLock.take(path, saying: "third") else {
            Issue.record("a lock that was given back is held")
            return
        }
    }
}
