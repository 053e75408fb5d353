import Glibc

/// Why a connection ended.
public enum CloseReason: Equatable, Sendable, CustomStringConvertible {
    /// The peer ended its stream in order.
    case peerClosed
    /// The peer reset the connection, or is known to be gone.
    case peerReset
    /// Reading or writing failed otherwise.
    case failed(errno: Int32)
    /// More bytes were kept for an incomplete frame than `ReactorOptions.maxKeptBytes` allows.
    case frameTooLarge
    /// An outgoing connection could not be made.
    case connectFailed(errno: Int32)
    /// An outgoing connection took too long.
    case connectTimedOut
    /// The reactor stops.
    case stopping
    /// The handler closed it, and says why.
    case requested(String)

    public var description: String {
        switch self {
        case .peerClosed: "closed by the peer"
        case .peerReset: "reset by the peer"
        case .failed(let code): "failed: \(String(cString: strerror(code)))"
        case .frameTooLarge: "an incomplete frame is larger than any allowed"
        case .connectFailed(let code): "cannot connect: \(String(cString: strerror(code)))"
        case .connectTimedOut: "cannot connect: no answer in time"
        case .stopping: "the server stops"
        case .requested(let why): why
        }
    }

    static func from(errno code: Int32) -> CloseReason {
        code == ECONNRESET || code == EPIPE ? .peerReset : .failed(errno: code)
    }
}

extension CloseReason {
    /// The peer's machine answered a connect, with no: nobody listens there.
    public var isRefusal: Bool { self == .connectFailed(errno: ECONNREFUSED) }
}
