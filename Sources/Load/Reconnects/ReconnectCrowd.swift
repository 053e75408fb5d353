import CPlatform

/// The sessions of a reconnect storm: what each has, and when it was back. Used from its crowd's thread.
final class ReconnectCrowd: CrowdHandler {
    let crowd: Crowd
    private let plan: ReconnectsPlan
    private let watched: [String]
    private let reads: [CrowdRequest]
    private let sync: CrowdRequest
    private var isStorming = false
    /// When each session was back; 0 while it is not.
    private(set) var backNanos: [UInt64]
    private(set) var backCount = 0
    private var wasDisturbed: [Bool]
    private(set) var expired = 0
    /// What is asked on each session at the moment.
    private var asked: (Int) -> [CrowdRequest] = { _ in [] }
    private var answeredBy: [Int]
    private var answered = 0
    private(set) var refused = 0
    private var notified: [Int]
    /// By session and watched znode: whether its watch has fired.
    private var hasFired: [Bool]
    private var hasWatches = false
    /// Connections lost while no storm was on.
    private(set) var relapses = 0
    private(set) var notifications = 0
    /// Wrong owners, while ephemerals are asked for.
    private(set) var wrongOwners = 0

    init(_ plan: ReconnectsPlan, servers: [ServerAddress], watched: [String]) throws(LoadError) {
        self.plan = plan
        self.watched = watched
        reads = watched.map { .data($0, watches: true) }
        sync = .sync(ReconnectsRunner.root)
        crowd = try Crowd(servers, seed: plan.seed)
        crowd.isFollowing = true
        backNanos = [UInt64](repeating: 0, count: plan.sessions)
        wasDisturbed = [Bool](repeating: false, count: plan.sessions)
        notified = [Int](repeating: 0, count: plan.sessions)
        answeredBy = notified
        hasFired = [Bool](repeating: false, count: plan.sessions * plan.watches)
    }

    var disturbed: Int { wasDisturbed.count { $0 } }

    private static func ephemeral(_ session: Int, _ number: Int) -> String {
        "\(ReconnectsRunner.root)/e-\(session)-\(number)"
    }

    /// Sends requests on every session, and waits for all replies. A session that loses its connection meanwhile sends
    /// its requests again.
    private func ask(_ what: String, _ requests: @escaping (Int) -> [CrowdRequest]) throws(LoadError) {
        asked = requests
        defer { asked = { _ in [] } }
        answered = 0
        for index in answeredBy.indices { answeredBy[index] = 0 }
        var goal = 0
        for session in crowd.sessions where session.stage != .closed {
            let own = requests(session.index)
            goal += own.count
            guard session.stage == .open else { continue }
            for request in own { session.queue(request) }
            crowd.flush(session)
        }
        let isDone = try crowd.work(limitSeconds: 60 + plan.limitSeconds, self) { answered >= goal }
        guard isDone else { throw .connection("\(what): \(goal - answered) of \(goal) requests were not answered") }
    }

    func openAll() throws(LoadError) {
        try crowd.open(plan.sessions, limitSeconds: 120 + plan.limitSeconds, self)
        try ask("ephemeral znodes") { [plan] session in
            (0..<plan.ephemerals).map { .createEphemeral(Self.ephemeral(session, $0)) }
        }
    }

    func setWatches() throws(LoadError) {
        forgetNotifications()
        hasWatches = true
        try ask("watches") { [reads] _ in reads }
    }

    /// From now on sessions are away. Those that have a connection ask their servers whether they still serve.
    ///
    /// - Parameter killed: the server whose clients need not ask.
    func beginStorm(killed: Int) {
        isStorming = true
        relapses = 0
        backCount = 0
        expired = 0
        for index in backNanos.indices { backNanos[index] = 0 }
        for index in wasDisturbed.indices { wasDisturbed[index] = false }
        for session in crowd.sessions where session.stage == .open && session.server != killed {
            session.queue(sync)
            crowd.flush(session)
        }
    }

    func endStorm() { isStorming = false }

    /// How many ephemeral znodes are not there, or not their session's.
    func wrongEphemerals() throws(LoadError) -> Int {
        wrongOwners = 0
        let refusedBefore = refused
        try ask("ephemeral znodes") { [plan] session in
            (0..<plan.ephemerals).map { .exists(Self.ephemeral(session, $0), watches: false) }
        }
        let missing = refused - refusedBefore
        refused = refusedBefore
        return missing + wrongOwners
    }

    func forgetNotifications() {
        notifications = 0
        for index in notified.indices { notified[index] = 0 }
        for index in hasFired.indices { hasFired[index] = false }
    }

    /// Watches that did not fire, and notifications beyond them, after each watched znode was written once.
    var notificationsMissing: (lost: Int, extra: Int) {
        var (lost, extra) = (0, 0)
        for count in notified {
            lost += max(0, plan.watches - count)
            extra += max(0, count - plan.watches)
        }
        return (lost, extra)
    }

    // MARK: Events

    func opened(_ session: CrowdSession, at nanos: UInt64) {
        // As clients do: watches that have not fired first, then what the application wants.
        if hasWatches {
            let first = session.index * plan.watches
            let left = watched.indices.filter { !hasFired[first + $0] }.map { watched[$0] }
            if !left.isEmpty { session.queueReserved(.setWatches(left, lastZxid: session.lastZxid)) }
        }
        if isStorming { session.queue(sync) } else { for request in asked(session.index) { session.queue(request) } }
    }

    func lost(_ session: CrowdSession, _ loss: CrowdLoss, at nanos: UInt64) {
        switch loss {
        case .attempt: return
        case .expired: expired += 1
        case .connection:
            guard isStorming else {
                relapses += 1
                answered -= answeredBy[session.index]
                answeredBy[session.index] = 0
                return
            }
            wasDisturbed[session.index] = true
            if backNanos[session.index] > 0 {
                backNanos[session.index] = 0
                backCount -= 1
            }
        }
    }

    func replied(_ session: CrowdSession, _ reply: CrowdReply, at nanos: UInt64) {
        guard isStorming else {
            if reply.xid < 0 { return }
            answered += 1
            answeredBy[session.index] += 1
            if reply.code != 0 { refused += 1 }
            if let owner = reply.ephemeralOwner, reply.body.count == 68, owner != session.session.sessionId {
                wrongOwners += 1
            }
            return
        }
        if reply.code != 0 {
            crowd.violate("session \(session.index): \(ControlClient.text(reply.code)) after it was back")
        } else if reply.xid >= 0, backNanos[session.index] == 0 {
            backNanos[session.index] = nanos
            backCount += 1
        }
    }

    func notified(_ session: CrowdSession, path: UnsafeRawBufferPointer, at nanos: UInt64) {
        notified[session.index] += 1
        notifications += 1
        // The znode's number ends its path.
        let digits = path.reversed().prefix { $0 != UInt8(ascii: "-") }.reversed()
        let number = digits.reduce(0) { $0 &* 10 &+ Int($1) &- 48 }
        if plan.watches > number, number >= 0 { hasFired[session.index * plan.watches + number] = true }
    }
}
