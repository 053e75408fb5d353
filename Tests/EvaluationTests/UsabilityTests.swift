import Foundation
import Load
import Testing

@testable import Evaluation

/// What may not be used must not pass as a result, though its status says it is valid.
@Suite("Usability")
struct UsabilityTests {
    /// The first run of every point changed, so that figures agree with their runs all the same.
    private func problems(_ change: (inout BroadcastResult) -> Void, latency: Bool = false) throws -> [String] {
        var summary = try Synthetic.logs(isLatency: latency)
        summary.subjects = summary.subjects.map { result in
            var runs = result.runs
            for index in runs.indices { change(&runs[index]) }
            return BroadcastSummary.SubjectResult(result.subject, runs: runs, seed: summary.plan.seed)!
        }
        return ExperimentCheck.problems(summary)
    }

    private func found(_ problems: [String], _ text: String) -> Bool { problems.contains { $0.contains(text) } }

    @Test("a broadcast with too little traffic, unsteady, or with samples or servers lost is refused")
    func broadcast() throws {
        #expect(try problems { _ in } == [])
        #expect(try problems({ _ in }, latency: true) == [])
        #expect(found(try problems { run in
            run.transactions = 9
            run.throughputPerSecond = 9 / run.windowSeconds
            run.samplesPerSecond = run.samplesPerSecond.map { _ in run.throughputPerSecond }
        }, "too little traffic"))
        #expect(found(try problems { run in
            let rate = run.throughputPerSecond
            run.samplesPerSecond = [1.8, 1.8, 1, 0.2, 0.2].map { $0 * rate }
        }, "are unsteady"))
        #expect(found(try problems { $0.samplesPerSecond.removeLast(3) }, "do not make"))
        #expect(found(try problems { $0.samplesPerSecond = $0.samplesPerSecond.map { $0 * 2 } }, "do not make"))
        #expect(found(try problems { $0.transactions /= 2 }, "not transactions over the window"))
        #expect(found(try problems { $0.windowSeconds /= 2 }, "too short"))
        #expect(found(try problems { $0.servers.removeLast() }, "not all servers"))
        #expect(found(try problems { $0.windowSeconds *= 2 }, "longer than planned"))
        #expect(found(try problems { $0.servers[0].cpuMicrosPerOperation /= 10 }, "per operation are not those"))
        #expect(found(try problems { $0.servers[1].cpuSeconds *= 10 }, "is not user and system time"))
        #expect(found(try problems { run in
            run.description.durability = run.description.durability == "fsync" ? "no fsync" : "fsync"
        }, "was planned"))
        #expect(found(try problems { $0.description.settings["forceSync"] = "perhaps" }, "forceSync=perhaps"))
        #expect(found(try problems { run in
            run.throttling = try? JSONDecoder().decode(
                Throttling.self, from: Data(#"{"periods": 9, "throttledPeriods": 1, "throttledNanos": 1}"#.utf8))
        }, "none was planned"))
    }

    @Test("a broadcast whose budget is not the one that held its servers back is refused")
    func budget() throws {
        func problems(_ change: (inout BroadcastSummary) throws -> Void) throws -> [String] {
            var summary = try Synthetic.broadcast()
            try change(&summary)
            return ExperimentCheck.problems(summary)
        }
        #expect(try problems { _ in } == [])
        #expect(found(try problems { $0.plan.budget = try CpuBudget(percent: 1) }, "beyond its budget"))
        #expect(found(try problems { $0.plan.budget = nil }, "none was planned"))
        #expect(found(try problems { $0.subjects[0].runs[0].throttling = nil }, "periods were counted"))
        #expect(found(try problems { $0.statusReasons = ["3 were refused"] }, "with reasons against it"))
    }

    @Test("creates that the generator bounds, that are unsteady, too few or not all deleted are refused")
    func creates() throws {
        func problems(_ change: (inout CreatesFigure) -> Void) throws -> [String] {
            var summary = try Synthetic.creates()
            summary.rows = summary.rows.map { row in
                var runs = row.runs
                for index in runs.indices { change(&runs[index]) }
                return CreatesSummary.Row(
                    row.subject, workers: row.workers, runs: runs, paper: row.paperPerSecond, seed: summary.plan.seed)!
            }
            return ExperimentCheck.problems(summary)
        }
        #expect(try problems { _ in } == [])
        #expect(found(try problems { $0.generatorCpuShare = 0.97 }, "bound by the generator"))
        #expect(found(try problems { $0.firstHalfShare = 0.1 }, "are unsteady"))
        #expect(found(try problems { $0.leftZnodes = 3 }, "deletions were lost"))
        #expect(found(try problems { $0.creates = 1 }, "too little traffic"))
        #expect(found(try problems { $0.creates -= 1 }, "were asked for"))
        #expect(found(try problems { $0.meanMillis /= 100 }, "does not go with"))
        #expect(found(try problems { $0.meanMillis *= 2 }, "does not go with"))
        #expect(found(try problems { $0.p99Millis /= 100 }, "percentiles do not rise"))
        #expect(found(try problems { $0.p50Millis *= 1.2 }, "p50 is not that of the histogram"))
        #expect(found(try problems { $0.creates -= 1 }, "the count is not that of the histogram"))
        #expect(found(try problems { $0.latencies.encoded.removeLast(8) }, "the histogram is broken"))
        #expect(found(try problems { $0.serverCpuMicrosPerCreate = 0 }, "servers' CPU time is not"))
        #expect(found(try problems { $0.serverCpuSeconds = 1e9 }, "is not CPU time over creates"))
        var summary = try Synthetic.creates()
        let paper = try Project.paper()
        #expect(ExperimentCheck.paperProblems(summary, paper) == [])
        for index in summary.rows.indices { summary.rows[index].paperPerSecond? *= 10 }
        #expect(found(ExperimentCheck.paperProblems(summary, paper), "3, 1 workers: the paper has 776, not 7760"))
        summary.descriptions["corral"]?.durability = "no fsync"
        #expect(found(ExperimentCheck.problems(summary), "and its settings have forceSync=yes"))
        #expect(found(ExperimentCheck.problems(summary), "what is compared differs in durability"))
        summary.plan.settings = ["tickTime": "1"]
        #expect(found(ExperimentCheck.problems(summary), "tickTime was not set, the plan has 1"))
        summary.statusReasons = ["5 creates were refused"]
        #expect(found(ExperimentCheck.problems(summary), "with reasons against it"))
    }

    @Test("barriers that the generator bounds, that clients left at different times or not at all are refused")
    func barriers() throws {
        func problems(_ change: (inout BarriersFigure) -> Void) throws -> [String] {
            var summary = try Synthetic.barriers()
            summary.rows = summary.rows.map { row in
                var runs = row.runs
                for index in runs.indices { change(&runs[index]) }
                return BarriersSummary.Row(
                    row.subject, runs: runs, paper: row.paperSeconds, seed: summary.plan.seed)!
            }
            return ExperimentCheck.problems(summary)
        }
        #expect(try problems { _ in } == [])
        #expect(found(try problems { $0.generatorCpuShare = 0.96 }, "bound by the generator"))
        #expect(found(try problems { $0.clientSeconds[0] = 3 * $0.clientSeconds[1] }, "ended far apart"))
        #expect(found(try problems { $0.operations -= 2 }, "no whole run"))
        #expect(found(try problems { $0.clientSeconds[0] = 0 }, "no whole run"))
        var summary = try Synthetic.barriers()
        let paper = try Project.paper()
        #expect(ExperimentCheck.paperProblems(summary, paper) == [])
        for index in summary.rows.indices { summary.rows[index].paperSeconds? *= 10 }
        #expect(found(ExperimentCheck.paperProblems(summary, paper), "the paper has"))
    }

    @Test("one doubtful point of many is marked, a quarter of all is too much")
    func share() {
        #expect(Usability.tooMany(["a"], of: 4, "x") == [] && Usability.tooMany([], of: 0, "x") == [])
        #expect(Usability.tooMany(["a", "b"], of: 4, "are odd") == ["2 of 4 points are odd: a, b"])
        #expect(Usability.isUnsteady([1, 1, 1, 2, 2, 2]) && !Usability.isUnsteady([9, 10, 11, 10]))
        #expect(!Usability.isUnsteady([5]) && Usability.isUnsteady([0, 0]))
    }

    @Test("what is left is expected to take as long, against its estimate, as what was done")
    func pace() {
        var pace = Pace()
        #expect(pace.seconds(100) == 100)
        pace.add(estimated: 10, took: 14)
        pace.add(estimated: 30, took: 36)
        #expect(pace.seconds(80) == 100)
    }

    @Test("a saturation most of whose points the generator bounds decides nothing")
    func saturation() throws {
        var summary = try Synthetic.saturation()
        #expect(SaturationSummary.unusable(summary.subjects) == [])
        let plan = summary.plan
        summary.subjects = try summary.subjects.map { result in
            var result = result
            for index in result.figures.indices {
                result.figures[index] = try Synthetic.figure(
                    servers: result.subject.servers, reads: result.figures[index].point.readPercent,
                    rates: [9000, 9100], leader: 1, follower: 1, generatorBound: true, plan: plan)
            }
            return result
        }
        #expect(SaturationSummary.unusable(summary.subjects).first?.contains("30 of 30 points are bound") == true)
        // A verdict that was taken out does not help: the CPU time tells.
        for subject in summary.subjects.indices {
            for figure in summary.subjects[subject].figures.indices {
                for run in summary.subjects[subject].figures[figure].runs.indices {
                    summary.subjects[subject].figures[figure].runs[run].generator.generatorBound = false
                    summary.subjects[subject].figures[figure].runs[run].generator.cpuShare = 0.97
                }
            }
        }
        #expect(SaturationSummary.unusable(summary.subjects).first?.contains("30 of 30 points are bound") == true)
    }
}
