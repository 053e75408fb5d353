import Dispatch
import Foundation
import Testing

@testable import Load

/// What a fault run plans and computes, without servers.
@Suite struct FaultTests {
    @Test func schedulesComeFromTheSeed() {
        var plan = FaultPlan()
        plan.rounds = 240
        #expect(plan.schedule == plan.schedule)
        var other = plan
        other.seed = 2
        #expect(other.schedule != plan.schedule)
        for kind in FaultKind.allCases {
            for role in FaultRole.allCases {
                #expect(plan.schedule.count { $0.kind == kind && $0.role == role } == 40)
            }
        }
        for shape in PartitionShape.allCases { #expect(plan.schedule.count { $0.shape == shape } == 20) }
        #expect(plan.schedule.allSatisfy { plan.holdMillis.contains($0.holdMillis) })
        #expect(plan.schedule.allSatisfy { ($0.shape != nil) == ($0.kind == .partition) })
        let holds = plan.schedule.map(\.holdMillis)
        #expect(holds.min()! < 400 && holds.max()! > 2400)
    }

    @Test func partitionsCutTheVictimAlone() {
        var round = FaultRound(number: 1, kind: .partition, role: .leader, shape: .silent, holdMillis: 1, pick: 0)
        func cut(_ from: Int, _ to: Int) -> LinkCut { round.cuts(victim: 2, servers: 4)[from, to] }
        for (shape, out, back) in [
            (.silent, .silent, .silent), (.reset, .reset, .none), (.outbound, .silent, .none),
            (.inbound, .none, .silent),
        ] as [(PartitionShape, LinkCut, LinkCut)] {
            round.shape = shape
            for other in [1, 3, 4] {
                #expect(cut(2, other) == out && cut(other, 2) == back, "\(shape)")
            }
            #expect(cut(1, 3) == .none && cut(4, 1) == .none)
            #expect(round.cuts(victim: 2, servers: 4).resets(1, 2) == (shape == .reset))
        }
    }

    @Test func impossiblePlansAreRefused() throws {
        try FaultPlan().validate()
        let changes: [(inout FaultPlan) -> Void] = [
            { $0.rounds = 0 }, { $0.kinds = [] }, { $0.holdMillis = 0...5 }, { $0.ratePerSecond = 50 },
            { $0.readPercent = 100 }, { $0.keysPerRound = 100_000 }, { $0.steadySeconds = 0 },
        ]
        for change in changes {
            var plan = FaultPlan()
            change(&plan)
            #expect(throws: LoadError.self) { try plan.validate() }
        }
        let server = ServerOptions(corralPath: "c", benchPath: "b", dataRoot: "d")
        #expect(throws: LoadError.self) { try EnsembleOptions(kinds: [], server: server) }
        #expect(throws: LoadError.self) { try EnsembleOptions(kinds: [.apache], observers: 1, server: server) }
        #expect(throws: LoadError.self) { try EnsembleOptions(kinds: [.null, .null], server: server) }
        #expect(throws: LoadError.self) {
            try EnsembleOptions(kinds: [.apache], server: server, settings: ["clientPort": "1"])
        }
        #expect(throws: LoadError.self) { try EnsembleOptions.kinds(count: 3, kind: .corral, mix: "corral,apache") }
        #expect(throws: LoadError.self) { try EnsembleOptions.kinds(count: 14, kind: .corral, mix: nil) }
        #expect(throws: LoadError.self) { try EnsembleOptions.settings(parsing: ["tickTime"]) }
        #expect(
            try EnsembleOptions.kinds(count: 3, kind: .corral, mix: "corral,apache,apache")
                == [.corral, .apache, .apache])
    }

    @Test func portsAreDistinctAndOutsideTheKernelsRange() throws {
        var picker = PortPicker()
        var seen: Set<UInt16> = []
        for _ in 0..<200 { #expect(seen.insert(try picker.next()).inserted) }
        let range = TextFile.read("/proc/sys/net/ipv4/ip_local_port_range").split(whereSeparator: \.isWhitespace)
        if range.count == 2, let low = UInt16(range[0]), let high = UInt16(range[1]) {
            #expect(seen.allSatisfy { $0 < low || $0 > high })
        }
        #expect(seen.allSatisfy { $0 >= 10_000 })
    }

    private static func millis(_ value: UInt64) -> UInt64 { value * 1_000_000 }

    /// Ten successes every ten milliseconds, except in a hole.
    private func timeline(from start: UInt64, to end: UInt64, hole: Range<UInt64>) -> SuccessTimeline {
        var timeline = SuccessTimeline(startNanos: Self.millis(start))
        for time in start..<end where !hole.contains(time) { timeline.note(1, at: Self.millis(time)) }
        timeline.close(at: Self.millis(end))
        return timeline
    }

    @Test func silenceAndRecoveryAreMeasuredFromTheFault() throws {
        let fault = Self.millis(1000)
        var record = RoundRecord(number: 1, startNanos: 0)
        record.any = timeline(from: 0, to: 3000, hole: 1001..<1400)
        record.writes = timeline(from: 0, to: 3000, hole: 1001..<1600)
        record.gaps = [Self.millis(400), Self.millis(900), Self.millis(500)]
        record.unknown[OperationKind.set.rawValue] = 3
        record.unknown[OperationKind.read.rawValue] = 5
        let round = FaultRound(number: 1, kind: .kill, role: .leader, shape: nil, holdMillis: 1, pick: 0)
        let result = FaultRunner.evaluate([record], round: round, fault: fault, rate: 1000)
        #expect(abs(result.silentMillis - 400) < 2 && abs(result.writeSilentMillis - 600) < 2)
        #expect(abs(result.writesBackMillis - 600) < 2)
        #expect(result.clientGapMedianMillis == 500 && result.clientGapLongestMillis == 900)
        #expect(result.unknownWrites == 3 && result.unknownReads == 5)
        let back = try #require(result.rateBackMillis)
        #expect(abs(back - 400) < 20, "\(back)")
        // Twice the rate before: it never comes back.
        #expect(FaultRunner.evaluate([record], round: round, fault: fault, rate: 2000).rateBackMillis == nil)
        // A silence before the fault is none of its doing.
        #expect(FaultRunner.evaluate([record], round: round, fault: Self.millis(1500), rate: 1000).silentMillis == 0)
    }

    /// A server that a command starts lives on; the command's answer ends nevertheless.
    @Test func aStartedServerDoesNotKeepTheAnswerOpen() throws {
        let directory = try TemporaryDirectory()
        let place = directory.path
        // Used by the thread alone from here on.
        nonisolated(unsafe) let socket = try ControlSocket(directory: place)
        let asked = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            var child: ChildProcess?
            socket.serve { line in
                child = try? ChildProcess(["sleep", "60"], outputPath: "\(place)/log")
                return "did \(line)"
            }
            asked.wait()
            child?.stop()
            ended.signal()
        }
        let start = Clock.seconds
        #expect(try ControlSocket.send("restart 1", to: place) == "did restart 1")
        #expect(Clock.seconds - start < 30)
        asked.signal()
        ended.wait()
        #expect(throws: LoadError.self) { try ControlSocket.send("status", to: "\(place)/nowhere") }
    }

    @Test func spreads() throws {
        let spread = try #require(Spread((1...100).map(Double.init)))
        #expect(spread.p50 == 50.5 && spread.p99 == 100 && spread.maximum == 100 && spread.count == 100)
        #expect(Spread([]) == nil)
    }

    @Test func mailboxWaitsForEveryThread() {
        let mailbox = RoundMailbox(keepsHistory: true)
        mailbox.put(RoundRecord(number: 1, startNanos: 0))
        #expect(mailbox.take(round: 1, threads: 2) == nil)
        mailbox.put(RoundRecord(number: 2, startNanos: 0))
        mailbox.put(RoundRecord(number: 1, startNanos: 0))
        #expect(mailbox.take(round: 1, threads: 2)?.count == 2)
        #expect(mailbox.take(round: 1, threads: 2) == nil)
        #expect(mailbox.take(round: 2, threads: 1)?.count == 1)
    }
}
