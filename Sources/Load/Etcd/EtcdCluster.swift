#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// etcd servers on loopback, or in networks of their own, that make one cluster, on fresh directories and free ports;
/// all gone after `stop`. Used from one thread.
final class EtcdCluster {
    let members: [EtcdMember]
    let directory: String
    private let options: ServerOptions
    private let network: ServerNetwork?

    static let startLimitSeconds = 60.0

    /// Starts the servers and waits until all follow one leader.
    init(servers: Int, options: ServerOptions) throws(LoadError) {
        try ManagedServer.checkStartable(.etcd, options: options)
        self.options = options
        let network = try options.network.map { plan throws(LoadError) in try ServerNetwork(plan, servers: servers) }
        self.network = network
        var ports = PortPicker()
        let first = try ports.next()
        directory = "\(options.dataRoot)/etcd-\(first)"
        var members: [EtcdMember] = []
        for id in 1...servers {
            let place = "\(directory)/server-\(id)"
            try ResultFiles.makeDirectory(place)
            members.append(
                EtcdMember(
                    id: id, host: network?.hosts[id - 1] ?? "127.0.0.1",
                    commandPrefix: network?.commandPrefix(id - 1) ?? [], port: id == 1 ? first : try ports.next(),
                    peerPort: try ports.next(), directory: place))
        }
        self.members = members
        let initialCluster = members.map { "\($0.name)=\($0.peerUrl)" }.joined(separator: ",")
        for member in members {
            try member.start(Self.launch(member, cluster: initialCluster, token: "corral-\(first)", options: options))
        }
        try waitUntilSynchronized()
        try network?.limitLinks()
    }

    deinit { stop() }

    func stop() {
        for member in members { member.stop() }
        if access(directory, F_OK) == 0 {
            ServerLogTails.keep(members.map { ("etcd \($0.id)", "\($0.directory)/server.log") })
        }
        network?.remove()
        removeDirectory(directory)
    }

    var leader: EtcdMember? { members.first { $0.role() == .leader } }

    /// What its production documentation advises, and defaults otherwise; README.md of Bench/etcd lists them.
    static func launch(
        _ member: EtcdMember, cluster: String, token: String, options: ServerOptions
    ) -> ServerLaunch {
        let url = "http://\(member.address)"
        var flags: [(String, String)] = [
            ("name", member.name), ("data-dir", "\(member.directory)/data"), ("listen-client-urls", url),
            ("advertise-client-urls", url), ("listen-peer-urls", member.peerUrl),
            ("initial-advertise-peer-urls", member.peerUrl), ("initial-cluster", cluster),
            ("initial-cluster-state", "new"), ("initial-cluster-token", token),
            ("quota-backend-bytes", "\(8 << 30)"), ("auto-compaction-mode", "periodic"),
            ("auto-compaction-retention", "5m"), ("logger", "zap"), ("log-level", "warn"),
        ]
        if !options.fsync { flags.append(("unsafe-no-fsync", "true")) }
        var settings = Dictionary(uniqueKeysWithValues: flags)
        settings["reads"] = options.etcdReads.rawValue
        return ServerLaunch(
            description: ServerDescription(
                kind: ServerKind.etcd.rawValue, version: "unknown",
                commandLine: [options.etcdPath] + flags.map { "--\($0)=\($1)" },
                durability: options.durability, settings: settings),
            startLimitSeconds: startLimitSeconds)
    }

    /// Waits until every server has the same leader, and has applied what that leader has.
    private func waitUntilSynchronized() throws(LoadError) {
        let deadline = Clock.seconds + Self.startLimitSeconds
        while true {
            let statuses = members.compactMap { EtcdStatus.ask($0.address) }
            let leaders = Set(statuses.map(\.leader))
            let newest = statuses.map(\.raftIndex).max() ?? 0
            if statuses.count == members.count, leaders.count == 1, leaders != [0],
                statuses.allSatisfy({ $0.raftAppliedIndex == newest })
            {
                for (member, status) in zip(members, statuses) { member.setVersion(status.version) }
                return
            }
            if let gone = members.first(where: { !$0.isRunning }) {
                throw .environment("etcd server \(gone.id) ended right after its start:\n\(gone.logTail())")
            }
            if Interrupt.isRequested { throw .interrupted("interrupted while etcd started") }
            guard Clock.seconds < deadline else {
                throw .environment(
                    "etcd's servers are not in step after \(Int(Self.startLimitSeconds)) s (\(statuses.count) of "
                        + "\(members.count) answer):\n\(members[0].logTail())")
            }
            usleep(50_000)
        }
    }
}
