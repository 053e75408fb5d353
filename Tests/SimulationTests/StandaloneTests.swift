import Testing

@testable import Simulation

@Suite("Simulation of one server")
struct StandaloneTests {
    @Test("nothing is found wrong", arguments: 0..<30)
    func seeds(_ seed: Int) {
        let result = SimulationRun(seed: UInt64(seed), options: SimulationOptions(servers: 1)).run()
        #expect(result.violation == nil, "corral-bench simulate --servers 1 --seed \(seed): \(result.violation!)")
        #expect(result.successes > 0)
    }

    @Test("the same seed is the same run, to the byte", arguments: [1, 2, 3])
    func determinism(_ seed: Int) {
        let runs = (0..<2).map { _ in
            SimulationRun(seed: UInt64(seed), options: SimulationOptions(servers: 1)).run()
        }
        #expect(runs[0].traceHash == runs[1].traceHash)
        #expect(runs[0].events == runs[1].events)
    }
}
