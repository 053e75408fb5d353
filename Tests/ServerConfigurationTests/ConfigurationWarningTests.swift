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
        let warnings = try Support.warnings("secureClientPort=2281\nssl.keyStore.location=/k.jks")
        #expect(
            warnings == [
                "zoo.cfg:1: warning (not supported yet): secureClientPort is ignored: TLS is not served by this build",
                "zoo.cfg:2: warning (not supported yet): ssl.keyStore.location is ignored: "
                    + "TLS is not served by this build",
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
        #expect(try Support.warnings("snapshot.compression.method=gz").count == 1)
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
