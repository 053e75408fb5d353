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

    /// For short runs whose wholeness is tested: how level the machine is at the moment is not asked. That an unsteady
    /// run cannot pass as a result has tests of its own, with series that are made up.
    static func onAnyMachine<Result>(_ work: () throws -> Result) rethrows -> Result {
        try Usability.$mostSlope.withValue(.infinity, operation: work)
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
