import ArgumentParser
import Load

struct RegressTrials: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regress-trials",
        abstract: "Tests 'regress' itself: how often it finds an injected slowdown, and how often it finds none.",
        discussion: """
            Compares a build of the server with itself: as it is, with reads and with writes slowed down by a share of \
            what they cost, in an order drawn from the seed. Result: summary.json under OUTPUT/regress-trials/LABEL. \
            Exit codes: 0 at least 18 of 20 answers of each kind are right, 4 they are not, 5 an invalid run, 130 \
            interrupted, 64 wrong usage.
            """)

    @Option(help: "Comparisons of each kind.")
    var repeats = 20
    @Option(help: "The slowdown injected, in percent.")
    var slowdown = 5.0
    @Option(help: "Kinds of comparisons: none, reads, writes; separated by commas.")
    var kinds = "none,reads,writes"
    @OptionGroup var regressionArguments: RegressionArguments
    @OptionGroup var serverArguments: ServerArguments
    @OptionGroup var outputArguments: OutputArguments
    @OptionGroup var machineArguments: MachineArguments
    @Flag(help: "Print the time it takes, and do nothing.")
    var dryRun = false

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        guard let summary = try finish({ () throws(LoadError) in try arguments.count() }) else { return }
        try end(with: summary.status)
        if !summary.holds { throw ExitCode(LoadExitCode.slower) }
    }

    private func count() throws(LoadError) -> RegressionTrialsSummary? {
        let plan = try regressionArguments.plan(fsync: !serverArguments.noFsync)
        var list: [InjectedSlowdown] = []
        for name in kinds.split(separator: ",") {
            guard let kind = InjectedSlowdown(rawValue: String(name)), !list.contains(kind) else {
                throw .usage("'\(name)' is no kind of comparison, or is named twice: none, reads, writes")
            }
            list.append(kind)
        }
        guard !list.isEmpty else { throw .usage("no kind of comparison given") }
        let progress = ProgressReporter(quiet: outputArguments.quiet)
        let trials = try RegressionTrials(
            plan: plan, options: try serverArguments.options(valueBytes: plan.valueBytes), slowdown: slowdown / 100,
            repeats: repeats, kinds: list, progress: progress)
        progress.note("\(repeats * list.count) comparisons, about \(Int(trials.estimatedSeconds / 60) + 1) minutes")
        if dryRun { return nil }
        let directory = try ResultFiles.directory(
            output: outputArguments.output, experiment: "regress-trials", label: outputArguments.label)
        defer { MeasuringLock.giveBack() }
        try machineArguments.takeMachine(for: "regress-trials --label \(outputArguments.label)")
        let summary = try trials.run(label: outputArguments.label)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        for count in summary.counts {
            let verdicts = count.verdicts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            print(
                "\(count.injected == .none ? "identical builds" : "\(count.injected.rawValue) slowed down"): "
                    + "\(count.right) of \(count.trials) right (\(verdicts.joined(separator: ", ")))")
        }
        print("written to \(directory)/summary.json")
        return summary
    }
}
