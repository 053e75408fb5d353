/// What one client asked and what it heard. Times are virtual nanoseconds.
struct Operation {
    enum Kind: Equatable {
        case create(path: String, value: Int, flags: Int32)
        case setData(path: String, value: Int, version: Int32)
        case delete(path: String, version: Int32)
        case multi([Step])
        case getData(path: String, watch: Bool)
        case exists(path: String, watch: Bool)
        case getChildren(path: String, watch: Bool)
        case sync
        case closeSession

        var isWrite: Bool {
            switch self {
            case .create, .setData, .delete, .multi, .closeSession: true
            default: false
            }
        }
    }

    /// One operation within a multi.
    enum Step: Equatable {
        case create(path: String, value: Int)
        case setData(path: String, value: Int, version: Int32)
        case delete(path: String, version: Int32)
        case check(path: String, version: Int32)
    }

    enum Outcome: Equatable {
        case ok
        /// A protocol error.
        case error(Int32)
        /// No answer: it may have taken effect, or may yet, or never.
        case unknown
    }

    /// What an answer told of a znode.
    struct Seen: Equatable {
        var czxid: Int64 = 0
        var mzxid: Int64 = 0
        var version: Int32 = 0
        var ephemeralOwner: Int64 = 0
        var pzxid: Int64 = 0
    }

    var id: Int
    var client: Int
    var session: Int64
    /// Counts the client's connections.
    var connection: Int
    var server: Int
    var xid: Int32
    var kind: Kind
    var invoked: UInt64
    var answered: UInt64 = .max
    var outcome = Outcome.unknown
    /// Of the answer's header.
    var zxid: Int64 = 0
    /// The path made (with its sequence number), for a create that succeeded.
    var createdPath: String?
    /// The value read; -1 for one that no operation wrote.
    var valueRead: Int?
    var seen: Seen?
    var children: [String]?
    /// Of a request without an answer, once the run is over: the transaction it became, 0 if it became none that
    /// changed anything.
    var committedZxid: Int64?
    /// Of a multi: each step's error, 0 for success.
    var stepErrors: [Int32] = []
    /// Stats of the steps that carry one.
    var stepSeen: [Seen?] = []
}

/// A watch's event, as a client heard it.
struct Heard {
    var client: Int
    var connection: Int
    var type: Int32
    var path: String
    var time: UInt64
    /// How many of the connection's answers came before it.
    var answersBefore: Int
}

/// The end of a session, as its client came to know of it.
struct SessionEnd {
    var session: Int64
    var time: UInt64
    /// False for one that the ensemble expired.
    var wasClosed: Bool
    /// The closing transaction, if the client heard of it.
    var zxid: Int64
}

/// A session's beginning.
struct SessionStart {
    var session: Int64
    var client: Int
    var time: UInt64
    var timeoutMillis: Int32
}

/// One run, as its clients saw it.
struct History {
    var operations: [Operation] = []
    var heard: [Heard] = []
    var starts: [SessionStart] = []
    var ends: [SessionEnd] = []
    /// The transaction that ended each session, as far as the servers know.
    var endZxids: [Int64: Int64] = [:]
}
