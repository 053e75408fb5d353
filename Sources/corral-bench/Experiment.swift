import ArgumentParser
import Evaluation
import Foundation
import Load

struct Experiment: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs an experiment that a file declares: a figure or table of the paper, or one beyond it.",
        discussion: """
            Files lie in Bench/experiments; each says what of the paper it redraws and how large it is at either \
            scale. Where the machine permits no CPU budgets or networks that a file asks for, the run goes on without, \
            and its result, its drawings and this command say so. Results: summary.json, figures.csv, the ends \
            of the servers' logs, and each ensemble's own sweep, under OUTPUT/NAME/LABEL.

            Exit codes: 0 a valid result, 5 a result that failed a check, 130 interrupted (--resume goes on), 64 wrong \
            usage, 1 anything else.
            """)

    @Argument(help: "The experiment, such as figure-5; none lists them.")
    var name: String?
    @Option(help: "quick: all experiments together within a quarter of an hour; full: as large as the paper's.")
    var scale = Scale.quick
    @Flag(help: "Go on with an interrupted run of the same label, program and plan.")
    var resume = false
    @Flag(help: "Say what would be measured and how long it takes, and do nothing.")
    var dryRun = false
    @Flag(help: "As on a machine that permits no CPU budgets: measure cost per operation, derive capacity from it.")
    var noBudgets = false
    @Flag(help: "As on a machine that permits no networks of their own for servers: all on loopback.")
    var noNetwork = false
    @Option(help: "Where experiments are declared.")
    var directory = "Bench/experiments"
    @Option(help: "The paper's own points.")
    var paper = "Bench/paper/points.csv"
    @OptionGroup var serverArguments: ServerArguments
    @OptionGroup var outputArguments: OutputArguments
    @OptionGroup var machineArguments: MachineArguments

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        let status = try finish { () throws(LoadError) in try arguments.work() }
        try end(with: status)
    }

    private func paperPoints() throws(LoadError) -> PaperPoints { try PaperPoints.load(paper) }

    private func work() throws(LoadError) -> RunStatus {
        guard let name else {
            for name in ExperimentFile.names(directory) {
                let file = try ExperimentFile.load(name, directory: directory, scale: scale)
                print("\(name): \(file.title)" + (file.paper.map { " (\($0))" } ?? ""))
            }
            return .valid
        }
        // Without them, what is drawn beside them is refused later, by their path.
        let known = try? paperPoints()
        var file = try ExperimentFile.load(name, directory: directory, scale: scale, paper: known)
        if dryRun {
            for step in file.steps { print(step) }
            print("about \(Int((file.estimatedSeconds / 60).rounded(.up))) minutes")
            return .valid
        }
        file.settleLimits(LimitChoice(usesBudgets: !noBudgets, usesNetworks: !noNetwork))
        // Even where progress is not wanted.
        for sentence in file.refused?.sentences ?? [] {
            FileHandle.standardError.write(Data("\(name): \(sentence)\n".utf8))
        }
        let place = try ResultFiles.path(
            output: outputArguments.output, experiment: name, label: outputArguments.label)
        let progress = ProgressReporter(quiet: outputArguments.quiet)
        let options = try serverArguments.options(valueBytes: 0)
        let paper = paperPoints
        try file.check(options: options, place: place) { () throws(LoadError) in try paper() }
        defer { MeasuringLock.giveBack() }
        try MeasuringLock.takeLabel(
            output: outputArguments.output, experiment: name, label: outputArguments.label)
        let files = [options.corralPath, options.benchPath, "\(directory)/\(name).yaml"]
        if resume, SummaryHeading.isFinished(in: place, scale: scale, refused: file.refused, files: files) {
            progress.note("\(name): measured already by this program")
            return .valid
        }
        try machineArguments.takeMachine(for: "experiment \(name) --label \(outputArguments.label)")
        // Nothing can be refused any more.
        let earlier = EarlierResult(in: place)
        if !resume || !(earlier.isUnfinished || StepStorePlace.hasSteps(in: place)), let note = try earlier.setAside() {
            FileHandle.standardError.write(Data("\(name): \(note)\n".utf8))
        }
        try ResultFiles.makeDirectory(place)
        let startedAt = ResultFiles.timestamp()
        let status: RunStatus
        do throws(LoadError) {
            status = try measure(file, options: options, in: place, progress)
        } catch {
            try FailedExperiment(file, scale: scale, label: outputArguments.label, error: error, startedAt: startedAt)
                .write(to: place)
            try ServerLogTails.write(to: place, startedAt: startedAt)
            throw error
        }
        print("written to \(place)/summary.json")
        try ServerLogTails.write(to: place, startedAt: startedAt)
        return status
    }

    private func measure(
        _ file: ExperimentFile, options: ServerOptions, in place: String, _ progress: ProgressReporter
    ) throws(LoadError) -> RunStatus {
        let name = file.name
        let orphans = OrphanServers.end(beside: options.dataRoot)
        if orphans > 0 { progress.note("\(name): ended \(orphans) servers that a killed run had left") }
        let status: RunStatus
        switch file.body {
        case .saturation(let plan):
            let runner = try SaturationRunner(
                file, plan: plan, scale: scale, options: try serverArguments.options(valueBytes: plan.valueBytes),
                directory: place, paper: try paperPoints().curves(plan.paperPoints), resumes: resume,
                progress: progress)
            status = try runner.run(label: outputArguments.label).status
        case .broadcast(let plan):
            status = try BroadcastExperiment.run(
                file, plan: plan, scale: scale, options: options, directory: place,
                label: outputArguments.label, resumes: resume, progress: progress
            ).status
        case .failures(let plan):
            let summary = try FailureExperiment.run(
                file, plan: plan, scale: scale, options: try serverArguments.options(valueBytes: plan.run.valueBytes),
                paper: try paperPoints(), directory: place, label: outputArguments.label,
                resumes: resume, progress: progress)
            status = summary.status
            print(summary.text)
            for reason in summary.statusReasons { print("  \(reason)") }
        case .creates(let plan):
            let summary = try CreatesExperiment.run(
                file, plan: plan, scale: scale, options: try serverArguments.options(valueBytes: plan.valueBytes),
                paper: try paperPoints(), directory: place, label: outputArguments.label,
                resumes: resume, progress: progress)
            status = summary.status
            print(summary.text)
            for reason in summary.statusReasons { print("  \(reason)") }
        case .barriers(let plan):
            let summary = try BarriersExperiment.run(
                file, plan: plan, scale: scale, options: options,
                paper: try paperPoints(), directory: place, label: outputArguments.label,
                resumes: resume, progress: progress)
            status = summary.status
            print(summary.text)
            for reason in summary.statusReasons { print("  \(reason)") }
        case .peers(let plan):
            let summary = try PeersRunner(
                file, plan: plan, scale: scale, options: try serverArguments.options(valueBytes: plan.valueBytes),
                directory: place, resumes: resume, progress: progress
            ).run(label: outputArguments.label)
            status = summary.status
            print(summary.text)
            for reason in summary.statusReasons { print("  \(reason)") }
        case .comparison(let turns, let work): status = try compare(file, turns, work, in: place, progress)
        }
        return status
    }

    private func compare<Work: ComparedWork>(
        _ file: ExperimentFile, _ turns: ComparisonTurns, _ work: Work, in place: String, _ progress: ProgressReporter
    ) throws(LoadError) -> RunStatus {
        let summary = try ComparisonExperiment.run(
            file, turns: turns, work: work, scale: scale,
            options: try serverArguments.options(valueBytes: work.valueBytes), directory: place,
            label: outputArguments.label, resumes: resume, progress: progress)
        print(summary.text)
        for reason in summary.statusReasons { print("  \(reason)") }
        return summary.status
    }
}

extension Scale: ExpressibleByArgument {}
