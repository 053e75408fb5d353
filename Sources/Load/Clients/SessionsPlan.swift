#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What `corral-bench sessions` does.
public struct SessionsPlan: Codable, Equatable, Sendable {
    public var server = ServerKind.corral
    public var sessions = 10_000
    /// What the clients ask for.
    public var timeoutSeconds = 30.0
    /// How long the sessions are left alone while their cost at rest is measured.
    public var idleSeconds = 30.0
    /// Restarts of the server, one after another.
    public var storms = 3
    /// Sessions that are opened at a time, in the beginning.
    public var openingAtOnce = 250

    public init() {}

    func validate() throws(LoadError) {
        func need(_ condition: Bool, _ message: @autoclosure () -> String) throws(LoadError) {
            if !condition { throw .usage(message()) }
        }
        try need(server.isZooKeeper, "\(server.title) has no sessions to come back to: --server corral or apache")
        try need((1...100_000).contains(sessions), "--sessions lies between 1 and 100000, not \(sessions)")
        try need((4...60).contains(timeoutSeconds), "--timeout lies between 4 and 60 seconds, not \(timeoutSeconds)")
        try need((1...3600).contains(idleSeconds), "--idle-seconds lies between 1 and 3600, not \(idleSeconds)")
        try need((0...100).contains(storms), "--storms lies between 0 and 100, not \(storms)")
    }

    /// One connection for each session, in this process and in the server's, and what else each has open.
    var openFiles: Int { sessions + 200 }
}

/// The limit on open files of this process and of those it starts.
enum OpenFiles {
    /// Raises the limit as far as needed and allowed.
    static func require(_ count: Int, for reason: String) throws(LoadError) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(7), &limit)  // RLIMIT_NOFILE
        if limit.rlim_cur >= rlim_t(count) { return }
        let (soft, hard) = (limit.rlim_cur, limit.rlim_max)
        limit.rlim_cur = rlim_t(count)
        guard hard >= rlim_t(count), setrlimit(__rlimit_resource_t(7), &limit) == 0 else {
            throw .environment(
                "\(reason) need \(count) open files, in this process and in the server's; this shell allows \(soft), "
                    + "and no more than \(hard). Raise it ('ulimit -n \(count)' as root, or nofile in "
                    + "/etc/security/limits.conf), or ask for fewer with --sessions")
        }
    }
}
