import CPlatform
import Foundation
import Testing

@testable import Load

struct MeasureTests {
    @Test func steadinessNeedsLevelAndCalm() {
        var test = SteadinessTest()
        for _ in 0..<9 { test.add(100) }
        #expect(!test.isSteady)
        test.add(101)
        #expect(test.isSteady)
        var rising = SteadinessTest()
        for step in 0..<50 { rising.add(100 + 10 * Double(step)) }
        #expect(!rising.isSteady)
        var wild = SteadinessTest()
        for step in 0..<50 { wild.add(step % 2 == 0 ? 50 : 150) }
        #expect(!wild.isSteady)
        var dead = SteadinessTest()
        for _ in 0..<50 { dead.add(0) }
        #expect(!dead.isSteady)
        // It forgets a bad start.
        for _ in 0..<10 { wild.add(100) }
        #expect(wild.isSteady)
    }

    @Test func estimates() throws {
        #expect(Estimate([]) == nil)
        #expect(Estimate([3])?.interval == "single")
        let few = try #require(Estimate([1, 9, 5]))
        #expect(few.median == 5 && few.low == 1 && few.high == 9 && few.interval == "min..max")
        let many = try #require(Estimate([10, 11, 12, 13, 14, 15, 16, 17, 18, 100]))
        #expect(many.median == 14.5 && many.interval == "bootstrap 95 %")
        #expect(many.low >= 10 && many.low <= many.median && many.high >= many.median && many.high < 100)
        #expect(Estimate([10, 11, 12, 13, 14, 15, 16, 17, 18, 100]) == many)
    }

    @Test func generatorBoundHasReasons() {
        #expect(LoadRun.boundReasons(cpuShare: 0.5, delayP99Nanos: nil, medianNanos: 1000).isEmpty)
        #expect(LoadRun.boundReasons(cpuShare: 0.99, delayP99Nanos: nil, medianNanos: 1000).count == 1)
        #expect(LoadRun.boundReasons(cpuShare: 0.5, delayP99Nanos: 99, medianNanos: 1000).isEmpty)
        #expect(LoadRun.boundReasons(cpuShare: 0.5, delayP99Nanos: 101, medianNanos: 1000).count == 1)
    }

    @Test func processAccountingSeesWork() throws {
        let before = try ProcessSnapshot(pid: getpid())
        var random = RandomSource(seed: 1)
        var sum: UInt64 = 0
        let start = Clock.seconds
        // So much CPU time, however long a busy machine takes to give it.
        let spent = corral_thread_cpu_nanos()
        while corral_thread_cpu_nanos() - spent < 100_000_000, Clock.seconds - start < 20 { sum &+= random.next() }
        let after = try ProcessSnapshot(pid: getpid())
        let usage = ServerUsage(pid: getpid(), from: before, to: after, operations: 1000, nanos: 200_000_000)
        #expect(usage.cpuSeconds > 0.05, "\(sum)")
        #expect(abs(usage.cpuMicrosPerOperation - usage.cpuSeconds * 1000) < 1e-6)
        #expect(usage.residentBytes > 1 << 20)
        #expect(throws: LoadError.self) { try ProcessSnapshot(pid: 4_000_000) }
    }

    @Test func numbersInWords() {
        #expect(fixed(1.005, 1) == "1.0" && fixed(-2.55, 1) == "-2.6" && fixed(0.05, 2) == "0.05")
        #expect(short(950) == "950" && short(12_345) == "12.3k" && short(4_560_000) == "4.56M")
        #expect(shortTime(800) == "800 ns" && shortTime(1500) == "1.5 µs" && shortTime(2.5e6) == "2.50 ms")
    }
}

struct SweepTests {
    private func plan(_ seed: UInt64) -> SweepPlan {
        var plan = SweepPlan()
        plan.servers = [.corral, .apache]
        plan.blocksPerServer = 4
        plan.seed = seed
        return plan
    }

    @Test func blocksInterleave() {
        for seed in 1...20 as ClosedRange<UInt64> {
            let blocks = plan(seed).blocks
            #expect(blocks == plan(seed).blocks)
            let order = blocks.filter { $0.server != .null }.map(\.server)
            let first = order[0]
            let second = order[1]
            #expect(first != second)
            #expect(order == [first, second, second, first, first, second, second, first])
            for block in blocks where block.server != .null {
                #expect(Set(block.points) == Set(plan(seed).points))
            }
        }
        let starts = Set((1...20 as ClosedRange<UInt64>).map { plan($0).blocks[1].server })
        #expect(starts == [.corral, .apache])
    }

    @Test func ratiosComeFromPairs() throws {
        let directory = try TemporaryDirectory()
        let server = try ServerThread()
        let run = try runToFiles(try shortConfiguration(server.address), directory).0.repeats[0]
        func runs(_ cpu: [Double]) -> [RepeatResult] {
            cpu.map {
                var copy = run
                copy.servers[0].cpuMicrosPerOperation = $0
                return copy
            }
        }
        let point = plan(1).points[0]
        let figures = [
            try #require(SweepFigure(point, .corral, runs: runs([1, 2, 3]), rawFiles: [], seed: 1)),
            try #require(SweepFigure(point, .apache, runs: runs([10, 10, 10]), rawFiles: [], seed: 1)),
        ]
        let comparison = try #require(SweepSummary.compare(.corral, .apache, in: figures, seed: 1).first)
        #expect(comparison.cpuRatio.samples == [0.1, 0.2, 0.3])
        #expect(comparison.cpuRatio.median == 0.2)
    }

    /// Whichever side the generator held back, its ratios say so.
    @Test func ratiosOfGeneratorBoundFiguresAreMarked() throws {
        let directory = try TemporaryDirectory()
        let server = try ServerThread()
        let run = try runToFiles(try shortConfiguration(server.address), directory).0
        for bound in [[], [ServerKind.corral], [.apache], [.corral, .apache]] {
            let plan = plan(1)
            let figures = try plan.servers.flatMap { kind in
                try plan.points.prefix(2).enumerated().map { index, point in
                    var figure = try #require(SweepFigure(point, kind, runs: run.repeats, rawFiles: [], seed: 1))
                    // The second point never is.
                    figure.generatorBound = index == 0 && bound.contains(kind)
                    return figure
                }
            }
            let summary = SweepSummary(
                experiment: "sweep", label: "made-up", status: .valid, statusReasons: [], startedAt: "",
                elapsedSeconds: 1, environment: run.environment, plan: plan, blockOrder: [], servers: [:],
                figures: figures,
                comparisons: SweepSummary.compare(.corral, .apache, in: figures, seed: 1))
            for text in [SweepTable.text(summary), SweepTable.markdown(summary)] {
                let table = try #require(text.components(separatedBy: "Corral against Apache").last)
                let rows = table.split(separator: "\n").filter { $0.contains("saturation") }
                #expect(rows.count == 2)
                #expect(rows.first?.count { $0 == "*" } == (bound.isEmpty ? 0 : 3), "\(text)")
                #expect(rows.last?.contains("*") == false, "\(text)")
                #expect(text.contains("A ratio has the mark") == !bound.isEmpty)
            }
        }
    }

    @Test func aGeneratorBesideServersCanBeTheLimit() {
        func share(_ own: Double, _ servers: Double, threads: Int = .max) -> Double {
            ProcessorTime.share(own, beside: servers, over: 1, threads: threads, processors: 2)
        }
        // Nothing is left of two CPUs, and the greater part is the generator's.
        #expect(share(1.3, 0.68) > 0.95)
        #expect(share(1, 1) > 0.95)
        // The servers have the greater part: they are the limit.
        #expect(share(0.2, 1.8) < 0.25)
        #expect(share(0.84, 1.1) < 0.9)
        // Half of the machine is idle.
        #expect(share(0.5, 0.5) < 0.5)
        // One thread has one CPU.
        #expect(share(0.98, 0.3, threads: 1) > 0.95)
        #expect(share(0, 0) == 0 && ProcessorTime.share(1, beside: 0, over: 0) == 0)
    }

    @Test func readSharesAreLabelled() {
        #expect(
            SweepPlan.paperReadPercents.map(SweepFiles.readLabel) == [
                "0 %%", "50 %%\\n1:1", "66.7 %%\\n2:1", "90.9 %%\\n10:1", "99.0 %%\\n100:1", "100 %%",
            ])
    }
}
