import Foundation
import Load

/// The paper's own numbers in a result, and in the files that are drawn beside it, against the paper's points.
extension ExperimentCheck {
    static func paperProblems(_ summary: CreatesSummary, _ paper: PaperPoints?) -> [String] {
        guard let paper else { return [] }
        let drawn = summary.plan.paperPoints.reduce(into: [Int: Curve]()) {
            $0.merge(paper.creates($1)) { first, _ in first }
        }
        return summary.rows.compactMap { row in
            let value = drawn[row.subject.servers]?[Double(row.workers)]
            return row.paperPerSecond == value
                ? nil : wrong("\(row.subject.name), \(row.workers) workers", row.paperPerSecond, value)
        }
    }

    static func paperProblems(_ summary: BarriersSummary, _ paper: PaperPoints?) -> [String] {
        guard let paper else { return [] }
        let drawn = summary.plan.paperPoints.reduce(into: [Int: Curve]()) {
            $0.merge(paper.barriers($1)) { first, _ in first }
        }
        return summary.rows.compactMap { row in
            let value = drawn[row.subject.clients]?[Double(row.subject.barriers)]
            return row.paperSeconds == value ? nil : wrong(row.subject.name, row.paperSeconds, value)
        }
    }

    private static func wrong(_ name: String, _ stated: Double?, _ value: Double?) -> String {
        func text(_ value: Double?) -> String { value.map { NumberFormat.short($0) } ?? "nothing" }
        return "\(name): the paper has \(text(value)), not \(text(stated))"
    }

    static func drawnProblems(_ summary: SaturationSummary, _ paper: PaperPoints?, directory: String) -> [String] {
        guard let paper else { return [] }
        do {
            let text = SaturationFiles.paperCsv(try paper.curves(summary.plan.paperPoints))
            return ResultCheck.differences([("paper.csv", text)], directory: directory)
        } catch {
            return [error.description]
        }
    }

    static func drawnProblems(_ summary: BroadcastSummary, _ paper: PaperPoints?, directory: String) -> [String] {
        guard let paper, summary.plan.logs == nil else { return [] }
        let text = BroadcastPlotFiles.paperCsv(paper.broadcast(summary.plan.paperPoints))
        return drawn([("paper.csv", text)], directory: directory)
    }
}
