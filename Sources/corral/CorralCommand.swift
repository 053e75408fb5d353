import ArgumentParser
import Server

/// The root command.
struct CorralCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corral",
        abstract: "A coordination server that speaks Apache ZooKeeper's protocols.",
        version: CorralVersion.reported,
        subcommands: [ServerCommand.self, ShellCommand.self, LogCommand.self, SnapshotCommand.self])

    /// The subcommands beside the server.
    static let toolNames: Set = ["shell", "log", "snapshot"]
    /// `EX_USAGE` of sysexits.h.
    static let toolUsageExitCode: Int32 = 64
}
