import Jute
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
    /// Put aside what was submitted and not sent; what is submitted from now on waits for the next connection.
    case takeUnsent
    /// Fail what was put aside.
    case failUnsent(ZooKeeperError.Reason)
    /// Fail what was submitted and not sent, and everything that is submitted from now on.
    case seal(ZooKeeperError.Reason)
    /// Tell everybody of the session's state. What fails because of it comes after it, so that who sees an error also
    /// sees the state.
    case post(SessionState)
    /// Fail requests that were sent; their outcome is unknown.
    case fail(RequestBatch, ZooKeeperError.Reason)
    /// Complete requests with a reply that has a code and no body.
    case answer(RequestBatch, code: Int32)
    /// Have the server take its watches off a path, unless a request that sets one there is under way.
    case removeWatches(serverPath: String, clientPath: String)
    /// End all watches, by `SessionMachine.finishWatches`.
    case finishWatches(ZooKeeperError.Reason)
    /// Ask a server whether it has a quorum, and call `foundQuorum` if so.
    case probe(Endpoint)
    case log(Logger.Level, String)
}

/// Requests as an effect carries them; equal when they are the same.
struct RequestBatch: Equatable {
    var requests: [OutstandingRequest]

    static func == (one: Self, other: Self) -> Bool {
        one.requests.elementsEqual(other.requests) { $0 === $1 }
    }

    func fail(_ reason: ZooKeeperError.Reason) {
        for request in requests { request.fail(reason, outcome: .unknown) }
    }

    func answer(code: Int32, _ context: ReplyContext) {
        for request in requests {
            var nothing = JuteReader(UnsafeRawBufferPointer(start: nil, count: 0))
            _ = request.complete(error: code, &nothing, context)
        }
    }
}
