import Foundation
import Testing

@testable import Load

/// The command as a user meets it: messages, exit codes, Ctrl-C.
@Suite(.serialized) struct CommandTests {
    private static let program = product("corral-bench")

    /// A program built beside these tests.
    static func product(_ name: String) -> String {
        let candidates = CommandLine.arguments.filter { $0.contains(".xctest") }.map {
            let bundle = String($0.prefix(upTo: $0.range(of: ".xctest")!.upperBound))
            return (bundle as NSString).deletingLastPathComponent + "/\(name)"
        }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
            ?? root.appendingPathComponent(".build/debug/\(name)").standardizedFileURL.path
    }

    func start(_ arguments: [String], _ output: Pipe) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    func run(_ arguments: [String]) throws -> (code: Int32, text: String) {
        let output = Pipe()
        let process = try start(arguments, output)
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    @Test func wrongFlagsAreExplained() throws {
        for (arguments, words) in [
            (["run", "--ratio", "x"], "reads:writes"), (["run", "--connections", "0"], "--connections"),
            (["run", "--read-percent", "50", "--ratio", "2:1"], "only one"),
            (["run", "--servers", "a:b"], "host:port"),
            (["run", "--label", "../x"], "--label"), (["sweep", "--servers", "consul"], "consul"),
            (["run", "--value-bytes", "5"], "--value-bytes"), (["frobnicate"], "frobnicate"),
            (["sweep", "--servers", "0"], "--servers"), (["sweep", "--servers", "14"], "14"),
            (["sweep", "--servers", "3", "--observers", "3"], "observers"),
            (["faults", "--servers", "2"], "majority"), (["faults", "--hold", "x"], "--hold"),
            (["faults", "--rate", "10"], "--rate"), (["faults", "--faults", "flood"], "flood"),
            (["faults", "--mix", "corral"], "--mix"), (["catch-up", "--ways", "x"], "--ways"),
            (["catch-up", "--servers", "2"], "majority"), (["ensemble", "0"], "1 to 13"),
            (["ensemble", "3", "--mix", "corral,etcd,apache"], "etcd"),
            (["ensemble", "3", "--config", "clientPort=1"], "clientPort"),
            (["client-overhead", "--clients", "curator"], "curator"),
            (["client-overhead", "--clients", "kazoo"], "--kazoo-python"),
            (["client-overhead", "--clients", "java"], "--java-class-path"),
            (["client-overhead", "--reads", "1"], "--reads"), (["sessions", "--sessions", "0"], "--sessions"),
            (["sessions", "--server", "null"], "--server"), (["sessions", "--timeout", "1"], "--timeout"),
            (["sessions", "--storms", "-1"], "--storms"),
        ] {
            let directory = try TemporaryDirectory()
            let output = ["frobnicate", "ensemble"].contains(arguments[0]) ? [] : ["--output", directory.path]
            let (code, text) = try run(arguments + output)
            #expect(code == 64, "\(arguments): \(text)")
            #expect(text.contains(words), "\(arguments): \(text)")
        }
    }

    @Test func everyCommandHasHelp() throws {
        for command in [
            "run", "sweep", "memory", "check-result", "null-server", "ensemble", "ensemble-control", "faults",
            "catch-up", "client-overhead", "client-reads", "sessions",
        ] {
            let (code, text) = try run([command, "--help"])
            #expect(code == 0 && text.contains("OVERVIEW") && text.contains("OPTIONS"))
        }
    }

    @Test func nobodyListening() throws {
        var ports = PortPicker()
        let port = try ports.next()
        let directory = try TemporaryDirectory()
        let (code, text) = try run(["run", "--servers", "127.0.0.1:\(port)", "--output", directory.path])
        #expect(code == LoadExitCode.failure)
        #expect(text.contains("cannot connect to 127.0.0.1:\(port)") && text.contains("start the server"), "\(text)")
    }

    @Test func aServerOfAnotherKind() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #expect(bind(listener, $0, size) == 0)
                #expect(listen(listener, 8) == 0)
                getsockname(listener, $0, &size)
            }
        }
        Thread.detachNewThread {
            let client = accept(listener, nil, nil)
            let answer = "HTTP/1.1 400 Bad Request\r\n\r\n"
            send(client, answer, answer.utf8.count, Int32(MSG_NOSIGNAL))
            var byte: UInt8 = 0
            while recv(client, &byte, 1, 0) > 0 {}
            close(client)
        }
        let port = UInt16(bigEndian: address.sin_port)
        let directory = try TemporaryDirectory()
        let (code, text) = try run(["run", "--servers", "127.0.0.1:\(port)", "--output", directory.path])
        #expect(code == LoadExitCode.failure)
        #expect(text.contains("does not speak ZooKeeper's client protocol"), "\(text)")
    }

    @Test func aBrokenRuleExitsWithFive() throws {
        let server = try ServerThread(valueBytes: 1024)
        let directory = try TemporaryDirectory()
        let (code, text) = try run([
            "run", "--servers", "127.0.0.1:\(server.server.port)", "--duration", "0.3", "--warmup-limit", "0",
            "--delete-existing-root", "--output", directory.path,
        ])
        #expect(code == LoadExitCode.invalidRun)
        #expect(text.contains("checks: FAILED") && text.contains("contentStamp"), "\(text)")
    }

    @Test func interruptedRunsLeaveAPartialResult() throws {
        // Past the handshakes and the seeding.
        let isMeasured = DispatchSemaphore(value: 0)
        let server = try ServerThread(valueBytes: 1024) { _, _, earlier in
            if earlier == 20_000 { isMeasured.signal() }
            return .send
        }
        let directory = try TemporaryDirectory()
        let output = Pipe()
        let process = try start(
            [
                "run", "--null-server", "--servers", "127.0.0.1:\(server.server.port)", "--connections", "2",
                "--window", "2", "--duration", "60", "--warmup-limit", "0", "--output", directory.path,
            ], output)
        try #require(isMeasured.wait(timeout: .now() + 30) == .success, "no load within 30 s")
        // Twice at once, as a terminal and a wrapper deliver it.
        kill(process.processIdentifier, SIGINT)
        usleep(20_000)
        kill(process.processIdentifier, SIGINT)
        _ = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == LoadExitCode.interrupted)
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(directory.path)/run/latest/summary.json"))
        let summary = try JSONDecoder().decode(RunSummary.self, from: data)
        #expect(summary.status == .partial && summary.repeats.first?.completed ?? 0 > 0)
        let violations = summary.repeats.filter { !$0.violations.isEmpty }
        #expect(violations.isEmpty)
    }

    @Test func checkResultJudges() throws {
        let directory = try TemporaryDirectory()
        let server = try ServerThread()
        let path = try runToFiles(try shortConfiguration(server.address), directory).1
        #expect(try run(["check-result", path]).code == 0)
        let whole = try String(contentsOfFile: path, encoding: .utf8)
        for (text, words) in [
            ("{}", "schema is absent"), ("", "not JSON"), ("\u{7f}ELF, not a result", "not JSON"),
            ("[1]", "JSON, but no object"), (String(whole.prefix(whole.count / 2)), "not JSON"),
            (#"{"schema": "\#(RunSummary.schemaName)"}"#, "schema version absent"),
            (whole.replacingOccurrences(of: "\"status\"", with: "\"estatus\""), "status is missing"),
            (whole.replacingOccurrences(of: "\"status\" : \"", with: "\"status\" : \"x"), "status is not what"),
        ] {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let judged = try run(["check-result", path])
            #expect(judged.code == LoadExitCode.invalidRun, "\(judged)")
            #expect(judged.text.hasPrefix("\(path): ") && judged.text.contains(words), "\(words): \(judged.text)")
            #expect(judged.text.split(separator: "\n").count == 1, "\(judged.text)")
        }
        #expect(try run(["check-result", path + ".absent"]).code == LoadExitCode.failure)
    }

    @Test func missingApacheIsExplainedBeforeAnythingRuns() throws {
        let directory = try TemporaryDirectory()
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = [
            "sweep", "--servers", "apache", "--output", directory.path, "--data-root", "\(directory.path)/data",
        ]
        // No Java in the search path.
        process.environment = ["PATH": directory.path]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == LoadExitCode.failure)
        #expect(text.contains("Apache ZooKeeper cannot be started") && text.contains("a Java runtime"), "\(text)")
        #expect(!text.contains("null server"), "\(text)")
    }

    @Test func anotherApacheThatIsNotThereIsNamed() throws {
        let directory = try TemporaryDirectory()
        let jar = "\(directory.path)/zookeeper-9.9.9.jar"
        let result = try run([
            "sweep", "--kinds", "apache", "--apache-jars", "\(jar):\(directory.path)/*", "--output", directory.path,
            "--data-root", "\(directory.path)/data",
        ])
        #expect(result.code == LoadExitCode.failure)
        #expect(result.text.contains("missing: \(jar)") && result.text.contains("--apache-jars"), "\(result.text)")
    }

    @Test func placesThatCannotBeUsed() throws {
        let server = try ServerThread()
        let taken = try run(["null-server", "--port", "\(server.server.port)"])
        #expect(taken.code == LoadExitCode.failure && taken.text.contains("cannot listen on 127.0.0.1"), "\(taken)")
        let unwritable = try run(["run", "--output", "/proc/corral", "--servers", "127.0.0.1:\(server.server.port)"])
        #expect(unwritable.code == LoadExitCode.failure, "\(unwritable)")
        #expect(unwritable.text.contains("cannot create the directory /proc/corral"), "\(unwritable)")
        let foreign = try run([
            "run", "--server-pid", "4000000", "--output", try TemporaryDirectory().path, "--servers",
            "127.0.0.1:\(server.server.port)",
        ])
        #expect(foreign.code == LoadExitCode.failure && foreign.text.contains("4000000"), "\(foreign)")
    }

    @Test func missingCorralIsExplained() throws {
        let directory = try TemporaryDirectory()
        let (code, text) = try run([
            "sweep", "--no-null", "--corral", "/nonexistent/corral", "--output", directory.path, "--data-root",
            "\(directory.path)/data",
        ])
        #expect(code == LoadExitCode.failure)
        #expect(text.contains("no Corral server at /nonexistent/corral"), "\(text)")
    }
}
