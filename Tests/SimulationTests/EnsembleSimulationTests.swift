import Testing

@testable import Simulation

@Suite("Simulation of ensembles")
struct EnsembleSimulationTests {
    @Test("nothing is found wrong", arguments: 1...40)
    func seeds(_ seed: Int) {
        let result = SimulationRun(seed: UInt64(seed)).run()
        #expect(result.violation == nil, "corral-bench simulate --seed \(seed): \(result.violation!)")
    }

    @Test("runs have traffic, elections and every way to bring a learner up to date")
    func traffic() {
        let results = (1...12).map { SimulationRun(seed: UInt64($0)).run() }
        // What has too little of it proves nothing.
        #expect(results.map(\.successes).reduce(0, +) > 1200)
        #expect(results.map(\.transactions).reduce(0, +) > 1200)
        #expect(results.map(\.counts.termsOfOffice).reduce(0, +) > 24)
        #expect(results.allSatisfy { $0.successes > 8 })
        #expect(results.contains { $0.counts.diffs > 0 })
        #expect(results.contains { $0.counts.truncations > 0 })
        #expect(results.contains { $0.counts.snapshotsSent > 0 })
    }

    @Test("the same seed is the same run, to the byte", arguments: [1, 2, 3, 4, 5])
    func determinism(_ seed: Int) {
        let runs = (0..<2).map { _ in SimulationRun(seed: UInt64(seed)).run() }
        #expect(runs[0].traceHash == runs[1].traceHash)
        #expect(runs[0].events == runs[1].events)
        #expect(runs[0].virtualNanos == runs[1].virtualNanos)
        #expect(runs[0].faults == runs[1].faults)
    }

    @Test("another seed is another run")
    func otherSeed() {
        #expect(SimulationRun(seed: 1).run().traceHash != SimulationRun(seed: 2).run().traceHash)
    }
}
