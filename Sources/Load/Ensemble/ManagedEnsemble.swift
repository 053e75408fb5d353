import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Servers on loopback, or in networks of their own, that know each other: started with fresh directories and free
/// ports, killed, paused and restarted one by one, stopped together. Used from one thread.
public final class ManagedEnsemble {
    public let options: EnsembleOptions
    public let members: [EnsembleMember]
    public let directory: String
    /// Stands between the servers of a cuttable ensemble.
    public let proxy: PeerProxy?
    private let network: ServerNetwork?
    private let removesDirectory: Bool
    private var isStopped = false

    /// How long an ensemble may take until every server has a role.
    public static let startLimitSeconds = 90.0

    /// Makes the directories; starts nothing.
    public init(_ options: EnsembleOptions) throws(LoadError) {
        self.options = options
        for kind in Set(options.kinds) { try ManagedServer.checkStartable(kind, options: options.server) }
        let network = try options.server.network.map { plan throws(LoadError) in
            try ServerNetwork(plan, servers: options.kinds.count)
        }
        self.network = network
        var ports = PortPicker()
        let first = try ports.next()
        removesDirectory = options.directory == nil
        directory = options.directory ?? "\(options.server.dataRoot)/ensemble-\(first)"
        var members: [EnsembleMember] = []
        for (index, kind) in options.kinds.enumerated() {
            let place = "\(directory)/server-\(index + 1)"
            guard access(place, F_OK) != 0 else {
                throw .usage("\(place) exists: an ensemble starts in a fresh directory")
            }
            try ResultFiles.makeDirectory("\(place)/data")
            members.append(
                EnsembleMember(
                    id: index + 1, kind: kind, isObserver: index >= options.kinds.count - options.observers,
                    host: network?.hosts[index] ?? "127.0.0.1", commandPrefix: network?.commandPrefix(index) ?? [],
                    ports: (index == 0 ? first : try ports.next(), try ports.next(), try ports.next()),
                    directory: place))
        }
        self.members = members
        let servers = members.map {
            PeerProxy.Server(id: $0.id, quorumPort: $0.quorumPort, electionPort: $0.electionPort)
        }
        proxy = options.isCuttable && members.count > 1 ? try PeerProxy(servers, ports: &ports) : nil
        for member in members {
            if member.kind.hasZooCfg { try ResultFiles.write("\(member.id)\n", to: "\(member.dataDirectory)/myid") }
            try ResultFiles.write(configuration(of: member), to: member.configurationPath)
        }
    }

    deinit { stop() }

    /// Starts every server and waits until each has a role.
    public func start() throws(LoadError) {
        for member in members { try start(member) }
        try waitUntilAllServe()
        try network?.limitLinks()
        for member in members { member.description?.version = FourLetterWord.version(of: member.address) ?? "unknown" }
    }

    /// Starts a server that does not run, on its directory as it is.
    ///
    /// - Parameter kind: what to start there from now on; nil leaves it.
    public func start(_ member: EnsembleMember, as kind: ServerKind? = nil) throws(LoadError) {
        if let kind {
            try ManagedServer.checkStartable(kind, options: options.server)
            member.kind = kind
        }
        try member.start(
            try ManagedServer.launch(
                member.kind, options: options.server, configurationPath: member.configurationPath,
                settings: settings(of: member)))
    }

    /// Stops all servers and removes what this made.
    public func stop() {
        guard !isStopped else { return }
        isStopped = true
        for member in members { member.terminate() }
        for member in members { member.stop() }
        ServerLogTails.keep(members.map { ("\($0.kind.rawValue) \($0.id)", $0.logPath) })
        proxy?.stop()
        network?.remove()
        if removesDirectory { removeDirectory(directory) }
    }

    public func member(_ id: Int) throws(LoadError) -> EnsembleMember {
        guard (1...members.count).contains(id) else {
            throw .usage("there is no server \(id): ids are 1 to \(members.count)")
        }
        return members[id - 1]
    }

    public var addresses: [ServerAddress] { members.map(\.address) }
    public var connectString: String { addresses.map(\.description).joined(separator: ",") }
    public var pids: [Int32] { members.compactMap(\.pid) }

    /// The server that says it leads; nil when none does.
    public var leader: EnsembleMember? {
        members.first { $0.role() == .leader || $0.role() == .standalone }
    }

    /// Each server's role, by id.
    public func roles() -> [Int: MemberRole] {
        Dictionary(uniqueKeysWithValues: members.map { ($0.id, $0.role()) })
    }

    /// Waits until every server that runs has a role and one of them leads.
    public func waitUntilAllServe(limitSeconds: Double = ManagedEnsemble.startLimitSeconds) throws(LoadError) {
        try wait(limitSeconds, "have a role") { $0.role().isServing }
        let deadline = Clock.seconds + limitSeconds
        while leader == nil {
            guard Clock.seconds < deadline else { throw .environment("no server of the ensemble leads") }
            try pauseBriefly()
        }
    }

    /// Waits until all servers serve under one leader that counts all others as in step, twice in a row: a leader that
    /// was cut off may not know yet that it leads nobody.
    public func waitUntilSynchronized(limitSeconds: Double) throws(LoadError) {
        let deadline = Clock.seconds + limitSeconds
        var last: Int?
        while true {
            let roles = roles()
            let leaders = members.filter { roles[$0.id] == .leader || roles[$0.id] == .standalone }
            let followers = members.count { roles[$0.id] == .follower }
            var state = members.map { "\($0.id) \(roles[$0.id]!.rawValue)" }.joined(separator: ", ")
            var led: Int?
            if leaders.count == 1, roles.values.allSatisfy(\.isServing) {
                let counted = leaders[0].monitored("zk_synced_followers").map { String($0.prefix { $0 != "." }) }
                state += "; the leader counts \(counted ?? "no") synchronized followers"
                if members.count == 1 || counted == "\(followers)" { led = leaders[0].id }
            }
            if led != nil, led == last { return }
            last = led
            guard Clock.seconds < deadline else {
                throw .environment("the servers are not in step after \(Int(limitSeconds)) s: \(state)")
            }
            if let gone = members.first(where: { !$0.isRunning }) {
                throw .environment("server \(gone.id) (\(gone.kind.title)) ended:\n\(gone.logTail())")
            }
            try pauseBriefly()
        }
    }

    private func pauseBriefly() throws(LoadError) {
        if Interrupt.isRequested { throw .interrupted("interrupted while the ensemble got ready") }
        usleep(20_000)
    }

    private func wait(
        _ limitSeconds: Double, _ what: String, _ holds: (EnsembleMember) -> Bool
    ) throws(LoadError) {
        let deadline = Clock.seconds + limitSeconds
        var waiting = members
        while true {
            waiting.removeAll { holds($0) }
            guard let one = waiting.first else { return }
            guard one.isRunning else {
                throw .environment("server \(one.id) (\(one.kind.title)) is not running:\n\(one.logTail())")
            }
            guard Clock.seconds < deadline else {
                throw .environment(
                    "server \(one.id) (\(one.kind.title)) did not \(what) within \(Int(limitSeconds)) s:\n"
                        + one.logTail())
            }
            try pauseBriefly()
        }
    }

    // MARK: Configuration

    /// The defaults of Apache's sample configuration, no limit on connections from one host, no admin server.
    private func settings(of member: EnsembleMember) -> [String: String] {
        if member.kind == .keeper { return keeper(member).settings }
        var settings = [
            "tickTime": "2000", "initLimit": "10", "syncLimit": "5", "maxClientCnxns": "0",
            "admin.enableServer": "false", "forceSync": options.server.fsync ? "yes" : "no",
            "4lw.commands.whitelist": "*",
        ]
        settings.merge(options.settings) { _, given in given }
        settings["dataDir"] = member.dataDirectory
        settings["clientPort"] = "\(member.address.port)"
        settings["clientPortAddress"] = member.address.host
        if member.isObserver { settings["peerType"] = "observer" }
        if members.count > 1 {
            for peer in members {
                let observer = peer.isObserver ? ":observer" : ""
                var ports = (quorum: peer.quorumPort, election: peer.electionPort)
                if let proxy, peer.id != member.id {
                    ports.quorum = proxy.port(from: member.id, to: peer.id, election: false)
                    ports.election = proxy.port(from: member.id, to: peer.id, election: true)
                }
                settings["server.\(peer.id)"] = "\(peer.address.host):\(ports.quorum):\(ports.election)\(observer)"
            }
        }
        return settings
    }

    private func keeper(_ member: EnsembleMember) -> KeeperConfiguration {
        KeeperConfiguration(
            id: member.id, clientPort: member.address.port, dataDirectory: member.dataDirectory,
            servers: members.map { KeeperConfiguration.Server(id: $0.id, port: $0.quorumPort) },
            fsync: options.server.fsync)
    }

    private func configuration(of member: EnsembleMember) -> String {
        if member.kind == .keeper { return keeper(member).text }
        let settings = settings(of: member)
        return settings.keys.sorted().map { "\($0)=\(settings[$0]!)" }.joined(separator: "\n") + "\n"
    }
}
