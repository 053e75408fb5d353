import ArgumentParser
import CPlatform
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
            EnsembleControl.self, Faults.self, CatchUp.self, ClientOverhead.self, ClientReadsCommand.self,
            Sessions.self, Experiment.self, Predict.self, ReportCommand.self, Regress.self, RegressTrials.self,
            Micro.self, HistoryCommand.self,
        ])

    static func main() {
        // Progress and a broken property are read while they come, in a file or a pipe too.
        corral_line_output()
        main(joiningNegativeNumbers(Array(CommandLine.arguments.dropFirst())))
    }

    /// `--flag -1` as `--flag=-1`: a negative number is a value, to be judged by the flag's limits, and no flag.
    private static func joiningNegativeNumbers(_ arguments: [String]) -> [String] {
        var joined: [String] = []
        for argument in arguments {
            if let flag = joined.last, flag.hasPrefix("--"), !flag.contains("="), argument.hasPrefix("-"),
                Double(argument) != nil
            {
                joined[joined.count - 1] = "\(flag)=\(argument)"
            } else {
                joined.append(argument)
            }
        }
        return joined
    }
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
        // A wrong file is no wrong flag: how the command is called does not help.
        if case .declaration = error { throw ExitCode.validationFailure }
        if case .interrupted = error { throw ExitCode(LoadExitCode.interrupted) }
        throw ExitCode(LoadExitCode.failure)
    }
}
