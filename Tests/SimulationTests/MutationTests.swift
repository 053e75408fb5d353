import Foundation
import Testing

@testable import Simulation

/// The checkers find what they are known to find: the table of mistakes in the results says how soon.
@Suite("Known mistakes")
struct MutationTests {
    private static let table: MutationTable? = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        guard let data = try? Data(contentsOf: root.appendingPathComponent("Results/simulation/mutations.json")) else {
            return nil
        }
        return try? JSONDecoder().decode(MutationTable.self, from: data)
    }()

    /// Those that a few seeds find; what traps would end the tests' own process.
    private static var cheap: [String] {
        table?.rows.filter { ($0.median ?? .max) <= 12 && $0.property != "trap" }.map(\.mutation) ?? []
    }

    @Test("the table lists every mistake there is, and no other")
    func tableIsComplete() throws {
        let table = try #require(Self.table)
        #expect(table.rows.map(\.mutation) == Mutation.all.map(\.name))
        for mutation in Mutation.all { #expect(!mutation.summary.isEmpty, "\(mutation.name)") }
        #expect(table.foundCount >= 25)
        #expect(Self.cheap.count >= 10)
        for row in table.rows where row.median == nil {
            #expect(Mutation(name: row.mutation)?.maskedBy != nil, "\(row.mutation) is neither found nor explained")
        }
    }

    @Test("is found within 60 seeds", arguments: cheap)
    func found(_ name: String) throws {
        let mutation = try #require(Mutation(name: name))
        let isFound = (1...60).contains { seed in
            SimulationRun(seed: UInt64(seed), options: SimulationOptions(mutation: mutation)).run().violation != nil
        }
        #expect(isFound, "corral-bench simulate --mutations --mutation \(name) --seeds 60")
    }
}
