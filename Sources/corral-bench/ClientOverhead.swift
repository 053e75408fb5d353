import ArgumentParser
import Load

struct ClientOverhead: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compares the CPU time of clients' reads: this project's for Swift, Apache's for Java, kazoo.",
        discussion: """
            Starts a server of Corral's and runs the clients in turn against it, each in a process of its own; \
            Bench/ClientOverhead/run prepares kazoo and Java and calls this. Results under OUTPUT/client-overhead/LABEL.

            Exit codes: 0 valid, 130 interrupted, 64 wrong usage, 1 anything else.
            """)

    @OptionGroup var serverArguments: ServerArguments
    @OptionGroup var outputArguments: OutputArguments
    @Option(help: "Clients: swift-tasks, swift-pipelined, java, kazoo; separated by commas.")
    var clients = "swift-tasks,swift-pipelined"
    @Option(help: "Rounds; each measures every client once, in an order by chance.")
    var rounds = 5
    @Option(help: "Reads outstanding at once.")
    var window = 100
    @Option(help: "Reads of one measurement; kazoo does a tenth.")
    var reads = 500_000
    @Option(help: "Bytes of the znode that is read.")
    var valueBytes = 1024
    @Option(help: "A Python interpreter that has kazoo.")
    var kazooPython = ""
    @Option(help: "The program for it.")
    var kazooScript = "Bench/ClientOverhead/kazoo_overhead.py"
    @Option(help: "Where Java finds the class JavaOverhead and Apache's client.")
    var javaClassPath = ""
    @Option(help: "Seed of the orders.")
    var seed: UInt64 = 1

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        let status = try finish { () throws(LoadError) in try arguments.measure() }
        try end(with: status)
    }

    private func measure() throws(LoadError) -> RunStatus {
        var plan = ClientOverheadPlan()
        plan.clients = try choices(clients, "--clients")
        plan.rounds = rounds
        plan.window = window
        plan.reads = reads
        plan.valueBytes = valueBytes
        plan.kazooPython = kazooPython
        plan.kazooScript = kazooScript
        plan.javaClassPath = javaClassPath
        plan.seed = seed
        let runner = try ClientOverheadRunner(
            plan: plan, options: try serverArguments.options(valueBytes: valueBytes),
            progress: ProgressReporter(quiet: outputArguments.quiet))
        let directory = try ResultFiles.directory(
            output: outputArguments.output, experiment: "client-overhead", label: outputArguments.label)
        let summary = try runner.run(
            experiment: "client-overhead", label: outputArguments.label, directory: directory)
        print(summary.text)
        print("written to \(directory)/summary.json")
        return summary.status
    }
}

/// The Swift side of `client-overhead`, in a process of its own.
struct ClientReadsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client-reads",
        abstract: "Reads a znode over and over by the Swift client; prints the time and CPU time as JSON.")

    @Option(help: "A server, as host:port.")
    var server: String
    @Option(help: "How many reads at once are asked for: tasks or pipelined.")
    var form = "tasks"
    @Option(help: "Reads outstanding at once.")
    var window = 100
    @Option(help: "Reads that are measured.")
    var reads = 500_000
    @Option(help: "Bytes of the znode.")
    var valueBytes = 1024

    mutating func run() throws {
        let arguments = self
        let sample = try finish { () throws(LoadError) in
            guard let form = ClientReads.Form(rawValue: arguments.form) else {
                throw .usage("--form is tasks or pipelined, not '\(arguments.form)'")
            }
            guard arguments.window > 0, arguments.reads > 0, arguments.valueBytes >= 0 else {
                throw .usage("--window and --reads are at least 1, --value-bytes at least 0")
            }
            return try ClientReads.measure(
                form, try ServerAddress(parsing: arguments.server), window: arguments.window,
                reads: arguments.reads, valueBytes: arguments.valueBytes)
        }
        print(sample.line)
    }
}
