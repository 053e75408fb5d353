/// Why a request did not succeed, what it was about, and whether it may have taken effect.
public struct ZooKeeperError: Error, Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// The server refused the request.
        case server(ErrorCode)
        /// The server refused the request with a code that this library does not know.
        case unknownServerCode(Int32)
        /// The connection broke before an answer came, or before the request was sent: see `outcome`.
        case connectionLoss
        /// No answer came in the time that requests have: see `outcome`.
        case requestTimeout
        /// The session is no more; its ephemeral znodes are gone or will be. This client has ended.
        case sessionExpired
        /// This client was closed.
        case closed
        /// The server did not accept a credential. This client has ended.
        case authenticationFailed
        /// The task that waited was cancelled. The request itself goes on.
        case cancelled
        /// The path breaks the rules for znode names.
        case invalidPath(String)
        case invalidConnectString(String)
        case invalidArgument(String)
        /// The request is longer than servers take (`jute.maxbuffer`), which would cost the connection.
        case requestTooLarge(bytes: Int, limitBytes: Int)
        /// Too many bytes wait to be sent (`maximumUnsentBytes`).
        case overloaded
        /// The server's answer is not what the protocol says.
        case malformedReply(String)
    }

    /// Whether what was asked for has happened.
    public enum Outcome: Hashable, Sendable {
        /// It has not happened, and will not.
        case notApplied
        /// It may have happened or may still happen: the request was sent and the answer is not known.
        case unknown
    }

    public var reason: Reason
    public var outcome: Outcome
    public var operation: OpCode?
    /// As the client sees it, that is below the chroot.
    public var path: String?
    /// Which part of a `multi` was refused, counted from 0.
    public var index: Int?

    public init(
        _ reason: Reason, outcome: Outcome = .notApplied, operation: OpCode? = nil, path: String? = nil,
        index: Int? = nil
    ) {
        self.reason = reason
        self.outcome = outcome
        self.operation = operation
        self.path = path
        self.index = index
    }

    /// The protocol's code for the reason, so that all kinds can be told apart in one switch.
    public var code: ErrorCode {
        switch reason {
        case .server(let code): code
        case .unknownServerCode, .malformedReply: .systemError
        case .connectionLoss: .connectionLoss
        case .requestTimeout: .requestTimeout
        case .sessionExpired, .closed: .sessionExpired
        case .authenticationFailed: .authFailed
        case .cancelled, .overloaded: .operationTimeout
        case .invalidPath, .invalidConnectString, .invalidArgument, .requestTooLarge: .badArguments
        }
    }

    /// Whether the same request may succeed later in this session.
    public var isTransient: Bool {
        switch reason {
        case .connectionLoss, .requestTimeout, .overloaded: true
        case .server(let code): code == .throttledOp || code == .sessionMoved || code == .newConfigNoQuorum
        default: false
        }
    }
}

extension ZooKeeperError: CustomStringConvertible {
    public var description: String {
        var text = operation.map { "\($0)" } ?? "ZooKeeper"
        if let path { text += " \(path)" }
        if let index { text += " (part \(index))" }
        text += ": "
        switch reason {
        case .server(let code): text += "\(code)"
        case .unknownServerCode(let code): text += "server code \(code)"
        case .connectionLoss: text += "connection lost"
        case .requestTimeout: text += "no answer in time"
        case .sessionExpired: text += "session expired"
        case .closed: text += "client closed"
        case .authenticationFailed: text += "authentication failed"
        case .cancelled: text += "cancelled"
        case .invalidPath(let problem): text += "invalid path: \(problem)"
        case .invalidConnectString(let problem): text += "invalid connect string: \(problem)"
        case .invalidArgument(let problem): text += "invalid argument: \(problem)"
        case .requestTooLarge(let bytes, let limit): text += "request of \(bytes) bytes, the limit is \(limit)"
        case .overloaded: text += "too much waits to be sent"
        case .malformedReply(let problem): text += "malformed reply: \(problem)"
        }
        return outcome == .unknown ? text + "; its outcome is unknown" : text
    }
}
