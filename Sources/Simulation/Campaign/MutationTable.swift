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

        /// Over the starting points; one that did not find it counts as more than any that did.
        public var median: Int? {
            let found = seedsNeeded.sorted { ($0 ?? .max) < ($1 ?? .max) }
            return found.isEmpty ? nil : found[found.count / 2]
        }
    }

    public var rows: [Row] = []
    /// Seeds after which a search is given up, per starting point.
    public var seedLimit = 0
    /// The same, for mistakes that are known to be masked.
    public var maskedSeedLimit = 0
    /// Machine, compiler, commit and time, in one line.
    public var circumstances = ""

    public init() {}

    public var foundCount: Int { rows.count { $0.median != nil } }

    /// The table as the project keeps it.
    public var markdown: String {
        let masked = rows.filter { $0.median == nil && Mutation(name: $0.mutation)?.maskedBy != nil }
        var text = """
            # Known mistakes, found by random seeds

            \(circumstances)

            Each row is a mistake of a real implementation (`zk` is ZooKeeper's bug tracker), switched on in the
            production core or in the simulated disk. *Seeds* is how many seeds it took until a checker found it: the
            median over three starting points, or over fewer where the search is long. *Found by* names the property
            that was broken first (`trap`: an assertion of the core).

            Made by `corral-bench simulate --mutations`: \(foundCount) of \(rows.count) found within \(seedLimit) \
            seeds, \(masked.count) masked, \(rows.count - foundCount - masked.count) not found.

            """
        text += "\n| mistake | what it is | seeds | found by | replay |\n|---|---|---:|---|---|\n"
        for row in rows {
            guard row.median != nil || !masked.contains(where: { $0.mutation == row.mutation }) else { continue }
            let seeds = row.median.map(String.init) ?? "not found"
            let replay = row.seed.map { "`simulate --mutation \(row.mutation) --seed \($0)`" } ?? ""
            text += "| \(row.mutation) | \(Self.summary(row)) | \(seeds) | \(row.property ?? "") | \(replay) |\n"
        }
        guard !masked.isEmpty else { return text }
        text += """

            ## Masked

            Mistakes that break nothing that can be seen as long as another safeguard stands, and that \
            \(maskedSeedLimit) seeds did not show.

            | mistake | what it is | masked by |
            |---|---|---|

            """
        for row in masked {
            let reason = Mutation(name: row.mutation)?.maskedBy ?? ""
            text += "| \(row.mutation) | \(Self.summary(row)) | \(reason) |\n"
        }
        return text
    }

    private static func summary(_ row: Row) -> String { Mutation(name: row.mutation)?.summary ?? "" }
}
