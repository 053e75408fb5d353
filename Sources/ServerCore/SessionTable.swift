/// All sessions, and when they expire. Owned by the core.
///
/// Expiry times are rounded up to whole ticks, as Apache's `ExpiryQueue` rounds them. A touch is one store: a session
/// is moved to its true bucket only when its old bucket falls due.
public struct SessionTable {
    public private(set) var sessions: [Int64: Session] = [:]
    private var buckets: [Int64: [Session]] = [:]
    private let tickMillis: Int64
    private var nextBucketMillis: Int64
    private var nextId: Int64

    /// - Parameters:
    ///   - nowMillis: monotonic milliseconds, the clock of expiry.
    ///   - wallMillis: seeds the session ids, so that a restarted server does not hand out an old id again.
    init(serverId: Int64, tickMillis: Int64, nowMillis: Int64, wallMillis: Int64) {
        precondition(tickMillis > 0)
        self.tickMillis = tickMillis
        nextBucketMillis = (nowMillis / tickMillis + 1) * tickMillis
        // Apache: 8 bits of server id, 40 of time, 16 of counter.
        let time = Int64(bitPattern: UInt64(bitPattern: wallMillis &<< 24) >> 8)
        nextId = time | serverId &<< 56
        if nextId == .min { nextId += 1 }
    }

    subscript(id: Int64) -> Session? { sessions[id] }

    mutating func makeId() -> Int64 {
        while sessions[nextId] != nil { nextId &+= 1 }
        defer { nextId &+= 1 }
        return nextId
    }

    /// Starts tracking a session, or returns the one already tracked.
    @discardableResult
    mutating func track(id: Int64, timeoutMillis: Int32, nowMillis: Int64) -> Session {
        if let known = sessions[id] {
            known.timeoutMillis = timeoutMillis
            known.touch(nowMillis)
            return known
        }
        let session = Session(id: id, timeoutMillis: timeoutMillis, nowMillis: nowMillis)
        sessions[id] = session
        file(session, nowMillis)
        return session
    }

    mutating func remove(id: Int64) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        // What is under way knows its session, and must not keep it alive. A connection takes its requests back itself.
        if session.connection == nil { session.forwarded.removeAll() }
    }

    private mutating func file(_ session: Session, _ nowMillis: Int64) {
        session.bucketMillis = max(expiryMillis(of: session), nextBucketMillis)
        buckets[session.bucketMillis, default: []].append(session)
    }

    /// When a session expires if nothing more is heard of it, on the monotonic clock.
    public func expiryMillis(of session: Session) -> Int64 {
        let due = session.lastHeardMillis + Int64(session.timeoutMillis)
        return (due / tickMillis + 1) * tickMillis
    }

    /// Begins to wait for every session from now on, also for those whose time was up already: an end that was on its
    /// way may have been lost with the leader's term.
    mutating func restart(nowMillis: Int64) {
        buckets.removeAll()
        nextBucketMillis = (nowMillis / tickMillis + 1) * tickMillis
        for session in sessions.values.sorted(by: { $0.id < $1.id }) {
            session.touch(nowMillis)
            file(session, nowMillis)
        }
    }

    /// Waits once more for a session that `expired` has returned and that cannot end yet.
    mutating func postpone(_ session: Session, nowMillis: Int64) { file(session, nowMillis) }

    /// Sessions whose time is up. Each is returned once.
    mutating func expired(nowMillis: Int64) -> [Session] {
        var due: [Session] = []
        while nextBucketMillis <= nowMillis {
            let bucket = buckets.removeValue(forKey: nextBucketMillis) ?? []
            nextBucketMillis += tickMillis
            for session in bucket where sessions[session.id] === session && !session.isClosing {
                if expiryMillis(of: session) < nextBucketMillis {
                    due.append(session)
                } else {
                    file(session, nowMillis)
                }
            }
        }
        return due
    }
}

/// The session password: Java's `Random` seeded by the id, as Apache makes it, so that a client may move between
/// Corral's and Apache's servers of one ensemble.
public enum SessionPassword {
    static let secret: Int64 = 0xB341_5C00

    public static func generate(for sessionId: Int64) -> [UInt8] {
        var state = (UInt64(bitPattern: sessionId ^ secret) ^ 0x5_DEEC_E66D) & (1 << 48 - 1)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        for _ in 0..<4 {
            state = (state &* 0x5_DEEC_E66D &+ 0xB) & (1 << 48 - 1)
            var word = UInt32(truncatingIfNeeded: state >> 16)
            for _ in 0..<4 {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        return bytes
    }
}
