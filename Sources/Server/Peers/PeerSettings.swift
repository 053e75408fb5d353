import Zab

/// What the network between servers needs of a server's configuration.
struct PeerSettings: Sendable {
    var ownID: ServerID
    var servers: [ServerSpecification]
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
    /// lead.
    var leaderRefusesMillis = 1000

    init(ownID: ServerID, servers: [ServerSpecification]) {
        self.ownID = ownID
        self.servers = servers
    }

    /// - Parameter ownID: the content of `myid`.
    init(_ configuration: ServerConfiguration, ownID: ServerID) {
        self.init(ownID: ownID, servers: configuration.servers)
        listensOnAllAddresses = configuration.quorumListenOnAllAddresses
        let limit = configuration.connectToLearnerMasterLimitTicks
        let ticks = limit > 0 ? limit : configuration.initLimitTicks
        leaderConnectMillis = max(1000, configuration.tickTimeMillis * ticks)
        openingMillis = max(1000, configuration.tickTimeMillis * configuration.syncLimitTicks)
    }

    var ownServer: ServerSpecification? { servers.first { $0.id == ownID } }
}
