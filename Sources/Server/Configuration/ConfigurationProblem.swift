/// Where a setting came from; printed before every message about it.
public enum ConfigurationOrigin: Sendable, Hashable, CustomStringConvertible {
    case file(path: String, line: Int)
    /// A file as a whole: something is missing in it.
    case wholeFile(path: String)
    /// A command-line option, as typed (`--set tickTime=5`).
    case option(String)
    case builtIn

    public var description: String {
        switch self {
        case .file(let path, let line): "\(path):\(line)"
        case .wholeFile(let path): path
        case .option(let text): text
        case .builtIn: "default"
        }
    }
}

/// One thing to tell the operator about the configuration; `description` is one line.
public struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    public enum Kind: String, Sendable, Hashable {
        /// Stops the start.
        case error
        /// The key exists nowhere: very likely a typing error.
        case unknownKey
        /// Apache ZooKeeper has the key; this build does not serve it yet.
        case notYetSupported
        /// Apache ZooKeeper has the key, but it tunes machinery that Corral does not have.
        case withoutEffect
        /// The value was changed or deserves a second look.
        case adjusted
    }

    public var kind: Kind
    public var origin: ConfigurationOrigin
    public var key: String
    public var text: String

    /// For a log line, whose level stands elsewhere.
    public var logText: String {
        origin == .builtIn ? text : "\(origin): \(text)"
    }

    public var description: String {
        let label =
            switch kind {
            case .error: "error"
            case .unknownKey, .adjusted: "warning"
            case .notYetSupported: "warning (not supported yet)"
            case .withoutEffect: "note"
            }
        return origin == .builtIn ? "\(label): \(text)" : "\(origin): \(label): \(text)"
    }
}

/// Everything that is wrong with a configuration, all at once.
public struct ConfigurationError: Error, CustomStringConvertible {
    public var problems: [ConfigurationProblem]

    public init(_ problems: [ConfigurationProblem]) {
        self.problems = problems
    }

    /// Whether the command line alone is wrong.
    public var isOfArguments: Bool {
        problems.allSatisfy { problem in
            if case .option = problem.origin { true } else { false }
        }
    }

    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}
