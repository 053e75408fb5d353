import Foundation
import Testing

@testable import Load

/// `client-overhead` and `sessions`, small, against a server of Corral's built beside the tests.
@Suite(.serialized) struct ClientCommandTests {
    private let commands = CommandTests()

    private func run(_ arguments: [String], _ directory: TemporaryDirectory) throws -> (code: Int32, text: String) {
        try commands.run(
            arguments + [
                "--corral", CommandTests.product("corral"), "--output", directory.path, "--data-root",
                "\(directory.path)/data",
            ])
    }

    @Test func overheadOfTheSwiftClient() throws {
        let directory = try TemporaryDirectory()
        let (code, text) = try run(["client-overhead", "--rounds", "3", "--reads", "2000"], directory)
        #expect(code == LoadExitCode.valid, "\(text)")
        #expect(text.contains("Swift, tasks") && text.contains("CPU µs per read"), "\(text)")
        let path = "\(directory.path)/client-overhead/latest/summary.json"
        #expect(try commands.run(["check-result", path]).code == 0)
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let summary = try JSONDecoder().decode(ClientOverheadSummary.self, from: data)
        #expect(summary.measurements.count == 6 && summary.figures.count == 2)
        #expect(summary.measurements.allSatisfy { $0.serverCpuSeconds > 0 })

        var short = summary
        short.measurements.removeLast()
        #expect(ResultCheck.check(short).contains { $0.contains("2 measurements in 3 rounds") })
        var better = summary
        better.figures[0].cpuMicrosPerRead.median /= 2
        #expect(ResultCheck.check(better) == ["the figures are not the measurements'"])
    }

    @Test func ratiosPairMeasurementsOfOneRound() throws {
        var plan = ClientOverheadPlan()
        plan.clients = [.swiftTasks, .swiftPipelined, .kazoo]
        plan.rounds = 2
        func measured(_ client: ComparedClient, _ round: Int, micros: Double) -> ClientOverheadMeasurement {
            let reads = plan.reads(of: client)
            return ClientOverheadMeasurement(
                client: client, round: round,
                sample: ClientReadSample(
                    version: "1", reads: reads, wallSeconds: 1, cpuSeconds: micros * Double(reads) / 1e6),
                serverCpuSeconds: 1)
        }
        let figures = ClientOverheadSummary.figures(
            plan,
            [
                measured(.swiftTasks, 1, micros: 4), measured(.swiftPipelined, 1, micros: 2),
                measured(.kazoo, 1, micros: 80), measured(.kazoo, 2, micros: 240), measured(.swiftTasks, 2, micros: 8),
                measured(.swiftPipelined, 2, micros: 3),
            ])
        #expect(figures.map(\.ratio?.samples.count) == [nil, nil, 2])
        let ratios = try #require(figures[2].ratio)
        #expect(abs(ratios.low - 20) < 1e-6 && abs(ratios.high - 30) < 1e-6, "\(ratios)")
    }

    @Test func aClientThatFailsIsNamed() throws {
        let directory = try TemporaryDirectory()
        let (code, text) = try run(
            [
                "client-overhead", "--clients", "kazoo", "--kazoo-python", "/bin/false", "--rounds", "1", "--reads",
                "1000",
            ], directory)
        #expect(code == LoadExitCode.failure)
        #expect(text.contains("the client kazoo ended with 1") && text.contains("/bin/false"), "\(text)")
    }

    @Test func sessionsSurviveStorms() throws {
        let directory = try TemporaryDirectory()
        let (code, text) = try run(
            ["sessions", "--sessions", "100", "--idle-seconds", "1", "--storms", "2"], directory)
        #expect(code == LoadExitCode.valid, "\(text)")
        #expect(text.contains("memory per session") && text.contains("storm 2"), "\(text)")
        let path = "\(directory.path)/sessions/latest/summary.json"
        #expect(try commands.run(["check-result", path]).code == 0)
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let summary = try JSONDecoder().decode(SessionsSummary.self, from: data)
        #expect(summary.result.storms.allSatisfy { $0.settledSeconds != nil })

        for (change, words) in [
            ({ $0.result.storms[0].lostSessions = 1 }, "1 sessions were lost"),
            ({ $0.result.storms[1].wrongEphemerals = 2 }, "2 ephemeral znodes are not their owners'"),
            ({ $0.result.storms[1].settledSeconds = nil }, "storm 2 did not settle"),
            ({ $0.result.leftAtEnd = 3 }, "3 ephemeral znodes outlived"),
            ({ $0.result.lostAtRest = 4 }, "4 sessions were lost at rest"),
            ({ $0.result.storms.removeLast() }, "1 storms, 2 were asked for"),
        ] as [((inout SessionsSummary) -> Void, String)] {
            var worse = summary
            change(&worse)
            #expect(ResultCheck.check(worse).contains { $0.contains(words) }, "\(words)")
        }
    }

    @Test func tooFewOpenFilesAreExplained() throws {
        let directory = try TemporaryDirectory()
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c", "ulimit -n 300; exec \"$0\" sessions --sessions 500 --output \"$1\" --corral \"$2\"",
            CommandTests.product("corral-bench"), directory.path, CommandTests.product("corral"),
        ]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == LoadExitCode.failure)
        #expect(text.contains("500 sessions need 700 open files") && text.contains("ulimit -n 700"), "\(text)")
    }
}
