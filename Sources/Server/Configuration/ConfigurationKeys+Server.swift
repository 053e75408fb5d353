/// The keys this build serves, each bound to its field.
extension ConfigurationKeys {
    private typealias Key = ConfigurationKey

    static let basics: [ConfigurationKey] = [
        .directory(
            "dataDir", \.dataDirectory, default: "none: required",
            "Directory whose version-2 holds the snapshots (and the log, unless dataLogDir is set)."),
        .directory(
            "dataLogDir", \.dataLogDirectory, default: "dataDir",
            "Directory whose version-2 holds the transaction log; a device of its own keeps latency even."),
        ConfigurationKey(
            name: "clientPort", section: .basics, defaultText: "none: required",
            meaning: "TCP port for clients; 0 takes any free port.",
            assign: { configuration, _, value in
                guard let port = ValueSyntax.decimal(value), (0...65535).contains(port) else {
                    return .refused(expected: "a port from 0 to 65535")
                }
                configuration.clientPort = port
                return .taken
            },
            render: { $0.clientPort.map(String.init) }),
        ConfigurationKey(
            name: "clientPortAddress", section: .basics, defaultText: "",
            meaning: "Address (IPv4, IPv6 or host name) to listen on; every interface unless set.",
            assign: { configuration, _, value in
                guard let host = ValueSyntax.host(value) else { return .refused(expected: "an address or a host name") }
                configuration.clientPortAddress = host
                return .taken
            },
            render: { $0.clientPortAddress }),
        .integer(
            "clientPortListenBacklog", .basics, \.clientPortListenBacklog, -1...Int(Int32.max),
            unit: "connections", "Connections that may wait to be accepted; -1 means 1024."),
        .integer(
            "tickTime", .basics, \.tickTimeMillis, 1...Int(Int32.max), unit: "ms",
            "Unit of time: sessions expire on its multiples, the limits below count in it."),
        .integer(
            "minSessionTimeout", .basics, \.minSessionTimeoutMillis, -1...Int(Int32.max), unit: "ms",
            "Shortest session timeout a client can negotiate."
        ).derived(default: "2 x tickTime"),
        .integer(
            "maxSessionTimeout", .basics, \.maxSessionTimeoutMillis, -1...Int(Int32.max), unit: "ms",
            "Longest session timeout a client can negotiate."
        ).derived(default: "20 x tickTime"),
    ]

    static let limits: [ConfigurationKey] = [
        .integer(
            "maxClientCnxns", .limits, \.maxClientConnectionsPerAddress, -1...Int(Int32.max), unit: "connections",
            "Connections from one address; 0 means no limit."),
        .integer(
            "maxCnxns", .limits, \.maxConnections, -1...Int(Int32.max), syntax: .decoded, unit: "connections",
            "Connections in all; 0 means no limit."),
        .integer(
            "globalOutstandingLimit", .limits, \.globalOutstandingLimit, 1...Int(Int32.max), syntax: .decoded,
            unit: "requests", "Requests in work, over all connections, beyond which no more are read from sockets."),
        .integer(
            "jute.maxbuffer", .limits, \.juteMaxBufferBytes, 1...Int(Int32.max), syntax: .decoded, unit: "bytes",
            "Largest request frame; a larger one is answered with an error."),
        .integer(
            "jute.maxbuffer.extrasize", .limits, \.juteMaxBufferExtraBytes, 0...Int(Int32.max), syntax: .decoded,
            unit: "bytes", "What a transaction read from disk may exceed jute.maxbuffer by; at least 1024."
        ).derived(default: "jute.maxbuffer").notYetHonoured(because: "the log is read with a fixed slack"),
        .integer(
            "largeRequestMaxBytes", .limits, \.largeRequestMaxBytes, 1...Int(Int32.max), syntax: .decoded,
            unit: "bytes", "Bytes of all large requests in work; the connection that exceeds it is closed."
        ).notYetHonoured(because: "requests are limited by number and by jute.maxbuffer"),
        .integer(
            "largeRequestThreshold", .limits, \.largeRequestThresholdBytes, -1...Int(Int32.max), syntax: .decoded,
            unit: "bytes", "Size from which a request counts as large; -1 turns the limit off."
        ).notYetHonoured(because: "requests are limited by number and by jute.maxbuffer"),
        .integer(
            "nio.sessionlessCnxnTimeout", .limits, \.sessionlessConnectionTimeoutMillis, 1...Int(Int32.max),
            syntax: .decoded, unit: "ms", "How long a connection may stay open without a session."
        ),
    ]

    static let disk: [ConfigurationKey] = [
        .integer(
            "snapCount", .disk, \.snapCount, Int(Int32.min)...Int(Int32.max), syntax: .decoded,
            unit: "transactions", "Transactions between snapshots; each server waits a random part of it, to stagger."),
        .integer(
            "snapSizeLimitInKb", .disk, \.snapSizeLimitKilobytes, -1...(Int.max >> 10), syntax: .decoded, unit: "KiB",
            "Bytes logged between snapshots; 0 or less turns this limit off."),
        .integer(
            "preAllocSize", .disk, \.preAllocationKilobytes, 0...(1 << 30), unit: "KiB",
            "Step in which a log segment is allocated on disk."),
        .integer(
            "txnLogSizeLimitInKb", .disk, \.txnLogSizeLimitKilobytes, -1...(Int.max >> 10), syntax: .decoded,
            unit: "KiB", "Size at which a log segment is closed; -1 turns the limit off."),
        .yesOrNo(
            "forceSync", .disk, \.forceSync,
            "Answer a write only when it is on the disk. \"no\" is unsafe: a power cut loses answered writes."),
        .integer(
            "autopurge.snapRetainCount", .disk, \.autopurgeSnapRetainCount, Int(Int32.min)...Int(Int32.max),
            unit: "snapshots", "Snapshots, and the logs they need, that the purge keeps; at least 3."),
        .integer(
            "autopurge.purgeInterval", .disk, \.autopurgeIntervalHours, Int(Int32.min)...Int(Int32.max), unit: "hours",
            "Time between purges; 0 turns the purge off."),
        .integer(
            "fsync.warningthresholdms", .disk, \.fsyncWarningThresholdMillis, 0...Int.max, syntax: .decoded,
            unit: "ms", "A log write that takes longer is reported."),
        .boolean(
            "snapshot.trust.empty", .disk, \.trustEmptySnapshot,
            "Start from a log although there is no snapshot (after ZooKeeper before 3.5.3)."),
        .boolean(
            "serializeLastProcessedZxid.enabled", .disk, \.serializeLastProcessedZxid,
            "Write the last processed zxid at the end of a snapshot, as 3.9 does."),
        .boolean("datadir.autocreate", .disk, \.dataDirectoryAutocreate, "Create missing data directories."),
        .boolean("db.autocreate", .disk, \.databaseAutocreate, "Start an empty database where there is none."),
    ]

    static let nodes: [ConfigurationKey] = [
        .boolean("extendedTypesEnabled", .nodes, \.extendedTypesEnabled, "Allow TTL nodes."),
        .boolean("enforceQuota", .nodes, \.enforceQuota, "Refuse writes beyond a hard quota."),
        .boolean(
            "digest.enabled", .nodes, \.digestEnabled, "Keep a digest of the tree in log and snapshots, check it."),
        .boolean(
            "closeSessionTxn.enabled", .nodes, \.closeSessionTxnEnabled,
            "List the ephemeral nodes that a closing session takes with it in its transaction."),
        .integer(
            "znode.container.checkIntervalMs", .nodes, \.containerCheckIntervalMillis, 1...Int(Int32.max),
            syntax: .decoded, unit: "ms", "Time between looks for empty containers and expired TTL nodes."),
        .integer(
            "znode.container.maxPerMinute", .nodes, \.containerMaxPerMinute, 1...Int(Int32.max), syntax: .decoded,
            unit: "nodes", "Containers and TTL nodes deleted in a minute, at most."),
        .integer(
            "znode.container.maxNeverUsedIntervalMs", .nodes, \.containerMaxNeverUsedIntervalMillis, 0...Int.max,
            syntax: .decoded, unit: "ms",
            "Age at which a container that never had a child is deleted; 0 never deletes it."),
    ]

    static let access: [ConfigurationKey] = [
        .yesOrNo("skipACL", .access, \.skipACL, "\"yes\" opens every node to everyone."),
        .boolean(
            "DigestAuthenticationProvider.enabled", .access, \.digestAuthenticationEnabled, "Serve scheme digest."),
        ConfigurationKey(
            name: "DigestAuthenticationProvider.digestAlg", section: .access, defaultText: "SHA1",
            meaning: "Digest of scheme digest: SHA1, SHA-256, SHA-384, SHA-512 or MD5; equal on all servers.",
            assign: { configuration, _, value in
                let name = value.uppercased()
                let java = name == "SHA-1" || name == "SHA" ? "SHA1" : name
                guard let algorithm = ServerConfiguration.DigestAlgorithm(rawValue: java) else {
                    return .refused(expected: "SHA1, SHA-256, SHA-384, SHA-512 or MD5")
                }
                configuration.digestAlgorithm = algorithm
                return .taken
            },
            render: { $0.digestAlgorithm.rawValue }),
        ConfigurationKey(
            name: "DigestAuthenticationProvider.superDigest", section: .access, defaultText: "",
            meaning: "user:digest (Base64) of the super user, whom no ACL stops; no super user unless set.",
            assign: { configuration, _, value in
                let halves = value.split(separator: ":", omittingEmptySubsequences: false)
                guard halves.count == 2, halves.allSatisfy({ !$0.isEmpty }) else {
                    return .refused(expected: "user:digest")
                }
                configuration.superDigest = value
                return .taken
            },
            render: { $0.superDigest }
        ).secret(),
        ConfigurationKey(
            name: "ensembleAuthName", section: .access, defaultText: "",
            meaning: "Names, comma-separated, under which clients of scheme ensemble may know this ensemble.",
            assign: { configuration, _, value in
                configuration.ensembleAuthNames = value.split(separator: ",")
                    .map { ValueSyntax.trimmed(String($0)) }.filter { !$0.isEmpty }
                return .taken
            },
            render: { $0.ensembleAuthNames.isEmpty ? nil : $0.ensembleAuthNames.joined(separator: ",") }
        ).notYetHonoured(because: "scheme ensemble is not served by this build"),
        .boolean(
            "clientTcpKeepAlive", .access, \.clientTcpKeepAlive, "Set the keep-alive flag on clients' sockets."),
    ]

    static let observation: [ConfigurationKey] = [
        ConfigurationKey(
            name: "4lw.commands.whitelist", section: .observation, defaultText: "srvr",
            meaning: "Four-letter words, comma-separated, that are answered; * means all; srvr always is.",
            assign: { configuration, _, value in
                configuration.fourLetterWords = FourLetterWordWhitelist(value)
                let strange = configuration.fourLetterWords.words
                    .filter { FourLetterWord(rawValue: $0) == nil }.sorted()
                guard !strange.isEmpty else { return .taken }
                return .adjusted("no such four-letter word: \(strange.joined(separator: ", "))")
            },
            render: { $0.fourLetterWords.text }),
        .boolean(
            "readonlymode.enabled", .observation, \.readOnlyModeEnabled,
            "Only allows the word isro: serving reads when cut off from the quorum is not available yet."),
    ]

    static let corral: [ConfigurationKey] = [
        .integer(
            "corral.reactors", .corral, \.reactors, 1...256, unit: "threads",
            "Threads that serve connections; the first is also the core, the log has one of its own."
        ).derived(default: "1 on up to 2 processors, else half of them"),
        .integer(
            "corral.maximumConnectionOutputBytes", .corral, \.maximumConnectionOutputBytes, 4096...(1 << 32),
            syntax: .decoded, unit: "bytes",
            "Unsent reply bytes from which a connection's requests are not read until it drains."),
        .integer(
            "corral.broadcastOutstanding", .corral, \.broadcastOutstanding, 0...1_000_000, unit: "transactions",
            "Transactions that a leader makes by itself, without end, and keeps under way, but for while a server "
                + "catches up: measures the broadcast."),
        .integer(
            "corral.broadcastBytes", .corral, \.broadcastBytes, 0...1_000_000, unit: "bytes",
            "The data of each of these."),
        .boolean("corral.pinReactors", .corral, \.pinReactors, "Bind each reactor to one processor."),
        .integer(
            "corral.test.readSpinNanos", .corral, \.testReadSpinNanos, 0...1_000_000, unit: "ns",
            "Only to test tools that look for slowdowns: busy time added to each read of the first reactor."),
        .integer(
            "corral.test.writeSpinNanos", .corral, \.testWriteSpinNanos, 0...1_000_000, unit: "ns",
            "Only to test tools that look for slowdowns: busy time added to each transaction."),
    ]
}
