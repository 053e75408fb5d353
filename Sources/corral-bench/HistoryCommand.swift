import ArgumentParser
import Evaluation
import Foundation
import Load

struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Shows the runs kept in Results/history.ndjson, and where their figures changed.",
        discussion: """
            Only runs of one machine, measured in one way, are compared. Changes are found by E-divisive with a \
            permutation test (5 %), from 8 runs on; shifts below --shift are left out. Exit codes: 0, 4 with --check \
            when the newest change of a CPU figure made it worse, 1 anything else.
            """)

    @Option(help: "The file.")
    var file = "Results/history.ndjson"
    @Option(help: "The least shift shown, in percent.")
    var shift = 100 * ChangePoints().minimumShift
    @Option(help: "Write the data that plots/history.gp draws to this directory, of the machine and source seen last.")
    var plotData: String?
    @Option(help: "Draw the source that begins with this instead, such as 'regress' or 'figure-5 quick'.")
    var source = ""
    @Option(help: "First add a line for this summary.json of regress, a sweep or an experiment.")
    var add: String?
    @Flag(help: "Exit with 4 when the newest change of a decisive figure made it worse.")
    var check = false

    mutating func run() throws {
        let arguments = self
        let code = try finish { () throws(LoadError) in try arguments.show() }
        if code != 0 { throw ExitCode(code) }
    }

    private func show() throws(LoadError) -> Int32 {
        if let add {
            if let entry = try HistoryEntry.of(summaryFile: add) {
                try History.append(entry, to: file)
            } else {
                let directory = URL(filePath: add).deletingLastPathComponent().relativePath
                try History.append(try HistoryEntry.of(experiment: directory), to: file)
            }
        }
        let history = try History(path: file)
        var search = ChangePoints()
        search.minimumShift = shift / 100
        let series = history.series(search)
        print(HistoryReport.text(history, series))
        if let plotData, let last = history.entries.last(where: { $0.source.hasPrefix(source) }) {
            let own = series.filter { $0.machine == last.machine && $0.source == last.source }
            if let text = HistoryReport.plotData(own) { try ResultFiles.write(text, to: "\(plotData)/plot.gp") }
        }
        guard check else { return 0 }
        let isWorse = series.contains { item in
            guard RegressionMetric(rawValue: item.metric)?.isDecisive == true, let change = item.changes.last else {
                return false
            }
            return item.isWorse(change)
        }
        return isWorse ? LoadExitCode.slower : 0
    }
}
