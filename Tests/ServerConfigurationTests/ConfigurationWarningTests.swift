import Testing

@testable import Server

@Suite struct ConfigurationWarningTests {
    @Test func unknownKeySuggestsTheNearest() throws {
        #expect(
            try Support.warnings("\ntickTim=2000") == [
                "zoo.cfg:2: warning: unknown key \"tickTim\" is ignored; did you mean \"tickTime\"?"
            ])
        #expect(try Support.warnings("clientport=2181")[0].hasSuffix("did you mean \"clientPort\"?"))
        #expect(try Support.warnings("zookeeper.snapCuont=1")[0].hasSuffix("did you mean \"snapCount\"?"))
        #expect(
            try Support.warnings("purple.monkey.dishwasher=1") == [
                "zoo.cfg:1: warning: unknown key \"purple.monkey.dishwasher\" is ignored"
            ])
    }

    @Test func notYetSupportedIsToldApart() throws {
        let warnings = try Support.warnings("superUser=admin\nssl.keyStore.location=/k.jks")
        #expect(
            warnings == [
                "zoo.cfg:1: warning (not supported yet): superUser is ignored: SASL is not served by this build",
                "zoo.cfg:2: warning (not supported yet): ssl.keyStore.location is ignored: "
                    + "TLS is not served by this build",
            ])
    }

    /// Started all the same, the server would serve in plain text who believes that he is protected.
    @Test(arguments: [
        ("secureClientPort=2281", "TLS"), ("secureClientPortAddress=127.0.0.1", "TLS"),
        ("client.portUnification=true", "TLS"), ("zookeeper.client.portUnification=TRUE", "TLS"),
        ("sslQuorum=true", "TLS"), ("portUnification=true", "TLS"), ("quorum.auth.enableSasl=true", "SASL"),
        ("authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider", "SASL"),
        ("authProvider.x509=com.example.Provider", "X509"),
        ("authProvider.2=org.apache.zookeeper.server.auth.X509AuthenticationProvider", "X509"),
        ("snapshot.compression.method=gz", "uncompressed"), ("snapshot.compression.method=snappy", "uncompressed"),
    ])
    func protectionThatIsNotThereStopsTheStart(_ line: String, _ hint: String) {
        let errors = Support.errors("tickTime=2000\n\(line)")
        #expect(errors.count == 1 && errors[0].hasPrefix("zoo.cfg:2: error: "), "\(errors)")
        #expect(errors.first?.contains(hint) == true && errors.first?.hasSuffix("; remove it") == true, "\(errors)")
    }

    @Test func tuningOfProtectionOnlyWarns() throws {
        #expect(try Support.warnings("ssl.ciphersuites=x\nssl.quorum.keyStore.location=/k\nssl.crl=true").count == 3)
        #expect(try Support.warnings("authProvider.1=org.example.Own").count == 1)
        #expect(
            try Support.warnings(
                "secureClientPort=0\nclient.portUnification=false\nsslQuorum=false\nsnapshot.compression.method="
            ).isEmpty)
    }

    @Test func localSessionsAreNotServedAnywhere() throws {
        #expect(
            try Support.warnings("localSessionsEnabled=true") == [
                "zoo.cfg:1: warning (not supported yet): localSessionsEnabled is ignored: every session of this build"
                    + " is known to the whole ensemble"
            ])
    }

    @Test func fieldsThatNothingReadsYetAreSaid() throws {
        let configuration = try Support.parse("largeRequestThreshold=100\nensembleAuthName=a, b")
        #expect(configuration.warnings.map(\.kind) == [.notYetSupported, .notYetSupported])
        #expect(configuration.largeRequestThresholdBytes == 100 && configuration.ensembleAuthNames == ["a", "b"])
        #expect(try Support.warnings("largeRequestThreshold=-1").isEmpty)
        #expect(configuration.effectiveText().contains("# zoo.cfg:1, not used\nlargeRequestThreshold=100\n"))
        #expect(!configuration.effectiveText().contains("largeRequestMaxBytes"))
        #expect(Support.errors("largeRequestThreshold=some").count == 1)
    }

    @Test func askingForNothingIsSilent() throws {
        #expect(
            try Support.warnings(
                "admin.enableServer=false\nlocalSessionsEnabled=FALSE\nsnapshot.compression.method=checked\n"
                    + "enforce.auth.enabled=false\nportUnification=false"
            ).isEmpty)
        #expect(try Support.warnings("admin.enableServer=true").count == 1)
    }

    @Test func withoutEffectIsANote() throws {
        #expect(
            try Support.warnings("nio.numWorkerThreads=8") == [
                "zoo.cfg:1: note: nio.numWorkerThreads has no effect: Corral's threads are set by corral.reactors"
            ])
    }

    @Test func leastValuesAreEnforced() throws {
        let configuration = try Support.parse(
            "autopurge.snapRetainCount=1\nsnapCount=1\njute.maxbuffer.extrasize=10")
        #expect(configuration.autopurgeSnapRetainCount == 3)
        #expect(configuration.snapCount == 2)
        #expect(configuration.juteMaxBufferExtraBytes == 1024)
        let adjusted = configuration.warnings.filter { $0.kind == .adjusted }
        #expect(adjusted.map(\.origin.description) == ["zoo.cfg:1", "zoo.cfg:2", "zoo.cfg:3"])
    }

    @Test func unsafeChoicesAreSaid() throws {
        #expect(try Support.warnings("forceSync=no")[0].contains("UNSAFE"))
        #expect(try Support.warnings("skipACL=yes")[0].contains("every client"))
        #expect(try Support.warnings("forceSync=yes\nskipACL=no").isEmpty)
    }

    @Test func relativeDirectory() throws {
        #expect(try Support.warnings("dataLogDir=logs")[0].contains("relative"))
        #expect(try Support.warnings("dataLogDir=./logs").isEmpty)
    }

    @Test func strangeCharacters() throws {
        let warnings = try Support.warnings("dataLogDir=/données")
        #expect(warnings.count == 1 && warnings[0].contains("ISO 8859-1"))
        #expect(try Support.parse("dataLogDir=/donn\\u00e9es").dataLogDirectory == "/données")
    }

    @Test func whitelist() throws {
        let some = try Support.parse("4lw.commands.whitelist= ruok , mntr,, ")
        #expect(some.fourLetterWords.words == ["ruok", "mntr", "srvr"])
        #expect(some.warnings.isEmpty)
        let all = try Support.parse("4lw.commands.whitelist=*").fourLetterWords
        #expect(FourLetterWord.allCases.allSatisfy { all.allows($0) })
        #expect(
            try Support.warnings("4lw.commands.whitelist=ruok,rokc") == [
                "zoo.cfg:1: warning: no such four-letter word: rokc"
            ])
        #expect(try !Support.parse("4lw.commands.whitelist=ruok").fourLetterWords.allows(.isro))
        #expect(try Support.parse("readonlymode.enabled=true").fourLetterWords.allows(.isro))
    }
}
