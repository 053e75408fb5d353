import ArgumentParser
import Load

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Flags of a comparison's plan, shared by `regress` and `regress-trials`.
struct RegressionArguments: ParsableArguments {
    @Option(help: "Starts of both builds; each gives one pair for the test. At least 6.")
    var trials = RegressionPlan().rounds
    @Option(help: "A B B A quads of blocks of reads in each trial; 0 leaves reads out.")
    var reads = RegressionPlan().readQuads
    @Option(help: "A B B A quads of blocks of writes in each trial; 0 leaves writes out.")
    var writes = RegressionPlan().writeQuads
    @Option(help: "A B B A quads at the offered load in each trial; 0 leaves it out.")
    var offered = RegressionPlan().offeredQuads
    @Option(help: "The smallest effect on CPU time per operation to be found, in percent.")
    var effect = 100 * RegressionPlan().effect
    @Option(help: "CPU seconds that the server works in a block at saturation; up to six times that on the clock.")
    var block = RegressionPlan().blockSeconds
    @Option(help: "Seconds of load before each block's measurement.")
    var settle = RegressionPlan().settleSeconds
    @Option(help: "Connections at saturation.")
    var connections = RegressionPlan().connections
    @Option(help: "Outstanding requests per connection at saturation.")
    var window = RegressionPlan().window
    @Option(help: "Bytes of each value.")
    var valueBytes = RegressionPlan().valueBytes
    @Option(help: "Requests per second of the equal offered load.")
    var offeredRate = RegressionPlan().offeredRatePerSecond
    @Option(help: "How far a canary may range within the run, as a factor, before it vetoes.")
    var canaryLimit = RegressionPlan().canaryLimit
    @Option(help: "Seed of orders, keys and arrivals.")
    var seed: UInt64 = 1

    func plan(fsync: Bool) throws(LoadError) -> RegressionPlan {
        var plan = RegressionPlan()
        plan.rounds = trials
        plan.readQuads = reads
        plan.writeQuads = writes
        plan.offeredQuads = offered
        plan.effect = effect / 100
        plan.blockSeconds = block
        plan.settleSeconds = settle
        plan.connections = connections
        plan.window = window
        plan.valueBytes = valueBytes
        plan.offeredRatePerSecond = offeredRate
        plan.canaryLimit = canaryLimit
        plan.fsync = fsync
        plan.seed = seed
        try plan.validate()
        return plan
    }
}

struct Regress: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compares two builds of the server on this machine, interleaved: same, faster, slower or unstable.",
        discussion: """
            Bench/run regress COMMIT builds both and calls this. Both servers are started anew for each trial; blocks \
            alternate A B B A in an order drawn from the seed; canaries before, between and after blocks can veto. \
            CPU time per operation decides. Result: summary.json under OUTPUT/regress/LABEL. Exit codes: 0 same or \
            faster, 3 unstable (could not be told), 4 slower, 5 an invalid run, 130 interrupted, 64 wrong usage.
            """)

    @Option(help: "The base's corral program.")
    var base: String
    @Option(help: "What the base is called.")
    var baseName = "base"
    @Option(help: "The base's commit.")
    var baseCommit = "unknown"
    @Option(name: .customLong("base-set"), help: "A setting KEY=VALUE for the base's servers alone. May be repeated.")
    var baseSettings: [String] = []
    @Option(name: .customLong("work-set"), help: "A setting KEY=VALUE for the working tree's servers alone.")
    var workSettings: [String] = []
    @OptionGroup var regressionArguments: RegressionArguments
    @OptionGroup var serverArguments: ServerArguments
    @OptionGroup var outputArguments: OutputArguments
    @OptionGroup var machineArguments: MachineArguments
    @Flag(help: "Print the blocks and the time they take, and do nothing.")
    var dryRun = false

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        let summary = try finish { () throws(LoadError) in try arguments.compare() }
        guard let summary else { return }
        try end(with: summary.status)
        if summary.verdict.exitCode != 0 { throw ExitCode(summary.verdict.exitCode) }
    }

    private func compare() throws(LoadError) -> RegressionSummary? {
        let plan = try regressionArguments.plan(fsync: !serverArguments.noFsync)
        if dryRun {
            for round in plan.schedule {
                let quads = round.quads.map { quad in
                    "\(quad.point.rawValue) " + quad.order.map { $0 == .base ? "A" : "B" }.joined()
                }
                print("\(round.number): \(quads.joined(separator: ", "))")
            }
            print("about \(Int(plan.estimatedSeconds)) s")
            return nil
        }
        var work = try serverArguments.options(valueBytes: plan.valueBytes)
        work.extraSettings = try settings(workSettings, "--work-set")
        var other = work
        other.corralPath = base
        other.extraSettings = try settings(baseSettings, "--base-set")
        let state = RepositoryState.current()
        let runner = try RegressionRunner(
            plan: plan, base: (RegressionBuild(name: baseName, commit: baseCommit, dirty: false), other),
            work: (RegressionBuild(name: "working tree", commit: state.commit, dirty: state.dirty), work),
            progress: ProgressReporter(quiet: outputArguments.quiet))
        let directory = try ResultFiles.directory(
            output: outputArguments.output, experiment: "regress", label: outputArguments.label)
        defer { MeasuringLock.giveBack() }
        try machineArguments.takeMachine(for: "regress --label \(outputArguments.label)")
        let summary = try runner.run(label: outputArguments.label)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        print(RegressionTable.text(summary))
        print("written to \(directory)/summary.json")
        return summary
    }
}

/// KEY=VALUE pairs.
func settings(_ list: [String], _ flag: String) throws(LoadError) -> [String: String] {
    var settings: [String: String] = [:]
    for text in list {
        guard let sign = text.firstIndex(of: "="), sign > text.startIndex else {
            throw .usage("\(flag) takes KEY=VALUE, not '\(text)'")
        }
        settings[String(text[..<sign])] = String(text[text.index(after: sign)...])
    }
    return settings
}
