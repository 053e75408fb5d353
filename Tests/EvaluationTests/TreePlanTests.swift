import Foundation
import Load
import Testing

@testable import Evaluation

@Suite("Comparisons of trees and knees, their plans")
struct TreePlanTests {
    private func file(_ text: String, scale: Scale = .full) throws -> ExperimentFile {
        try ExperimentFile(text: text, path: "some/tree.yaml", scale: scale)
    }

    @Test(
        "a mistake is told with its line, or with its limit",
        arguments: [
            ("kind: children\nchildren: [6, 5]\n", "lengths of a list of children rise"),
            ("kind: children\nchildren: [0]\n", "some/tree.yaml:3: 'children' lists whole numbers of 1 to 1000000"),
            ("kind: children\nchildren: 1000000\nconnections: 1000\n", "more than 2 GB: take fewer"),
            ("kind: children\nreads: 4\n", "some/tree.yaml:3: 'reads' is no field"),
            ("kind: multi\nkinds: [corral, etcd]\n", "some/tree.yaml:3: 'kinds' lists servers of ZooKeeper's protocol"),
            ("kind: multi\nkinds: [corral, corral]\n", "some/tree.yaml:3: 'kinds' names corral twice"),
            ("kind: multi\nservers: [3, 3]\n", "some/tree.yaml:3: 'servers' names 3 twice"),
            ("kind: multi\nvalueBytes: 20000\n", "a multi of 100 writes of 20000 bytes is more than a server takes"),
            ("kind: multi\noperations: [2, 2]\n", "some/tree.yaml:3: 'operations' names 2 twice"),
            ("kind: bigTree\nservers: 3\n", "some/tree.yaml:3: 'servers' lists whole numbers of 1 to 1"),
            ("kind: bigTree\nreadPercent: 100\n", "reads and writes are both measured"),
            ("kind: bigTree\nseconds: 1\n", "1000 writes in the window are fewer than the 10000 between snapshots"),
            ("kind: knee\nlowestRate: 10\nhighestRate: 5\n", "rates rise"),
            ("kind: knee\nreads: [50, 50]\n", "each named once"),
            ("kind: knee\nfactor: 1\n", "some/tree.yaml:3: 'factor' is a number of 1.05 to 100"),
        ])
    func mistakes(text: String, message: String) {
        let error = #expect(throws: LoadError.self) { try file("title: x\n" + text) }
        #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }

    @Test("ensembles come in turns from the seed, and a quick scale is short")
    func order() throws {
        let text = "title: x\nkind: multi\nkinds: [corral, apache]\nservers: [1, 3]\nrounds: 2\nseed: 7\n"
        let file = try file(text)
        let names = file.steps.map { $0.split(separator: ",")[0] }
        #expect(names.count == 8 && Array(names[4...]) == names[..<4].reversed())
        #expect(Set(names) == ["corral-1", "corral-3", "apache-1", "apache-3"])
        for name in ["large-children", "multi", "big-tree", "knee"] {
            let own = try ExperimentFile.load(
                name, directory: "\(Project.directory)/Bench/experiments", scale: .quick)
            #expect(own.estimatedSeconds < 60 && own.steps.count == 2, "\(name): \(own.estimatedSeconds)")
        }
    }

    @Test(
        "the search ends at the knee, whatever it is, within its tolerance",
        arguments: [1500.0, 1000, 3999, 4000, 4001, 123_456, 900_000])
    func search(knee: Double) throws {
        var search = KneeSearch(lowest: 1000, highest: 1_000_000, factor: 2, tolerance: 1.1, tries: 1)
        var rates: [Double] = []
        while let rate = search.next {
            rates.append(rate)
            search.add(keptUp: rate <= knee)
        }
        let good = try #require(search.good)
        let bad = try #require(search.bad)
        #expect(good <= knee && bad > knee && bad / good <= 1.1)
        #expect(rates.count < 16 && Set(rates).count == rates.count)
    }

    @Test("the search's ends: nothing is kept up with, everything is, one failure is forgiven")
    func searchEnds() {
        var low = KneeSearch(lowest: 1000, highest: 8000, factor: 2, tolerance: 1.1, tries: 2)
        low.add(keptUp: false)
        #expect(low.next == 1000 && low.bad == nil)
        low.add(keptUp: false)
        #expect(low.next == nil && low.good == nil && low.bad == 1000)
        var high = KneeSearch(lowest: 1000, highest: 7000, factor: 2, tolerance: 1.1, tries: 1)
        var rates: [Double] = []
        while let rate = high.next {
            rates.append(rate)
            high.add(keptUp: true)
        }
        #expect(rates == [1000, 2000, 4000, 7000] && high.good == 7000 && high.bad == nil)
        var forgiving = KneeSearch(lowest: 1000, highest: 2000, factor: 2, tolerance: 1.1, tries: 2)
        for outcome in [false, true, false, true] { forgiving.add(keptUp: outcome) }
        #expect(forgiving.good == 2000 && forgiving.next == nil)
    }
}

@Suite("Steps of a search for the knee")
struct KneeStepTests {
    private let load = try! KneeLoad(
        connections: 10, limitMillis: 20, lowestRate: 1000, highestRate: 64_000, factor: 2, tolerance: 1.5, tries: 1,
        seconds: 1)

    private func step(
        rate: Double = 1000, answered: Int? = nil, p99Millis: Double = 1, delayMillis: Double = 0, cpu: Double = 0.1,
        outstanding: Int = 5
    ) throws -> KneeStep {
        func latency(_ millis: Double) -> String {
            let nanos = Int(millis * 1e6)
            return """
                {"count": \(answered ?? Int(rate)), "minimumNanos": 1, "meanNanos": 1, "p50Nanos": \(nanos / 2),
                 "p90Nanos": \(nanos), "p99Nanos": \(nanos), "p999Nanos": \(nanos), "p9999Nanos": \(nanos),
                 "maximumNanos": \(nanos)}
                """
        }
        let text = """
            {"ratePerSecond": \(rate), "windowSeconds": 1, "completed": \(answered ?? Int(rate)),
             "mostOutstanding": \(outstanding), "response": \(latency(p99Millis)),
             "responseTimes": {"encoded": "", "maximumNanos": 0},
             "sendDelay": \(latency(delayMillis)), "generatorCpuShare": \(cpu), "serverCpuMicrosPerOperation": 3,
             "stealShare": 0, "verdict": "keptUp"}
            """
        var step = try JSONDecoder().decode(KneeStep.self, from: Data(text.utf8))
        step.verdict = KneeStep.verdict(of: step, load: load)
        return step
    }

    @Test("a step is kept up with, late, piles up, or is the generator's fault")
    func verdicts() throws {
        #expect(try step().verdict == .keptUp)
        #expect(try step(p99Millis: 19.9, delayMillis: 19, cpu: 0.99).verdict == .keptUp)
        #expect(try step(p99Millis: 21).verdict == .late)
        #expect(try step(p99Millis: 21, delayMillis: 9).verdict == .late)
        #expect(try step(p99Millis: 21, delayMillis: 11).verdict == .generatorBound)
        #expect(try step(p99Millis: 21, cpu: 0.96).verdict == .generatorBound)
        #expect(try step(answered: 800).verdict == .backlog)
        #expect(try step(answered: 930).verdict == .keptUp, "arrivals are by chance")
        #expect(try step(outstanding: 201).verdict == .backlog)
        #expect(try step(delayMillis: 15, outstanding: 201).verdict == .backlog, "a full socket delays sends too")
        #expect(try step(answered: 800, cpu: 0.99).verdict == .generatorBound)
    }

    @Test("a curve's outcome follows from its steps; where the generator was the limit there is no knee")
    func outcomes() throws {
        func curve(_ steps: [KneeStep]) -> KneeCurve { KneeCurve(readPercent: 50, steps: steps, load: load) }
        let found = curve([try step(), try step(rate: 2000, p99Millis: 30), try step(rate: 2_000_000.squareRoot())])
        #expect(found.outcome == .found && found.ratePerSecond == 2_000_000.squareRoot())
        #expect(found.knee?.verdict == .keptUp)
        let bound = curve([
            try step(), try step(rate: 2000, cpu: 1, outstanding: 999_999),
            try step(rate: 2_000_000.squareRoot(), answered: 1400),
        ])
        #expect(bound.outcome == .generatorBound && bound.isGeneratorBound && bound.remarks[0].contains("INVALID"))
        let below = curve([try step(p99Millis: 25)])
        #expect(below.outcome == .belowLowest && below.ratePerSecond == nil && below.knee == nil)
        #expect(found.remarks == [] && below.remarks == ["no knee: no rate tried was kept up with"])
        let own = try KneeLoad(
            readPercents: [50], connections: 10, limitMillis: 20, lowestRate: 1000, highestRate: 64_000, factor: 2,
            tolerance: 1.5, tries: 1, seconds: 1)
        let everywhere = "the generator was the limit everywhere"
        #expect(own.problems(of: bound, among: [bound]).contains(everywhere))
        #expect(!own.problems(of: bound, among: [bound, found]).contains(everywhere))
        // A rate is pooled where every round has one.
        let file = try ExperimentFile(
            text: "title: x\nkind: knee\nkinds: [corral]\nreads: 50\nrounds: 2\n", path: "knee.yaml", scale: .full)
        let (turns, work): (_, KneeLoad) = try Comparisons.work(file)
        func row(_ curves: [KneeCurve]) -> ComparisonRow {
            let results = curves.enumerated().map { index, curve in
                ComparisonSummary<KneeLoad>.Measured(
                    subject: turns.subjects[0], round: index + 1,
                    result: EnsembleResult(description: .null, figures: [curve]))
            }
            return ComparisonSummary.rows(results, turns: turns, work: work)[0]
        }
        #expect(row([found, found]).estimate("per_s")?.median == found.ratePerSecond)
        #expect(row([found, below]).measures == [] && row([below, found]).remarks == below.remarks)
        #expect(row([bound, found]).isGeneratorBound && row([bound, found]).remarks == bound.remarks)
    }
}
