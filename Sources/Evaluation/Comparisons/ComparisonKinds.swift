import Foundation
import Load

/// The kinds of comparisons.
enum ComparisonKinds {
    static let all: [any ComparedWork.Type] = [
        WatchesComparison.self, ReconnectsComparison.self, ChurnComparison.self, StalenessComparison.self,
        ChildrenLoad.self, MultiLoad.self, BigTreeLoad.self, KneeLoad.self,
    ]

    static var names: [String] { all.map { $0.kind } }

    /// - Returns: nil for a kind of another sort.
    static func declared(_ kind: String, _ fields: inout FileFields) throws(LoadError) -> ExperimentFile.Body? {
        guard let type = all.first(where: { $0.kind == kind }) else { return nil }
        let turns = try ComparisonTurns(&fields, servers: type.usualServers, most: type.mostServers)
        return .comparison(turns, try type.init(&fields, turns: turns))
    }

    /// A result; nil for a schema of another sort.
    static func summary(_ schema: String, _ data: Data) throws -> (any ComparisonReport)? {
        func decode<Work: ComparedWork>(_ type: Work.Type) throws -> any ComparisonReport {
            try JSONDecoder().decode(ComparisonSummary<Work>.self, from: data)
        }
        return try all.first { $0.schemaName == schema }.map { try decode($0) }
    }
}

extension ComparedWork {
    static var schemaName: String { "corral-bench/\(kind)" }

    func estimatedSeconds(_ turns: ComparisonTurns) -> Double {
        turns.order.reduce(0) { $0 + estimatedSeconds(of: $1.subject) }
    }
}
