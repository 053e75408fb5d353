import CPlatform

/// One session writes, others have a watch each time: how soon it fires. Used from its crowd's thread.
final class WatchFiring: CrowdHandler {
    private let crowd: Crowd
    private let limitSeconds: Double
    private let reads: [CrowdRequest]
    private let writes: [CrowdRequest]
    private var isSet = false
    private var acknowledgedNanos: UInt64 = 0
    private var notifiedNanos: UInt64 = 0
    private(set) var refused = 0

    /// - Parameters:
    ///   - crowd: its first session writes, the others watch.
    ///   - paths: a znode for each of the others.
    init(_ crowd: Crowd, paths: [String], value: [UInt8], limitSeconds: Double) {
        self.crowd = crowd
        self.limitSeconds = limitSeconds
        reads = paths.map { .data($0, watches: true) }
        writes = paths.map { .set($0, value: value) }
    }

    /// Sets a watch and fires it.
    ///
    /// - Returns: nanoseconds from the write's sending to its notification, and from its reply; nil for a notification
    ///   that did not come.
    func fire(_ number: Int) throws(LoadError) -> (fromSend: Int64, fromReply: Int64)? {
        let place = number % reads.count
        let (writer, watcher) = (crowd.sessions[0], crowd.sessions[1 + place])
        isSet = false
        acknowledgedNanos = 0
        notifiedNanos = 0
        watcher.queue(reads[place])
        crowd.flush(watcher)
        guard try crowd.work(limitSeconds: limitSeconds, self, until: { isSet }) else {
            throw .connection("a watch was not answered within \(Int(limitSeconds)) s")
        }
        writer.queue(writes[place])
        let sent = corral_monotonic_nanos()
        crowd.flush(writer)
        _ = try crowd.work(limitSeconds: limitSeconds, self) { acknowledgedNanos > 0 && notifiedNanos > 0 }
        guard acknowledgedNanos > 0, notifiedNanos > 0 else { return nil }
        return (Int64(notifiedNanos - sent), Int64(notifiedNanos) - Int64(acknowledgedNanos))
    }

    func replied(_ session: CrowdSession, _ reply: CrowdReply, at nanos: UInt64) {
        if reply.code != 0 { refused += 1 }
        if session.index == 0 { acknowledgedNanos = nanos } else { isSet = true }
    }

    func notified(_ session: CrowdSession, path: UnsafeRawBufferPointer, at nanos: UInt64) { notifiedNanos = nanos }
    func opened(_ session: CrowdSession, at nanos: UInt64) {}
    func lost(_ session: CrowdSession, _ loss: CrowdLoss, at nanos: UInt64) {}
}
