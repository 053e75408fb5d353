import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Many sessions watch one znode, which is written once. Used from its crowd's thread.
final class WatchStorming: CrowdHandler {
    private let crowd: Crowd
    private let ensemble: ManagedEnsemble
    private let limitSeconds: Double
    private let read: CrowdRequest
    private let write: CrowdRequest
    private var set = 0
    private var refused = 0
    private var notifiedNanos: [UInt64] = []
    private var received = 0
    private var extra = 0
    private var acknowledgedNanos: UInt64 = 0

    /// After the last notification, for those that should not come.
    private static let graceSeconds = 0.05

    /// - Parameter crowd: its first session writes, the others watch.
    init(_ crowd: Crowd, ensemble: ManagedEnsemble, path: String, value: [UInt8], limitSeconds: Double) {
        self.crowd = crowd
        self.ensemble = ensemble
        self.limitSeconds = limitSeconds
        read = .data(path, watches: true)
        write = .set(path, value: value)
    }

    /// - Returns: nil when not a single notification came.
    func storm(watchers: Int) throws(LoadError) -> WatchStorm? {
        set = 0
        received = 0
        extra = 0
        acknowledgedNanos = 0
        notifiedNanos = [UInt64](repeating: 0, count: watchers + 1)
        for session in crowd.sessions[1...watchers] {
            session.queue(read)
            crowd.flush(session)
        }
        guard try crowd.work(limitSeconds: limitSeconds, self, until: { set >= watchers }) else {
            throw .connection("\(watchers - set) of \(watchers) watches were not answered")
        }
        // The kernel counts a thread's CPU time when the thread is done.
        usleep(20_000)
        let window = CrowdWindow(ensemble)
        let writer = crowd.sessions[0]
        writer.queue(write)
        let sent = corral_monotonic_nanos()
        crowd.flush(writer)
        _ = try crowd.work(limitSeconds: limitSeconds, self) { received >= watchers && acknowledgedNanos > 0 }
        let generator = window.generator
        _ = try crowd.work(limitSeconds: Self.graceSeconds, self) { false }
        let cpu = window.serverMicros
        if refused > 0 { crowd.violate("\(refused) requests of a storm were refused") }
        refused = 0
        let nanos = notifiedNanos.filter { $0 > 0 }.map { Int64($0 - sent) }.sorted()
        let times = nanos.map { Double($0) / 1e6 }
        guard let first = times.first, acknowledgedNanos > 0 else { return nil }
        return WatchStorm(
            received: received, extra: extra, acknowledgedMillis: Double(acknowledgedNanos - sent) / 1e6,
            firstMillis: first, medianMillis: times[times.count / 2],
            p99Millis: times[min(times.count - 1, Int(0.99 * Double(times.count)))], lastMillis: times.last!,
            times: KeptLatencies(nanos: nanos), serverCpuMicros: cpu / Double(received), generator: generator)
    }

    func replied(_ session: CrowdSession, _ reply: CrowdReply, at nanos: UInt64) {
        if reply.code != 0 { refused += 1 }
        if session.index == 0 { acknowledgedNanos = nanos } else { set += 1 }
    }

    func notified(_ session: CrowdSession, path: UnsafeRawBufferPointer, at nanos: UInt64) {
        if session.index < notifiedNanos.count, notifiedNanos[session.index] == 0 {
            notifiedNanos[session.index] = nanos
            received += 1
        } else {
            extra += 1
        }
    }

    func opened(_ session: CrowdSession, at nanos: UInt64) {}
    func lost(_ session: CrowdSession, _ loss: CrowdLoss, at nanos: UInt64) {}
}
