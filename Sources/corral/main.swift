import ArgumentParser
import Glibc
import Server

// A closed one would be given to the next file that is opened, and what is printed would be written there.
for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
    // Reading gives the end at once; writing to 1 fails, so that it shows; to 2 it goes nowhere.
    _ = open("/dev/null", descriptor == 2 ? O_WRONLY : O_RDONLY)
}

do {
    var command = try CorralCommand.parseAsRoot()
    try command.run()
} catch let error as ServerStartError {
    for line in error.description.split(separator: "\n") { ServerLogHandler.standardError("corral: \(line)") }
    exit(error.exitCode)
} catch let code as ArgumentParser.ExitCode {
    exit(code.rawValue)
} catch {
    // Help and version arrive here too, with exit code 0 and their text for standard output.
    if CorralCommand.exitCode(for: error).isSuccess { CorralCommand.exit(withError: error) }
    ServerLogHandler.standardError("corral: \(CorralCommand.message(for: error))")
    // What is not the server's has the number of sysexits.h; the server's was there first.
    let isServers = CommandLine.arguments.dropFirst().first.map { !CorralCommand.toolNames.contains($0) } ?? true
    exit(isServers ? Server.ExitCode.badArguments : CorralCommand.toolUsageExitCode)
}
