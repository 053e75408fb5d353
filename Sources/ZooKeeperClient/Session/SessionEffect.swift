import Logging

/// What the session machine wants done, in this order.
enum SessionEffect: Equatable {
    /// Open a connection, and report under this number what becomes of it.
    case connect(Endpoint, transport: Int)
    /// Close the connection; nothing more is heard of it.
    case disconnect(transport: Int)
    /// Send whole frames on the connection.
    case send([UInt8])
    /// Requests that were submitted may be sent now.
    case sendSubmitted
    /// Fail what was submitted and not sent.
    case failUnsent(ZooKeeperError.Reason)
    /// The same, and so for everything that is submitted from now on.
    case seal(ZooKeeperError.Reason)
    /// Tell everybody of the session's state.
    case post(SessionState)
    /// Ask a server whether it has a quorum, and call `foundQuorum` if so.
    case probe(Endpoint)
    case log(Logger.Level, String)
}
