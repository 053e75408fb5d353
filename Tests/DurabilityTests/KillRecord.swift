import Foundation
import TestSupport

/// What a run of kills did and found, as lines that are added to a file of results.
struct KillRecord {
    var reactors: Int
    var seed: UInt64
    var rounds: Int
    var problems: [String]
    var run: KillRun

    var text: String {
        let format = ISO8601DateFormatter()
        return [
            "kill -9 under load, corral.reactors=\(reactors)",
            "  date                 \(format.string(from: Date()))",
            "  commit of the server \(Self.commit)",
            "  seed                 \(seed)",
            "  rounds               \(rounds)",
            "  writes sent          \(run.submitted)",
            "  writes acknowledged  \(run.acknowledged)",
            "  lost                 \(problems.count { $0.contains("lost from") })",
            "  other problems       \(problems.count { !$0.contains("lost from") })",
            "  starts killed        \(run.killedStarts)",
            "  snapshots, segments  \(run.snapshots), \(run.segments)",
        ].joined(separator: "\n") + "\n"
    }

    func add(to file: String) throws {
        let old = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        try (old + (old.isEmpty ? "" : "\n") + text).write(toFile: file, atomically: true, encoding: .utf8)
    }

    /// The last commit that changed the server, with `+` when there are changes behind it.
    private static var commit: String {
        let server =
            ["--", "Sources"] + ["Load", "Simulation", "corral-bench"].map { ":(exclude)Sources/\($0)" }
        let directory = TestEnvironment.packageRoot.path
        guard let last = git(["-C", directory, "log", "-1", "--format=%h", "--abbrev=12"] + server) else {
            return "unknown"
        }
        let changes = git(["-C", directory, "status", "--porcelain"] + server)
        return last + (changes?.isEmpty == false ? "+" : "")
    }

    private static func git(_ arguments: [String]) -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["git"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { return nil }
        return String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
