import ArgumentParser
import Load

struct Faults: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Loads an ensemble while its servers are killed, paused and cut off, and looks for lost writes.",
        discussion: """
            Each round: steady load, then one fault on the leader or a follower (kill -9 and a restart; SIGSTOP and \
            SIGCONT; a partition from all others), then back until every server is in step. Servers reach each other \
            through a proxy that can cut each link in each direction.

            How soon a silent leader is replaced is a setting of the servers: unless --config says otherwise, tickTime \
            is 100 ms and syncLimit 5, so after 500 ms of silence a server counts as gone. A client gives a server up \
            that owes it a reply for --reply-timeout. Both are part of the result.

            Checked: no acknowledged write lost, no session lost, every client's view only moves forward, every \
            znode's history linearizable, all servers equal at the end. Results under OUTPUT/faults/LABEL.

            Exit codes: 0 all held, 5 something did not or there was too little traffic, 130 interrupted, 64 wrong \
            usage, 1 anything else.
            """)

    @Option(help: "Number of servers, 3 to 13.")
    var servers = 5
    @OptionGroup var ensembleArguments: EnsembleArguments
    @OptionGroup var serverArguments: ServerArguments
    @OptionGroup var outputArguments: OutputArguments
    @Option(help: "Rounds.")
    var rounds = 200
    @Option(help: "Seed of the rounds and the load.")
    var seed: UInt64 = 1
    @Option(help: "Kinds of faults: kill, pause, partition; separated by commas.")
    var faults = "kill,pause,partition"
    @Option(help: "Victims: leader, follower; separated by commas.")
    var roles = "leader,follower"
    @Option(help: "Partitions: silent, reset, outbound, inbound; separated by commas.")
    var shapes = "silent,reset,outbound,inbound"
    @Option(help: "Milliseconds a fault lasts, as from-to.")
    var hold = "300-2500"
    @Option(help: "Clients, spread over all servers.")
    var connections = 30
    @Option(help: "Requests per second over all clients (open loop); 0 for a closed loop.")
    var rate = 2000.0
    @Option(help: "Closed loop: outstanding requests per client.")
    var window = 8
    @Option(help: "Share of reads in percent.")
    var readPercent = 70.0
    @Option(help: "Bytes of each value.")
    var valueBytes = 1024
    @Option(help: "Seconds of undisturbed load before each fault.")
    var steady = 1.0
    @Option(
        help: """
            What makes the leader show everything acknowledged before it is read for the checks: write or sync. \
            Apache's sync does not, while its leader is slow.
            """)
    var barrier = ReadBarrier.write
    @Option(help: "Session timeout in milliseconds.")
    var sessionTimeout: Int32 = 10_000
    @Option(help: "Milliseconds without a due reply after which a client goes to the next server.")
    var replyTimeout: Int32 = 1000

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        let status = try finish { () throws(LoadError) in try arguments.work() }
        try end(with: status)
    }

    private func work() throws(LoadError) -> RunStatus {
        var plan = FaultPlan()
        plan.rounds = rounds
        plan.seed = seed
        plan.kinds = try choices(faults, "--faults")
        plan.roles = try choices(roles, "--roles")
        plan.shapes = try choices(shapes, "--shapes")
        let bounds = hold.split(separator: "-").compactMap { Int($0) }
        guard let first = bounds.first, let last = bounds.last, bounds.count <= 2, first <= last else {
            throw .usage("--hold is written from-to in milliseconds, such as 300-2500, not '\(hold)'")
        }
        plan.holdMillis = first...last
        plan.connections = connections
        guard rate >= 0, rate.isFinite else {
            throw .usage("--rate is of requests per second, or 0 for a closed loop, not \(rate)")
        }
        plan.ratePerSecond = rate > 0 ? rate : nil
        plan.window = window
        plan.readPercent = readPercent
        plan.valueBytes = valueBytes
        plan.steadySeconds = steady
        plan.barrier = barrier
        plan.sessionTimeoutMillis = sessionTimeout
        plan.replyTimeoutMillis = replyTimeout
        try plan.validate()
        let options = try ensembleArguments.options(
            servers: servers, server: try serverArguments.options(valueBytes: valueBytes),
            defaults: FaultPlan.defaultSettings, isCuttable: true)
        let directory = try ResultFiles.directory(
            output: outputArguments.output, experiment: "faults", label: outputArguments.label)
        let runner = try FaultRunner(
            plan: plan, options: options, directory: directory,
            progress: ProgressReporter(quiet: outputArguments.quiet))
        let summary = try runner.run(experiment: "faults", label: outputArguments.label)
        print(FaultTable.text(summary))
        print("written to \(directory)/summary.json")
        return summary.status
    }
}

extension ReadBarrier: ExpressibleByArgument {}
