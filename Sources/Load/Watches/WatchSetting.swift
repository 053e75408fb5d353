import CPlatform

/// A pass over znodes by several sessions, each with a window of outstanding requests. Used from its crowd's thread.
final class WatchSetting: CrowdHandler {
    private let requests: [CrowdRequest]
    private let window: Int
    private var next: [Int] = []
    /// When requests were sent, by session, in a ring of the window's length.
    private var sentNanos: [[UInt64]] = []
    private var crowd: Crowd?
    private(set) var answered = 0
    private(set) var refused = 0
    private(set) var times: [Int64] = []

    init(requests: [CrowdRequest], window: Int) {
        self.requests = requests
        self.window = window
    }

    /// Every session sends all requests. Returns when all are answered.
    func pass(_ crowd: Crowd, limitSeconds: Double) throws(LoadError) {
        let total = crowd.sessions.count * requests.count
        next = [Int](repeating: 0, count: crowd.sessions.count)
        sentNanos = crowd.sessions.map { _ in [UInt64](repeating: 0, count: window) }
        times.reserveCapacity(times.count + total)
        let goal = answered + total
        for session in crowd.sessions {
            let now = corral_monotonic_nanos()
            for _ in 0..<min(window, requests.count) { send(session, now) }
            crowd.flush(session)
        }
        let isDone = try crowd.work(limitSeconds: limitSeconds, self) { answered >= goal }
        if !isDone { throw .connection("\(goal - answered) of \(total) watches were not answered") }
    }

    private func send(_ session: CrowdSession, _ now: UInt64) {
        let position = next[session.index]
        guard position < requests.count else { return }
        next[session.index] = position + 1
        let xid = session.queue(requests[position])
        sentNanos[session.index][Int(xid) % window] = now
    }

    func replied(_ session: CrowdSession, _ reply: CrowdReply, at nanos: UInt64) {
        if session.isEnding { return }
        answered += 1
        if reply.code != 0 { refused += 1 }
        times.append(Int64(nanos - sentNanos[session.index][Int(reply.xid) % window]))
        send(session, nanos)
    }

    func opened(_ session: CrowdSession, at nanos: UInt64) {}
    func lost(_ session: CrowdSession, _ loss: CrowdLoss, at nanos: UInt64) {}
    func notified(_ session: CrowdSession, path: UnsafeRawBufferPointer, at nanos: UInt64) {}
}
