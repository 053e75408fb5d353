import Logging
import ServerCore
import Transport
import Zab

/// Joins reactor 0 to what happens between servers: the sockets of election and quorum ports below, the replica above.
///
/// Set up before the reactor runs; afterwards its thread's own.
final class PeerBridge: PeerHandler, PeerNetwork {
    let election: ElectionNetwork
    let quorum: QuorumNetwork
    private let hosts: ResolvedHosts

    /// Whom to tell. Set before the reactor runs.
    var events: (any PeerEvents)? {
        get { election.events }
        set {
            election.events = newValue
            quorum.events = newValue
        }
    }

    /// Binds the own election and quorum ports. From here on the reactor holds the bridge.
    static func attach(
        to reactor: Reactor, settings: PeerSettings, logger: Logger
    ) throws(ServerStartError) -> PeerBridge {
        let bridge = try PeerBridge(settings: settings, reactor: reactor, logger: logger)
        reactor.peerHandler = bridge
        return bridge
    }

    private init(settings: PeerSettings, reactor: Reactor, logger: Logger) throws(ServerStartError) {
        hosts = ResolvedHosts(
            wakeUp: reactor.wakeUp, hosts: settings.servers.reduce(0) { $0 + $1.addresses.count })
        election = try ElectionNetwork(settings: settings, reactor: reactor, hosts: hosts, logger: logger)
        quorum = try QuorumNetwork(settings: settings, reactor: reactor, hosts: hosts, logger: logger)
    }

    /// Takes changed server lines; the own one stays. On the reactor's thread, or before it runs.
    func setServers(_ servers: [EnsembleConfiguration.Member]) {
        election.setServers(servers)
        quorum.setServers(servers)
    }

    // MARK: PeerNetwork

    func sendElectionMessage(_ bytes: [UInt8], to server: ServerID) { election.send(bytes, to: server) }
    func connectToLeader(_ server: ServerID) { quorum.connectToLeader(server) }
    func cancelConnect() { quorum.cancelConnect() }
    func setAcceptsLearners(_ accepts: Bool) { quorum.setAcceptsLearners(accepts) }

    // MARK: PeerHandler

    func drainInbox() {
        guard !hosts.inboxIsEmpty, !hosts.takeAnswers().isEmpty else { return }
        election.hostsAnswered()
        quorum.hostsAnswered()
    }

    var inboxIsEmpty: Bool { hosts.inboxIsEmpty }

    func accepted(_ connection: Connection) -> Bool {
        connection.kind == .election ? election.accepted(connection) : quorum.accepted(connection)
    }

    func connected(_ connection: Connection) {
        connection.kind == .election ? election.connected(connection) : quorum.connected(connection)
    }

    func receive(_ bytes: UnsafeRawBufferPointer, from connection: Connection) -> Int {
        connection.kind == .election
            ? election.receive(bytes, from: connection) : quorum.receive(bytes, from: connection)
    }

    func closed(_ connection: Connection, reason: CloseReason) {
        connection.kind == .election
            ? election.closed(connection, reason: reason) : quorum.closed(connection, reason: reason)
    }

    func drained(_ connection: Connection) {
        connection.kind == .election ? election.drained(connection) : quorum.drained(connection)
    }

    func deadlinePassed(nowNanos: UInt64) {
        election.deadlinePassed(nowNanos: nowNanos)
        quorum.deadlinePassed(nowNanos: nowNanos)
    }
}
