import Testing

@testable import Server

@Suite struct ConfigurationKeysTests {
    @Test func everyKeyIsDocumented() {
        for key in ConfigurationKeys.all {
            #expect(!key.meaning.isEmpty, "\(key.name)")
            #expect(key.meaning.hasSuffix("."), "\(key.name): \(key.meaning)")
        }
        #expect(Set(ConfigurationKeys.all.map(\.name)).count == ConfigurationKeys.all.count)
    }

    @Test func helpNamesEveryKey() {
        let help = ConfigurationKeys.helpText()
        let markdown = ConfigurationKeys.markdown()
        for key in ConfigurationKeys.all {
            #expect(help.contains("\n  \(key.name)"), "\(key.name)")
            #expect(markdown.contains("| `\(key.name)`"), "\(key.name)")
        }
        #expect(help.split(separator: "\n").allSatisfy { $0.count <= 110 })
    }

    /// Documented keys of Apache's administrator's guide, 3.9.
    @Test(arguments: [
        "clientPort", "secureClientPort", "observerMasterPort", "dataDir", "tickTime", "dataLogDir",
        "globalOutstandingLimit", "preAllocSize", "snapCount", "commitLogCount", "snapSizeLimitInKb",
        "txnLogSizeLimitInKb", "maxCnxns", "maxClientCnxns", "clientPortAddress", "minSessionTimeout",
        "maxSessionTimeout", "fsync.warningthresholdms", "maxResponseCacheSize", "maxGetChildrenResponseCacheSize",
        "autopurge.snapRetainCount", "autopurge.purgeInterval", "syncEnabled", "extendedTypesEnabled",
        "emulate353TTLNodes", "watchManagerName", "watcherCleanThreadsNum", "watcherCleanThreshold",
        "watcherCleanIntervalInSeconds", "maxInProcessingDeadWatchers", "bitHashCacheSize",
        "fastleader.minNotificationInterval", "fastleader.maxNotificationInterval", "connection_throttle_tokens",
        "clientPortListenBacklog", "serverCnxnFactory", "flushDelay", "maxWriteQueuePollTime", "maxBatchSize",
        "enforceQuota", "requestThrottleLimit", "requestThrottleStallTime", "requestThrottleDropStale",
        "requestStaleLatencyCheck", "requestStaleConnectionCheck", "zookeeper.request_throttler.shutdownTimeout",
        "advancedFlowControlEnabled", "enableEagerACLCheck", "leader.maxConcurrentSnapSyncs", "digest.enabled",
        "snapshot.compression.method", "snapshot.trust.empty", "audit.enable", "audit.impl.class",
        "largeRequestMaxBytes", "largeRequestThreshold", "outstandingHandshake.limit",
        "netty.server.earlyDropSecureConnectionHandshakes", "throttledOpWaitTime", "learner.closeSocketAsync",
        "leader.closeSocketAsync", "learner.asyncSending", "forward_learner_requests_to_commit_processor_disabled",
        "serializeLastProcessedZxid.enabled", "electionAlg", "maxTimeToWaitForEpoch", "initLimit",
        "connectToLearnerMasterLimit", "leaderServes", "server.1", "group.1", "weight.1", "syncLimit", "cnxTimeout",
        "quorumCnxnTimeoutMs", "standaloneEnabled", "reconfigEnabled", "4lw.commands.whitelist", "tcpKeepAlive",
        "clientTcpKeepAlive", "electionPortBindRetry", "observer.reconnectDelayMs", "localSessionsEnabled",
        "localSessionsUpgradingEnabled", "DigestAuthenticationProvider.enabled",
        "DigestAuthenticationProvider.superDigest", "DigestAuthenticationProvider.digestAlg",
        "IPAuthenticationProvider.usexforwardedfor", "X509AuthenticationProvider.superUser", "zookeeper.superUser",
        "zookeeper.superUser.1", "ssl.authProvider", "zookeeper.ensembleAuthName", "sessionRequireClientSASLAuth",
        "enforce.auth.enabled", "enforce.auth.schemes", "sslQuorum", "ssl.quorum.keyStore.location",
        "sslQuorumReloadCertFiles", "client.certReload", "client.portUnification", "authProvider.sasl",
        "kerberos.removeHostFromPrincipal", "multiAddress.enabled", "fips-mode",
        "zookeeper.follower.skipLearnerRequestToNextProcessor", "forceSync", "jute.maxbuffer",
        "jute.maxbuffer.extrasize", "skipACL", "quorumListenOnAllIPs", "nio.numSelectorThreads",
        "commitProcessor.numWorkerThreads", "znode.container.checkIntervalMs", "znode.container.maxPerMinute",
        "znode.container.maxNeverUsedIntervalMs", "messageTracker.BufferSize", "admin.enableServer",
        "admin.serverPort", "metricsProvider.className", "metricsProvider.httpPort", "peerType", "dynamicConfigFile",
        "quorum.auth.enableSasl", "readonlymode.enabled", "oraclePath", "jvm.pause.monitor", "portUnification",
    ])
    func knowsApachesKeys(_ name: String) {
        #expect(ConfigurationKeys.find(name) != nil)
    }

    /// The table and the fields are one: a key's value comes back from the configuration it made.
    @Test func servedKeysReachTheirFields() throws {
        let samples: [String: String] = [
            "dataDir": "/nonexistent/a", "dataLogDir": "/nonexistent/b", "clientPortAddress": "127.0.0.1",
            "forceSync": "no", "skipACL": "yes", "leaderServes": "no", "peerType": "observer", "electionAlg": "3",
            "DigestAuthenticationProvider.digestAlg": "SHA-512", "ensembleAuthName": "one,two",
            "DigestAuthenticationProvider.superDigest": "super:abcd", "4lw.commands.whitelist": "ruok,srvr",
            "dynamicConfigFile": "",
        ]
        for key in ConfigurationKeys.all where key.familyPrefix == nil {
            // Of the keys that are not used, some have a field and some have none.
            guard key.isUsed || key.section == .later && key.render(Self.filled) != nil else { continue }
            let before = key.render(ServerConfiguration())
            let sample = samples[key.name] ?? (before == "true" ? "false" : before == "false" ? "true" : "4097")
            guard !sample.isEmpty else { continue }
            var configuration = ServerConfiguration()
            guard case .refused(let expected) = key.assign(&configuration, key.name, sample) else {
                #expect(key.render(configuration) == sample, "\(key.name)")
                continue
            }
            // Only the reactors' range excludes the sample.
            #expect(key.name == "corral.reactors", "\(key.name) refused \(sample): \(expected)")
        }
    }

    private static let filled: ServerConfiguration = {
        var configuration = ServerConfiguration()
        configuration.ensembleAuthNames = ["x"]
        return configuration
    }()

    @Test func effectiveTextIsAConfigurationFile() throws {
        let first = try Support.parse(
            "dataDir=/nonexistent/da\\\\ta\\u00e9\nclientPort=0\nsnapCount=0x10\nnio.numWorkerThreads=3\n"
                + "DigestAuthenticationProvider.superDigest=super:topsecret", bare: true)
        let text = first.effectiveText()
        #expect(text.contains("\nsnapCount=16\n"))
        #expect(text.contains("# zoo.cfg:3\n"))
        #expect(!text.contains("topsecret"))
        let second = try Support.parse(text, bare: true)
        #expect(second.dataDirectory == "/nonexistent/da\\taé")
        #expect(second.snapCount == 16)
        #expect(second.maxSessionTimeoutMillis == first.maxSessionTimeoutMillis)
    }

    @Test func editDistance() {
        #expect(KeySuggestion.editDistance(Array("tickTime".utf8), Array("tikcTime".utf8)) == 1)
        #expect(KeySuggestion.editDistance(Array("abc".utf8), Array("".utf8)) == 3)
        #expect(KeySuggestion.editDistance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
        #expect(KeySuggestion.nearest(to: "x", among: ["tickTime"]) == nil)
    }
}
