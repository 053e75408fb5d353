/// Why a server did not start, or had to end; each has its exit code.
public enum ServerStartError: Error, CustomStringConvertible {
    /// The configuration is wrong; when nothing but values on the command line are, bad arguments.
    case configuration(ConfigurationError)
    /// Port in use, directory missing or not writable, no permission.
    case cannotStart(String)
    /// Another process listens on a port of the configuration.
    case portTaken(String)
    /// Log or snapshots are damaged; names file and offset.
    case dataCorrupt(String)
    /// A write or a flush failed.
    case diskFailed(String)

    /// The process's exit code.
    public var exitCode: Int32 {
        switch self {
        case .configuration(let error): error.isOfArguments ? ExitCode.badArguments : ExitCode.badConfiguration
        case .cannotStart, .portTaken: ExitCode.cannotStart
        case .dataCorrupt: ExitCode.dataCorrupt
        case .diskFailed: ExitCode.diskFailed
        }
    }

    public var description: String {
        switch self {
        case .configuration(let error): error.description
        case .cannotStart(let text), .portTaken(let text): "cannot start: \(text)"
        case .dataCorrupt(let text): "data corrupt: \(text)"
        case .diskFailed(let text): "disk failed: \(text)"
        }
    }
}

/// Exit codes of `corral server`.
public enum ExitCode {
    public static let ok: Int32 = 0
    public static let badArguments: Int32 = 2
    public static let badConfiguration: Int32 = 3
    public static let cannotStart: Int32 = 4
    public static let dataCorrupt: Int32 = 5
    public static let diskFailed: Int32 = 10
}
