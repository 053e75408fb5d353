/// What stops a load run before or while it works, in words for the person who started it.
public enum LoadError: Error, CustomStringConvertible, Sendable {
    /// The request makes no sense as written.
    case usage(String)
    /// A file that declares what to do makes no sense as written; says where.
    case declaration(String)
    /// A server cannot be reached, or speaks something else.
    case connection(String)
    /// A file, a process or the machine is in the way.
    case environment(String)
    /// A result file is not what it should be.
    case result(String)
    /// Ctrl-C before there was anything to write down.
    case interrupted(String)

    public var description: String {
        switch self {
        case .usage(let text), .declaration(let text), .connection(let text), .environment(let text), .result(let text),
            .interrupted(let text):
            text
        }
    }
}

/// Process exit codes of `corral-bench`.
public enum LoadExitCode {
    /// A run finished and every check held.
    public static let valid: Int32 = 0
    /// Could not run at all: no connection, no permission, no such program.
    public static let failure: Int32 = 1
    /// A comparison cannot tell: the machine was too noisy, or a canary moved.
    public static let unstable: Int32 = 3
    /// A comparison, or a change point, says slower.
    public static let slower: Int32 = 4
    /// The run broke a correctness check; its numbers must not be used.
    public static let invalidRun: Int32 = 5
    /// Interrupted; the result written is marked partial.
    public static let interrupted: Int32 = 130
}
