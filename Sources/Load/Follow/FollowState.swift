import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where a client stands between two servers.
enum ConnectionStage: UInt8 {
    /// Attached and in use.
    case open
    /// Will try the next server at `wakeNanos`.
    case waiting
    case connecting
    /// The session's id and password are sent.
    case attaching
    /// Attached; finds out which of its writes happened.
    case settling
    /// Given up for good.
    case gone
}

/// What a client keeps across servers. Beside `ConnectionState`, which the hot path reads.
struct FollowState {
    var session: OpenedSession
    /// Index of the server it is attached to or tries.
    var server: Int
    /// Raised with each descriptor, so that an event of an earlier one is recognized.
    var generation: UInt32 = 0
    var failures = 0
    var wakeNanos: UInt64 = 0
    /// When the present attempt is given up.
    var deadlineNanos: UInt64 = 0
    /// When the present connection came into use.
    var openedNanos: UInt64 = 0
    var lastSuccessNanos: UInt64 = 0
    /// The longest time without success since it was last taken.
    var longestGapNanos: UInt64 = 0
    /// Of the client's own znode: the last write acknowledged, and how many after it are unknown.
    var acknowledgedSequence: UInt64 = 0
    var acknowledgedVersion: UInt64 = 0
    var unknownSets: UInt64 = 0
    /// Writes answered with an error since the last settling.
    var failedSets: UInt64 = 0
    /// Replies of the settling still due.
    var settlingLeft = 0
}

/// A server's address as the kernel takes it.
struct ResolvedServer {
    var storage: sockaddr_storage
    var length: socklen_t
    let address: ServerAddress

    init(_ server: ServerAddress) throws(LoadError) {
        address = server
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(server.host, String(server.port), &hints, &list)
        guard status == 0, let first = list else {
            throw .connection("cannot resolve '\(server.host)': \(String(cString: gai_strerror(status)))")
        }
        defer { freeaddrinfo(list) }
        storage = sockaddr_storage()
        length = first.pointee.ai_addrlen
        memcpy(&storage, first.pointee.ai_addr, Int(length))
    }
}
