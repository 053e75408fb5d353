import Foundation
import Testing

/// The built `corral` beside the test bundle, run as a user runs it.
@Suite struct ExecutableTests {
    private struct Outcome {
        var code: Int32
        var output: String
        var errors: String
    }

    private func corral(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
        let bundle = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        let besideRunner = bundle.deletingLastPathComponent().appendingPathComponent("corral")
        let besideBundle = Self.testBundle?.deletingLastPathComponent().appendingPathComponent("corral")
        let candidates = [besideBundle, besideRunner].compactMap { $0 }
        let process = Process()
        process.executableURL = try #require(
            candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) }, "corral is not built")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
        let output = Pipe()
        let errors = Pipe()
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // Errors are a few lines, less than a pipe holds; the output may be long.
        let outputData = output.fileHandleForReading.readDataToEndOfFile()
        let errorData = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            code: process.terminationStatus, output: String(decoding: outputData, as: UTF8.self),
            errors: String(decoding: errorData, as: UTF8.self))
    }

    /// The test bundle's path among the runner's arguments.
    private static var testBundle: URL? {
        CommandLine.arguments.first { $0.hasSuffix(".xctest") }.map { URL(fileURLWithPath: $0) }
    }

    @Test(arguments: [
        (["server"], "give a configuration file"), (["server", "--standalone"], "needs --data-dir"),
        (["server", "--standalone", "--data-dir", "/x"], "needs --client-port"),
        (["server", "zoo.cfg", "--standalone"], "not both"), (["server", "--bogus"], "'--bogus'"),
        (["bogus"], "bogus"), (["server", "zoo.cfg", "--log-level", "loud"], "--log-level"),
        (["server", "zoo.cfg", "--log-format", "xml"], "xml"), (["server", "zoo.cfg", "--markdown"], "--help-keys"),
    ])
    func badArguments(_ arguments: [String], _ hint: String) throws {
        let outcome = try corral(arguments)
        #expect(outcome.code == 2)
        #expect(outcome.errors.hasPrefix("corral: ") && outcome.errors.contains(hint), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1)
        #expect(outcome.output.isEmpty)
    }

    @Test func badLevelInTheEnvironment() throws {
        let outcome = try corral(["server", "zoo.cfg"], environment: ["CORRAL_LOG_LEVEL": "loud"])
        #expect(outcome.code == 2 && outcome.errors.contains("CORRAL_LOG_LEVEL"))
    }

    @Test func badConfiguration() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("dataDir=/nonexistent\nclientPort=x\ntickTime=-1\n", to: "zoo.cfg")
        for arguments in [["server", file], ["server", "--check", file]] {
            let outcome = try corral(arguments)
            #expect(outcome.code == 3 && outcome.output.isEmpty)
            #expect(
                outcome.errors == "corral: \(file):2: error: clientPort = \"x\": expected a port from 0 to 65535\n"
                    + "corral: \(file):3: error: tickTime = \"-1\": expected an integer from 1 to 2147483647 (ms)\n")
        }
        #expect(try corral(["server", "/nonexistent/zoo.cfg"]).code == 3)
    }

    /// A bad value of an option is a bad argument, unless the file is bad too.
    @Test func badValuesOfOptions() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("dataDir=/nonexistent\nclientPort=2181\n", to: "zoo.cfg")
        let bare = ["server", "--standalone", "--data-dir", "/nonexistent", "--client-port"]
        for (arguments, hint) in [
            (bare + ["x"], "--client-port: error: "),
            (["server", file, "--set", "tickTime=x"], "--set tickTime: error: "),
            (["server", "--check", file, "--set", "tickTime"], "expected key=value"),
            (bare + ["0", "--set", "secureClientPort=2281"], "--set secureClientPort: error: "),
        ] {
            let outcome = try corral(arguments)
            #expect(outcome.code == 2 && outcome.output.isEmpty && outcome.errors.contains(hint), "\(outcome)")
        }
        let bad = try directory.write("dataDir=/nonexistent\nclientPort=x\n", to: "bad.cfg")
        #expect(try corral(["server", bad, "--set", "tickTime=x"]).code == 3)
    }

    @Test func missingKeysNameTheFile() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("tickTime=2000\n", to: "zoo.cfg")
        let outcome = try corral(["server", "--check", file])
        #expect(outcome.code == 3)
        #expect(
            outcome.errors == "corral: \(file): error: dataDir is not set\n"
                + "corral: \(file): error: clientPort is not set\n")
    }

    @Test func checkTellsThatReadsNeedAQuorum() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("1", to: "myid")
        let file = try directory.write(
            "dataDir=\(directory.path)\nclientPort=2181\ninitLimit=5\nsyncLimit=2\nserver.1=a:1:2\nserver.2=b:1:2\n"
                + "server.3=c:1:2\nreadonlymode.enabled=true\n", to: "zoo.cfg")
        let outcome = try corral(["server", "--check", file])
        #expect(outcome.code == 0)
        #expect(
            outcome.errors.hasPrefix("corral: \(file):8: warning: readonlymode.enabled=true: "), "\(outcome.errors)")
    }

    @Test func checkPrintsTheEffectiveConfiguration() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("dataDir=/nonexistent\nclientPort=2181\ntickTim=3\n", to: "zoo.cfg")
        let outcome = try corral(["server", "--check", file, "--set", "tickTime=100", "--client-port", "0"])
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("# --set tickTime\ntickTime=100\n"))
        #expect(outcome.output.contains("# --client-port\nclientPort=0\n"))
        #expect(outcome.output.contains("\nmaxSessionTimeout=2000\n"))
        #expect(outcome.errors.contains("did you mean \"tickTime\"?"))
        let bare = try corral(["server", "--check", "--standalone", "--data-dir", "/nonexistent", "--client-port", "0"])
        #expect(bare.code == 0 && bare.errors.isEmpty)
    }

    @Test func versionAndHelp() throws {
        let version = try corral(["--version"])
        #expect(version.code == 0 && version.output.hasPrefix("3.9.5-corral-"))
        let help = try corral(["server", "--help"])
        #expect(help.code == 0 && help.output.contains("10 disk failed"))
        let keys = try corral(["server", "--help-keys"])
        #expect(keys.code == 0 && keys.output.contains("\n  tickTime = 3000 (ms)\n"))
        #expect(try corral(["server", "--help-keys", "--markdown"]).output.contains("| `tickTime` | 3000 | ms |"))
    }
}
