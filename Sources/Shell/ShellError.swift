import ZooKeeperClient

/// Why a command did not do what it was asked for.
public struct ShellError: Error, Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        /// The server said no, or there is nothing of that name.
        case refused
        /// There is no connection, or it was lost before the answer.
        case connection
        /// The command itself is wrong.
        case usage
        case interrupted
    }

    public var kind: Kind
    /// A name for programs: that of the protocol's error code (`NoNode`), or `Usage` and the like.
    public var code: String
    /// The protocol's number, for answers of the server.
    public var number: Int32?
    /// As zkCli words it, where it has words.
    public var message: String
    public var path: String?

    public init(_ kind: Kind, code: String, number: Int32? = nil, _ message: String, path: String? = nil) {
        self.kind = kind
        self.code = code
        self.number = number
        self.message = message
        self.path = path
    }

    static func usage(_ message: String) -> ShellError { ShellError(.usage, code: "Usage", message) }
    static let interrupted = ShellError(.interrupted, code: "Interrupted", "interrupted")
    static func refused(_ code: String, _ message: String, path: String? = nil) -> ShellError {
        ShellError(.refused, code: code, message, path: path)
    }
    static let notText = usage("a line is not UTF-8: give data with -b, -x or -f")
    static let notConnected = ShellError(.connection, code: "ConnectionLoss", "Not connected")

    public var exitCode: Int32 {
        switch kind {
        case .refused: ShellExit.refused
        case .connection: ShellExit.connection
        case .usage: ShellExit.usage
        case .interrupted: ShellExit.interrupted
        }
    }
}

/// Exit codes of `corral shell`.
public enum ShellExit {
    public static let refused: Int32 = 1
    public static let connection: Int32 = 2
    /// `EX_USAGE` of sysexits.h.
    public static let usage: Int32 = 64
    /// `EX_IOERR`: the output cannot be written.
    public static let output: Int32 = 74
    /// 128 + SIGINT.
    public static let interrupted: Int32 = 130
    /// 128 + SIGPIPE: nobody reads the output any more.
    public static let brokenPipe: Int32 = 141
}

extension ShellError {
    init(_ error: ZooKeeperError) {
        let path = error.path
        switch error.reason {
        case .server(let code):
            let name = Self.name(of: code)
            self.init(.refused, code: name, number: code.rawValue, Self.words(code, name, path), path: path)
        case .unknownServerCode(let number):
            self.init(.refused, code: "Unknown", number: number, "KeeperErrorCode = \(number)", path: path)
        case .authenticationFailed:
            self.init(
                .refused, code: "AuthFailed", number: ErrorCode.authFailed.rawValue, "KeeperErrorCode = AuthFailed")
        case .connectionLoss, .requestTimeout, .sessionExpired, .closed, .malformedReply:
            var message = error.description
            if case .connectionLoss = error.reason {
                message = "KeeperErrorCode = ConnectionLoss" + (path.map { " for \($0)" } ?? "")
                if error.outcome == .unknown { message += " (whether it has happened is not known)" }
            }
            self.init(.connection, code: Self.name(of: error.code), number: error.code.rawValue, message, path: path)
        case .cancelled:
            self = .interrupted
        case .invalidPath(let problem):
            self.init(.usage, code: "BadArguments", "Path \(path.map { "\"\($0)\" " } ?? "")\(problem)", path: path)
        case .invalidConnectString, .invalidArgument, .requestTooLarge, .overloaded:
            self.init(.usage, code: "BadArguments", error.description, path: path)
        }
    }

    init(_ error: any Error) {
        switch error {
        case let error as ShellError: self = error
        case let error as ZooKeeperError: self.init(error)
        case is CancellationError: self = .interrupted
        default: self.init(.refused, code: "Failed", "\(error)")
        }
    }

    /// `noNode` is `NoNode`.
    static func name(of code: ErrorCode) -> String {
        let name = "\(code)"
        return name.prefix(1).uppercased() + name.dropFirst()
    }

    /// What zkCli says (`CliWrapperException`).
    private static func words(_ code: ErrorCode, _ name: String, _ path: String?) -> String {
        let text: String? =
            switch code {
            case .noNode: "Node does not exist: "
            case .noChildrenForEphemerals: "Ephemerals cannot have children: "
            case .nodeExists: "Node already exists: "
            case .notEmpty: "Node not empty: "
            case .notReadOnly: "Not a read-only call: "
            case .invalidACL: "Acl is not valid : "
            case .noAuth: "Insufficient permission : "
            case .badArguments: "Arguments are not valid : "
            case .badVersion: "version No is not valid : "
            case .quotaExceeded: "Quota has exceeded : "
            default: nil
            }
        if let text, let path { return text + path }
        switch code {
        case .reconfigInProgress:
            return "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)"
        case .newConfigNoQuorum:
            return "No quorum of new config is connected and up-to-date with the leader of last commmitted config - try"
                + " invoking reconfiguration after new servers are connected and synced"
        default:
            return "KeeperErrorCode = \(name)" + (path.map { " for \($0)" } ?? "")
        }
    }
}
