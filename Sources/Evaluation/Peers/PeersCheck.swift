import Foundation
import Load

extension ExperimentCheck {
    static func problems(_ summary: PeersSummary, directory: String) -> [String] {
        var problems = status(summary.status, summary.statusReasons)
        let plan = summary.plan
        problems += order(summary.order, of: plan.steps, summary.status)
        var first: [SaturationSummary.SubjectResult] = []
        var windows = Usability.Windows()
        for subject in plan.subjects {
            guard let result = summary.subjects.first(where: { $0.subject == subject }) else {
                problems.append("\(subject.name) is missing")
                continue
            }
            let (sweeps, found) = rounds(of: result, summary, directory: directory, &windows)
            problems += found
            if let round = sweeps.first {
                first.append(
                    .init(subject: subject, description: result.description,
                        figures: SweepFigure.pooled([round], seed: plan.seed)))
            }
            problems += points(of: result, plan)
        }
        problems += windows.problems
        if summary.loads != PeersSummary.loads(first, plan: plan) {
            problems.append("the offered loads are not those of the first round")
        }
        if summary.rows != PeersSummary.rows(summary.subjects, plan: plan) {
            problems.append("the table is not that of the figures")
        }
        let verdicts = PeerVerdict.all(summary.subjects, plan: plan, cpus: summary.environment.cpuCount)
        if summary.verdicts != verdicts { problems.append("the verdicts are not those of the figures") }
        problems += equalDurability(
            summary.subjects.map { ($0.subject.name, $0.description) }
                + summary.failOvers.map { ("\($0.subject.name), fail-over", $0.result.description) })
        problems += failOvers(summary, directory: directory)
        problems += files(summary, directory: directory)
        return problems
    }

    private static func points(of result: SaturationSummary.SubjectResult, _ plan: PeersPlan) -> [String] {
        let offering = (1...plan.rounds).count { plan.offers(round: $0) }
        return plan.readPercents.flatMap { reads -> [String] in
            let place = "\(result.subject.name), \(Decimal.text(reads, 1)) % reads"
            return [(SweepPoint.Mode.saturation, plan.rounds), (.offered, offering)].compactMap { mode, wanted in
                let figure = result.figures.first { $0.point.mode == mode && $0.point.readPercent == reads }
                let count = figure?.runs.count ?? 0
                return count == wanted ? nil : "\(place): \(count) rounds at \(mode.rawValue), \(wanted) were asked for"
            }
        }
    }

    /// Each round's own summary must be fine and of the plan, and all together must make the figures.
    private static func rounds(
        of result: SaturationSummary.SubjectResult, _ summary: PeersSummary, directory: String,
        _ windows: inout Usability.Windows
    ) -> (sweeps: [SweepSummary], problems: [String]) {
        let plan = summary.plan
        let subject = result.subject
        var problems: [String] = []
        var sweeps: [SweepSummary] = []
        for step in plan.order where step.subject == subject {
            let name = "\(subject.name), round \(step.round)"
            guard summary.order.contains(name) else { continue }
            let path = "\(directory)/\(subject.name)/round-\(step.round)/summary.json"
            do {
                problems += try ResultCheck.problems(path: path).map { "\(name): \($0)" }
                guard let data = FileManager.default.contents(atPath: path) else { continue }
                let sweep = try JSONDecoder().decode(SweepSummary.self, from: data)
                let loads = PeersSummary.points(summary.loads, servers: subject.servers)
                problems += self.step(
                    sweep, plan: plan.plan(for: subject, round: step.round, loads: loads), heading: summary.heading,
                    place: "\(subject.name)/round-\(step.round)", name: name)
                windows.add(sweep, directory: "\(directory)/\(subject.name)/round-\(step.round)", name: name)
                sweeps.append(sweep)
            } catch {
                problems.append("\(name): \(error)")
            }
        }
        if SweepFigure.pooled(sweeps, seed: plan.seed) != result.figures {
            problems.append("\(subject.name): the figures are not those of its rounds")
        }
        let own = sweeps.compactMap { $0.servers[subject.kind.rawValue] }
        if own.first.map({ $0 != result.description }) ?? false {
            problems.append("\(subject.name): its description is not that of its first round")
        }
        problems += descriptions([result.description] + own, kind: subject.kind, settings: [:], name: subject.name)
        return (sweeps, problems)
    }

    private static func failOvers(_ summary: PeersSummary, directory: String) -> [String] {
        let plan = summary.plan
        var problems: [String] = []
        for subject in plan.failOverSubjects {
            let name = "\(subject.name), fail-over"
            guard let item = summary.failOvers.first(where: { $0.subject == subject }) else {
                problems.append("\(name): missing")
                continue
            }
            if item != PeersSummary.FailOver(subject, item.result, seed: plan.seed) {
                problems.append("\(name): the figures are not those of its kills")
            }
            guard let own = try? plan.failOverPlan(for: subject) else { continue }
            problems += kept(item, own, directory: directory, name: name)
            problems += descriptions([item.result.description], kind: subject.kind, settings: [:], name: name)
            problems += own.problems(of: item.result).map { "\(name): \($0)" }
            let stem = "\(directory)/\(subject.name)/fail-over"
            problems += ResultCheck.check(item.result.load, stem: stem, name: name)
            guard let series = FileManager.default.contents(atPath: "\(stem)-series.csv") else { continue }
            problems += FailOverPlan.contradictions(
                item.result.kills, series: String(decoding: series, as: UTF8.self)
            ).map { "\(name): \($0)" }
        }
        return problems
    }

    /// What the fail-over itself left, beside its raw files.
    private static func kept(
        _ item: PeersSummary.FailOver, _ plan: FailOverPlan, directory: String, name: String
    ) -> [String] {
        let path = "\(item.subject.name)/fail-over.json"
        guard let data = FileManager.default.contents(atPath: "\(directory)/\(path)") else {
            return ["\(path) is missing"]
        }
        guard let file = try? JSONDecoder().decode(PeersRunner.KeptFailOver.self, from: data) else {
            return ["\(path) is not what a fail-over leaves"]
        }
        var problems: [String] = []
        if file.result != item.result { problems.append("\(name): \(path) is of another fail-over") }
        if file.plan != plan {
            let parts = differences(file.plan, plan).joined(separator: ", ")
            problems.append("\(name): measured by another plan: \(parts)")
        }
        return problems
    }

    private static func files(_ summary: PeersSummary, directory: String) -> [String] {
        ResultCheck.differences(
            [
                ("peers.csv", summary.csv), ("verdicts.csv", summary.verdictsCsv),
                ("fail-over.csv", summary.failOverCsv),
            ], directory: directory)
            + ResultCheck.differences(
                inWords: [("report.txt", summary.text), ("plot.gp", PeersFiles.plotVariables(summary))],
                directory: directory)
    }
}
