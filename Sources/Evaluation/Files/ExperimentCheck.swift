import Foundation
import Load

/// Judges the results of experiments: are they whole, do their figures agree with their rounds, may they be used.
public enum ExperimentCheck {
    /// What `check-result` has against a result, and against the place where it lies.
    ///
    /// - Parameter paper: the paper's own points; nil: what a result says of them is believed.
    public static func judge(_ path: String, paper: PaperPoints?) -> [String] {
        do {
            return try ResultCheck.problems(path: path, others: schemas(paper: paper)) + ResultPlace.problems(path)
        } catch {
            return [error.description]
        }
    }

    /// For `ResultCheck`.
    public static var schemas: [ResultCheck.Schema] { schemas(paper: nil) }

    /// - Parameter paper: see `judge`.
    public static func schemas(paper: PaperPoints?) -> [ResultCheck.Schema] {
        [
            schema(SaturationSummary.schemaName, SaturationSummary.currentSchemaVersion) {
                problems($0 as SaturationSummary, directory: $1) + drawnProblems($0, paper, directory: $1)
            },
            schema(BroadcastSummary.schemaName, BroadcastSummary.currentSchemaVersion) {
                problems($0 as BroadcastSummary, directory: $1) + drawnProblems($0, paper, directory: $1)
            },
            schema(FailureExperimentSummary.schemaName, FailureExperimentSummary.currentSchemaVersion) {
                problems($0 as FailureExperimentSummary, directory: $1)
            },
            schema(CreatesSummary.schemaName, CreatesSummary.currentSchemaVersion) {
                problems($0 as CreatesSummary, directory: $1) + paperProblems($0, paper)
            },
            schema(BarriersSummary.schemaName, BarriersSummary.currentSchemaVersion) {
                problems($0 as BarriersSummary, directory: $1) + paperProblems($0, paper)
            },
            schema(PeersSummary.schemaName, PeersSummary.currentSchemaVersion) {
                problems($0 as PeersSummary, directory: $1)
            },
            schema(FailedExperiment.schemaName, FailedExperiment.currentSchemaVersion) { summary, _ in
                let failed: FailedExperiment = summary
                return status(failed.status, failed.statusReasons)
            },
            schema(Prediction.schemaName, Prediction.currentSchemaVersion) {
                problems($0 as Prediction, directory: $1)
            },
        ] + ComparisonKinds.all.map { comparison($0) }
    }

    static func schema<Summary: Decodable>(
        _ name: String, _ version: Int, _ problems: @escaping (Summary, String) -> [String]
    ) -> ResultCheck.Schema {
        ResultCheck.Schema(name: name, currentVersion: version) { data, directory in
            problems(try JSONDecoder().decode(Summary.self, from: data), directory)
        }
    }

    static func status(_ status: RunStatus, _ reasons: [String]) -> [String] {
        status == .valid ? [] : ["status is \(status.rawValue): \(reasons.joined(separator: "; "))"]
    }

    static func order(_ order: [String], of steps: [String], _ status: RunStatus) -> [String] {
        let wrong = status == .partial ? !steps.starts(with: order) : order != steps
        return wrong ? ["\(order.count) steps that are not the plan's \(steps.count)"] : []
    }

    /// What was refused cannot have been there.
    private static func limits(
        _ refused: RefusedLimits?, budget: CpuBudget?, network: NetworkPlan?
    ) -> [String] {
        var problems: [String] = []
        if refused?.budget != nil, budget != nil { problems.append("a CPU budget was refused, and there was one") }
        if refused?.network != nil, network != nil { problems.append("networks were refused, and there were some") }
        return problems
    }

    // MARK: Kinds

    static func problems(_ summary: SaturationSummary, directory: String) -> [String] {
        var problems = status(summary.status, summary.statusReasons)
        let plan = summary.plan
        problems += order(summary.order, of: plan.steps, summary.status)
        problems += SaturationSummary.unusable(summary.subjects)
        var windows = Usability.Windows()
        for subject in plan.subjects {
            guard let result = summary.subjects.first(where: { $0.subject == subject }) else {
                problems.append("\(subject.name) is missing")
                continue
            }
            for reads in plan.readPercents {
                let place = "\(subject.name), \(Decimal.text(reads, 1)) % reads"
                guard let figure = result.figure(reads: reads) else {
                    problems.append("\(place): missing")
                    continue
                }
                if figure.runs.count != plan.rounds {
                    problems.append("\(place): \(figure.runs.count) rounds, \(plan.rounds) were asked for")
                }
                if figure.generatorBound != figure.runs.contains(where: \.generator.generatorBound) {
                    problems.append("\(place): whether the generator was the limit is not what the rounds say")
                }
                if figure.runs.contains(where: { $0.isGeneratorBound && !$0.generator.generatorBound }) {
                    problems.append("\(place): generator-bound by its CPU time, and not said to be")
                }
            }
            problems += rounds(of: result, summary, directory: directory, windows: &windows)
        }
        problems += equalDurability(summary.subjects.map { ($0.subject.name, $0.description) })
        var files = [("figures.csv", summary.csv)]
        if let derived = summary.derived {
            files.append(("derived.csv", SaturationSummary.derivedCsv(derived, in: summary)))
        }
        problems += ResultCheck.differences(files, directory: directory)
        problems += drawn([("roles.csv", SaturationPlotFiles.rolesCsv(summary))], directory: directory)
        if summary.derived
            != SaturationSummary.derive(summary.subjects, refused: summary.refused, seed: plan.seed)
        {
            problems.append("what is derived is not what follows from the figures")
        }
        problems += limits(summary.refused, budget: plan.budget, network: plan.network)
        return problems + windows.problems
    }

    /// Each round's own summary must be fine, and all together must make the figures.
    private static func rounds(
        of result: SaturationSummary.SubjectResult, _ summary: SaturationSummary, directory: String,
        windows: inout Usability.Windows
    ) -> [String] {
        let plan = summary.plan
        var problems: [String] = []
        var sweeps: [SweepSummary] = []
        // In the order in which they ran.
        for step in plan.order where step.subject == result.subject {
            let path = "\(directory)/\(result.subject.name)/round-\(step.round)/summary.json"
            let name = "\(result.subject.name), round \(step.round)"
            do {
                problems += try ResultCheck.problems(path: path).map { "\(name): \($0)" }
                guard let data = FileManager.default.contents(atPath: path) else { continue }
                let sweep = try JSONDecoder().decode(SweepSummary.self, from: data)
                sweeps.append(sweep)
                problems += self.step(
                    sweep, plan: plan.plan(for: step.subject, round: step.round), heading: summary.heading,
                    place: "\(result.subject.name)/round-\(step.round)", name: name)
                let place = "\(directory)/\(result.subject.name)/round-\(step.round)"
                windows.add(sweep, directory: place, name: name)
            } catch {
                problems.append("\(name): \(error)")
            }
        }
        if SweepFigure.pooled(sweeps, seed: plan.seed) != result.figures {
            problems.append("\(result.subject.name): the figures are not those of its rounds")
        }
        let kind = result.subject.kind.rawValue
        let descriptions = sweeps.compactMap { $0.servers[kind] }
        if descriptions.first.map({ $0 != result.description }) ?? false {
            problems.append("\(result.subject.name): its description is not that of its first round")
        }
        let settings = result.subject.servers > 1 ? plan.settings : [:]
        return problems
            + self.descriptions(
                [result.description] + descriptions, kind: result.subject.kind, settings: settings,
                name: result.subject.name)
    }

    /// Files that drawing leaves, where there has been any.
    static func drawn(_ files: [(name: String, text: String)], directory: String) -> [String] {
        ResultCheck.differences(
            files.filter { FileManager.default.fileExists(atPath: "\(directory)/\($0.name)") }, directory: directory)
    }

    static func problems(_ summary: BroadcastSummary, directory: String? = nil) -> [String] {
        var problems = status(summary.status, summary.statusReasons)
        problems += reasons(summary.status, summary.statusReasons)
        let plan = summary.plan
        problems += BroadcastSummary.unusable(summary.subjects, plan: plan)
        problems += order(summary.order, of: plan.steps, summary.status)
        for subject in plan.subjects {
            guard let result = summary.subjects.first(where: { $0.subject == subject }) else {
                problems.append("\(subject.name) is missing")
                continue
            }
            if result.runs.count != plan.rounds {
                problems.append("\(subject.name): \(result.runs.count) rounds, \(plan.rounds) were asked for")
            }
            let again = BroadcastSummary.SubjectResult(
                subject, runs: result.runs, refused: summary.refused, seed: plan.seed)
            if result != again {
                problems.append("\(subject.name): the figures are not those of its rounds")
            }
            for (index, run) in result.runs.enumerated() {
                let rate = Double(run.transactions) / max(run.windowSeconds, 1e-9)
                if run.transactions == 0 || abs(rate - run.throughputPerSecond) > 0.001 * rate {
                    problems.append("\(subject.name), run \(index + 1): throughput is not transactions over the window")
                }
                let name = "\(subject.name), run \(index + 1)"
                if run.windowSeconds < 0.9 * plan.seconds {
                    problems.append("\(name): the window is too short")
                }
                if run.windowSeconds > 1.5 * plan.seconds + 0.5 {
                    problems.append("\(name): the window is longer than planned")
                }
                problems += ResultCheck.usage(
                    run.servers, completed: run.transactions, windowSeconds: run.windowSeconds, name: name)
                problems += ResultCheck.throttling(run.throttling, run.servers, budget: plan.budget, name: name)
                problems += durability(run.description, subject, summary, name: name)
                if run.servers.count != subject.servers || run.servers.count(where: { $0.role == .leader }) != 1 {
                    problems.append("\(subject.name), run \(index + 1): not all servers, or not one leader")
                }
            }
        }
        problems += limits(summary.refused, budget: plan.budget, network: plan.network)
        guard let directory else { return problems }
        return problems + ResultCheck.differences([("figures.csv", summary.csv)], directory: directory)
    }

    /// A log that is to be on the disk is, unless the whole run was told to do without.
    private static func durability(
        _ description: ServerDescription, _ subject: BroadcastExperimentPlan.Subject, _ summary: BroadcastSummary,
        name: String
    ) -> [String] {
        let isForced = subject.log?.isForced ?? summary.plan.durable
        let expected = isForced && !summary.environment.argv.contains("--no-fsync") ? "fsync" : "no fsync"
        let wrong = description.durability != expected
        return ResultCheck.durability(description, kind: .corral, name: name)
            + (wrong ? ["\(name): durability is '\(description.durability)', '\(expected)' was planned"] : [])
    }

    static func problems(_ summary: FailureExperimentSummary, directory: String) -> [String] {
        var problems = status(summary.status, summary.statusReasons)
        let plan = summary.plan
        if summary.status == .valid, summary.subjects.map(\.subject) != plan.subjects {
            problems.append("\(summary.subjects.count) runs, \(plan.subjects.count) were asked for")
        }
        for item in summary.subjects {
            let own = plan.plan(for: item.subject)
            let name = item.subject.name
            let result = item.result
            problems += ResultCheck.check(result.load, stem: "\(directory)/\(name)", name: name)
            problems += own.problems(of: result).map { "\(name): \($0)" }
            problems += ResultCheck.throttling(
                result.throttling, result.load.servers, budget: own.budget, name: name)
            problems += descriptions(
                [result.description], kind: item.subject.kind, settings: own.settings, name: name)
            if !ResultCheck.isNear(result.windowSeconds, result.load.windowSeconds, 0.01) {
                problems.append("\(name): its window is not that of its load")
            }
            if !result.isPartial, result.marks.map(\.step) != own.steps {
                problems.append("\(name): the events are not the script's")
            }
            let outcomes = result.load.following?.outcomes ?? []
            if item.derived != FailureExperimentSummary.derive(result, refused: summary.refused, plan: own) {
                problems.append("\(name): what is derived is not what follows from its servers' CPU time")
            }
            let unknown = outcomes.reduce(0) { $0 + $1.unknown }
            let marked = result.marks.reduce(0) { $0 + $1.unknownWrites + $1.unknownReads }
            if marked > unknown { problems.append("\(name): more unknown outcomes after events than in the whole run") }
            for (mark, next) in zip(result.marks, result.marks.dropFirst()) where next.atSeconds < mark.atSeconds {
                problems.append("\(name): events run backwards")
            }
        }
        for file in ["series.csv", "events.csv", "plot.gp", "report.txt"]
        where FileManager.default.contents(atPath: "\(directory)/\(file)") == nil {
            problems.append("\(file) is missing")
        }
        if let data = FileManager.default.contents(atPath: "\(directory)/series.csv") {
            let series = String(decoding: data, as: UTF8.self)
            for item in summary.subjects {
                let shapes = FailureExperimentSummary.shapes(
                    of: item, among: summary.subjects, plan: plan, refused: summary.refused, series: series)
                if shapes != item.shapes {
                    problems.append("\(item.subject.name): the verdicts are not those of its series and events")
                }
            }
            let lines = series.split(separator: "\n").map { $0.split(separator: ",") }
            problems += FailureExperimentSummary.unusable(plan) { name in
                lines.filter { $0.first.map(String.init) == name && $0.count > 2 }.compactMap { Double($0[2]) }
            }
        }
        let events = FileManager.default.contents(atPath: "\(directory)/events.csv").map {
            String(decoding: $0, as: UTF8.self)
        }
        problems += limits(summary.refused, budget: plan.run.budget, network: plan.run.network)
        problems += reasons(summary.status, summary.statusReasons)
        problems += equalDurability(summary.subjects.map { ($0.subject.name, $0.result.description) })
        if events != nil {
            problems += ResultCheck.differences(inWords: [("report.txt", summary.text)], directory: directory)
        }
        if let events, events != summary.eventsCsv { problems.append("events.csv is not what the summary says") }
        return problems
    }

    static func problems(_ summary: CreatesSummary, directory: String? = nil) -> [String] {
        var problems = status(summary.status, summary.statusReasons)
        problems += reasons(summary.status, summary.statusReasons)
        let plan = summary.plan
        problems += CreatesSummary.unusable(summary.rows) + summary.latencies.compactMap(\.contradiction)
        problems += order(summary.order, of: plan.steps, summary.status)
        for subject in plan.subjects {
            for workers in plan.workers {
                let name = "\(subject.name), \(workers) workers"
                guard let row = summary.rows.first(where: { $0.subject == subject && $0.workers == workers }) else {
                    problems.append("\(name): missing")
                    continue
                }
                if row.runs.count != plan.rounds {
                    problems.append("\(name): \(row.runs.count) rounds, \(plan.rounds) were asked for")
                }
                let again = CreatesSummary.Row(
                    subject, workers: workers, runs: row.runs, paper: row.paperPerSecond, seed: plan.seed)
                if row != again { problems.append("\(name): the figures are not those of its rounds") }
                for run in row.runs {
                    let rate = Double(run.creates) / max(run.windowSeconds, 1e-9)
                    if abs(rate - run.createsPerSecond) > 0.001 * rate {
                        problems.append("\(name): the rate is not creates over the window")
                    }
                    problems += latencies(run, cpus: summary.environment.cpuCount, name: name)
                    let whole = workers * plan.createsPerWorker
                    if run.creates > whole || (run.creates < whole) != run.isCutShort
                        || (run.isCutShort && run.windowSeconds < 0.9 * plan.limitSeconds)
                    {
                        problems.append("\(name): \(run.creates) creates, \(whole) were asked for")
                    }
                }
            }
        }
        problems += limits(summary.refused, budget: nil, network: plan.network)
        for kind in plan.kinds where summary.shapes[kind.rawValue] != CreatesShapes.verdicts(summary.curves(of: kind)) {
            problems.append("\(kind.rawValue): the verdicts are not those of the figures")
        }
        for kind in plan.kinds {
            guard let description = summary.descriptions[kind.rawValue] else {
                problems.append("\(kind.rawValue): nothing says how it was started")
                continue
            }
            problems += descriptions([description], kind: kind, settings: plan.settings, name: kind.rawValue)
        }
        problems += equalDurability(summary.descriptions.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        guard let directory else { return problems }
        // The plot wants a line's points together, and leaves the rows so.
        let csv = ResultCheck.differences([("figures.csv", summary.csv)], directory: directory)
        let sorted = ResultCheck.differences(
            [("figures.csv", CreatesPlotFiles.sorted(summary).csv)], directory: directory)
        return problems + (sorted.isEmpty ? [] : csv)
            + ResultCheck.differences(
                [("latencies.hlog", NamedLatencies.log(summary.latencies))], directory: directory)
            + ResultCheck.differences(inWords: [("report.txt", summary.text)], directory: directory)
    }

    /// Workers wait for each create, and send the next: by Little's law as many are under way as there are workers,
    /// less those that are done before the others.
    private static func latencies(_ run: CreatesFigure, cpus: Int, name: String) -> [String] {
        var problems: [String] = []
        let underWay = run.meanMillis / 1000 * run.createsPerSecond / Double(run.workers)
        // Of few creates, one worker's last may be most of the window.
        let least = max(0.7 / Double(run.workers), run.creates < 100 * run.workers ? 0 : 0.4)
        if underWay < least || underWay > 1.05 {
            problems.append(
                "\(name): a mean of \(Decimal.text(run.meanMillis, 3)) ms does not go with "
                    + "\(Decimal.text(run.createsPerSecond, 1)) creates a second of so many workers")
        }
        if run.p50Millis > run.p99Millis || run.meanMillis > 100 * run.p99Millis {
            problems.append("\(name): percentiles do not rise")
        }
        let used = run.serverCpuMicrosPerCreate * run.createsPerSecond / 1e6
        if run.serverCpuMicrosPerCreate <= 0 || used > 1.1 * Double(cpus) {
            problems.append("\(name): servers' CPU time is not what \(cpus) CPUs can give")
        }
        if let seconds = run.serverCpuSeconds,
            !ResultCheck.isNear(run.serverCpuMicrosPerCreate * Double(run.creates) / 1e6, seconds, 1e-6)
        {
            problems.append("\(name): CPU time per create is not CPU time over creates")
        }
        return problems
    }

    static func problems(_ summary: BarriersSummary, directory: String? = nil) -> [String] {
        var problems = status(summary.status, summary.statusReasons)
        problems += reasons(summary.status, summary.statusReasons)
        let plan = summary.plan
        problems += BarriersSummary.unusable(summary.rows)
        problems += order(summary.order, of: plan.steps, summary.status)
        for subject in plan.subjects {
            guard let row = summary.rows.first(where: { $0.subject == subject }) else {
                problems.append("\(subject.name): missing")
                continue
            }
            if row.runs.map(\.round).sorted() != Array(1...plan.rounds) {
                problems.append("\(subject.name): \(row.runs.count) rounds, \(plan.rounds) were asked for")
            }
            if row != BarriersSummary.Row(subject, runs: row.runs, paper: row.paperSeconds, seed: plan.seed) {
                problems.append("\(subject.name): the figures are not those of its rounds")
            }
            for run in row.runs
            where run.operations != 2 * subject.clients * subject.barriers || run.clientSeconds.count != subject.clients
                || run.clientSeconds.contains { $0 <= 0 }
            {
                problems.append("\(subject.name), round \(run.round): no whole run")
            }
        }
        if summary.shapes != BarriersShapes.verdicts(BarriersSummary.curves(summary.rows)) {
            problems.append("the verdicts are not those of the figures")
        }
        problems += descriptions(
            [summary.description], kind: plan.kind, settings: plan.settings, name: plan.kind.rawValue)
        guard let directory else { return problems }
        return problems + ResultCheck.differences([("figures.csv", summary.csv)], directory: directory)
            + ResultCheck.differences(inWords: [("report.txt", summary.text)], directory: directory)
    }
}
