import Testing

@testable import Evaluation
@testable import Load

/// What experiments add to the history.
struct ExperimentHistoryTests {
    @Test("an experiment's line has Corral's costs, and tells plans apart; a peer's are left out")
    func costs() throws {
        let saturation = try Synthetic.saturation()
        var creates = try Synthetic.creates()
        try Synthetic.withResults(["figure-5": saturation, "table-2": creates]) { place in
            let curve = try HistoryEntry.of(experiment: "\(place)/results/figure-5/made-up")
            #expect(curve.source.hasPrefix("figure-5 \(saturation.scale.rawValue), plan "))
            #expect(curve.metrics.count == 2 * saturation.subjects.count, "the curves' ends")
            #expect(curve.metrics.keys.contains { $0.hasPrefix("µs/op, corral-3, 0.0 % reads") })
            let table = try HistoryEntry.of(experiment: "\(place)/results/table-2/made-up")
            #expect(table.metrics["µs/create, corral-3, 1 workers"] == 300)
            #expect(table.metrics.keys.allSatisfy { !$0.contains("apache") })
            creates.plan.createsPerWorker += 1
            try ResultFiles.write(
                try ResultFiles.json(creates), to: "\(place)/results/table-2/made-up/summary.json")
            let other = try HistoryEntry.of(experiment: "\(place)/results/table-2/made-up")
            #expect(other.source != table.source && other.metrics == table.metrics)
        }
    }

    @Test("a result that is not valid or not there becomes no history")
    func refused() throws {
        var creates = try Synthetic.creates()
        creates.status = .invalid
        try Synthetic.withResults(["table-2": creates]) { place in
            #expect(throws: LoadError.self) { try HistoryEntry.of(experiment: "\(place)/results/table-2/made-up") }
            #expect(throws: LoadError.self) { try HistoryEntry.of(experiment: "\(place)/results/table-9/made-up") }
        }
    }
}
