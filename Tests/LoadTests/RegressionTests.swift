import Foundation
import Testing

@testable import Load

/// The statistics of comparisons, on data whose answers are known.
struct SignedRankTests {
    private func close(_ value: Double, _ expected: Double, _ tolerance: Double = 1e-9) -> Bool {
        abs(value - expected) <= tolerance
    }

    @Test func sumsOfRanksAreCounted() {
        // Ranks 1, 2, 3: each sum of 0...6 once, but 3 twice.
        let counts = SignedRankTest.distribution(doubledRanks: [2, 4, 6])
        #expect(stride(from: 0, through: 12, by: 2).map { counts[$0] } == [1, 1, 1, 2, 1, 1, 1])
        #expect(counts.reduce(0, +) == 8)
        // The tables' critical value for 10 pairs at 5 %, two-sided, is 8.
        let ten = SignedRankTest.distribution(doubledRanks: (1...10).map { 2 * $0 })
        #expect(SignedRankTest.lowerTail(ten, upTo: 16) < 0.025)
        #expect(SignedRankTest.lowerTail(ten, upTo: 18) > 0.025)
    }

    /// Darwin's cross- and self-fertilized maize: 15 differences in eighths of an inch, p = 0.04126.
    @Test func darwinsMaize() throws {
        let differences: [Double] = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
        let test = try #require(SignedRankTest(differences))
        #expect(close(test.pValue, 0.04126, 5e-6))
        #expect(test.low > 0 && test.low < test.estimate && test.estimate < test.high)
        #expect(test.confidence >= 0.95 && test.confidence < 0.96)
        // The other way round it is the same, with the signs changed.
        let mirrored = try #require(SignedRankTest(differences.map { -$0 }))
        #expect(close(mirrored.pValue, test.pValue) && close(mirrored.estimate, -test.estimate))
        #expect(close(mirrored.low, -test.high) && close(mirrored.high, -test.low))
    }

    @Test func sixPairsReachTheirLimit() throws {
        let test = try #require(SignedRankTest([1, 2, 3, 4, 5, 6]))
        #expect(close(test.pValue, 2.0 / 64) && close(test.confidence, 1 - 2.0 / 64))
        #expect(test.low == 1 && test.high == 6 && test.estimate == 3.5)
        // Five pairs cannot say 95 %.
        #expect(try #require(SignedRankTest([1, 2, 3, 4, 5])).confidence < 0.95)
    }

    @Test func tiesAndZeros() throws {
        #expect(try #require(SignedRankTest([0, 0, 0, 0])).pValue == 1)
        // Six equal steps up: as certain as six can be.
        #expect(close(try #require(SignedRankTest([1, 1, 1, 1, 1, 1])).pValue, 2.0 / 64))
        #expect(SignedRankTest([]) == nil)
        #expect(SignedRankTest([1, .infinity]) == nil)
    }

    /// The interval is the test turned round: it holds exactly the shifts that are not rejected.
    @Test func theIntervalIsTheTestInverted() throws {
        var random = RandomSource(seed: 7)
        for _ in 0..<20 {
            let values = (0..<11).map { _ in random.unit() - 0.4 }
            let test = try #require(SignedRankTest(values))
            for (shift, isInside) in [
                (test.low - 1e-6, false), (test.low + 1e-6, true), (test.high - 1e-6, true), (test.high + 1e-6, false),
            ] {
                let shifted = try #require(SignedRankTest(values.map { $0 - shift }))
                #expect((shifted.pValue > 0.05) == isInside, "\(values) \(shift) \(shifted.pValue)")
            }
        }
    }

    /// Without a difference it cries wolf in about one of twenty.
    @Test func theRateOfFalseAlarms() throws {
        var random = RandomSource(seed: 11)
        var alarms = 0
        for _ in 0..<2000 {
            let values = (0..<10).map { _ in random.unit() + random.unit() - random.unit() - random.unit() }
            if try #require(SignedRankTest(values)).pValue <= 0.05 { alarms += 1 }
        }
        #expect((60...140).contains(alarms), "\(alarms) of 2000")
    }
}

struct RegressionVerdictTests {
    private func finding(
        _ ratios: [Double], _ metric: RegressionMetric = .cpuPerRead, effect: Double = 0.05
    ) throws -> RegressionFinding {
        try #require(RegressionFinding(metric, ratios: ratios, base: [1], work: [1], effect: effect))
    }

    private func around(_ center: Double, _ spread: Double, count: Int = 10) -> [Double] {
        (0..<count).map { center * (1 + spread * (Double($0) - Double(count - 1) / 2) / Double(count - 1)) }
    }

    @Test func fourAnswers() throws {
        #expect(try finding(around(1.05, 0.06)).verdict == .slower)
        #expect(try finding(around(0.95, 0.06)).verdict == .faster)
        #expect(try finding(around(1, 0.06)).verdict == .same)
        #expect(try finding(around(1.01, 0.06)).verdict == .same)
        // Too wide to exclude 5 %, though its middle says nothing.
        #expect(try finding(around(1, 0.4)).verdict == .unstable)
        // A middle beyond the border that could as well be none.
        #expect(try finding(around(1.04, 0.5)).verdict == .unstable)
        // However wide, a large effect shows.
        #expect(try finding(around(1.6, 0.4)).verdict == .slower)
        // One wild pair in twelve moves nothing.
        #expect(try finding(around(1, 0.04, count: 11) + [3]).verdict == .same)
        #expect(try finding(around(1.05, 0.04, count: 11) + [0.2]).verdict == .slower)
        // Too few pairs.
        #expect(try finding(around(1.5, 0.01, count: 5)).verdict == .unstable)
    }

    @Test func moreOperationsAreBetter() throws {
        let effect = RegressionMetric.readThroughput.effect(0.05)
        #expect(try finding(around(0.8, 0.02), .readThroughput, effect: effect).verdict == .slower)
        #expect(try finding(around(1.2, 0.02), .readThroughput, effect: effect).verdict == .faster)
        #expect(try finding(around(0.96, 0.02), .readThroughput, effect: effect).verdict == .same)
    }

    @Test func theWholeAnswer() throws {
        let same = try finding(around(1, 0.02))
        let slower = try finding(around(1.1, 0.02), .cpuPerWrite)
        let faster = try finding(around(0.9, 0.02), .cpuPerWrite)
        let unstable = try finding(around(1, 0.5), .cpuPerWrite)
        let latency = try finding(around(2, 0.1), .offeredP99, effect: 0.5)
        let unclear = try finding(around(1, 1.5), .offeredP99, effect: 0.5)
        func verdict(_ findings: [RegressionFinding], _ canaries: [CanaryFinding] = []) -> RegressionVerdict {
            RegressionSummary.verdict(findings, canaries: canaries)
        }
        #expect(verdict([same, same]) == .same)
        #expect(verdict([same, slower]) == .slower)
        #expect(verdict([same, faster]) == .faster)
        #expect(verdict([same, unstable]) == .unstable)
        #expect(verdict([unstable, slower]) == .slower)
        #expect(verdict([same, latency]) == .slower)
        #expect(verdict([same, unclear]) == .same)
        #expect(verdict([]) == .unstable)
        let quiet = try #require(
            CanaryFinding(.memcpy, values: [10, 11, 10, 12], shifts: around(1, 0.02), effect: 0.05, limit: 2))
        #expect(quiet.veto == nil && verdict([same], [quiet]) == .same)
        // The machine changed with the builds.
        let moved = try #require(
            CanaryFinding(.memcpy, values: [10, 11, 10, 12], shifts: around(1.1, 0.02), effect: 0.05, limit: 2))
        #expect(moved.veto != nil && verdict([slower], [moved]) == .unstable)
        // The machine was not one machine.
        let uneven = try #require(
            CanaryFinding(.nullServer, values: [10, 11, 10, 12, 30, 31], shifts: [], effect: 0.05, limit: 2))
        #expect(uneven.veto != nil && verdict([same], [uneven]) == .unstable)
        // A device may take its time.
        let disk = try #require(
            CanaryFinding(.fdatasync, values: [10, 11, 10, 12, 90, 91], shifts: around(1, 0.4), effect: 0.05, limit: 2))
        #expect(disk.veto == nil)
        #expect(RegressionVerdict.same.exitCode == 0 && RegressionVerdict.faster.exitCode == 0)
        #expect(RegressionVerdict.unstable.exitCode == 3 && RegressionVerdict.slower.exitCode == 4)
    }
}

struct RegressionPlanTests {
    @Test func blocksAlternateAndTheSeedDecides() {
        var plan = RegressionPlan()
        plan.rounds = 12
        plan.readQuads = 4
        plan.writeQuads = 2
        let schedule = plan.schedule
        #expect(schedule.count == 12 && plan.schedule == schedule)
        for round in schedule {
            for point in RegressionPoint.allCases {
                let own = round.quads.filter { $0.point == point }
                #expect(own.count == plan.quads(of: point))
                for quad in own {
                    #expect(quad.order[0] == quad.order[3] && quad.order[1] == quad.order[2])
                    #expect(quad.order[0] != quad.order[1])
                }
                if own.count % 2 == 0 {
                    #expect(own.count { $0.order[0] == .base } * 2 == own.count)
                }
            }
        }
        // Over a run either comes first.
        #expect(Set(schedule.map(\.first)).count == 2)
        plan.seed = 2
        #expect(plan.schedule != schedule)
    }

    @Test func whatCannotWorkIsRefused() throws {
        try RegressionPlan().validate()
        for change in [
            { $0.rounds = 5 }, { $0.rounds = 61 }, { $0.effect = 0 }, { $0.effect = 2 }, { $0.blockSeconds = 0.005 },
            { $0.readQuads = 0; $0.writeQuads = 0 }, { $0.readQuads = -1 }, { $0.connections = 0 },
            { $0.window = 0 }, { $0.canaryLimit = 1 }, { $0.offeredRatePerSecond = 0 }, { $0.settleSeconds = -1 },
        ] as [(inout RegressionPlan) -> Void] {
            var plan = RegressionPlan()
            change(&plan)
            #expect(throws: LoadError.self) { try plan.validate() }
        }
    }

    /// Blocks as a run would leave them, the working tree's reads dearer by a factor.
    static func blocks(_ plan: RegressionPlan, slowdown: Double, noise: Double, seed: UInt64) -> [RegressionBlock] {
        var random = RandomSource(seed: seed)
        var blocks: [RegressionBlock] = []
        for round in plan.schedule {
            // The machine is slower or faster for the length of a round, by far more than what is looked for.
            let machine = 1 + random.unit()
            for (number, quad) in round.quads.enumerated() {
                for (position, side) in quad.order.enumerated() {
                    let factor = quad.point == .reads && side == .work ? slowdown : 1
                    let cost = machine * factor * (1 + noise * (random.unit() - 0.5))
                    blocks.append(
                        RegressionBlock(
                            round: round.number, quad: number, position: position, point: quad.point, side: side,
                            completed: 1000, throughputPerSecond: 1000 / cost, serverCpuMicrosPerOperation: cost,
                            serverCpuShare: 0.9, p99Nanos: quad.point == .offered ? 1e6 * cost : nil))
                }
            }
        }
        return blocks
    }

    @Test func fivePercentIsFoundInNoiseThatIsCommonToBoth() throws {
        let plan = RegressionPlan()
        for seed in 1...10 as ClosedRange<UInt64> {
            let slower = RegressionSummary.findings(plan, Self.blocks(plan, slowdown: 1.05, noise: 0.04, seed: seed))
            #expect(slower.first { $0.metric == .cpuPerRead }?.verdict == .slower, "seed \(seed)")
            #expect(slower.first { $0.metric == .cpuPerWrite }?.verdict == .same, "seed \(seed)")
            let same = RegressionSummary.findings(plan, Self.blocks(plan, slowdown: 1, noise: 0.04, seed: seed))
            #expect(RegressionSummary.verdict(same, canaries: []) == .same, "seed \(seed)")
        }
        #expect(RegressionSummary.findings(plan, []).isEmpty)
    }

    /// As measured on a quiet machine: of equal blocks one in ten costs up to half more.
    @Test func blocksThatOthersHeldUpDecideNothing() throws {
        let plan = RegressionPlan()
        var right = 0
        for seed in 1...20 as ClosedRange<UInt64> {
            for slowdown in [1, 1.05] {
                var random = RandomSource(seed: seed &+ 100)
                var blocks = Self.blocks(plan, slowdown: slowdown, noise: 0.08, seed: seed)
                for index in blocks.indices where random.below(10) == 0 {
                    let factor = 1.1 + 0.4 * random.unit()
                    blocks[index].serverCpuMicrosPerOperation *= factor
                    blocks[index].throughputPerSecond /= factor
                }
                let findings = RegressionSummary.findings(plan, blocks)
                let verdict = RegressionSummary.verdict(findings, canaries: [])
                if verdict == (slowdown == 1 ? .same : .slower) { right += 1 }
            }
        }
        #expect(right >= 38, "\(right) of 40")
    }

    @Test func aRoundWithoutAllItsBlocksGivesNoPair() throws {
        let plan = RegressionPlan()
        var blocks = Self.blocks(plan, slowdown: 1, noise: 0.04, seed: 1)
        blocks.remove(at: try #require(blocks.firstIndex { $0.round == 2 && $0.point == .reads }))
        let findings = RegressionSummary.findings(plan, blocks)
        let rounds = { (metric: RegressionMetric) in findings.first { $0.metric == metric }?.rounds.count }
        #expect(rounds(.cpuPerRead) == plan.rounds - 1 && rounds(.readThroughput) == plan.rounds - 1)
        #expect(rounds(.cpuPerWrite) == plan.rounds)
    }
}

struct MicroThresholdTests {
    private let limits = MicroThresholds(
        compiler: "6.3", architecture: "x86_64",
        benchmarks: [
            "a": MicroCost(instructions: 100, allocations: 0), "b": MicroCost(instructions: 50, allocations: 2),
        ])

    private func problems(_ a: MicroCost?, _ b: MicroCost?, isWhole: Bool = true) -> [String] {
        var measured: [String: MicroCost] = [:]
        measured["a"] = a
        measured["b"] = b
        return limits.judge(measured, isWhole: isWhole).flatMap(\.problems)
    }

    @Test func gatesClose() {
        let b = MicroCost(instructions: 50, allocations: 2)
        #expect(problems(MicroCost(instructions: 102.9, allocations: 0.01), b).isEmpty)
        #expect(problems(MicroCost(instructions: 103.1, allocations: 0), b) == ["more instructions"])
        #expect(problems(MicroCost(instructions: 100, allocations: 0.05), b) == ["more allocations"])
        #expect(problems(nil, b) == ["not measured"])
        #expect(problems(nil, b, isWhole: false).isEmpty)
        let unknown = limits.judge(["c": b], isWhole: false)
        #expect(unknown.map(\.problems) == [["no threshold"]])
        let cheap = limits.judge(["a": MicroCost(instructions: 80, allocations: 0)], isWhole: false)
        #expect(cheap[0].problems.isEmpty && cheap[0].isLoose)
        #expect(MicroTable.text(unknown).contains("FAILS: no threshold"))
    }

    @Test func filesAndVersionsAreRead() throws {
        #expect(MicroThresholds.release(of: "Swift version 6.3.1 (swift-6.3.1-RELEASE), -c release") == "6.3")
        #expect(MicroThresholds.release(of: "something else") == nil)
        #expect(MicroRunner.total(inCallgrindFile: "events: Ir\nfn=(1)\n5 7\ntotals: 123456\n") == 123_456)
        #expect(MicroRunner.total(inCallgrindFile: "summary: 99\n") == 99)
        #expect(MicroRunner.total(inCallgrindFile: "events: Ir\n") == nil)
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/t.json"
        #expect(throws: LoadError.self) { try MicroThresholds(path: path) }
        try ResultFiles.write(try ResultFiles.json(limits), to: path)
        #expect(try MicroThresholds(path: path) == limits)
        try ResultFiles.write("{}", to: path)
        #expect(throws: LoadError.self) { try MicroThresholds(path: path) }
    }
}

/// The whole comparison with servers of this build: too short to tell anything, long enough to be whole.
@Suite(.serialized) struct RegressionRunTests {
    private func runner(_ directory: TemporaryDirectory, work: [String: String] = [:]) throws -> RegressionRunner {
        var plan = RegressionPlan()
        plan.rounds = RegressionPlan.minimumRounds
        plan.readQuads = 1
        plan.writeQuads = 1
        plan.offeredQuads = 0
        plan.settleSeconds = 0.05
        plan.connections = 4
        plan.window = 20
        plan.canaryLimit = 1000
        let options = ServerOptions(
            corralPath: CommandTests.product("corral"), benchPath: CommandTests.product("corral-bench"),
            dataRoot: directory.path)
        var changed = options
        changed.extraSettings = work
        let build = RegressionBuild(name: "itself", commit: "unknown", dirty: false)
        return try RegressionRunner(
            plan: plan, base: (build, options), work: (build, changed), progress: ProgressReporter(quiet: true))
    }

    /// A slowdown that no noise hides is found where it is; the result passes its check, and does not when changed.
    @Test func aGrossSlowdownIsFound() throws {
        let directory = try TemporaryDirectory()
        let summary = try runner(directory, work: ["corral.test.readSpinNanos": "100000"]).run(label: "test")
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        let reads = try #require(summary.finding(.cpuPerRead))
        #expect(reads.verdict == .slower && reads.ratio > 2, "\(reads)")
        let writes = try #require(summary.finding(.cpuPerWrite))
        #expect(writes.ratio < reads.ratio / 2, "\(writes)")
        #expect(summary.verdict == .slower, "\(summary.canaries)")
        #expect(summary.work.settings["corral.test.readSpinNanos"] == "100000")
        #expect(summary.base.settings["corral.test.readSpinNanos"] == nil)
        let path = "\(directory.path)/summary.json"
        func problems(_ change: (inout RegressionSummary) -> Void) throws -> [String] {
            var changed = summary
            change(&changed)
            try ResultFiles.write(try ResultFiles.json(changed), to: path)
            return try ResultCheck.problems(path: path)
        }
        #expect(try problems { _ in }.isEmpty)
        #expect(try problems { $0.verdict = .same } == ["the verdict is not the findings'"])
        #expect(try problems { $0.findings[0].ratio = 1 } == ["the findings are not the blocks'"])
        #expect(try problems { $0.canaries[0].spread = 1 } == ["the canaries' findings are not the readings'"])
        #expect(try problems { $0.blocks.removeLast() }.contains { $0.contains("not the blocks that were planned") })
        #expect(try problems { $0.canaryReadings.removeLast() }.contains { $0.contains("canaries are missing") })
        #expect(try problems { $0.status = .partial }.contains { $0.contains("partial") })
        #expect(try problems { $0.schemaVersion = 9 }.contains { $0.contains("version") })
        let entry = try #require(HistoryEntry(summary))
        #expect(entry.metrics["cpuPerRead"] == reads.work)
        var vetoed = summary
        vetoed.canaries[0].veto = "made up"
        #expect(HistoryEntry(vetoed) == nil)
    }

    @Test func aGrossSlowdownOfWritesIsFound() throws {
        let directory = try TemporaryDirectory()
        let summary = try runner(directory, work: ["corral.test.writeSpinNanos": "1000000"]).run(label: "test")
        let writes = try #require(summary.finding(.cpuPerWrite))
        #expect(writes.verdict == .slower && writes.ratio > 2, "\(writes)")
    }
}
