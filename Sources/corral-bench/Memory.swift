import ArgumentParser
import Load

struct Memory: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fills fresh servers with znodes and reports resident bytes per znode.")

    @OptionGroup var serverArguments: ServerArguments
    @OptionGroup var outputArguments: OutputArguments
    @OptionGroup var machineArguments: MachineArguments
    @Option(help: "Servers: corral, apache; separated by commas.")
    var servers = "corral"
    @Option(help: "Znodes to create.")
    var znodes = 1_000_000
    @Option(help: "Bytes of each znode's data.")
    var valueBytes = 100

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        let status = try finish { () throws(LoadError) in try arguments.measure() }
        try end(with: status)
    }

    private func measure() throws(LoadError) -> RunStatus {
        var kinds: [ServerKind] = []
        for name in servers.split(separator: ",") {
            guard let kind = ServerKind(rawValue: String(name)), kind.isZooKeeper else {
                throw .usage("'\(name)' is no server to fill: corral or apache")
            }
            kinds.append(kind)
        }
        var options = try serverArguments.options(valueBytes: valueBytes)
        options.apacheFixedHeap = false
        let directory = try ResultFiles.directory(
            output: outputArguments.output, experiment: "memory", label: outputArguments.label)
        let experiment = try MemoryExperiment(
            znodes: znodes, valueBytes: valueBytes, options: options,
            progress: ProgressReporter(quiet: outputArguments.quiet))
        defer { MeasuringLock.giveBack() }
        try machineArguments.takeMachine(for: "memory --label \(outputArguments.label)")
        let summary = try experiment.run(
            kinds, experiment: "memory", label: outputArguments.label, directory: directory)
        print(MemoryExperiment.markdown(summary))
        print("written to \(directory)/summary.json")
        return summary.status
    }
}
