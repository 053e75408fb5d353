import CPlatform
import Logging
import ServerCore
import Transport
import Zab

/// The quorum port: learners connect to the server that leads; to nobody else, whose port refuses them, so that they
/// try again until it does.
///
/// The owner's thread only, within turns.
final class QuorumNetwork {
    private(set) var settings: PeerSettings
    private unowned let reactor: Reactor
    private let hosts: ResolvedHosts
    private let ports: PeerPorts
    private let logger: Logger
    private let complaints: Complaints
    var events: (any PeerEvents)?
    private var acceptsLearners = false
    /// When to listen again after it failed.
    private var listenNanos = UInt64.max
    private var search: Search?
    private var leaderLink: QuorumLink?
    /// The search that led to `leaderLink`, until something comes from there.
    private var found: Search?
    private var foundNanos: UInt64 = 0
    private var learnerConnections: Set<UInt64> = []

    /// The way to a leader.
    private struct Search {
        var server: ServerID
        var route: PeerRoute
        var attempt: Connection?
        var retryNanos = UInt64.max
        var delayMillis = QuorumNetwork.firstDelayMillis
        var deadlineNanos: UInt64
        /// Since when every attempt has been refused.
        var refusedNanos: UInt64?
        /// Why no attempt makes sense.
        var failure: String?
    }

    private static let firstDelayMillis = 5
    private static let lastDelayMillis = 100
    /// A connection that ends sooner, and without a byte, was a forwarder's, which found nobody behind it.
    private static let turnedAwayNanos: UInt64 = 250_000_000
    /// As `ElectionNetwork.attemptMillis`.
    private static let attemptMillis = 1000
    /// More learners than any ensemble has.
    private static let maximumLearners = 512

    /// Binds the own quorum ports; they refuse connections until `setAcceptsLearners`.
    init(
        settings: PeerSettings, reactor: Reactor, hosts: ResolvedHosts, logger: Logger
    ) throws(ServerStartError) {
        self.settings = settings
        self.reactor = reactor
        self.hosts = hosts
        self.logger = logger
        complaints = Complaints(logger: logger)
        ports = try PeerPorts(.quorum, settings: settings, reactor: reactor, listens: false, logger: logger)
    }

    /// The own server line's ports as bound.
    var boundPorts: [UInt16] { ports.ports }

    func setServers(_ servers: [EnsembleConfiguration.Member]) { settings.servers = servers }

    // MARK: learners

    func setAcceptsLearners(_ accepts: Bool) {
        guard acceptsLearners != accepts else { return }
        acceptsLearners = accepts
        applyListening()
    }

    private func applyListening() {
        listenNanos = .max
        do throws(TransportError) {
            try ports.setListening(acceptsLearners)
        } catch {
            logger.error(
                "learners cannot connect: the quorum port cannot be listened on; trying again",
                metadata: ["server": "\(settings.ownID)", "reason": "\(error)"])
            listenNanos = reactor.nowNanos + 200_000_000
            reactor.wakePeerHandler(atNanos: listenNanos)
        }
    }

    func accepted(_ connection: Connection) -> Bool {
        guard acceptsLearners, let events else { return false }
        guard learnerConnections.count < Self.maximumLearners else {
            complaints.warn(
                "\(learnerConnections.count) connections to the quorum port; refusing more",
                peer: connection.peerAddress.ip, nowNanos: reactor.nowNanos)
            return false
        }
        learnerConnections.insert(connection.number)
        events.learnerConnected(QuorumLink(connection))
        return true
    }

    // MARK: the leader

    func connectToLeader(_ server: ServerID) {
        cancelConnect()
        leaderLink?.close()
        leaderLink = nil
        let now = corral_monotonic_nanos()
        let line = settings.servers.first { $0.id == server }
        var search = Search(
            server: server, route: line.map { .quorum($0) } ?? PeerRoute([]),
            deadlineNanos: now + UInt64(settings.leaderConnectMillis) * 1_000_000)
        if line == nil { search.failure = "the configuration has no server.\(server)" }
        self.search = search
        // The failure is told later than this call returns.
        if line == nil { return reactor.wakePeerHandler(atNanos: now) }
        attempt()
    }

    func cancelConnect() {
        found = nil
        guard let attempt = search?.attempt else {
            search = nil
            return
        }
        search = nil
        attempt.context = nil
        attempt.close(afterFlush: false, reason: .requested("not needed any more"))
    }

    private func attempt() {
        guard let search, search.attempt == nil else { return }
        reactor.wakePeerHandler(atNanos: search.deadlineNanos)
        self.search?.retryNanos = .max
        switch search.route.step(hosts) {
        case .address(let address):
            let connection = reactor.connect(
                to: address, kind: .quorum, timeoutMillis: Self.attemptMillis, keepAlive: settings.keepAlive)
            connection.context = self
            self.search?.attempt = connection
        case .resolving:
            break
        case .unreachable(let reason):
            retry(after: reason, isRefusal: false)
        }
    }

    private func retry(after reason: String, isRefusal: Bool) {
        guard var search else { return }
        let now = reactor.nowNanos
        if isRefusal {
            let since = search.refusedNanos ?? now
            search.refusedNanos = since
            if now >= since + UInt64(settings.leaderRefusesMillis) * 1_000_000 {
                return fail("\(reason), for \((now - since) / 1_000_000) ms on end")
            }
        } else {
            search.refusedNanos = nil
        }
        if now >= search.deadlineNanos { return fail(reason) }
        search.retryNanos = now + UInt64(search.delayMillis) * 1_000_000
        search.delayMillis = min(search.delayMillis * 3 / 2, Self.lastDelayMillis)
        self.search = search
        reactor.wakePeerHandler(atNanos: min(search.retryNanos, search.deadlineNanos))
    }

    private func fail(_ reason: String) {
        guard let search else { return }
        let server = search.server
        let text = search.route.text
        cancelConnect()
        events?.leaderConnectFailed(server, reason: text.isEmpty ? reason : "\(text): \(reason)")
    }

    func hostsAnswered() {
        if let search, search.attempt == nil, search.retryNanos == .max, search.failure == nil { attempt() }
    }

    func connected(_ connection: Connection) {
        guard let search, search.attempt === connection else { return }
        let link = QuorumLink(connection)
        found = search
        found?.attempt = nil
        foundNanos = reactor.nowNanos
        self.search = nil
        leaderLink = link
        events?.leaderConnected(link, to: search.server)
    }

    // MARK: links

    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int {
        guard let link = connection.context as? QuorumLink, let events else { return bytes.count }
        if found != nil, link === leaderLink { found = nil }
        return events.linkReceived(bytes, from: link)
    }

    func drained(_ connection: Connection) {
        if let link = connection.context as? QuorumLink { events?.linkDrained(link) }
    }

    func closed(_ connection: Connection, reason: CloseReason) {
        learnerConnections.remove(connection.number)
        if let search, search.attempt === connection {
            connection.context = nil
            self.search?.attempt = nil
            if reason == .stopping { return }
            _ = self.search?.route.turnAway(hosts)
            return retry(after: "\(reason)", isRefusal: reason.isRefusal)
        }
        guard let link = connection.context as? QuorumLink else {
            connection.context = nil
            return
        }
        link.detach()
        if leaderLink === link {
            leaderLink = nil
            if let found, reason != .stopping, reactor.nowNanos < foundNanos + Self.turnedAwayNanos {
                self.found = nil
                search = found
                events?.leaderTurnedAway(link)
                return retry(after: "\(reason)", isRefusal: true)
            }
        }
        events?.linkClosed(link, reason: "\(reason)")
    }

    /// Does what is due.
    func deadlinePassed(nowNanos: UInt64) {
        if nowNanos >= listenNanos { applyListening() }
        if let search {
            if let failure = search.failure {
                fail(failure)
            } else if nowNanos >= search.deadlineNanos {
                fail("no connection within \(settings.leaderConnectMillis) ms")
            } else if nowNanos >= search.retryNanos {
                attempt()
            }
        }
        reactor.wakePeerHandler(atNanos: listenNanos)
        if let search { reactor.wakePeerHandler(atNanos: min(search.retryNanos, search.deadlineNanos)) }
    }
}
