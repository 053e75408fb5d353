import ArgumentParser
import Load

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@main
struct CorralBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corral-bench",
        abstract: "Loads ZooKeeper-compatible servers, checks what they answer, and measures them.",
        subcommands: [
            Run.self, Sweep.self, Memory.self, CheckResult.self, NullServerCommand.self, Simulate.self, Ensemble.self,
            EnsembleControl.self, Faults.self, CatchUp.self,
        ])
}

/// Ends the program as its exit codes are documented, with one message.
func finish<T>(_ work: () throws(LoadError) -> T) throws -> T {
    do {
        return try work()
    } catch .usage(let text) {
        throw ValidationError(text)
    } catch {
        var message = Array("corral-bench: \(error)\n".utf8)
        message.withUnsafeMutableBytes { _ = write(2, $0.baseAddress!, $0.count) }
        throw ExitCode(LoadExitCode.failure)
    }
}
