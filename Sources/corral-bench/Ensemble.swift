import ArgumentParser
import Foundation
import Load

/// Flags of every command that starts an ensemble.
struct EnsembleArguments: ParsableArguments {
    @Option(help: "corral or apache, for every server.")
    var kind = ServerKind.corral
    @Option(help: "The kind of each server, separated by commas: corral,apache,apache.")
    var mix: String?
    @Option(help: "How many of the servers, the last ones, only observe.")
    var observers = 0
    @Option(
        name: .customLong("config"), parsing: .unconditionalSingleValue,
        help: "A key of zoo.cfg for every server, as key=value; repeatable.")
    var settings: [String] = []

    func options(
        servers: Int, server: ServerOptions, directory: String? = nil, defaults: [String: String] = [:],
        isCuttable: Bool = false
    ) throws(LoadError) -> EnsembleOptions {
        try EnsembleOptions(
            kinds: try EnsembleOptions.kinds(count: servers, kind: kind, mix: mix), observers: observers,
            server: server,
            settings: defaults.merging(try EnsembleOptions.settings(parsing: settings)) { _, given in given },
            directory: directory, isCuttable: isCuttable)
    }
}

struct Ensemble: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Starts servers on loopback that form an ensemble, and kills, pauses or restarts them on command.",
        discussion: """
            Commands come from standard input, one a line, and from 'corral-bench ensemble-control':

            \(EnsembleConsole.help)

            With --data-dir the directories stay; otherwise they are made under --data-root and removed at the end.
            """)

    @Argument(help: "Number of servers, 1 to 13.")
    var count: Int
    @OptionGroup var ensembleArguments: EnsembleArguments
    @OptionGroup var serverArguments: ServerArguments
    @Option(help: "Fresh directory for the servers' configuration, data and output; it stays.")
    var dataDir: String?

    mutating func run() throws {
        Interrupt.install()
        let arguments = self
        try finish { () throws(LoadError) in try arguments.serve() }
    }

    private func serve() throws(LoadError) {
        let options = try ensembleArguments.options(
            servers: count, server: try serverArguments.options(valueBytes: 1024), directory: dataDir)
        let ensemble = try ManagedEnsemble(options)
        defer { ensemble.stop() }
        try ensemble.start()
        func say(_ text: String) {
            print(text)
            // Whoever reads it through a pipe waits for it.
            fflush(nil)
        }
        say(ensemble.table())
        say("connect: \(ensemble.connectString)")
        let console = EnsembleConsole(ensemble, print: say)
        if let directory = console.controlDirectory {
            say("control: corral-bench ensemble-control \(directory) COMMAND")
        }
        console.run()
    }
}

struct EnsembleControl: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends a command to a running 'corral-bench ensemble' and prints its answer.")

    @Argument(help: "The ensemble's directory, as it printed it.")
    var directory: String
    @Argument(parsing: .remaining, help: "status, leader, kill N, term N, restart N [kind], pause N, resume N, quit.")
    var command: [String]

    mutating func run() throws {
        let (directory, command) = (directory, command)
        let answer = try finish { () throws(LoadError) in
            try ControlSocket.send(command.joined(separator: " "), to: directory)
        }
        print(answer)
        if answer.hasPrefix("error:") { throw ExitCode(LoadExitCode.failure) }
    }
}
