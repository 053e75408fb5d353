import ArgumentParser
import Load

struct Sweep: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts fresh servers and measures them over read shares and connection counts.",
        discussion: """
            Each server is started anew for every block; a block measures every point once, in an order drawn from the \
            seed. With two servers the blocks interleave A B B A. Results: summary.json, CSV files, HdrHistogram logs, \
            report.md and plot.gp under OUTPUT/sweep/LABEL. Of an ensemble the figures are of all servers together; \
            roles.csv and the report also say what a leader, a follower and an observer used.
            """)

    @OptionGroup var serverArguments: ServerArguments
    @OptionGroup var outputArguments: OutputArguments
    @OptionGroup var machineArguments: MachineArguments
    @Option(
        help: """
            How many servers: above 1 each block is an ensemble with clients on all of them. Or, for single servers, \
            their kinds.
            """)
    var servers = "1"
    @Option(help: "Kinds to measure: corral, apache, etcd, keeper; separated by commas. Default: corral.")
    var kinds: String?
    @Option(help: "How many servers of an ensemble, the last ones, only observe.")
    var observers = 0
    @Option(
        help: """
            The CPU time each server may use, in percent of one CPU, by control groups: more servers then have more, \
            as if each had a computer of its own.
            """)
    var cpuPercent: Double?
    @Option(help: "With --cpu-percent: how often that time is renewed, in milliseconds. Default: 5, or what it takes.")
    var cpuPeriod: Double?
    @Option(help: "Compare with this server, interleaved in the same run.")
    var vs: ServerKind?
    @Option(help: "Read shares in percent. Default: 0, 50, 2:1, 10:1, 100:1 and 100.")
    var reads: String?
    @Option(help: "Connection counts.")
    var connections = "20,50"
    @Option(help: "Outstanding requests per connection at saturation.")
    var window = 100
    @Option(help: "Bytes of each value.")
    var valueBytes = 1024
    @Option(help: "Connections with one outstanding request each.")
    var shallowConnections = 32
    @Option(help: "Requests per second of the equal offered load.")
    var offeredRate = 10_000.0
    @Option(help: "Connections of the equal offered load.")
    var offeredConnections = 50
    @Option(help: "Server starts per server; each measures every point once.")
    var blocks = 3
    @Option(help: "Measured seconds per point.")
    var duration = 2.0
    @Option(help: "The most seconds of warm-up per point.")
    var warmupLimit = 1.5
    @Option(help: "Seconds of load before Apache's first point, for its compiler. Default: 8, and 3 more a server.")
    var apacheWarmup: Double?
    @Flag(help: "Leave out the null server.")
    var noNull = false
    @Option(help: "Generator threads.")
    var threads = 1
    @Option(help: "Seed of orders, keys and arrivals.")
    var seed: UInt64 = 1
    @Flag(help: "Print the blocks and the time they take, and do nothing.")
    var dryRun = false

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        let status = try finish { () throws(LoadError) in try arguments.sweep() }
        try end(with: status)
    }

    private func micros(_ millis: Double) throws(LoadError) -> Int {
        guard millis >= 1, millis <= 1000 else { throw .usage("--cpu-period lies between 1 and 1000 ms") }
        return Int(millis * 1000)
    }

    private func makePlan() throws(LoadError) -> SweepPlan {
        var plan = SweepPlan()
        var list: [ServerKind] = []
        let count = Int(servers)
        if let count, count > 1 {
            plan.ensembleServers = count
            plan.observers = observers
        } else if let count, count < 1 {
            throw .usage("--servers is a number of at least 1, or kinds of servers, not '\(servers)'")
        }
        if observers > 0, plan.ensembleServers == nil { throw .usage("--observers needs an ensemble: --servers N") }
        if kinds != nil, count == nil {
            throw .usage("kinds of servers are given twice: by --kinds, and by --servers '\(servers)'")
        }
        for name in (kinds ?? (count == nil ? servers : "corral")).split(separator: ",") {
            guard let kind = ServerKind(rawValue: String(name)), kind != .null else {
                throw .usage("'\(name)' is no server to sweep: corral, apache, etcd or keeper")
            }
            list.append(kind)
        }
        if let vs {
            guard vs != .null else {
                throw .usage("--vs takes corral, apache, etcd or keeper; the null server is measured anyway")
            }
            guard !list.contains(vs) else {
                throw .usage("--vs \(vs.rawValue) compares with nothing: \(vs.rawValue) is measured already")
            }
            list.append(vs)
        }
        plan.servers = list
        if let cpuPercent {
            plan.budget = try CpuBudget(percent: cpuPercent, periodMicros: try cpuPeriod.map(micros))
        } else if cpuPeriod != nil {
            throw .usage("--cpu-period needs --cpu-percent")
        }
        if let reads { plan.readPercents = try numbers(reads, "--reads") }
        plan.connections = try numbers(connections, "--connections")
        plan.window = window
        plan.valueBytes = valueBytes
        plan.shallowConnections = shallowConnections
        plan.offeredRatePerSecond = offeredRate
        plan.offeredConnections = offeredConnections
        plan.blocksPerServer = blocks
        plan.durationSeconds = duration
        plan.warmupLimitSeconds = warmupLimit
        plan.apacheWarmupSeconds = apacheWarmup ?? 8 + 3 * Double((plan.ensembleServers ?? 1) - 1)
        plan.includeNull = !noNull
        plan.threads = threads
        plan.seed = seed
        try plan.validate()
        return plan
    }

    private func sweep() throws(LoadError) -> RunStatus {
        let plan = try makePlan()
        let options = try serverArguments.options(valueBytes: valueBytes)
        let directory = try ResultFiles.path(
            output: outputArguments.output, experiment: "sweep", label: outputArguments.label)
        try SweepRunner.check(plan, options: options)
        if dryRun {
            for block in plan.blocks {
                print("\(block.server.rawValue) \(block.number): \(block.points.map(\.name).joined(separator: " "))")
            }
            print("about \(Int(plan.estimatedSeconds)) s")
            return .valid
        }
        defer { MeasuringLock.giveBack() }
        try MeasuringLock.takeLabel(
            output: outputArguments.output, experiment: "sweep", label: outputArguments.label)
        try machineArguments.takeMachine(for: "sweep --label \(outputArguments.label)")
        let runner = try SweepRunner(
            plan: plan, options: options, directory: directory,
            progress: ProgressReporter(quiet: outputArguments.quiet))
        let summary = try runner.run(experiment: "sweep", label: outputArguments.label)
        print(SweepTable.text(summary))
        print("written to \(directory)/summary.json")
        return summary.status
    }
}
