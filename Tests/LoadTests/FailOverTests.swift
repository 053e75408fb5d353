import Foundation
import Testing

@testable import Load

/// How long writes pause when a leader dies.
struct FailOverTests {
    private func plan(kills: Int = 2) throws -> FailOverPlan {
        try FailOverPlan(
            servers: 3, kills: kills, ratePerSecond: 200, connections: 6, valueBytes: 64, warmupSeconds: 0.5, seed: 1,
            firstSeconds: 1.2, periodSeconds: 6, awaySeconds: 2)
    }

    private func load(_ silences: [(Double, Double)]) throws -> RepeatResult {
        let server = try ServerThread()
        var result = try LoadRun(
            configuration: try shortConfiguration(server.address), serverPids: [],
            progress: ProgressReporter(quiet: true)
        ).measure(1).result
        result.windowSeconds = try plan().seconds
        let list = silences.map { Silence(startNanos: UInt64($0.0 * 1e9), endNanos: UInt64($0.1 * 1e9)) }
        result.following = FollowResult(
            connectionsLost: 0, reattached: 0, failedAttempts: 0, sessionsLost: 0, outcomes: [],
            longestGaps: result.latency, silences: list, writeSilences: list)
        return result
    }

    private func kill(_ at: Double, leader: Int = 1) -> FailOverKill {
        FailOverKill(server: 1, leaderBefore: leader, atSeconds: at, rateBefore: 200, gapMillis: 0, servesMillis: 100)
    }

    @Test("a pause begins with the kill, goes over the script's next step, and ends with the first write")
    func gaps() throws {
        // Begun before the kill; cut in two where the server is started again; a longer one of the other kill.
        let load = try load([(1.1, 3.2), (3.2, 3.7), (5, 5.4), (7.1, 10)])
        let kills = FailOverPlan.withGaps([kill(1.2), kill(7.2)], load)
        #expect(kills.map { $0.gapMillis.rounded() } == [2500, 2800])
        var result = FailOverResult(
            description: .unknown, kills: kills, load: load, problems: [], isPartial: false)
        let plan = try plan()
        #expect(plan.problems(of: result) == [])
        for (text, change) in [
            ("the pauses are not those", { $0.kills[0].gapMillis = 250 }),
            ("1 kills, 2 were asked for", { $0.kills.removeLast() }),
            ("server 1 did not lead", { $0.kills[0].leaderBefore = 2 }),
            ("too little traffic", { $0.kills[1].rateBefore = 90 }),
            ("not back in time", { $0.kills[1].servesMillis = nil }),
            ("the load ended after 3.0 s", { $0.load.windowSeconds = 3 }),
        ] as [(String, (inout FailOverResult) -> Void)] {
            let good = result
            change(&result)
            #expect(plan.problems(of: result).contains { $0.contains(text) }, "\(text)")
            result = good
        }
    }

    @Test("pauses that the raw series contradicts are found")
    func series() {
        // 100 ms slices; no write from 1.3 to 1.8 s.
        let lines = (0..<30).map { number in
            let writes = number >= 13 && number < 18 ? 0 : 20
            return "\(number * 100),0,0,\(writes),0,0,0,0,0,0,0"
        }
        let names = OperationKind.allCases.map(\.name)
        let column = names.firstIndex(of: "set")! + 1
        let heading = (["start_ms"] + names + ["errors", "p50_us", "p99_us", "max_us"]).joined(separator: ",")
        let text = ([heading] + lines.map { line in
            var fields = line.split(separator: ",").map(String.init)
            let writes = fields[3]
            fields = [fields[0]] + names.map { _ in "0" } + ["0", "0", "0", "0"]
            fields[column] = writes
            return fields.joined(separator: ",")
        }).joined(separator: "\n")
        func found(_ gapMillis: Double) -> [String] {
            var kill = kill(1.25)
            kill.gapMillis = gapMillis
            return FailOverPlan.contradictions([kill], series: text)
        }
        #expect(found(520) == [] && found(650) == [])
        #expect(found(300).count == 1 && found(900).count == 1)
        #expect(FailOverPlan.contradictions([kill(1)], series: "start_ms\n0\n") == ["the series has no writes"])
    }

    // MARK: etcd's, where it is installed

    @Test(
        "etcd's load follows the cluster to another leader, and loses nothing that was acknowledged",
        .enabled(if: EtcdTests.isInstalled, "needs Bench/etcd/build"))
    func etcd() throws {
        let directory = try TemporaryDirectory()
        let plan = try plan(kills: 1)
        let result = try FailOverRunner.run(
            plan, kind: .etcd, options: EtcdTests.options(directory), directory: directory.path, stem: "fail-over",
            progress: ProgressReporter(quiet: true))
        #expect(result.problems == [])
        let kill = try #require(result.kills.first)
        // An election takes the second of its timeout.
        #expect(kill.gapMillis > 300 && kill.gapMillis < 5000, "\(kill)")
        #expect(result.load.following?.connectionsLost ?? 0 > 0 && result.load.errorsByCode.isEmpty)
        let series = try String(contentsOfFile: "\(directory.path)/fail-over-series.csv", encoding: .utf8)
        #expect(FailOverPlan.contradictions(result.kills, series: series) == [])
        #expect(ResultCheck.check(result.load, stem: "\(directory.path)/fail-over", name: "load") == [])
    }
}
