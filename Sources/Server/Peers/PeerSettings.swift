import Zab

/// What the network between servers needs of a server's configuration.
struct PeerSettings: Sendable {
    var ownID: ServerID
    var servers: [EnsembleConfiguration.Member]
    /// Listen on every address instead of those of the own server line.
    var listensOnAllAddresses = false
    var keepAlive = false
    /// Announce all own election addresses rather than the first; needs Apache 3.6 or newer on the other side.
    var announcesAllAddresses = false
    /// How long one attempt to reach an election port may take; Apache's `cnxTimeout`.
    var electionConnectMillis = 5000
    /// How long an incoming connection to the election port may take to say who it is.
    var openingMillis = 5000
    /// How long the leader may be tried in all.
    var leaderConnectMillis = 20_000
    /// How long its machine may refuse connections before it counts as gone: its process is not there, or does not
    /// lead. A Java server on a busy machine has been seen to take more than a second from its election to an open
    /// port; given up too soon it waits for followers for all of its initLimit, and nobody leads.
    var leaderRefusesMillis = 3000

    /// How often to try to bind the own ports, once a second, while another process holds them; 0 never gives up.
    var bindAttempts = 1

    init(ownID: ServerID, servers: [EnsembleConfiguration.Member]) {
        self.ownID = ownID
        self.servers = servers
    }

    init(_ ensemble: EnsembleConfiguration) {
        self.init(ownID: ensemble.myID, servers: ensemble.members)
        listensOnAllAddresses = ensemble.listensOnAllAddresses
        keepAlive = ensemble.peerTcpKeepAlive
        announcesAllAddresses = ensemble.multiAddressEnabled
        electionConnectMillis = ensemble.electionConnectTimeoutMillis
        bindAttempts = ensemble.electionPortBindAttempts
        leaderConnectMillis = max(1000, ensemble.tickTimeMillis * ensemble.connectToLeaderLimitTicks)
        openingMillis = max(1000, ensemble.tickTimeMillis * ensemble.syncLimitTicks)
    }

    var ownServer: EnsembleConfiguration.Member? { servers.first { $0.id == ownID } }
}
