import TestSupport
import Testing

/// Ensembles of either kind of server, and of both, serve as one.
@Suite("Ensembles serve", .serialized)
struct ServeTests {
    @Test("clients of different servers", arguments: Combination.fewUnderTest)
    func scenarios(_ combination: Combination) throws {
        let ensemble = try combination.start()
        for scenario in Scenarios.all {
            do {
                try scenario.run(Scenarios(ensemble: ensemble))
            } catch {
                Issue.record("\(scenario.name), \(combination.testDescription): \(error)")
            }
        }
        try ensemble.expectAgreement()
    }
}
