import Foundation
import Synchronization
import Testing

@testable import Load

@Suite(.serialized) struct RunTests {
    @Test func closedLoopResultIsWhole() throws {
        let directory = try TemporaryDirectory()
        let server = try ServerThread()
        var configuration = try shortConfiguration(server.address)
        configuration.mix = try OperationMix(parsing: "read=4,set=2,create=2,delete=1,exists=1,children=1")
        configuration.repeats = 2
        let (summary, path) = try runToFiles(configuration, directory)
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.mode.hasPrefix("closed"))
        #expect(summary.repeats.count == 2)
        for result in summary.repeats {
            #expect(result.latencyMeaning == "service time")
            #expect(result.serviceTime == nil)
            #expect(Set(result.operations.map(\.operation)) == Set(OperationKind.allCases))
            #expect(result.servers[0].cpuSeconds > 0)
            #expect(result.generator.cpuMicrosPerRequest > 0)
        }
        #expect(try ResultCheck.problems(path: path) == [])
        let decoded = try JSONDecoder().decode(RunSummary.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(decoded.schemaVersion == RunSummary.currentSchemaVersion)
        #expect(decoded.configuration == configuration)
    }

    @Test func openLoopKeepsItsRateAndCountsFromThePlan() throws {
        let directory = try TemporaryDirectory()
        let server = try ServerThread()
        var configuration = try shortConfiguration(server.address, readPercent: 50)
        configuration.ratePerSecond = 5000
        configuration.durationSeconds = 2.5
        let (summary, path) = try runToFiles(configuration, directory)
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        let result = summary.repeats[0]
        #expect(result.latencyMeaning == "response time")
        // Poisson: within five standard deviations, and room for the window's edges on a busy machine.
        #expect(abs(result.throughputPerSecond - 5000) < 1000, "\(result.throughputPerSecond)")
        let delay = try #require(result.generator.sendDelay)
        #expect(delay.count > 0)
        let service = try #require(result.serviceTime)
        // Response time contains send delay and service time.
        #expect(result.latency.meanNanos > service.meanNanos)
        #expect(try ResultCheck.problems(path: path) == [])
    }

    @Test func aStallShowsInResponseTimeNotOnlyOnce() throws {
        // The server sleeps 300 ms once. A closed loop would see one slow batch; the schedule sees every request that
        // was due meanwhile.
        let directory = try TemporaryDirectory()
        let server = try ServerThread { _, _, number in
            if number == 3000 { usleep(300_000) }
            return .send
        }
        var configuration = try shortConfiguration(server.address)
        configuration.ratePerSecond = 5000
        configuration.durationSeconds = 1.5
        let result = try runToFiles(configuration, directory).0.repeats[0]
        // Some 1,500 of 7,500 requests were due during the stall, half of them for more than 150 ms.
        #expect(result.latency.p90Nanos > 50_000_000, "\(result.latency)")
    }

    @Test func idleSessionsArePinged() throws {
        let directory = try TemporaryDirectory()
        let pings = Atomic<Int>(0)
        let server = try ServerThread { reply, _, _ in
            if Int32(bigEndian: reply.load(as: Int32.self)) == -2 { pings.add(1, ordering: .relaxed) }
            return .send
        }
        var configuration = try shortConfiguration(server.address)
        configuration.ratePerSecond = 8
        configuration.arrivals = .fixed
        configuration.connections = 16
        configuration.sessionTimeoutMillis = 1000
        configuration.durationSeconds = 1.5
        let summary = try runToFiles(configuration, directory).0
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(pings.load(ordering: .relaxed) > 10)
    }

    @Test func sharedKeysAndTwoThreads() throws {
        let directory = try TemporaryDirectory()
        let server = try ServerThread()
        var configuration = try shortConfiguration(server.address, readPercent: 80)
        configuration.keys = .shared
        configuration.distribution = .zipf
        configuration.threads = 2
        configuration.connections = 5
        let (summary, path) = try runToFiles(configuration, directory)
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(try ResultCheck.problems(path: path) == [])
    }

    @Test func fewerRepeatsLeaveNothingOfTheOthers() throws {
        let directory = try TemporaryDirectory()
        let server = try ServerThread()
        var configuration = try shortConfiguration(server.address)
        configuration.durationSeconds = 0.1
        configuration.repeats = 3
        let path = try runToFiles(configuration, directory).1
        let place = (path as NSString).deletingLastPathComponent
        func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: place).sorted() }
        #expect(try files().contains("repeat-3.hlog"))
        configuration.repeats = 1
        _ = try runToFiles(configuration, directory)
        #expect(try files() == ["repeat-1-series.csv", "repeat-1.hlog", "summary.json"])
    }

    @Test func aDamagedResultIsFound() throws {
        let directory = try TemporaryDirectory()
        let server = try ServerThread()
        let path = try runToFiles(try shortConfiguration(server.address), directory).1
        let place = (path as NSString).deletingLastPathComponent
        let good = try String(contentsOfFile: path, encoding: .utf8)
        func problems(_ from: String, _ to: String) throws -> [String] {
            #expect(good.contains(from))
            try good.replacingOccurrences(of: from, with: to).write(toFile: path, atomically: true, encoding: .utf8)
            return try ResultCheck.problems(path: path)
        }
        #expect(try problems("\"status\" : \"valid\"", "\"status\" : \"partial\"") != [])
        #expect(try problems("\"status\" : \"valid\"", "\"status\" : 7") != [])
        #expect(try problems("\"schemaVersion\" : 2", "\"schemaVersion\" : 99") != [])
        #expect(try problems("corral-bench/run", "something/else") != [])
        #expect(try problems("\"service time\"", "\"response time\"") != [])
        try good.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try ResultCheck.problems(path: path) == [])

        let summary = try JSONDecoder().decode(RunSummary.self, from: Data(good.utf8))
        let changes: [(finds: String, (inout RunSummary) -> Void)] = [
            ("the series covers", {
                $0.repeats[0].windowSeconds /= 4
                $0.repeats[0].throughputPerSecond *= 4
            }),
            ("s were planned", { $0.configuration.durationSeconds *= 30 }),
            ("p99 is not that of the histogram log", { $0.repeats[0].latency.p99Nanos /= 100 }),
            ("p99.99 is not that", { $0.repeats[0].latency.p9999Nanos /= 2 }),
            ("the mean is not that", { $0.repeats[0].latency.meanNanos *= 1.1 }),
            ("the minimum is not that", { $0.repeats[0].latency.minimumNanos /= 2 }),
            ("the maximum is not that", { $0.repeats[0].latency.maximumNanos *= 2 }),
            ("p50 is not that", { $0.repeats[0].operations[0].latency.p50Nanos *= 2 }),
            ("per operation are not those", { $0.repeats[0].servers[0].cpuMicrosPerOperation /= 10 }),
            ("its share of a CPU", { $0.repeats[0].servers[0].cpuShare /= 10 }),
            ("CPU time is not user and system time", { $0.repeats[0].servers[0].userSeconds += 9 }),
            ("share of CPU time is not its time", { $0.repeats[0].generator.cpuShare = 0 }),
            ("generator-bound without a reason", {
                $0.repeats[0].generator.generatorBound.toggle()
            }),
        ]
        for (text, change) in changes {
            var bad = summary
            change(&bad)
            try ResultFiles.write(try ResultFiles.json(bad), to: path)
            let found = try ResultCheck.problems(path: path)
            #expect(found.contains { $0.contains(text) }, "\(text): \(found)")
        }
        try good.write(toFile: path, atomically: true, encoding: .utf8)
        let series = "\(place)/repeat-1-series.csv"
        let lines = try String(contentsOfFile: series, encoding: .utf8).split(separator: "\n")
        let reversed = ([lines[0]] + lines.dropFirst().reversed()).joined(separator: "\n")
        try reversed.write(toFile: series, atomically: true, encoding: .utf8)
        #expect(try ResultCheck.problems(path: path).contains { $0.contains("times do not rise") })
        try lines.joined(separator: "\n").write(toFile: series, atomically: true, encoding: .utf8)
        #expect(try ResultCheck.problems(path: path) == [])

        let log = "\(place)/repeat-1.hlog"
        let text = try String(contentsOfFile: log, encoding: .utf8)
        let cut = text.split(separator: "\n").dropLast().joined(separator: "\n")
        try cut.write(toFile: log, atomically: true, encoding: .utf8)
        #expect(try ResultCheck.problems(path: path) != [])
        try text.replacingOccurrences(of: "HISTF", with: "HISTX").write(toFile: log, atomically: true, encoding: .utf8)
        #expect(try ResultCheck.problems(path: path) != [])
        try FileManager.default.removeItem(atPath: log)
        #expect(try ResultCheck.problems(path: path) != [])
        #expect(throws: LoadError.self) { try ResultCheck.problems(path: "\(place)/absent.json") }
    }

    @Test func anInterruptedRunIsPartial() throws {
        let directory = try TemporaryDirectory()
        let server = try ServerThread()
        let summary = try runToFiles(try shortConfiguration(server.address), directory).0
        let partial = RunReport.makeSummary(
            experiment: "e", label: "l", configuration: summary.configuration, repeats: summary.repeats,
            server: .null, environment: summary.environment, startedAt: "", interrupted: true)
        #expect(partial.status == .partial)
    }
}
