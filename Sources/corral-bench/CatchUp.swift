import ArgumentParser
import Load

struct CatchUp: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures writes while a follower that was away for long catches up.",
        discussion: """
            Each repeat starts an ensemble, fills a tree, kills a follower, has the others take --writes writes, \
            measures a steady load of writes, starts the follower again, and measures the same load until the leader \
            counts it as in step. The follower comes back by a snapshot and the log behind it, or (diff) by the log \
            alone. Results under OUTPUT/catch-up/LABEL.

            Exit codes: 0 valid, 5 a check failed, 130 interrupted, 64 wrong usage, 1 anything else.
            """)

    @Option(help: "Number of servers, 3 to 13.")
    var servers = 3
    @OptionGroup var ensembleArguments: EnsembleArguments
    @OptionGroup var serverArguments: ServerArguments
    @OptionGroup var outputArguments: OutputArguments
    @Option(help: "Ways back: snap, diff; separated by commas.")
    var ways = "snap,diff"
    @Option(help: "Repeats of each, on fresh ensembles.")
    var repeats = 3
    @Option(help: "Acknowledged writes while the follower is away.")
    var writes: UInt64 = 1_000_000
    @Option(help: "Znodes that nobody works on, of which a snapshot is made.")
    var tree = 50_000
    @Option(help: "Clients of the servers that stay.")
    var connections = 16
    @Option(help: "Writes per second while it is measured (open loop).")
    var rate = 5000.0
    @Option(help: "Bytes of each value.")
    var valueBytes = 1024
    @Option(help: "Seconds of the quiet measurement.")
    var quietSeconds = 10.0
    @Option(help: "Seed of the load.")
    var seed: UInt64 = 1

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        let status = try finish { () throws(LoadError) in try arguments.measure() }
        try end(with: status)
    }

    private func measure() throws(LoadError) -> RunStatus {
        var plan = CatchUpPlan()
        plan.ways = try choices(ways, "--ways")
        plan.repeats = repeats
        plan.awayWrites = writes
        plan.treeZnodes = tree
        plan.connections = connections
        plan.ratePerSecond = rate
        plan.valueBytes = valueBytes
        plan.quietSeconds = quietSeconds
        plan.seed = seed
        try plan.validate()
        let options = try ensembleArguments.options(
            servers: servers, server: try serverArguments.options(valueBytes: valueBytes))
        let directory = try ResultFiles.directory(
            output: outputArguments.output, experiment: "catch-up", label: outputArguments.label)
        let runner = try CatchUpRunner(
            plan: plan, options: options, directory: directory,
            progress: ProgressReporter(quiet: outputArguments.quiet))
        let summary = try runner.run(experiment: "catch-up", label: outputArguments.label)
        print(summary.text)
        print("written to \(directory)/summary.json")
        return summary.status
    }
}
