/// Keys of Apache ZooKeeper that set nothing here: those to come, and those that tune machinery Corral does not have.
extension ConfigurationKeys {
    private static let tls = "TLS is not served by this build"
    private static let admin = "the admin HTTP server is not part of this build"
    private static let metrics = "metrics are read with the word mntr in this build"
    private static let sasl = "SASL is not served by this build"
    private static let saslPeers = "SASL between servers is not served by this build"
    private static let peers = "Corral's servers have no use for it"
    private static let observerMasters = "observers follow the leader itself"
    private static let localSessions = "every session of this build is known to the whole ensemble"
    private static let plainClients = tls + ", and clients would be served in plain text"
    private static let plainPeers = tls + ", and servers would talk in plain text"
    private static let openPeers = saslPeers + ", and any server would be let in"
    private static let throttle = "Corral limits requests by globalOutstandingLimit and by back-pressure"

    static let later: [ConfigurationKey] = [
        .notYet("secureClientPort", .integer, silentFor: ["0"], because: tls, "TCP port for clients over TLS.")
            .stopping(because: plainClients) { _, value in value != "0" },
        .notYet("secureClientPortAddress", because: tls, "Address to listen on for clients over TLS.")
            .stopping(because: plainClients) { _, value in !value.isEmpty },
        .notYet("sslQuorum", .boolean, default: "false", because: tls, "TLS between servers.")
            .stoppingWhenTrue(because: plainPeers),
        .notYet("portUnification", .boolean, default: "false", because: tls, "TLS and plain on the quorum port.")
            .stoppingWhenTrue(because: plainPeers),
        .notYet(
            "client.portUnification", .boolean, default: "false", because: tls, "TLS and plain on the client port."
        ).stoppingWhenTrue(because: plainClients),
        .notYet("client.certReload", .boolean, default: "false", because: tls, "Reload client certificates."),
        .notYet("sslQuorumReloadCertFiles", .boolean, default: "false", because: tls, "Reload quorum certificates."),
        .notYet("ssl.*", because: tls, "Key and trust stores, protocols and checks of TLS.").family("ssl.").secret(),
        .notYet("X509AuthenticationProvider.superUser", because: tls, "Super user by certificate."),
        .notYet("superUser", because: sasl, "Super user by SASL name."),
        .notYet("superUser.*", because: sasl, "Further super users by SASL name.").family("superUser."),
        .notYet("authProvider.*", because: "schemes are world, auth, digest and ip", "A class for a scheme.")
            .family("authProvider.")
            .stopping(because: "neither SASL nor X509 is served by this build, and nobody could prove who he is") {
                key, value in
                [key, value].contains { $0.contains("sasl") || $0.contains("x509") }
            },
        .notYet(
            "IPAuthenticationProvider.usexforwardedfor", .boolean, default: "false", because: admin, "Trust a proxy."),
        .notYet("sessionRequireClientSASLAuth", .boolean, default: "false", because: sasl, "Demand SASL of clients.")
            .refused(unless: ["false"], because: sasl + ", and unauthenticated clients would be let in"),
        .notYet(
            "enforce.auth.enabled", .boolean, default: "false",
            because: "no session is refused for want of a scheme yet",
            "Demand one of enforce.auth.schemes of clients."
        ).refused(unless: ["false"], because: "not served yet, and unauthenticated clients would be let in"),
        .notYet("enforce.auth.schemes", because: "see enforce.auth.enabled", "Schemes demanded of clients."),
        .notYet("allowSaslFailedClients", .boolean, default: "false", because: sasl, "Let failed SASL clients in."),
        .notYet("kerberos.*", because: sasl, "Mapping of Kerberos names.").family("kerberos."),
        .notYet(
            "quorum.auth.enableSasl", .boolean, default: "false", because: saslPeers, "Use SASL between servers."
        ).stoppingWhenTrue(because: openPeers),
        .notYet(
            "quorum.auth.serverRequireSasl", .boolean, default: "false", because: saslPeers,
            "Demand SASL of servers that connect."
        ).stoppingWhenTrue(because: openPeers),
        .notYet(
            "quorum.auth.learnerRequireSasl", .boolean, default: "false", because: saslPeers,
            "Demand SASL of servers connected to."
        ).stoppingWhenTrue(because: openPeers),
        .notYet("quorum.auth.*", because: saslPeers, "SASL between servers.").family("quorum.auth."),
        .notYet(
            "quorum.cnxn.threads.size", .integer, default: "20", because: saslPeers,
            "Threads of SASL between servers."),
        .notYet("localSessionsEnabled", .boolean, default: "false", because: localSessions, "Sessions of one server."),
        .notYet(
            "localSessionsUpgradingEnabled", .boolean, default: "false", because: localSessions,
            "Upgrade local sessions as needed."),
        .notYet(
            "observerMasterPort", .integer, default: "0", because: observerMasters,
            "Port for observers of a follower."),
        .notYet("multiAddress.*", because: "addresses are tried in turn", "Checks of several addresses.")
            .family("multiAddress."),
        .notYet("oraclePath", because: "quorums are counted in servers", "Oracle for ensembles of two."),
        .notYet("quorumCnxnTimeoutMs", .integer, default: "-1", because: peers, "Read timeout between peers."),
        .notYet("observer.*", because: peers, "Back-off of observers.").family("observer."),
        .notYet("learner.*", because: peers, "Sending to the leader.").family("learner."),
        .notYet("leader.*", because: peers, "Sending to followers.").family("leader."),
        .notYet("follower.*", because: peers, "Following.").family("follower."),
        .notYet(
            "admin.enableServer", .boolean, default: "true", silentFor: ["false"], because: admin,
            "Admin HTTP server."),
        .notYet("admin.*", because: admin, "Port, address and limits of the admin HTTP server.").family("admin.")
            .secret(),
        .notYet("metricsProvider.className", because: metrics, "Class that exports metrics."),
        .notYet("metricsProvider.*", because: metrics, "Port and limits of the exporter.").family("metricsProvider."),
        .notYet("audit.enable", .boolean, default: "false", because: "there is no audit log yet", "Audit log."),
        .notYet("audit.impl.class", because: "there is no audit log yet", "Class that writes the audit log."),
        .notYet(
            "snapshot.compression.method", silentFor: ["", "checked"], because: "snapshots are written uncompressed",
            "gz, snappy or none."
        ).stopping(because: "snapshots are written uncompressed, and compressed ones are not read") { _, value in
            !["", "checked"].contains(value)
        },
        .notYet(
            "emulate353TTLNodes", .boolean, default: "false", because: "only 3.5.3 wrote them", "TTL nodes of 3.5.3."),
        .notYet(
            "enableEagerACLCheck", .boolean, default: "false", because: "ACLs are checked in request order",
            "Check ACLs before the leader does."),
        .notYet(
            "connection_throttle_*", because: "connections are limited by maxCnxns and maxClientCnxns", "Token bucket."
        )
        .family("connection_throttle_"),
        .notYet("request_throttle_max_requests", .integer, default: "0", because: throttle, "Requests before stalling.")
            .alias("requestThrottleLimit"),
        .notYet("request_throttle_stall_time", .integer, default: "100", because: throttle, "Longest stall, in ms.")
            .alias("requestThrottleStallTime"),
        .notYet("request_throttle_drop_stale", .boolean, default: "true", because: throttle, "Drop stale requests.")
            .alias("requestThrottleDropStale"),
        .notYet("request_stale_latency_check", .boolean, default: "false", because: throttle, "Stale by latency.")
            .alias("requestStaleLatencyCheck"),
        .notYet("request_stale_connection_check", .boolean, default: "true", because: throttle, "Stale by closing.")
            .alias("requestStaleConnectionCheck"),
        .notYet("throttled_op_wait_time", .integer, default: "0", because: throttle, "Wait that throttles a request.")
            .alias("throttledOpWaitTime"),
    ]

    private static let wire = "replies are copied from the tree's stored form, which needs no cache"
    private static let watches = "the watch table cleans up as it goes"
    private static let batches = "a batch is what gathered while the disk was busy"
    private static let threads = "Corral's threads are set by corral.reactors"
    private static let netty = "there is no Netty in Corral"
    private static let java = "there is no Java in Corral"

    static let tuning: [ConfigurationKey] = [
        .withoutEffect("maxResponseCacheSize", .integer, default: "400", because: wire, "Cached getData replies."),
        .withoutEffect(
            "maxGetChildrenResponseCacheSize", .integer, default: "400", because: wire, "Cached child lists."),
        .withoutEffect("watchManagerName", because: watches, "Class of the watch table."),
        .withoutEffect("watcherCleanThreadsNum", .integer, default: "2", because: watches, "Cleaner threads."),
        .withoutEffect("watcherCleanThreshold", .integer, default: "1000", because: watches, "Cleaner threshold."),
        .withoutEffect(
            "watcherCleanIntervalInSeconds", .integer, default: "600", because: watches, "Cleaner interval."),
        .withoutEffect("maxInProcessingDeadWatchers", .integer, default: "-1", because: watches, "Cleaner backlog."),
        .withoutEffect("bitHashCacheSize", .integer, default: "10", because: watches, "Cache of the watch table."),
        .withoutEffect("flushDelay", .integer, default: "0", because: batches, "Wait before a log flush, in ms."),
        .withoutEffect("maxWriteQueuePollTime", .integer, default: "flushDelay / 3", because: batches, "Idle flush."),
        .withoutEffect("maxBatchSize", .integer, default: "1000", because: batches, "Transactions before a log flush."),
        .withoutEffect("nio.*", because: threads, "Threads and buffers of Java NIO.").family("nio."),
        .withoutEffect("commitProcessor.*", because: threads, "Threads of Apache's commit stage.")
            .family("commitProcessor."),
        .withoutEffect(
            "request_throttler.shutdownTimeout", .integer, default: "10000", because: throttle, "Drain time."),
        .withoutEffect("serverCnxnFactory", because: netty, "Class of the network layer."),
        .withoutEffect("netty.*", because: netty, "Buffers and limits of Netty.").family("netty."),
        .withoutEffect(
            "outstandingHandshake.limit", .integer, default: "-1", because: netty, "TLS handshakes at once."),
        .withoutEffect(
            "advancedFlowControlEnabled", .boolean, default: "false", because: netty, "Netty's flow control."),
        .withoutEffect("jvm.pause.*", because: java, "Watch for pauses of the JVM.").family("jvm.pause."),
        .withoutEffect("fips-mode", .boolean, default: "true", because: java, "FIPS mode of Java's TLS."),
        .withoutEffect("intBufferStartingSizeBytes", .integer, default: "1024", because: java, "First buffer size."),
        .withoutEffect("commitLogCount", .integer, default: "500", because: peers, "Commits kept for followers."),
        .withoutEffect("snapshotSizeFactor", default: "0.33", because: peers, "Log replayed to followers."),
        .withoutEffect("messageTracker.*", because: peers, "Record of messages between servers.")
            .family("messageTracker."),
        .withoutEffect(
            "forward_learner_requests_to_commit_processor_disabled", .boolean, default: "false", because: threads,
            "Skip a queue on the leader."),
        .withoutEffect("pathStats.*", because: "there are no statistics by path", "Requests by path.")
            .family("pathStats."),
    ]
}
