import Zab

/// Keys of ensembles.
extension ConfigurationKeys {
    static let ensemble: [ConfigurationKey] = [
        ConfigurationKey(
            name: "server.N", section: .ensemble, support: .ensemble, defaultText: "",
            meaning: "Server N of the ensemble: \(ServerSpecification.expected).",
            familyPrefix: "server.",
            assign: { configuration, key, value in
                guard let id = ValueSyntax.decimal(String(key.dropFirst("server.".count))) else {
                    return .refused(expected: "an integer after \"server.\"")
                }
                do throws(ServerSpecification.Malformed) {
                    configuration.servers.append(try ServerSpecification(id: Int64(id), text: value))
                    return .taken
                } catch {
                    return .refused(expected: error.expected)
                }
            }),
        ConfigurationKey(
            name: "group.N", section: .ensemble, support: .ensemble, defaultText: "",
            meaning: "Servers of group N of a hierarchical quorum, separated by colons.",
            familyPrefix: "group.",
            assign: { configuration, key, value in
                let members = value.split(separator: ":", omittingEmptySubsequences: false).map {
                    ValueSyntax.decimal(String($0)).map(Int64.init)
                }
                guard let group = ValueSyntax.decimal(String(key.dropFirst("group.".count))),
                    members.allSatisfy({ $0 != nil })
                else { return .refused(expected: "group.N = id:id:id, integers") }
                configuration.groups[Int64(group)] = members.compactMap { $0 }
                return .taken
            }),
        ConfigurationKey(
            name: "weight.N", section: .ensemble, support: .ensemble, defaultText: "1",
            meaning: "Votes of server N in its group.",
            familyPrefix: "weight.",
            assign: { configuration, key, value in
                guard let server = ValueSyntax.decimal(String(key.dropFirst("weight.".count))),
                    let weight = ValueSyntax.decimal(value), 0...QuorumRule.maximumWeight ~= Int64(weight)
                else {
                    return .refused(expected: "weight.N = votes, an integer of 0 to \(QuorumRule.maximumWeight)")
                }
                configuration.weights[Int64(server)] = Int64(weight)
                return .taken
            }),
        .text(
            "dynamicConfigFile", .ensemble, \.dynamicConfigFile, expected: "the path of a file",
            "File with the server., group. and weight. lines, which then may not stand in this one."
        ).onlyInEnsembles(),
        .integer(
            "initLimit", .ensemble, \.initLimitTicks, unit: "ticks", "Time a follower has to connect and synchronize."
        ).onlyInEnsembles(),
        .integer(
            "syncLimit", .ensemble, \.syncLimitTicks, unit: "ticks", "Time a follower may lag behind its leader."
        ).onlyInEnsembles(),
        .integer(
            "connectToLearnerMasterLimit", .ensemble, \.connectToLearnerMasterLimitTicks, unit: "ticks",
            "Time a server has to connect to its leader; 0 means initLimit."
        ).onlyInEnsembles(),
        .integer("electionAlg", .ensemble, \.electionAlgorithm, 3...3, "Election algorithm; only 3 exists.")
            .onlyInEnsembles(),
        .yesOrNo("leaderServes", .ensemble, \.leaderServes, "Whether the leader accepts clients.").onlyInEnsembles(),
        ConfigurationKey(
            name: "peerType", section: .ensemble, support: .ensemble, defaultText: "participant",
            meaning: "participant or observer; the server list overrules it.",
            assign: { configuration, _, value in
                guard let type = ServerConfiguration.PeerType(rawValue: value.lowercased()) else {
                    return .refused(expected: "participant or observer")
                }
                configuration.peerType = type
                return .taken
            },
            render: { $0.peerType.rawValue }),
        .boolean(
            "standaloneEnabled", .ensemble, \.standaloneEnabled, "Whether one server alone runs as a standalone server."
        ).onlyInEnsembles(),
        .boolean("reconfigEnabled", .ensemble, \.reconfigEnabled, "Whether clients may change the ensemble.")
            .onlyInEnsembles(),
        .boolean("syncEnabled", .ensemble, \.syncEnabled, "Whether observers write log and snapshots.")
            .alias("observer.syncEnabled").onlyInEnsembles(),
        .boolean(
            "quorumListenOnAllIPs", .ensemble, \.quorumListenOnAllAddresses, "Listen for peers on every interface."
        ).onlyInEnsembles(),
        .integer(
            "leader.maxTimeToWaitForEpoch", .ensemble, \.maxTimeToWaitForEpochMillis, -1...Int(Int32.max),
            syntax: .decoded, unit: "ms", "Time a leader waits for a quorum to accept its epoch; -1 means initLimit."
        ).alias("maxTimeToWaitForEpoch").notYetHonoured(
            because: "a leader gives way as soon as those that elected it look for another"),
        .boolean(
            "multiAddress.enabled", .ensemble, \.multiAddressEnabled, "Allow several addresses for each server."
        ).onlyInEnsembles(),
        .integer(
            "fastleader.minNotificationInterval", .ensemble, \.fastLeaderMinNotificationMillis, 1...Int(Int32.max),
            syntax: .decoded, unit: "ms", "Shortest time between election messages that bring nothing new."
        ).onlyInEnsembles(),
        .integer(
            "fastleader.maxNotificationInterval", .ensemble, \.fastLeaderMaxNotificationMillis, 1...Int(Int32.max),
            syntax: .decoded, unit: "ms", "Longest time between election messages."
        ).onlyInEnsembles(),
        .integer(
            "cnxTimeout", .ensemble, \.electionConnectTimeoutMillis, 1...Int(Int32.max), unit: "ms",
            "Time to connect to a peer's election port."
        ).onlyInEnsembles(),
        .integer(
            "electionPortBindRetry", .ensemble, \.electionPortBindRetries, syntax: .decoded, unit: "attempts",
            "Attempts to bind the election port; 0 never gives up."
        ).onlyInEnsembles(),
        .boolean("tcpKeepAlive", .ensemble, \.peerTcpKeepAlive, "TCP keep-alive on the election connections.")
            .onlyInEnsembles(),
    ]
}
