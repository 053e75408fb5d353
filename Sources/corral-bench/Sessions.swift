import ArgumentParser
import Load

struct Sessions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Opens many sessions from one process, leaves them idle, and restarts their server under them.",
        discussion: """
            Reports memory per session and CPU time at rest, of clients and server; then, for each storm, kills the \
            server, starts it again on the same directory, and waits until every session is back. A session that is \
            lost, or an ephemeral znode, makes the result invalid. Results under OUTPUT/sessions/LABEL.

            Exit codes: 0 valid, 5 a session was lost, 130 interrupted, 64 wrong usage, 1 anything else.
            """)

    @OptionGroup var serverArguments: ServerArguments
    @OptionGroup var outputArguments: OutputArguments
    @Option(help: "The server: corral or apache.")
    var server = ServerKind.corral
    @Option(help: "Sessions; each needs an open file here and in the server (ulimit -n).")
    var sessions = 10_000
    @Option(help: "Session timeout in seconds.")
    var timeout = 30.0
    @Option(help: "Seconds at rest.")
    var idleSeconds = 30.0
    @Option(help: "Restarts of the server.")
    var storms = 3

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        let status = try finish { () throws(LoadError) in try arguments.measure() }
        try end(with: status)
    }

    private func measure() throws(LoadError) -> RunStatus {
        var plan = SessionsPlan()
        plan.server = server
        plan.sessions = sessions
        plan.timeoutSeconds = timeout
        plan.idleSeconds = idleSeconds
        plan.storms = storms
        let runner = try SessionsRunner(
            plan: plan, options: try serverArguments.options(valueBytes: 0),
            progress: ProgressReporter(quiet: outputArguments.quiet))
        let directory = try ResultFiles.directory(
            output: outputArguments.output, experiment: "sessions", label: outputArguments.label)
        let summary = try runner.run(experiment: "sessions", label: outputArguments.label, directory: directory)
        print(summary.text)
        print("written to \(directory)/summary.json")
        return summary.status
    }
}
