import ArgumentParser
import Glibc
import Server

do {
    var command = try CorralCommand.parseAsRoot()
    try command.run()
} catch let error as ServerStartError {
    for line in error.description.split(separator: "\n") { ServerLogHandler.standardError("corral: \(line)") }
    exit(error.exitCode)
} catch {
    // Help and version arrive here too, with exit code 0 and their text for standard output.
    if CorralCommand.exitCode(for: error).isSuccess { CorralCommand.exit(withError: error) }
    ServerLogHandler.standardError("corral: \(CorralCommand.message(for: error))")
    exit(Server.ExitCode.badArguments)
}
