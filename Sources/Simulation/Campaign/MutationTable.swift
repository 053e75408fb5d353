import Foundation

/// How many seeds it took to find each known mistake.
public struct MutationTable: Codable, Sendable {
    public struct Row: Codable, Sendable {
        public var mutation: String
        /// Seeds run up to and with the first that found it, for each starting point; nil where none did.
        public var seedsNeeded: [Int?]
        public var property: String?
        public var seed: UInt64?
        public var text: String?

        public init(mutation: String) {
            self.mutation = mutation
            seedsNeeded = []
        }

        public var median: Int? {
            let found = seedsNeeded.compactMap { $0 }.sorted()
            return found.count == seedsNeeded.count && !found.isEmpty ? found[found.count / 2] : nil
        }
    }

    public var rows: [Row] = []
    public var seedLimit = 0

    public init() {}

    public var foundCount: Int { rows.count { $0.median != nil } }

    /// The table as the project keeps it.
    public var markdown: String {
        var text = """
            # Known mistakes, found by random seeds

            Each row is a mistake of a real implementation (`zk` is ZooKeeper's bug tracker), switched on in the
            production core or in the simulated disk. *Seeds* is the median, over the starting points, of how many seeds
            it took until a checker found it; *found by* names the property that was broken first (`trap`: an assertion
            of the core).

            Made by `corral-bench simulate --mutations`; \(foundCount) of \(rows.count) found within \(seedLimit) seeds.


            """
        text += "| mistake | what it is | seeds | found by | replay |\n|---|---|---:|---|---|\n"
        for row in rows {
            let seeds = row.median.map(String.init) ?? "not found"
            let replay = row.seed.map { "`simulate --mutation \(row.mutation) --seed \($0)`" } ?? ""
            let summary = Mutation(name: row.mutation)?.summary ?? ""
            text += "| \(row.mutation) | \(summary) | \(seeds) | \(row.property ?? "") | \(replay) |\n"
        }
        return text
    }
}
