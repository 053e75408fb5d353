import Foundation
import Testing

@testable import Server

/// What the tests share.
enum Support {
    /// A file beside the tests.
    static func golden(_ name: String, file: StaticString = #filePath) throws -> String {
        let directory = URL(fileURLWithPath: "\(file)").deletingLastPathComponent()
        return try String(contentsOf: directory.appendingPathComponent("Golden/\(name).txt"), encoding: .utf8)
    }

    /// Parses the text of a `zoo.cfg`; dataDir and clientPort are given unless `bare`.
    static func parse(_ text: String, overrides: [String] = [], bare: Bool = false) throws -> ServerConfiguration {
        var parser = ConfigurationParser()
        if !bare {
            parser.override("dataDir", "/nonexistent/data", option: "--data-dir")
            parser.override("clientPort", "2181", option: "--client-port")
        }
        parser.read(Array(text.utf8), path: "zoo.cfg")
        for assignment in overrides { parser.override(assignment) }
        return try parser.finish()
    }

    /// The lines of the error that a configuration must cause; empty when it causes none.
    static func errors(_ text: String, overrides: [String] = [], bare: Bool = false) -> [String] {
        do {
            _ = try parse(text, overrides: overrides, bare: bare)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    static func warnings(_ text: String, overrides: [String] = []) throws -> [String] {
        try parse(text, overrides: overrides).warnings.map(\.description)
    }
}

/// A directory that is removed with its owner.
final class TemporaryDirectory {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("corral-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    func write(_ text: String, to name: String) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
