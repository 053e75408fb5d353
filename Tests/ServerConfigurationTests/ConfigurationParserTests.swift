import Testing

@testable import Server

@Suite struct ConfigurationParserTests {
    @Test func defaultsAreApaches() throws {
        let configuration = try Support.parse("dataDir=/nonexistent/data\nclientPort=2181", bare: true)
        #expect(configuration.tickTimeMillis == 3000)
        #expect(configuration.minSessionTimeoutMillis == 6000)
        #expect(configuration.maxSessionTimeoutMillis == 60_000)
        #expect(configuration.maxClientConnectionsPerAddress == 60)
        #expect(configuration.globalOutstandingLimit == 1000)
        #expect(configuration.juteMaxBufferBytes == 1_048_575)
        #expect(configuration.juteMaxBufferExtraBytes == 1_048_575)
        #expect(configuration.snapCount == 100_000)
        #expect(configuration.snapSizeLimitKilobytes == 4_194_304)
        #expect(configuration.preAllocationKilobytes == 65_536)
        #expect(configuration.forceSync)
        #expect(configuration.autopurgeSnapRetainCount == 3)
        #expect(configuration.autopurgeIntervalHours == 0)
        #expect(!configuration.extendedTypesEnabled)
        #expect(configuration.fourLetterWords.words == ["srvr"])
        #expect(!configuration.skipACL)
        #expect(configuration.dataLogDirectory == "/nonexistent/data")
        #expect(configuration.containerCheckIntervalMillis == 60_000)
        #expect(configuration.containerMaxPerMinute == 10_000)
        #expect(configuration.warnings.isEmpty)
    }

    @Test func sampleFileOfApacheGivesNoWarning() throws {
        let configuration = try Support.parse(
            "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/nonexistent/zookeeper\nclientPort=2181\n", bare: true)
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.minSessionTimeoutMillis == 4000)
        #expect(configuration.initLimitTicks == 10)
        #expect(configuration.syncLimitTicks == 5)
    }

    @Test func valuesAreTrimmed() throws {
        #expect(try Support.parse("tickTime =  2500  \t").tickTimeMillis == 2500)
    }

    @Test func laterDuplicateWinsAndIsReported() throws {
        let configuration = try Support.parse("tickTime=1000\n\ntickTime=2000")
        #expect(configuration.tickTimeMillis == 2000)
        #expect(
            configuration.warnings.map(\.description) == [
                "zoo.cfg:3: warning: tickTime is given again (first at zoo.cfg:1); this value counts"
            ])
    }

    @Test func prefixedAndBareNamesAreOneKey() throws {
        #expect(try Support.parse("zookeeper.snapCount=77").snapCount == 77)
        #expect(try Support.parse("snapCount=77").snapCount == 77)
        #expect(try Support.parse("snapCount=77\nzookeeper.snapCount=88").snapCount == 88)
        #expect(try Support.parse("zookeeper.jute.maxbuffer=4096").juteMaxBufferBytes == 4096)
    }

    @Test func overridesComeLastAndStaySilent() throws {
        let configuration = try Support.parse(
            "tickTime=1000", overrides: ["tickTime=1500", "tickTime= 1700 ", "zookeeper.snapCount=9"])
        #expect(configuration.tickTimeMillis == 1700)
        #expect(configuration.snapCount == 9)
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.origins["tickTime"]?.description == "--set tickTime")
    }

    @Test func malformedOverride() {
        #expect(Support.errors("", overrides: ["tickTime"]) == ["--set tickTime: error: expected key=value"])
        #expect(Support.errors("", overrides: ["=5"]) == ["--set =5: error: expected key=value"])
    }

    @Test func badValuesNameFileLineKeyValueAndExpectation() {
        #expect(
            Support.errors("# comment\ntickTime=abc") == [
                "zoo.cfg:2: error: tickTime = \"abc\": expected an integer from 1 to 2147483647 (ms)"
            ])
        #expect(
            Support.errors("", overrides: ["forceSync=false"]) == [
                "--set forceSync: error: forceSync = \"false\": expected yes or no"
            ])
    }

    @Test(arguments: [
        "tickTime=0", "tickTime=-5", "tickTime=2147483648", "tickTime=0x10", "tickTime=", "tickTime=1 000",
        "clientPort=65536", "clientPort=-1", "clientPort=x", "clientPortAddress=", "clientPortListenBacklog=-2",
        "maxClientCnxns=many", "maxCnxns=1.5", "minSessionTimeout=-2", "maxSessionTimeout=1s",
        "globalOutstandingLimit=0", "jute.maxbuffer=0", "jute.maxbuffer=1M", "snapCount=1e5", "preAllocSize=64M",
        "preAllocSize=-1", "txnLogSizeLimitInKb=-2", "forceSync=true", "skipACL=true", "skipACL=YES",
        "extendedTypesEnabled=yes", "autopurge.purgeInterval=1h", "autopurge.snapRetainCount=all",
        "digest.enabled=1", "electionAlg=2", "peerType=leader", "leaderServes=true", "standaloneEnabled=ja",
        "reconfigEnabled=0", "initLimit=-1", "DigestAuthenticationProvider.digestAlg=RipeMD160",
        "DigestAuthenticationProvider.superDigest=nocolon", "DigestAuthenticationProvider.superDigest=:x",
        "znode.container.checkIntervalMs=0", "corral.reactors=0", "corral.reactors=257", "corral.pinReactors=on",
        "corral.maximumConnectionOutputBytes=10", "server.1=host", "server.x=h:1:2", "group.a=1", "weight.1=x",
        "weight.1=2147483648", "weight.1=9223372036854775807",
        "secureClientPort=tls", "admin.enableServer=maybe", "enforce.auth.enabled=true",
        "sessionRequireClientSASLAuth=true", "maxResponseCacheSize=big", "dataDir=", "dataLogDir=",
    ])
    func refused(_ line: String) throws {
        let errors = Support.errors("\n" + line)
        let first = try #require(errors.first, "\(line) was accepted")
        #expect(errors.count == 1)
        #expect(first.hasPrefix("zoo.cfg:2: error: \(line.prefix { $0 != "=" }) = "))
        #expect(first.contains(": expected "))
    }

    @Test func systemPropertiesAreDecodedAsJavaDoes() throws {
        #expect(try Support.parse("jute.maxbuffer=0x3fffff").juteMaxBufferBytes == 0x3fffff)
        #expect(try Support.parse("snapCount=010").snapCount == 8)
        #expect(try Support.parse("snapCount=#ff").snapCount == 255)
        #expect(try Support.parse("tickTime=010").tickTimeMillis == 10)
        #expect(try Support.parse("tickTime=+10").tickTimeMillis == 10)
    }

    @Test func allErrorsAtOnce() {
        let errors = Support.errors("tickTime=a\nskipACL=b\nclientPortAddress=127.0.0.1", bare: true)
        #expect(errors.count == 4)
        #expect(errors.contains("zoo.cfg: error: dataDir is not set"))
        #expect(errors.contains("zoo.cfg: error: clientPort is not set, though clientPortAddress is"))
    }

    /// Without a file there is none to name.
    @Test func missingWithoutAFile() {
        #expect {
            _ = try ConfigurationParser().finish()
        } throws: { error in
            "\(error)" == "error: dataDir is not set\nerror: clientPort is not set"
        }
    }

    @Test func theTimeoutThatWasGivenIsToBlame() {
        #expect(
            Support.errors("\nmaxSessionTimeout=40") == [
                "zoo.cfg:2: error: maxSessionTimeout (40 ms) must not be smaller than minSessionTimeout (6000 ms)"
            ])
        #expect(
            Support.errors("\nminSessionTimeout=70000") == [
                "zoo.cfg:2: error: minSessionTimeout (70000 ms) must not be larger than maxSessionTimeout (60000 ms)"
            ])
    }

    @Test(arguments: [
        "300.1.1.1", "1.2.3.4.5", "host:2181", "a b", ":::", "[::1", "1.2.3.256", "[zk1]", "host/24",
    ])
    func addressesThatAreNone(_ text: String) {
        #expect(
            Support.errors("\nclientPortAddress=\(text)") == [
                "zoo.cfg:2: error: clientPortAddress = \"\(text)\": expected an address or a host name"
            ])
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("::", "::"), ("[::1]", "::1"), ("zk1", "zk1"), ("zk-1.example.org", nil),
        ("127.1", nil), ("my_host", nil), ("fe80::1%eth0", nil), ("0.0.0.0", nil), ("1and1.example", nil),
    ])
    func addresses(_ text: String, _ read: String?) throws {
        #expect(try Support.parse("clientPortAddress=\(text)").clientPortAddress == read ?? text)
    }

    @Test func refusedValueIsNotAlsoReportedAsMissing() {
        #expect(Support.errors("dataDir=/nonexistent\nclientPort=x", bare: true).count == 1)
    }

    @Test func unreadableFileIsTheOnlyError() {
        var parser = ConfigurationParser()
        parser.read(file: "/nonexistent/zoo.cfg")
        #expect {
            _ = try parser.finish()
        } throws: { error in
            "\(error)" == "error: cannot read configuration file /nonexistent/zoo.cfg: No such file or directory"
        }
    }

    @Test func malformedEscapeNamesItsLine() {
        #expect(
            Support.errors("tickTime=2000\ndataDir=\\u12") == [
                "zoo.cfg:2: error: \\u needs four hexadecimal digits"
            ])
    }

    @Test func timeoutsMustNotCross() {
        #expect(
            Support.errors("minSessionTimeout=5000\nmaxSessionTimeout=4000") == [
                "zoo.cfg:1: error: minSessionTimeout (5000 ms) must not be larger than maxSessionTimeout (4000 ms)"
            ])
        // The derived upper bound counts too.
        #expect(Support.errors("tickTime=100\nminSessionTimeout=5000").count == 1)
        #expect(Support.errors("tickTime=100\nminSessionTimeout=2000").isEmpty)
    }

    @Test func secretsStayOutOfErrors() {
        let errors = Support.errors("DigestAuthenticationProvider.superDigest=hunter2")
        #expect(errors.count == 1)
        #expect(!errors[0].contains("hunter2"))
        #expect(errors[0].contains("<redacted>"))
        #expect(
            !Support.errors("", overrides: ["DigestAuthenticationProvider.superDigest=hunter2"])[0].contains("hunter2"))
    }

    @Test func superDigestAndAlgorithm() throws {
        let configuration = try Support.parse(
            "DigestAuthenticationProvider.superDigest=super:D/InIHSb7yEEbrWz8b9l71RjZJU=\n"
                + "DigestAuthenticationProvider.digestAlg=sha-256")
        #expect(configuration.superDigest == "super:D/InIHSb7yEEbrWz8b9l71RjZJU=")
        #expect(configuration.digestAlgorithm == .sha256)
        #expect(configuration.secrets == ["super:D/InIHSb7yEEbrWz8b9l71RjZJU="])
        #expect(try Support.parse("DigestAuthenticationProvider.digestAlg=SHA-1").digestAlgorithm == .sha1)
    }

    @Test func reactorsFollowProcessors() {
        #expect(ServerConfiguration.defaultReactors(processors: 1) == 1)
        #expect(ServerConfiguration.defaultReactors(processors: 2) == 1)
        #expect(ServerConfiguration.defaultReactors(processors: 4) == 2)
        #expect(ServerConfiguration.defaultReactors(processors: 16) == 8)
        #expect(ProcessorCount.online >= 1)
    }
}
