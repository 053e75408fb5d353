/// How clients follow the service across servers: whoever loses a connection goes to another server with the same
/// session. Without a policy a lost connection ends the run.
public struct FollowPolicy: Codable, Equatable, Sendable {
    /// A connection on which a reply is due for longer than this is given up.
    public var replyTimeoutMillis: Int32
    /// Connecting and attaching the session together may take this long.
    public var attemptTimeoutMillis: Int32
    /// The pause before the first attempt; it doubles with each attempt that fails.
    public var firstPauseMillis: Int32 = 3
    public var longestPauseMillis: Int32 = 200

    /// Apache's client gives a server up after two thirds of the session's time.
    public init(sessionTimeoutMillis: Int32) {
        replyTimeoutMillis = sessionTimeoutMillis / 3 * 2
        attemptTimeoutMillis = max(500, sessionTimeoutMillis / 10)
    }

    public func validate() throws(LoadError) {
        for (name, value) in [
            ("reply timeout", replyTimeoutMillis), ("attempt timeout", attemptTimeoutMillis),
            ("longest pause", longestPauseMillis),
        ] where !(1...3_600_000).contains(value) {
            throw .usage("the \(name) lies between 1 and 3600000 ms, not \(value)")
        }
        guard (1...longestPauseMillis).contains(firstPauseMillis) else {
            throw .usage("the first pause lies between 1 ms and the longest one, not \(firstPauseMillis)")
        }
    }

    /// Nanoseconds to wait before an attempt: a random half up to the whole of a pause that doubles.
    ///
    /// - Parameter failures: attempts that have failed since the connection was lost.
    func pauseNanos(failures: Int, using random: inout RandomSource) -> UInt64 {
        let doubled = UInt64(firstPauseMillis) << UInt64(min(failures, 16))
        let whole = min(doubled, UInt64(longestPauseMillis)) * 1_000_000
        return whole / 2 + UInt64(Double(whole / 2) * random.unit())
    }
}
