import Foundation
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// One try to run `corral server`, its two outputs apart.
///
/// Used by one thread at a time.
final class Attempt: @unchecked Sendable {
    let scratch: TemporaryDirectory
    let process: ChildProcess

    /// - Parameters:
    ///   - arguments: after `corral`.
    ///   - prefix: a program, with its arguments, that runs the rest of its command line, such as `setpriv`.
    init(_ arguments: [String], prefix: [String] = [], scratch: TemporaryDirectory = TemporaryDirectory("hostile"))
        throws
    {
        self.scratch = scratch
        let command = prefix + [ServerUnderTest.corralBinary] + arguments
        process = try ChildProcess(
            "/bin/sh", ["-c", "exec \"$@\" 2>\"$ERRORS\"", "sh"] + command,
            environment: ["ERRORS": scratch.file("errors")], output: scratch.file("output"))
    }

    /// A standalone server on a data directory, quiet below warnings.
    static func standalone(
        dataDir: String, port: Int = 0, settings: [String] = [], level: String = "warning", prefix: [String] = []
    ) throws -> Attempt {
        var arguments = [
            "server", "--standalone", "--data-dir", dataDir, "--client-port", String(port), "--log-level", level,
        ]
        for setting in ["clientPortAddress=127.0.0.1"] + settings { arguments += ["--set", setting] }
        return try Attempt(arguments, prefix: prefix)
    }

    /// The exit code; nil when it is still running after so long.
    func end(within seconds: Double = 20) -> Int32? { process.waitForExit(within: seconds) }

    var errors: String { (try? String(contentsOfFile: scratch.file("errors"), encoding: .utf8)) ?? "" }
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }

    /// Ends a server that did start; its exit code.
    func terminate() -> Int32? {
        process.signal(SIGTERM)
        return end()
    }
}
