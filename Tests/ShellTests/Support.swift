import Foundation
import TestSupport
import Testing

/// `corral shell` as a process, its two outputs apart.
enum ShellRun {
    struct Result {
        var code: Int32
        var output: String
        var errors: String

        var lines: [String] {
            output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).dropLast()
        }

        /// The JSON objects, one a line.
        var objects: [[String: Any]] {
            output.split(separator: "\n").compactMap { line in
                (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
            }
        }
    }

    /// - Parameter input: what is piped in; nil: nothing.
    static func run(
        _ arguments: [String], input: String? = nil, environment: [String: String] = [:], program: String? = nil
    ) throws -> Result {
        let directory = TemporaryDirectory("shell")
        let (inputFile, outputFile, errorFile) = (
            directory.file("input"), directory.file("output"), directory.file("errors")
        )
        try (input ?? "").write(toFile: inputFile, atomically: false, encoding: .utf8)
        var variables = environment
        for (name, file) in [("SHELL_IN", inputFile), ("SHELL_OUT", outputFile), ("SHELL_ERR", errorFile)] {
            variables[name] = file
        }
        let (code, other) = try ChildProcess.run(
            "sh",
            ["-c", "exec \"$@\" <\"$SHELL_IN\" >\"$SHELL_OUT\" 2>\"$SHELL_ERR\"", "sh"]
                + [program ?? ServerUnderTest.corralBinary] + arguments,
            environment: variables, timeoutSeconds: 60)
        #expect(other == "")
        func text(_ file: String) -> String {
            String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
        }
        return Result(code: code, output: text(outputFile), errors: text(errorFile))
    }
}

extension ServerUnderTest {
    /// One command in one-shot mode.
    func shell(_ command: [String], options: [String] = []) throws -> ShellRun.Result {
        try ShellRun.run(["shell", "-s", "127.0.0.1:\(port)"] + options + command)
    }

    /// One command, its answer as JSON.
    func json(_ command: String...) throws -> [String: Any] {
        let result = try shell(command, options: ["--output", "json"])
        return try #require(result.objects.first, "\(command): \(result)")
    }

    /// Lines from a pipe.
    func shell(lines: [String], options: [String] = []) throws -> ShellRun.Result {
        try ShellRun.run(
            ["shell", "-s", "127.0.0.1:\(port)"] + options, input: lines.map { $0 + "\n" }.joined())
    }
}

/// Which servers there are to test against: Apache's only where it is installed.
enum LiveVendors {
    static let all: [Vendor] = Vendor.underTest.filter { vendor in
        vendor == .corral || FileManager.default.fileExists(atPath: ServerUnderTest.apacheJar)
    }
}
