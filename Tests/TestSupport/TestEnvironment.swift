import Foundation

/// What the environment says about how tests should run.
public enum TestEnvironment {
    public static func string(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else { return nil }
        return value
    }

    public static func int(_ name: String, default fallback: Int) -> Int {
        guard let text = string(name) else { return fallback }
        guard let value = Int(text) else { fatalError("\(name) must be a whole number, not '\(text)'") }
        return value
    }

    /// A seed from the environment, else a fresh one; the caller prints it, so that a failure can be replayed.
    public static func seed(_ name: String) -> UInt64 {
        if let text = string(name) {
            guard let value = UInt64(text) else { fatalError("\(name) must be a whole number, not '\(text)'") }
            return value
        }
        return UInt64.random(in: 1...0xffff_ffff)
    }

    /// The root of the package, found from this file's own place in it.
    public static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The directory of the products being tested: the one the test executable itself lies in.
    public static let productDirectory: URL = {
        let executable = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        return URL(fileURLWithPath: executable ?? CommandLine.arguments[0]).deletingLastPathComponent()
    }()

    /// Where helper programs are built and virtual environments live: below the build directory.
    public static let clientDirectory: URL = {
        let directory = packageRoot.appendingPathComponent(".build/test-clients")
        try? FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        return directory
    }()

    /// Prints a line that a reader of the log can find.
    public static func note(_ text: String) {
        FileHandle.standardOutput.write(Data("note: \(text)\n".utf8))
    }
}

/// SplitMix64: small, fast, and the same sequence everywhere for one seed.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// True with the given chance in percent.
    public mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

    public mutating func pick<Element>(_ choices: [Element]) -> Element {
        choices[Int.random(in: 0..<choices.count, using: &self)]
    }
}

/// A directory that disappears with the object that made it.
///
/// Safe to share: it never changes after creation.
public final class TemporaryDirectory: @unchecked Sendable {
    public let url: URL
    public var path: String { url.path }

    public init(_ label: String = "test") {
        url = FileManager.default.temporaryDirectory
            .appendingPathComponent("corral-\(label)-\(UUID().uuidString.prefix(8))")
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            fatalError("cannot make \(url.path): \(error)")
        }
    }

    public func file(_ name: String) -> String { url.appendingPathComponent(name).path }

    deinit { try? FileManager.default.removeItem(at: url) }
}

/// Waits on a condition with a deadline, polling every few milliseconds.
public func eventually(within seconds: Double, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Date().addingTimeInterval(seconds)
    while true {
        if try condition() { return true }
        if Date() >= deadline { return false }
        usleep(5000)
    }
}
