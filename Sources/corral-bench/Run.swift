import ArgumentParser
import Load

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures servers that already run.",
        discussion: """
            Without --rate the loop is closed: every connection keeps --window requests outstanding, and the result is \
            throughput and service time. With --rate it is open: requests go out on a schedule, and the result is \
            response time from the planned send.

            Every reply is checked (order, zxid, length, content). Exit codes: 0 valid, 1 could not run, 5 a check \
            failed, 64 wrong usage, 130 interrupted (the result is written and marked partial).
            """)

    @Option(help: "Servers as host:port, separated by commas; connections are spread over them.")
    var servers = "127.0.0.1:2181"
    @Option(help: "Number of connections.")
    var connections = 32
    @Option(help: "Outstanding requests per connection (closed loop). Default: 100.")
    var window: Int?
    @Option(help: "Bytes of each value.")
    var valueBytes = 1024
    @Option(help: "Share of reads in percent; the rest are setData. Default 100.")
    var readPercent: Double?
    @Option(help: "Reads to writes, such as 2:1.")
    var ratio: String?
    @Option(help: "Weights, such as read=8,set=1,create=1,delete=1,exists=1,children=1.")
    var mix: String?
    @Option(help: "own: each connection works on its own znode, as in the paper; shared: all on --key-count znodes.")
    var keys = KeyMode.own
    @Option(help: "Number of shared znodes. Default: 1000.")
    var keyCount: Int?
    @Option(help: "How shared znodes are picked: uniform or zipf (exponent 0.99). Default: uniform.")
    var distribution: KeyDistribution?
    @Option(help: "Measured seconds per repeat.")
    var duration = 10.0
    @Option(help: "The most seconds a warm-up takes; it ends earlier once throughput is steady.")
    var warmupLimit = 10.0
    @Option(help: "Repeats, each on fresh connections; figures are medians with an interval.")
    var repeats = 1
    @Option(help: "Open loop: requests per second over all connections.")
    var rate: Double?
    @Option(help: "Open loop: fixed or poisson gaps. Default: poisson.")
    var arrivals: Arrivals?
    @Option(help: "Seed of everything random.")
    var seed: UInt64 = 1
    @Option(help: "Generator threads, one CPU each.")
    var threads = 1
    @Option(help: "Pin generator threads to these CPUs, separated by commas. Nothing is pinned by default.")
    var pin: String?
    @Option(help: "Session timeout in milliseconds.")
    var sessionTimeout: Int32 = 30_000
    @Flag(
        inversion: .prefixedNo,
        help: """
            A client that loses its connection goes to the next server with its session, and requests it had sent \
            count as unknown. Default: with several servers. Otherwise a lost connection ends the run.
            """)
    var follow: Bool?
    @Option(help: "Following: milliseconds without a due reply after which a connection is given up.")
    var replyTimeout: Int32?
    @Option(help: "Znode under which the workload lives. It is made for the run and removed after.")
    var root = "/corral-load"
    @Flag(help: "Delete --root with everything below it even if this program did not make it.")
    var deleteExistingRoot = false
    @Option(help: "A server process to account CPU, memory and disk writes for; repeatable.")
    var serverPid: [Int32] = []
    @Flag(help: "The server is corral-bench null-server: accept its canned values.")
    var nullServer = false
    @Option(help: "Name of the experiment; a directory under --output.")
    var experiment = "run"
    @Option(help: "What the result says about the server: its name and durability, such as 'apache 3.8, fsync'.")
    var serverNote: String?
    @OptionGroup var outputArguments: OutputArguments

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        let summary = try finish { () throws(LoadError) in try arguments.measure() }
        try end(with: summary.status)
    }

    private func measure() throws(LoadError) -> RunSummary {
        var configuration = RunConfiguration(servers: try ServerAddress.list(parsing: servers), mix: try makeMix())
        try refuseWhatWouldBeIgnored()
        configuration.connections = connections
        if let window { configuration.window = window }
        configuration.valueBytes = valueBytes
        configuration.keys = keys
        if let keyCount { configuration.keyCount = keyCount }
        if let distribution { configuration.distribution = distribution }
        configuration.durationSeconds = duration
        configuration.warmupLimitSeconds = warmupLimit
        configuration.repeats = repeats
        configuration.ratePerSecond = rate
        if let arrivals { configuration.arrivals = arrivals }
        configuration.seed = seed
        configuration.threads = threads
        configuration.sessionTimeoutMillis = sessionTimeout
        configuration.root = root
        if deleteExistingRoot { configuration.deletesExistingRoot = true }
        if follow ?? (configuration.servers.count > 1) {
            var policy = FollowPolicy(sessionTimeoutMillis: sessionTimeout)
            if let replyTimeout { policy.replyTimeoutMillis = replyTimeout }
            configuration.following = policy
        } else if replyTimeout != nil {
            throw .usage("--reply-timeout is of clients that follow the service: add --follow, or leave it out")
        }
        configuration.acceptsCannedContent = nullServer
        configuration.pinnedCpus = try RunConfiguration.cpuList(parsing: pin)
        var server = ServerDescription.unknown
        if let serverNote { server.version = serverNote }
        if nullServer { server = .null }
        let (summary, path) = try RunReport.run(
            configuration, serverPids: serverPid, server: server, output: outputArguments.output,
            experiment: experiment, label: outputArguments.label,
            progress: ProgressReporter(quiet: outputArguments.quiet))
        print(RunReport.text(summary))
        print("  written to \(path)")
        return summary
    }

    /// A flag without effect in this mode: whoever gave it expects another one.
    private func refuseWhatWouldBeIgnored() throws(LoadError) {
        if arrivals != nil, rate == nil {
            throw .usage("--arrivals is of the open loop: give its --rate too, or leave --arrivals out")
        }
        if window != nil, rate != nil {
            throw .usage("--window is of the closed loop, --rate of the open one: give one of them")
        }
        guard keys == .own else { return }
        for (name, given) in [("--distribution", distribution != nil), ("--key-count", keyCount != nil)] where given {
            throw .usage("\(name) is of shared znodes: give --keys shared too, or leave \(name) out")
        }
    }

    private func makeMix() throws(LoadError) -> OperationMix {
        guard [readPercent != nil, ratio != nil, mix != nil].filter({ $0 }).count <= 1 else {
            throw .usage("give only one of --read-percent, --ratio and --mix")
        }
        if let ratio { return try OperationMix(ratio: ratio) }
        if let mix { return try OperationMix(parsing: mix) }
        return try OperationMix(readPercent: readPercent ?? 100)
    }
}

extension KeyMode: ExpressibleByArgument {}
extension KeyDistribution: ExpressibleByArgument {}
extension Arrivals: ExpressibleByArgument {}
