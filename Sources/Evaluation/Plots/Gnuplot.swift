import Foundation
import Load

/// Draws with gnuplot and the scripts of `plots/`: the same bytes for the same input.
public struct Gnuplot: Sendable {
    public enum Format: String, CaseIterable, Sendable {
        case svg, png
    }

    /// The directory that holds `plots/`.
    public var root: String

    public init(root: String = ".") { self.root = root }

    /// Whether gnuplot can be run.
    public static var isThere: Bool { (try? run(["gnuplot", "--version"], in: ".")) != nil }

    /// - Parameters:
    ///   - script: below `plots/`, without `.gp`.
    ///   - results: the directory with `plot.gp` and the figures, relative to the working directory or absolute.
    ///   - path: of the drawing, likewise.
    public func draw(_ script: String, results: String, to path: String, format: Format) throws(LoadError) {
        let variables = "results=\(Self.quoted(results)); out=\(Self.quoted(path)); format='\(format.rawValue)'"
        try Self.run(["gnuplot", "-e", variables, "plots/\(script).gp"], in: root)
    }

    /// A path as gnuplot reads it: within single quotes an apostrophe is written twice, and nothing else is special.
    private static func quoted(_ path: String) -> String {
        "'\(absolute(path).replacing("'", with: "''"))'"
    }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    @discardableResult
    private static func run(_ arguments: [String], in directory: String) throws(LoadError) -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: absolute(directory))
        var environment = ProcessInfo.processInfo.environment
        // In the C locale gnuplot cannot write signs beyond ASCII.
        environment["LC_ALL"] = "C.UTF-8"
        process.environment = environment
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw .environment("cannot run \(arguments[0]): \(error)")
        }
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw .environment("\(arguments[0]) failed (Debian's package gnuplot-nox has it): \(said)")
        }
        return said
    }
}
