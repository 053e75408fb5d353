import Foundation
import Load

@testable import Evaluation

enum Project {
    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static func paper() throws -> PaperPoints { try PaperPoints.load("\(directory)/Bench/paper/points.csv") }

    /// The servers that were built beside the tests.
    static func options(_ directory: String) throws -> ServerOptions {
        let places = CommandLine.arguments.filter { $0.contains(".xctest") }.map { argument in
            let bundle = String(argument.prefix(upTo: argument.range(of: ".xctest")!.upperBound))
            return (bundle as NSString).deletingLastPathComponent + "/corral"
        } + ["\(Self.directory)/.build/debug/corral"]
        let program = places.first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let program else {
            throw LoadError.environment("no corral beside the tests: swift build --product corral")
        }
        return ServerOptions(corralPath: program, benchPath: program, dataRoot: "\(directory)/data")
    }

    /// Runs an experiment, and again when its only fault is that the machine was unsteady: five times at most.
    static func whenSteady<Summary>(
        _ run: () throws -> (summary: Summary, status: RunStatus, reasons: [String])
    ) rethrows -> Summary {
        for _ in 1...4 {
            let (summary, status, reasons) = try run()
            let isUnsteady = reasons.allSatisfy { $0.contains("unsteady") || $0.contains("steady state not attained") }
            if status == .valid || !isUnsteady { return summary }
        }
        return try run().summary
    }
}

/// A directory that goes away with the test.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/corral-evaluation-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
