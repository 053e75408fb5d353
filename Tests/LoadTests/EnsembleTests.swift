import Foundation
import Testing

@testable import Load

/// Real servers: ensembles of either kind.
@Suite(.serialized, .enabled(if: ManagedServer.missingForApache().isEmpty, "needs Apache ZooKeeper"))
struct EnsembleTests {
    /// A Java machine that has just started pauses for longer than a measurement would have a server be silent.
    private static let patience = ["tickTime": "200", "syncLimit": "12"]

    private func options(
        _ directory: TemporaryDirectory, _ kind: ServerKind = .corral, servers: Int, observers: Int = 0
    ) throws -> EnsembleOptions {
        var server = ServerOptions(
            corralPath: CommandTests.product("corral"), benchPath: "none", dataRoot: directory.path)
        server.apacheHeap = "256m"
        server.hasChosenHeap = true
        return try EnsembleOptions(
            kinds: [ServerKind](repeating: kind, count: servers), observers: observers, server: server,
            settings: FaultPlan.defaultSettings.merging(Self.patience) { $1 })
    }

    @Test func serversAreStartedKilledPausedAndStopped() throws {
        let directory = try TemporaryDirectory()
        let ensemble = try ManagedEnsemble(try options(directory, .apache, servers: 3, observers: 1))
        try ensemble.start()
        let pids = ensemble.pids
        #expect(pids.count == 3 && Set(pids).count == 3)
        let roles = ensemble.roles()
        #expect(roles[3] == .observer)
        #expect(roles.values.count { $0 == .leader } == 1 && roles.values.count { $0 == .follower } == 1)
        let console = EnsembleConsole(ensemble) { _ in }
        let place = try #require(console.controlDirectory)
        #expect(console.answer("leader")?.hasPrefix("\(ensemble.leader!.id) apache") == true)
        #expect(console.answer("kill 3") == "killed 3")
        #expect(ensemble.members[2].role() == .down)
        #expect(console.answer("status")?.contains("down") == true)
        #expect(console.answer("kill 3")?.hasPrefix("error:") == true)
        #expect(console.answer("kill 9")?.hasPrefix("error:") == true)
        #expect(console.answer("dance")?.hasPrefix("error:") == true)
        #expect(console.answer("restart 3")?.hasPrefix("started 3 as apache") == true)
        #expect(console.answer("wait") == "all serve")
        #expect(console.answer("pause 3") == "paused 3")
        #expect(ensemble.members[2].role() == .paused)
        #expect(console.answer("resume 3") == "resumed 3")
        #expect(console.answer("quit") == nil)
        #expect(FileManager.default.fileExists(atPath: "\(place)/control.sock"))
        console.answer("pause 2").map { #expect($0 == "paused 2") }
        let last = ensemble.pids
        ensemble.stop()
        for pid in last { #expect(kill(pid, 0) != 0) }
        #expect(!FileManager.default.fileExists(atPath: ensemble.directory))
    }

    /// Clients survive their leader: sessions are attached elsewhere, no reply breaks a rule, silence is bounded.
    @Test func theGeneratorSurvivesTheLeadersDeath() throws {
        let directory = try TemporaryDirectory()
        // Whose elections take long enough to be seen.
        let ensemble = try ManagedEnsemble(try options(directory, .apache, servers: 3))
        defer { ensemble.stop() }
        try ensemble.start()
        var configuration = RunConfiguration(
            servers: ensemble.addresses, mix: try OperationMix(parsing: "read=6,set=2,create=1,delete=1"))
        configuration.connections = 9
        configuration.window = 4
        configuration.warmupLimitSeconds = 1
        configuration.following = FollowPolicy(sessionTimeoutMillis: configuration.sessionTimeoutMillis)
        let run = try LoadRun(configuration: configuration, serverPids: [], progress: ProgressReporter(quiet: true))
        let result = try run.measure(1, sharedKeys: nil, keepsHistory: false) { signals, hasEnded in
            func waitForTraffic() {
                let goal = signals.completed + 500
                let deadline = Clock.seconds + 30
                while signals.completed < goal, Clock.seconds < deadline, !hasEnded() { usleep(10_000) }
                #expect(signals.completed >= goal)
            }
            waitForTraffic()
            let leader = ensemble.leader
            #expect(leader != nil)
            leader?.kill()
            leader?.waitUntilGone()
            waitForTraffic()
            #expect(ensemble.leader != nil && ensemble.leader?.id != leader?.id)
            // Until every client is back, by the records that the generator leaves.
            let conductor = FaultConductor(signals: signals, threads: 1, hasEnded: hasEnded)
            var reattached: UInt64 = 0
            let deadline = Clock.seconds + 30
            for round in 1...600 where reattached < 9 && Clock.seconds < deadline {
                usleep(50_000)
                let records = try? conductor.turn(to: round, keyBase: 0)
                reattached += (records ?? []).reduce(0) { $0 + $1.reattached }
                if records == nil { break }
            }
        }.result
        #expect(result.isValid, "\(result.violations.lines) \(result.stopReason ?? "")")
        let following = try #require(result.following)
        #expect(following.sessionsLost == 0)
        // All of them: followers, too, leave their clients when their leader is gone.
        #expect(following.connectionsLost >= 9 && following.reattached >= 9, "\(following)")
        #expect(following.longestGaps.count == 9)
        #expect(following.writeSilences.contains { $0.nanos > 20_000_000 })
        // The clients that came back wrote to the root, and it is known as this program's still.
        try run.prepare()
    }

    private func runFaults(_ directory: TemporaryDirectory, _ change: (inout FaultPlan) -> Void) throws
        -> (FaultSummary, String)
    {
        var plan = FaultPlan()
        plan.connections = 9
        plan.ratePerSecond = 500
        plan.steadySeconds = 0.5
        plan.valueBytes = 128
        plan.keysPerRound = 8
        change(&plan)
        let place = try ResultFiles.directory(output: directory.path, experiment: "faults", label: "one")
        let runner = try FaultRunner(
            plan: plan, options: try options(directory, servers: 3), directory: place,
            progress: ProgressReporter(quiet: true))
        return (try runner.run(experiment: "faults", label: "one"), "\(place)/summary.json")
    }

    @Test func aFaultRunIsWhole() throws {
        let directory = try TemporaryDirectory()
        let (summary, path) = try runFaults(directory) {
            $0.rounds = 2
            $0.roles = [.leader]
            $0.kinds = [.partition, .kill]
            $0.shapes = [.silent]
            $0.holdMillis = 1500...2000
        }
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.rounds.count == 2 && summary.checkedZnodes == 16 && summary.equalZnodes == 16)
        for round in summary.rounds {
            // A leader that is cut off for longer than its followers wait commits nothing: the proxy does stand
            // between.
            #expect(round.writeSilentMillis > (round.round.kind == .partition ? 300 : 0), "\(round)")
            #expect(round.acknowledgedWrites > 0 && round.acknowledgedLost == 0 && round.connectionsLost > 0)
        }
        #expect(try ResultCheck.problems(path: path) == [])
        #expect(FaultTable.text(summary).contains("kill leader"))
        let good = try String(contentsOfFile: path, encoding: .utf8)
        for (from, to) in [
            ("\"acknowledgedLost\" : 0", "\"acknowledgedLost\" : 1"), ("\"roundsDone\" : 2", "\"roundsDone\" : 3"),
            ("\"status\" : \"valid\"", "\"status\" : \"invalid\""), ("\"equalZnodes\" : 16", "\"equalZnodes\" : 15"),
            ("\"rateBefore\" : ", "\"rateBefore\" : 0.0000"),
        ] {
            #expect(good.contains(from))
            try good.replacingOccurrences(of: from, with: to).write(toFile: path, atomically: true, encoding: .utf8)
            #expect(try ResultCheck.problems(path: path) != [], "\(from)")
        }
    }

    @Test func aCatchUpRunIsWhole() throws {
        let directory = try TemporaryDirectory()
        var plan = CatchUpPlan()
        plan.repeats = 1
        plan.awayWrites = 3000
        plan.treeZnodes = 100
        plan.connections = 4
        plan.ratePerSecond = 200
        plan.valueBytes = 128
        plan.quietSeconds = 1
        let place = try ResultFiles.directory(output: directory.path, experiment: "catch-up", label: "one")
        let runner = try CatchUpRunner(
            plan: plan, options: try options(directory, servers: 3), directory: place,
            progress: ProgressReporter(quiet: true))
        let summary = try runner.run(experiment: "catch-up", label: "one")
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.results.map(\.way) == [.snap, .diff] && summary.figures.count == 2)
        for result in summary.results {
            // More than once where the learner loses its leader on the way.
            #expect(result.awayWrites >= 3000 && result.inStepSeconds > 0 && result.diffs + result.snapshots >= 1)
            #expect(result.quiet.count > 100 && result.leaderResidentBytesMost >= result.leaderResidentBytesBefore)
        }
        let path = "\(place)/summary.json"
        #expect(try ResultCheck.problems(path: path) == [])
        let good = try String(contentsOfFile: path, encoding: .utf8)
        for (from, to) in [
            ("\"awayWrites\" : 3000,", "\"awayWrites\" : 30000000,"), ("\"repeats\" : 1", "\"repeats\" : 2"),
            ("\"status\" : \"valid\"", "\"status\" : \"partial\""), ("\"diffs\" : 1", "\"diffs\" : 0"),
        ] {
            #expect(good.contains(from))
            try good.replacingOccurrences(of: from, with: to).write(toFile: path, atomically: true, encoding: .utf8)
            #expect(try ResultCheck.problems(path: path) != [], "\(from)")
        }
    }

    @Test func tooLittleTrafficFails() throws {
        let directory = try TemporaryDirectory()
        let (summary, path) = try runFaults(directory) {
            $0.rounds = 1
            $0.ratePerSecond = nil
            $0.window = 1
            $0.leastRatePerSecond = 10_000_000
        }
        #expect(summary.status == .invalid && summary.roundsDone == 0)
        #expect(summary.statusReasons.contains { $0.contains("too little traffic") }, "\(summary.statusReasons)")
        #expect(try ResultCheck.problems(path: path) != [])
    }
}
