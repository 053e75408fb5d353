import Foundation
import Load

extension ExperimentCheck {
    static func comparison<Work: ComparedWork>(_ type: Work.Type) -> ResultCheck.Schema {
        schema(Work.schemaName, ComparisonSummary<Work>.currentSchemaVersion) {
            problems($0 as ComparisonSummary<Work>, directory: $1)
        }
    }

    /// Is all there that was planned, does each round bear its own figures, do rows, status and files follow from the
    /// rounds.
    static func problems<Work: ComparedWork>(_ summary: ComparisonSummary<Work>, directory: String) -> [String] {
        typealias Summary = ComparisonSummary<Work>
        var problems = status(summary.status, summary.statusReasons)
        problems += order(summary.results.map(\.step), of: summary.turns.steps, summary.status)
        if summary.status != .invalid {
            problems += summary.results.flatMap { Summary.problems($0, work: summary.work) }
        }
        if summary.rows != Summary.rows(summary.results, turns: summary.turns, work: summary.work) {
            problems.append("the figures are not those of the rounds")
        }
        for item in summary.results {
            let (kind, own) = (item.subject.kind.rawValue, item.result.description)
            if own.kind != kind { problems.append("\(item.step): measured was \(own.kind)") }
            if own.durability == "unknown" {
                problems.append("\(item.step): whether writes were forced to disk is not known")
            }
            if own.durability != summary.descriptions[kind]?.durability {
                problems.append("\(item.step): its durability is another")
            }
        }
        for (name, text) in summary.files.sorted(by: { $0.key < $1.key }) {
            guard let there = FileManager.default.contents(atPath: "\(directory)/\(name)") else {
                problems.append("\(name) is missing")
                continue
            }
            if String(decoding: there, as: UTF8.self) != text {
                problems.append("\(name) is not what the summary says")
            }
        }
        return problems
    }
}
