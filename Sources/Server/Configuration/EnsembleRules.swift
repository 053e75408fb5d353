/// What makes an ensemble of the member list: Apache's checks at start, and a few that Apache makes too late.
struct EnsembleRules {
    let configuration: ServerConfiguration
    /// What the `myid` file holds.
    let myID: MyIDFile
    private(set) var problems: [ConfigurationProblem] = []

    /// Session ids begin with the low byte of their server's id, so no two servers may share it.
    static let idRange: ClosedRange<Int64> = -128...255
    /// Apache's mark of "no id".
    private static let unsetID: Int64 = -1
    /// With TTL znodes, the largest byte marks their owners.
    private static let greatestIDWithExtendedTypes: Int64 = 254

    private var servers: [ServerSpecification] { configuration.servers }
    private var voters: [ServerSpecification] { servers.filter { $0.role == .participant } }

    init(configuration: ServerConfiguration, myID: MyIDFile) {
        self.configuration = configuration
        self.myID = myID
    }

    /// The ensemble, or nil: a standalone server, or there are errors among `problems`.
    mutating func resolve() -> EnsembleConfiguration? {
        // Of a list with a line that was refused, nothing more can be said.
        let lines = configuration.origins.keys.count { $0.hasPrefix("server.") }
        guard lines == servers.count, isEnsemble() else { return nil }
        checkIDs()
        checkAddresses()
        checkGroups()
        checkLimits()
        checkUnserved()
        let own = ownID()
        guard !problems.contains(where: { $0.kind == .error }), let own else { return nil }
        checkSize()
        checkPeerType(own)
        return ensemble(own)
    }

    /// Whether the list makes this server one of several; a list of one is a standalone server's unless told otherwise.
    private mutating func isEnsemble() -> Bool {
        switch (voters.count, configuration.standaloneEnabled) {
        case (0, false):
            fail("standaloneEnabled", "standaloneEnabled=false needs at least one server. line of a participant")
            return false
        case (0, true), (1, true):
            if let observer = servers.first(where: { $0.role == .observer }) {
                fail("server.\(observer.id)", "observers need a quorum to observe: \(voters.count) participants given")
            } else if let only = voters.first {
                adjust(
                    "server.\(only.id)",
                    "server.\(only.id) is the only server of the list, which is ignored: standalone server")
            }
            return false
        default: return true
        }
    }

    private mutating func checkIDs() {
        var bySessionByte: [UInt8: Int64] = [:]
        for server in servers {
            let key = "server.\(server.id)"
            guard Self.idRange.contains(server.id), server.id != Self.unsetID else {
                fail(key, "\(key): ids go from \(Self.idRange.lowerBound) to \(Self.idRange.upperBound), except -1")
                continue
            }
            let byte = UInt8(truncatingIfNeeded: server.id)
            guard let other = bySessionByte.updateValue(server.id, forKey: byte) else { continue }
            if other == server.id {
                fail(key, "\(key) is given twice")
            } else {
                fail(key, "\(key) and server.\(other) would give their sessions the same ids")
            }
        }
    }

    /// Two servers at one address can never both be reached.
    private mutating func checkAddresses() {
        var owners: [String: Int64] = [:]
        for server in servers {
            if server.addresses.count > 1, !configuration.multiAddressEnabled {
                fail("server.\(server.id)", "server.\(server.id) has several addresses: set multiAddress.enabled=true")
            }
            var endpoints = server.addresses.flatMap { [($0.host, $0.quorumPort), ($0.host, $0.electionPort)] }
            if let port = server.clientPort, port != 0 { endpoints.append((server.clientHost ?? "", port)) }
            for (host, port) in endpoints where !host.isEmpty && !ServerSpecification.isWildcard(host) {
                let endpoint = "\(ServerSpecification.bracketed(host.lowercased())):\(port)"
                guard let owner = owners.updateValue(server.id, forKey: endpoint) else { continue }
                let whose = owner == server.id ? "twice in its line" : "also of server.\(owner)"
                fail("server.\(server.id)", "server.\(server.id): the address \(endpoint) is \(whose)")
            }
        }
    }

    private mutating func checkGroups() {
        guard !configuration.groups.isEmpty || !configuration.weights.isEmpty else { return }
        var groupOf: [Int64: Int64] = [:]
        for (group, members) in configuration.groups.sorted(by: { $0.key < $1.key }) {
            for member in members {
                if let earlier = groupOf.updateValue(group, forKey: member) {
                    let place = earlier == group ? "twice in group.\(group)" : "in group.\(earlier) and group.\(group)"
                    fail("group.\(group)", "server \(member) is \(place)")
                }
                if !voters.contains(where: { $0.id == member }), configuration.weights[member] == nil {
                    fail("group.\(group)", "group.\(group) names server \(member), which is no participant of the list")
                }
            }
        }
        for voter in voters where groupOf[voter.id] == nil {
            fail("server.\(voter.id)", "server.\(voter.id) is in no group, and there are groups or weights")
        }
        guard problems.isEmpty else { return }
        let weights = effectiveWeights()
        if !groupOf.keys.contains(where: { weights[$0] ?? 0 > 0 }) {
            fail("group.\(configuration.groups.keys.min() ?? 0)", "no group has any weight: there can be no quorum")
        }
        for (server, weight) in weights.sorted(by: { $0.key < $1.key })
        where weight > 0 && groupOf[server] != nil && !voters.contains(where: { $0.id == server }) {
            adjust("weight.\(server)", "weight.\(server) counts in its group, but no participant can give these votes")
        }
    }

    /// What was given, and 1 for every other participant.
    private func effectiveWeights() -> [Int64: Int64] {
        configuration.weights.merging(voters.map { ($0.id, 1) }) { given, _ in given }
    }

    private mutating func checkLimits() {
        for (key, ticks) in [("initLimit", configuration.initLimitTicks), ("syncLimit", configuration.syncLimitTicks)]
        where ticks == 0 {
            fail(key, "\(key) is not set; an ensemble needs it")
        }
        let (least, most) = ("fastleader.minNotificationInterval", "fastleader.maxNotificationInterval")
        if isGiven(least), isGiven(most),
            configuration.fastLeaderMinNotificationMillis > configuration.fastLeaderMaxNotificationMillis
        {
            fail(least, "\(least) must not be larger than \(most)")
        }
    }

    /// What is given counts; a default that it passes over gives way.
    private var notificationMillis: ClosedRange<Int> {
        let least = configuration.fastLeaderMinNotificationMillis
        let most = configuration.fastLeaderMaxNotificationMillis
        return isGiven("fastleader.maxNotificationInterval") ? min(least, most)...most : least...max(least, most)
    }

    private func isGiven(_ key: String) -> Bool { configuration.origins[key] != nil }

    /// What a member of an ensemble is asked for and does not do.
    private mutating func checkUnserved() {
        if configuration.readOnlyModeEnabled {
            adjust(
                "readonlymode.enabled",
                "readonlymode.enabled=true: serving reads without a quorum is not available yet; clients are not"
                    + " served until there is a leader")
        }
        if configuration.reconfigEnabled {
            adjust("reconfigEnabled", "reconfigEnabled=true: clients cannot change the ensemble in this build")
        }
        if !configuration.syncEnabled {
            adjust("syncEnabled", "syncEnabled=false is ignored: an observer of this build keeps log and snapshots")
        }
    }

    private mutating func ownID() -> Int64? {
        switch myID {
        case .malformed: return nil
        case .missing(let path):
            fail("dataDir", "\(path) is missing: it must hold the N of this server's own server.N line")
            return nil
        case .number(let id, let path):
            guard Self.idRange.contains(id), id != Self.unsetID else {
                fail(
                    "dataDir",
                    "\(path): \(id) is no server's id; ids go from \(Self.idRange.lowerBound) to"
                        + " \(Self.idRange.upperBound), except -1")
                return nil
            }
            guard servers.contains(where: { $0.id == id }) else {
                let known = servers.map { "server.\($0.id)" }.joined(separator: ", ")
                fail("dataDir", "\(path): there is no server.\(id) line, only \(known)")
                return nil
            }
            if configuration.extendedTypesEnabled, id > Self.greatestIDWithExtendedTypes {
                fail(
                    "extendedTypesEnabled",
                    "extendedTypesEnabled=true: \(path) must not be larger than \(Self.greatestIDWithExtendedTypes)")
                return nil
            }
            return id
        }
    }

    private mutating func checkSize() {
        guard let first = voters.first else { return }
        let key = "server.\(first.id)"
        if voters.count <= 2 {
            adjust(key, "no failure of a server will be tolerated: \(voters.count) participants, at least 3 are needed")
        } else if voters.count % 2 == 0, configuration.groups.isEmpty {
            adjust(
                key,
                "\(voters.count) participants tolerate no more failures than \(voters.count - 1):"
                    + " consider an odd number")
        }
    }

    private mutating func checkPeerType(_ own: Int64) {
        guard let role = servers.first(where: { $0.id == own })?.role,
            role.rawValue != configuration.peerType.rawValue
        else { return }
        // Silence about the type is no contradiction.
        guard configuration.origins["peerType"] != nil else { return }
        let given = configuration.peerType.rawValue
        adjust("peerType", "peerType=\(given) is overruled: server.\(own) is \(role.rawValue)")
    }

    private func ensemble(_ own: Int64) -> EnsembleConfiguration {
        var ensemble = EnsembleConfiguration(
            myID: own,
            members: servers.map { server in
                EnsembleConfiguration.Member(
                    id: server.id, addresses: server.addresses, role: server.role,
                    client: server.clientPort.map { .init(host: server.clientHost ?? "0.0.0.0", port: $0) })
            })
        if !configuration.groups.isEmpty {
            ensemble.groups = configuration.groups
            ensemble.weights = effectiveWeights()
        }
        ensemble.version = configuration.memberListVersion
        ensemble.tickTimeMillis = configuration.tickTimeMillis
        ensemble.initLimitTicks = configuration.initLimitTicks
        ensemble.syncLimitTicks = configuration.syncLimitTicks
        let connectLimit = configuration.connectToLearnerMasterLimitTicks
        ensemble.connectToLeaderLimitTicks = connectLimit > 0 ? connectLimit : configuration.initLimitTicks
        ensemble.leaderServes = configuration.leaderServes
        ensemble.listensOnAllAddresses = configuration.quorumListenOnAllAddresses
        ensemble.multiAddressEnabled = configuration.multiAddressEnabled
        ensemble.minimumNotificationIntervalMillis = notificationMillis.lowerBound
        ensemble.maximumNotificationIntervalMillis = notificationMillis.upperBound
        ensemble.electionConnectTimeoutMillis = configuration.electionConnectTimeoutMillis
        ensemble.electionPortBindAttempts = configuration.electionPortBindRetries
        ensemble.peerTcpKeepAlive = configuration.peerTcpKeepAlive
        return ensemble
    }

    private mutating func fail(_ key: String, _ text: String) {
        problems.append(
            .init(kind: .error, origin: configuration.origin(of: key), key: key, text: text))
    }

    private mutating func adjust(_ key: String, _ text: String) {
        problems.append(
            .init(kind: .adjusted, origin: configuration.origin(of: key), key: key, text: text))
    }
}
