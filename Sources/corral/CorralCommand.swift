import ArgumentParser
import Server

/// The root command.
struct CorralCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corral",
        abstract: "A coordination server that speaks Apache ZooKeeper's protocols.",
        version: CorralVersion.reported,
        subcommands: [ServerCommand.self])
}
