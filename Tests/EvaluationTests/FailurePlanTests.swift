import Foundation
import Testing

@testable import Evaluation
@testable import Load

@Suite("Failure scripts")
struct FailurePlanTests {
    private func plan(_ events: String, more: String = "") throws -> FailureExperimentPlan {
        let text = "title: x\nkind: failures\nseconds: 30\n\(more)events:\n\(events)"
        guard case .failures(let plan) = try ExperimentFile(text: text, path: "some/f.yaml", scale: .full).body else {
            throw LoadError.usage("another kind")
        }
        return plan
    }

    @Test("a script is read as it is written, and its twin has no events")
    func script() throws {
        let plan = try plan(
            """
            - {at: 2, kill: follower, as: a, label: "1"}
            - {at: 3.5, start: a}
            - {at: 9, cut: leader, as: b, shape: reset}
            - {at: 12, slow: a, writesPerSecond: 20}
            - {at: 14, mend: a}

            """)
        #expect(
            plan.run.steps == [
                FailureStep(at: 2, .kill, "follower", as: "a", label: "1"), FailureStep(at: 3.5, .start, "a"),
                FailureStep(at: 9, .cut, "leader", as: "b", shape: .reset),
                FailureStep(at: 12, .slow, "a", writesPerSecond: 20), FailureStep(at: 14, .mend, "a"),
            ])
        #expect(plan.subjects.map(\.name) == ["corral", "corral-without-failures"])
        let twin = plan.plan(for: plan.subjects[1])
        #expect(twin.steps.isEmpty && twin.seconds == 30 && twin.seed == plan.run.seed)
        #expect(twin.window == plan.run.window && twin.readPercent == plan.run.readPercent)
        #expect(try self.plan("- {at: 2, kill: leader}\n", more: "twinSeconds: 0\n").subjects.count == 1)
    }

    @Test(
        "scripts that cannot be carried out are refused",
        arguments: [
            ("- {at: 2, start: a}\n", "no earlier event names"),
            ("- {at: 2, kill: follower, as: a}\n- {at: 3, kill: a}\n", "'a' is away already"),
            ("- {at: 2, kill: follower, as: a}\n- {at: 3, resume: a}\n", "is not in need of it"),
            ("- {at: 4, kill: follower, as: a}\n- {at: 3, start: a}\n", "in the order of time"),
            ("- {at: 29.9, kill: leader}\n", "the run lasts 30.0 s"),
            ("- {at: 1, kill: leader}\n- {at: 2, kill: leader}\n- {at: 3, kill: leader}\n", "no majority of 5"),
            ("- {at: 1, start: leader}\n", "bring it back by name"),
            ("- {at: 1, kill: leader, shape: silent}\n", "only a cut has a shape"),
            ("- {at: 1, slow: leader}\n", "a slow disk has writesPerSecond"),
            ("- {at: 1, kill: leader, writesPerSecond: 9}\n", "and nothing else has"),
            ("- {at: 1, slow: leader, as: a, writesPerSecond: 9}\n- {at: 2, heal: a}\n", "is not in need of it"),
            ("- {kill: leader}\n", "some/f.yaml:5: 'at' is missing"),
            ("- {at: 1, kill: leader, pause: leader}\n", "is a second thing to do"),
            ("- {at: 1, slay: leader}\n", "or resume or cut or heal or slow or mend' is missing"),
            ("- {at: 1, kill: leader, hurry: 1}\n", "'hurry' is no field"),
            ("- 3\n", "is a list of mappings"),
            ("  []\n", "lists what happens"),
        ])
    func mistakes(events: String, message: String) {
        let error = #expect(throws: LoadError.self) { try plan(events) }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    // MARK: Runs that prove nothing

    /// A load that was measured once, with clients that follow the service.
    private func load() throws -> RepeatResult {
        let path = "\(Project.directory)/Results/faults/reference/summary.json"
        let data = try #require(FileManager.default.contents(atPath: path))
        return try #require(try JSONDecoder().decode(FaultSummary.self, from: data).load)
    }

    private func mark(_ step: FailureStep, rate: Double = 5000, late: Double = 0.01) -> FailureMark {
        FailureMark(
            step: step, server: 1, leaderBefore: 2, atSeconds: step.atSeconds + late, clientsBefore: [1, 1, 1],
            rateBefore: rate, silentMillis: 0, writeSilentMillis: 0, servesMillis: step.kind.isFault ? nil : 300,
            clientGapMedianMillis: 1, clientGapLongestMillis: 2, connectionsLost: 0, sessionsLost: 0,
            unknownWrites: 0, unknownReads: 0, failedRequests: 0)
    }

    @Test("too little traffic, lost or late events, and a load that ended early make a run invalid")
    func invalid() throws {
        let plan = try FailurePlan(seconds: 20, steps: [
            FailureStep(at: 5, .kill, "follower", as: "a"), FailureStep(at: 8, .start, "a"),
        ])
        var load = try load()
        load.violations = Violations()
        load.stopReason = nil
        load.windowSeconds = 20.02
        load.generator.generatorBound = false
        load.generator.cpuShare = 0.4
        let marks = plan.steps.map { mark($0) }
        func problems(
            _ marks: [FailureMark], _ load: RepeatResult, slices: Double = 20, failure: String? = nil,
            isPartial: Bool = false
        ) -> [String] {
            plan.problems(
                marks: marks, load: load, slicesSeconds: slices, failure: failure, isPartial: isPartial)
        }
        #expect(problems(marks, load) == [])
        #expect(problems([marks[0]], load) == ["1 of 2 events were lost"])
        #expect(problems([marks[0]], load, isPartial: true) == [])
        #expect(problems([mark(plan.steps[0], rate: 20), marks[1]], load)[0].contains("too little traffic"))
        #expect(problems([marks[0], mark(plan.steps[1], rate: 20)], load) == [])
        #expect(problems([mark(plan.steps[0], late: 3), marks[1]], load)[0].contains("3.0 s late"))
        var away = marks[1]
        away.servesMillis = nil
        #expect(problems([marks[0], away], load)[0].contains("did not serve again"))
        #expect(problems([marks[0], away], load, isPartial: true) == [])
        #expect(problems(marks, load, slices: 12)[0].contains("the series covers 12.0 s"))
        #expect(problems(marks, load, failure: "no server leads") == ["no server leads"])
        var short = load
        short.windowSeconds = 11
        #expect(problems(marks, short, slices: 11)[0].contains("the load ended after 11.0 s"))
        var stopped = load
        stopped.stopReason = "connection 3: closed"
        #expect(problems(marks, stopped) == ["the load stopped: connection 3: closed"])
        var broken = load
        broken.violations.add(.zxidOrder, example: "7 after 8")
        #expect(problems(marks, broken).count == 1)
        var bound = load
        bound.generator.cpuShare = 0.97
        #expect(problems(marks, bound)[0].contains("generator-bound"), "whatever its own verdict says")
        var late = load
        late.generator.generatorBoundReasons = ["send delay p99 140 us exceeds a tenth of the median response time"]
        late.generator.generatorBound = true
        late.generator.sendDelay = load.latency
        late.generator.sendDelay!.p99Nanos = 9_900_000
        #expect(problems(marks, late) == [], "later than a median response time is not later than a slice")
        late.generator.sendDelay!.p99Nanos = 10_100_000
        #expect(problems(marks, late)[0].contains("generator-bound: send delay p99"))
    }

    // MARK: What is derived

    @Test("what followed an event is taken from the records between it and the next")
    func derived() throws {
        func millis(_ value: Int) -> UInt64 { 1_000_000_000 + UInt64(value) * 1_000_000 }
        /// Ten successes each ten milliseconds, four of them writes, but for a gap.
        func record(_ number: Int, from start: Int, to end: Int, silent: Range<Int> = 0..<0) -> RoundRecord {
            var record = RoundRecord(number: number, startNanos: millis(start))
            for time in stride(from: start, to: end, by: 5) where !silent.contains(time) {
                record.any.note(5, at: millis(time))
                record.writes.note(2, at: millis(time))
            }
            record.any.close(at: millis(end))
            record.writes.close(at: millis(end))
            return record
        }
        let before = record(0, from: 0, to: 2000)
        var fault = record(1, from: 2000, to: 4000, silent: 2000..<2300)
        fault.gaps = [300_000_000, 310_000_000, 50_000_000]
        fault.firstErrorNanos = millis(2004)
        fault.connectionsLost = 2
        fault.unknown[OperationKind.set.rawValue] = 3
        fault.unknown[OperationKind.read.rawValue] = 7
        fault.failed[OperationKind.read.rawValue] = 1
        fault.clients = [0, 2, 1]
        var first = before
        first.clients = [1, 1, 1]
        let slices = (0..<40).map { index in
            FailureSlice(
                startSeconds: Double(index) / 10, seconds: 0.1, ratePerSecond: (20..<23).contains(index) ? 0 : 1000,
                writesPerSecond: 400, errors: 0)
        }
        let samples = [
            StalenessSample(server: 2, sentNanos: millis(1000), behindNanos: 0, behindZxids: 0),
            StalenessSample(server: 2, sentNanos: millis(2500), behindNanos: 40_000_000, behindZxids: 12),
            StalenessSample(server: 3, sentNanos: millis(2600), behindNanos: 0, behindZxids: nil),
        ]
        let step = FailureStep(at: 2, .kill, "leader")
        let evaluation = FailureEvaluation(
            done: [.init(step: step, server: 1, leaderBefore: 1, nanos: millis(2000))], records: [[first], [fault]],
            slices: slices, samples: samples, servers: 3)
        let mark = try #require(evaluation.marks.first)
        #expect(mark.atSeconds == 2 && mark.server == 1 && mark.clientsBefore == [1, 1, 1])
        #expect(abs(mark.rateBefore - 1000) < 1)
        #expect(mark.firstErrorMillis == 4 && mark.silentMillis == 300 && mark.writeSilentMillis == 300)
        let back = try #require(mark.rateBackMillis)
        #expect(abs(back - 300) <= 60, "\(back)")
        #expect(mark.clientGapMedianMillis == 300 && mark.clientGapLongestMillis == 310)
        #expect(mark.connectionsLost == 2 && mark.unknownWrites == 3 && mark.unknownReads == 7)
        #expect(mark.failedRequests == 1 && mark.sessionsLost == 0)
        let staleness = try #require(mark.staleness)
        #expect(staleness.reads == 2 && staleness.readsBehind == 1 && staleness.longestMillis == 40)
        #expect(staleness.mostZxids == 12 && staleness.longestMillisByServer == [nil, 40, 0])
        #expect(evaluation.stalenessBefore?.reads == 1 && evaluation.stalenessBefore?.readsBehind == 0)
    }

    @Test("a read is behind when a write acknowledged before it does not show")
    func staleness() {
        var writes = AcknowledgedWrites()
        writes.add(.init(sequence: 1, acknowledgedNanos: 100, zxid: 0x1_0000_0001))
        // Number 2's outcome was never known.
        writes.add(.init(sequence: 3, acknowledgedNanos: 300, zxid: 0x1_0000_0007))
        writes.add(.init(sequence: 4, acknowledgedNanos: 400, zxid: 0x2_0000_0001))
        let third = writes.writes[1]
        func sample(_ newest: AcknowledgedWrites.Write, shown: UInt64, zxid: Int64) -> StalenessSample {
            writes.sample(server: 1, sentNanos: 450, newest: newest, shown: shown, zxid: zxid)
        }
        #expect(sample(third, shown: 3, zxid: 0x1_0000_0009).behindNanos == 0)
        #expect(sample(third, shown: 1, zxid: 0x1_0000_0005) == StalenessSample(
            server: 1, sentNanos: 450, behindNanos: 150, behindZxids: 2))
        // Number 2 came late, behind what was acknowledged.
        #expect(sample(third, shown: 2, zxid: 0x1_0000_0008).behindNanos == 0)
        // Across leaders only the time can be told.
        #expect(sample(writes.writes[2], shown: 3, zxid: 0x1_0000_0009) == StalenessSample(
            server: 1, sentNanos: 450, behindNanos: 50, behindZxids: nil))
    }
}
