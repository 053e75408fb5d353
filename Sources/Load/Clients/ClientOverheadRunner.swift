#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Runs the client programs in turn against one fresh server of Corral's. Used from one thread.
public final class ClientOverheadRunner {
    private let plan: ClientOverheadPlan
    private let options: ServerOptions
    private let progress: ProgressReporter

    /// No measurement takes so long, unless a client hangs.
    private static let longestSeconds = 300.0

    public init(
        plan: ClientOverheadPlan, options: ServerOptions, progress: ProgressReporter
    ) throws(LoadError) {
        try plan.validate()
        try ManagedServer.checkStartable(.corral, options: options)
        self.plan = plan
        self.options = options
        self.progress = progress
    }

    public func run(experiment: String, label: String, directory: String) throws(LoadError) -> ClientOverheadSummary {
        try ResultFiles.makeDirectory(options.dataRoot)
        let environment = EnvironmentRecord.capture(dataDirectory: options.dataRoot)
        let startedAt = ResultFiles.timestamp()
        let server = try ManagedServer(.corral, options: options)
        defer { server.stop() }
        var random = RandomSource(seed: plan.seed)
        var measurements: [ClientOverheadMeasurement] = []
        rounds: for round in 1...plan.rounds {
            var order = plan.clients
            for index in order.indices.dropLast() {
                order.swapAt(index, index + Int(random.below(UInt32(order.count - index))))
            }
            for client in order {
                if Interrupt.isRequested { break rounds }
                progress.update("round \(round) of \(plan.rounds): \(client.title)")
                measurements.append(try measure(client, round, server))
            }
        }
        progress.clear()
        let summary = ClientOverheadSummary(
            experiment: experiment, label: label, startedAt: startedAt, environment: environment,
            plan: relative(plan), server: server.description, measurements: measurements)
        try ResultFiles.write(try ResultFiles.json(summary), to: "\(directory)/summary.json")
        try ResultFiles.write(summary.text + "\n", to: "\(directory)/report.txt")
        return summary
    }

    private func measure(
        _ client: ComparedClient, _ round: Int, _ server: ManagedServer
    ) throws(LoadError) -> ClientOverheadMeasurement {
        let command = plan.command(client, server.address, benchPath: options.benchPath)
        let output = "\(options.dataRoot)/client-\(server.address.port)-\(round)-\(client.rawValue)"
        defer { unlink(output) }
        let before = try ProcessSnapshot(pid: server.pid)
        let code = try ChildProcess.run(command, outputPath: output, limitSeconds: Self.longestSeconds)
        let after = try ProcessSnapshot(pid: server.pid)
        let text = TextFile.read(output)
        guard code == 0, let sample = ClientReadSample(output: text) else {
            let tail = text.split(separator: "\n").suffix(8).map { "  \($0)" }.joined(separator: "\n")
            let problem = code.map { "ended with \($0)" } ?? "did not end within \(Int(Self.longestSeconds)) s"
            throw .environment(
                "the client \(client.rawValue) \(problem) and left no result\n"
                    + "  \(command.joined(separator: " "))\n\(tail)")
        }
        return ClientOverheadMeasurement(
            client: client, round: round, sample: sample,
            // With the client's warm-up, which is small.
            serverCpuSeconds: Double(after.cpuNanos - before.cpuNanos) / 1e9)
    }

    /// A result names no directory of the machine that it is from.
    private func relative(_ plan: ClientOverheadPlan) -> ClientOverheadPlan {
        var plan = plan
        plan.kazooPython = EnvironmentRecord.withoutWorkingDirectory(plan.kazooPython)
        plan.kazooScript = EnvironmentRecord.withoutWorkingDirectory(plan.kazooScript)
        plan.javaClassPath = plan.javaClassPath.split(separator: ":")
            .map { EnvironmentRecord.withoutWorkingDirectory(String($0)) }.joined(separator: ":")
        return plan
    }
}

extension ChildProcess {
    /// Runs a command to its end; its exit code, nil when it had to be ended.
    static func run(_ arguments: [String], outputPath: String, limitSeconds: Double) throws(LoadError) -> Int32? {
        let process = try ChildProcess(arguments, outputPath: outputPath)
        let start = Clock.seconds
        while process.isRunning {
            guard Clock.seconds - start < limitSeconds, !Interrupt.isRequested else {
                process.stop(graceSeconds: 1)
                return nil
            }
            usleep(20_000)
        }
        return process.exitCode
    }
}
