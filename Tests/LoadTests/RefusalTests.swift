import Foundation
import Testing

@testable import Load

/// What a command refuses: before it measures or deletes anything, and in words that help.
@Suite(.serialized) struct RefusalTests {
    private func run(_ arguments: [String]) throws -> (code: Int32, text: String) {
        try CommandTests().run(arguments)
    }

    @Test func sweepsThatCannotBeMeasuredAreRefusedAtOnce() throws {
        let directory = try TemporaryDirectory()
        for (arguments, words) in [
            (["--window", "0"], "--window lies between 1"), (["--duration", "0"], "--duration"),
            (["--duration", "nan"], "--duration"), (["--warmup-limit", "1e9"], "--warmup-limit"),
            (["--offered-rate", "0"], "--offered-rate"), (["--offered-connections", "0"], "--offered-connections"),
            (["--shallow-connections", "0"], "--shallow-connections"), (["--value-bytes", "3000000"], "--value-bytes"),
            (["--threads", "0"], "--threads"), (["--apache-warmup", "inf"], "--apache-warmup"),
            (["--apache-heap", "lots"], "--apache-heap"), (["--blocks", "0"], "blocks"),
            (["--label", "../../x"], "--label"), (["--kinds", "corral,corral"], "'corral' is to be measured twice"),
            (["--servers", "corral,corral"], "'corral' is to be measured twice"),
            (["--vs", "corral"], "corral is measured already"),
            (["--kinds", "corral,apache", "--vs", "apache"], "apache is measured already"),
            (["--servers", "corral", "--kinds", "corral"], "given twice"),
            (["--reads", "50,50"], "measured twice"), (["--reads", "50.01,50.02"], "measured twice"),
            (["--connections", "20,20"], "measured twice"),
        ] {
            // A sweep that is not refused for the flag ends at the program that is missing.
            for mode in [["--no-null", "--corral", "/nonexistent/corral"], ["--dry-run"]] {
                let (code, text) = try run(["sweep", "--output", directory.path] + mode + arguments)
                #expect(code == 64, "\(mode + arguments): \(text)")
                #expect(text.contains(words), "\(mode + arguments): \(text)")
            }
        }
        let missing = try run([
            "sweep", "--dry-run", "--corral", "/nonexistent/corral", "--output", directory.path,
        ])
        #expect(missing.code == LoadExitCode.failure, "\(missing)")
        #expect(missing.text.contains("no Corral server at /nonexistent/corral"), "\(missing)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        let sound = try run(["sweep", "--dry-run", "--output", directory.path])
        #expect(sound.code == 0 && sound.text.contains("saturation-r66.7-c50-w100"), "\(sound)")
    }

    @Test func flagsWithoutEffectAreRefused() throws {
        // Where nobody listens.
        var ports = PortPicker()
        let address = "[::1]:\(try ports.next())"
        for (arguments, words) in [
            (["--arrivals", "fixed"], "--rate"), (["--window", "5", "--rate", "100"], "--window"),
            (["--distribution", "zipf"], "--keys shared"), (["--key-count", "5"], "--keys shared"),
            (["--reply-timeout", "500"], "--follow"), (["--servers", "::1"], "[::1]:2181"),
            (["--servers", "localhost:1,fe80::1:2181"], "'fe80::1:2181'"), (["--root", "/zookeeper"], "/zookeeper"),
            (["--root", "/zookeeper/quota"], "/zookeeper"), (["--connections", "-1"], "not -1"),
            (["--duration", "-0.5"], "not -0.5"), (["--rate", "-1e3"], "not -1000"),
        ] {
            let directory = try TemporaryDirectory()
            let (code, text) = try run(["run", "--output", directory.path, "--servers", address] + arguments)
            #expect(code == 64, "\(arguments): \(text)")
            #expect(text.contains(words), "\(arguments): \(text)")
        }
        // With what they are of, they are fine: what is missing is a server.
        for arguments in [
            ["--arrivals", "fixed", "--rate", "100"],
            ["--distribution", "zipf", "--key-count", "5", "--keys", "shared"],
            ["--reply-timeout", "500", "--follow"], ["--root", "/zookeepers"],
        ] {
            let directory = try TemporaryDirectory()
            let (code, text) = try run(["run", "--output", directory.path, "--servers", address] + arguments)
            #expect(code == LoadExitCode.failure, "\(arguments): \(text)")
            #expect(text.contains("cannot connect to \(address)"), "\(arguments): \(text)")
        }
    }

    // MARK: the root

    private func server(_ directory: TemporaryDirectory) throws -> ManagedServer {
        try ManagedServer(
            .corral,
            options: ServerOptions(
                corralPath: CommandTests.product("corral"), benchPath: "none", dataRoot: directory.path))
    }

    private func configuration(_ server: ManagedServer, root: String) throws -> RunConfiguration {
        var configuration = RunConfiguration(servers: [server.address], mix: try OperationMix(readPercent: 50))
        configuration.connections = 2
        configuration.valueBytes = 100
        configuration.root = root
        return configuration
    }

    private func loadRun(_ configuration: RunConfiguration) throws -> LoadRun {
        try LoadRun(configuration: configuration, serverPids: [], progress: ProgressReporter(quiet: true))
    }

    /// A tree that this program did not make stays, until someone says that it may go.
    @Test func anotherTreeIsNotDeleted() throws {
        let directory = try TemporaryDirectory()
        let server = try server(directory)
        defer { server.stop() }
        let client = try ControlClient(server.address)
        let paths = ["/existing", "/existing/child", "/existing/child/below"]
        try client.create(paths.count) { (paths[$0], [1, 2, 3]) }
        let arguments = [
            "run", "--root", "/existing", "--servers", server.address.description, "--connections", "2", "--window",
            "2", "--duration", "0.2", "--warmup-limit", "0", "--output", directory.path, "--quiet",
        ]
        let refused = try run(arguments)
        #expect(refused.code == LoadExitCode.failure, "\(refused)")
        #expect(refused.text.contains("/existing") && refused.text.contains("--root"), "\(refused)")
        #expect(refused.text.contains("--delete-existing-root"), "\(refused)")
        for path in paths { #expect(try client.data(of: path) == [1, 2, 3]) }
        // As after an interrupt before anything was made.
        try loadRun(try configuration(server, root: "/existing")).cleanUp()
        for path in paths { #expect(try client.data(of: path) == [1, 2, 3]) }

        let allowed = try run(arguments + ["--delete-existing-root"])
        #expect(allowed.code == LoadExitCode.valid, "\(allowed)")
        for path in paths { #expect(try client.data(of: path) == nil) }
        #expect(try client.data(of: "/") != nil)
    }

    /// What an earlier run left goes without a question, whatever the run did to the root.
    @Test func ownTreesAreReplaced() throws {
        let directory = try TemporaryDirectory()
        let server = try server(directory)
        defer { server.stop() }
        var configuration = try configuration(server, root: "/deep/place/load")
        configuration.keys = .shared
        configuration.keyCount = 4
        let run = try loadRun(configuration)
        let client = try ControlClient(server.address)
        try run.prepare()
        try run.prepare()
        for barrier in [ReadBarrier.write, .sync] {
            let keeper = HistoryKeeper(
                keys: KeySpace(root: configuration.root), keysPerRound: 4, valueBytes: configuration.valueBytes,
                barrier: barrier)
            try keeper.readBack(round: 0, on: server.address)
            try run.prepare()
        }
        try run.cleanUp()
        #expect(try client.data(of: "/deep/place/load") == nil)
        #expect(try client.data(of: "/deep/place") == [])
    }
}
