import Foundation
import ServerCore
import Testing
import Zab

@testable import Server

/// The rules under which several `server.N` lines make an ensemble; each breach has its one clear message.
@Suite struct EnsembleRulesTests {
    private static let three = """
        initLimit=10
        syncLimit=5
        server.1=zk1:2888:3888
        server.2=zk2:2888:3888
        server.3=zk3:2888:3888

        """

    /// A data directory with this `myid`, and `zoo.cfg` lines that point to it.
    private struct Place {
        let directory: TemporaryDirectory
        let lines: String
        var myIDPath: String { directory.path + "/myid" }

        init(myID: String?) throws {
            directory = try TemporaryDirectory()
            if let myID { _ = try directory.write(myID, to: "myid") }
            lines = "dataDir=\(directory.path)\nclientPort=2181\n"
        }

        func ensemble(_ text: String) throws -> Server.EnsembleConfiguration {
            try #require(try configuration(text).ensemble)
        }

        func configuration(_ text: String) throws -> ServerConfiguration {
            try Support.parse(lines + text, bare: true)
        }

        func errors(_ text: String) -> [String] { Support.errors(lines + text, bare: true) }

        func warnings(_ text: String) throws -> [String] { try configuration(text).warnings.map(\.description) }
    }

    @Test func aPlainEnsemble() throws {
        let place = try Place(myID: "2\n")
        let configuration = try place.configuration(Self.three + "tickTime=2000")
        #expect(configuration.warnings.isEmpty)
        let ensemble = try #require(configuration.ensemble)
        #expect(ensemble.myID == 2 && ensemble.voters == [1, 2, 3] && ensemble.observers.isEmpty)
        #expect(ensemble.myself.addresses == [.init(host: "zk2", quorumPort: 2888, electionPort: 3888)])
        #expect(ensemble.role == .participant && ensemble.myself.client == nil)
        #expect(ensemble.tickTimeMillis == 2000 && ensemble.initLimitTicks == 10 && ensemble.syncLimitTicks == 5)
        #expect(ensemble.connectToLeaderLimitTicks == 10)
        #expect(ensemble.leaderServes && !ensemble.listensOnAllAddresses && !ensemble.isHierarchical)
        #expect(ensemble.minimumNotificationIntervalMillis == 50)
        #expect(ensemble.maximumNotificationIntervalMillis == 2000)
        #expect(ensemble.electionConnectTimeoutMillis == 5000 && ensemble.electionPortBindAttempts == 3)
    }

    @Test func keysReachTheEnsemble() throws {
        let ensemble = try Place(myID: "3").ensemble(
            Self.three + """
                connectToLearnerMasterLimit=4
                leaderServes=no
                quorumListenOnAllIPs=true
                cnxTimeout=1234
                electionPortBindRetry=0
                tcpKeepAlive=true
                """)
        #expect(ensemble.connectToLeaderLimitTicks == 4)
        #expect(!ensemble.leaderServes && ensemble.listensOnAllAddresses && ensemble.peerTcpKeepAlive)
        #expect(ensemble.electionConnectTimeoutMillis == 1234 && ensemble.electionPortBindAttempts == 0)
        #expect(PeerSettings(ensemble).leaderConnectMillis == 4 * 3000)
        #expect(PeerSettings(ensemble).electionConnectMillis == 1234 && PeerSettings(ensemble).bindAttempts == 0)
        #expect(try !replication(ensemble).leaderServes)
    }

    private func replication(_ ensemble: Server.EnsembleConfiguration) throws -> ReplicaConfiguration {
        ReplicaConfiguration(ensemble, quorum: try QuorumRule(voters: ensemble.voters, observers: ensemble.observers))
    }

    /// When a server that nobody answers repeats itself, in milliseconds from its start.
    private func repeats(_ lines: String) throws -> [Int64] {
        let configuration = try replication(Place(myID: "3").ensemble(Self.three + lines))
        var election = Election(
            id: configuration.myId, rule: configuration.quorum, options: configuration.election)
        var effects: [ElectionEffect] = []
        election.start(lastZxid: 0, currentEpoch: 0, nowMillis: 0, effects: &effects)
        var times: [Int64] = []
        while times.count < 6, let next = election.nextTickMillis {
            effects = []
            election.tick(nowMillis: next, effects: &effects)
            if !effects.isEmpty { times.append(next) }
        }
        return times
    }

    @Test func clientsAndServersNeedPortsOfTheirOwn() throws {
        let lines =
            "initLimit=10\nsyncLimit=5\n"
            + (1...3).map { "server.\($0)=10.0.0.\($0):2888:3888\n" }.joined()
        for (port, name) in [(2888, "quorum"), (3888, "election")] {
            let errors = try Place(myID: "3").errors(lines + "clientPort=\(port)\n")
            let told = "clientPort \(port) is also the \(name) port of server.3"
            #expect(errors.count == 1 && errors[0].contains(told), "\(errors)")
        }
        // On another address it is another port.
        #expect(try Place(myID: "3").errors(lines + "clientPort=2888\nclientPortAddress=127.0.0.1\n").isEmpty)
    }

    @Test func notificationIntervalsAreKept() throws {
        let (least, most) = ("fastleader.minNotificationInterval=", "fastleader.maxNotificationInterval=")
        #expect(try repeats("\(least)100\n\(most)400") == [100, 300, 700, 1100, 1500, 1900])
        // Of one alone, the other's default gives way.
        #expect(try repeats("\(least)3000") == [3000, 6000, 9000, 12_000, 15_000, 18_000])
        #expect(try repeats("\(most)20") == [20, 40, 60, 80, 100, 120])
        #expect(
            try Place(myID: "3").errors(Self.three + "\(least)5\n\(most)4") == [
                "zoo.cfg:8: error: fastleader.minNotificationInterval must not be larger than"
                    + " fastleader.maxNotificationInterval"
            ])
    }

    @Test func theWaitForAnEpochIsNotHonoured() throws {
        let place = try Place(myID: "3")
        let warnings = try place.warnings(Self.three + "leader.maxTimeToWaitForEpoch=700")
        #expect(
            warnings == [
                "zoo.cfg:8: warning (not supported yet): leader.maxTimeToWaitForEpoch is ignored: a leader gives way"
                    + " as soon as those that elected it look for another"
            ])
        #expect(try place.warnings(Self.three + "maxTimeToWaitForEpoch=-1").isEmpty)
    }

    @Test func readingWithoutAQuorumIsNotAvailable() throws {
        let place = try Place(myID: "3")
        let warnings = try place.warnings(Self.three + "readonlymode.enabled=true")
        #expect(warnings.count == 1 && warnings[0].hasPrefix("zoo.cfg:8: warning: readonlymode.enabled=true: "))
        #expect(warnings[0].contains("not available yet"), "\(warnings)")
        #expect(try place.warnings(Self.three + "readonlymode.enabled=false").isEmpty)
        // Apache's standalone server does no more than this one.
        #expect(try place.warnings("readonlymode.enabled=true").isEmpty)
        let help = try #require(ConfigurationKeys.find("readonlymode.enabled")).meaning
        #expect(help.contains("not available yet"), "\(help)")
    }

    @Test func oneServerAlone() throws {
        let place = try Place(myID: "1")
        let line = "initLimit=1\nsyncLimit=1\nserver.1=a:1:2\n"
        #expect(try place.configuration(line).ensemble == nil)
        let ensemble = try place.ensemble(line + "standaloneEnabled=false")
        #expect(ensemble.voters == [1] && ensemble.isQuorum([1]))
    }

    @Test func myIDMissing() throws {
        let place = try Place(myID: nil)
        #expect(
            place.errors(Self.three) == [
                "zoo.cfg:1: error: \(place.myIDPath) is missing:"
                    + " it must hold the N of this server's own server.N line"
            ])
        // A standalone server needs none.
        #expect(place.errors("").isEmpty)
    }

    @Test(arguments: ["", "one", "1 ", " 1", "\n1", "99999999999999999999"])
    func myIDMalformed(_ text: String) throws {
        let place = try Place(myID: text)
        let errors = place.errors(Self.three)
        #expect(errors.count == 1)
        #expect(errors[0].hasPrefix("zoo.cfg:1: error: \(place.myIDPath): expected the server's number, found \""))
    }

    @Test func myIDUnreadable() throws {
        let place = try Place(myID: nil)
        // A directory where the file should be; permissions would not stop a superuser.
        try FileManager.default.createDirectory(atPath: place.myIDPath, withIntermediateDirectories: false)
        #expect(
            place.errors(Self.three) == [
                "zoo.cfg:1: error: \(place.myIDPath) cannot be read: Is a directory"
            ])
    }

    @Test(arguments: ["256", "-129", "-1", "4294967297"])
    func myIDOutOfRange(_ text: String) throws {
        let place = try Place(myID: text)
        #expect(
            place.errors(Self.three) == [
                "zoo.cfg:1: error: \(place.myIDPath): \(text) is no server's id; ids go from -128 to 255, except -1"
            ])
    }

    @Test func myIDUnknown() throws {
        let place = try Place(myID: "7")
        #expect(
            place.errors(Self.three) == [
                "zoo.cfg:1: error: \(place.myIDPath): there is no server.7 line, only server.1, server.2, server.3"
            ])
    }

    @Test func largestIDWithTTLNodes() throws {
        let lines = "initLimit=1\nsyncLimit=1\nserver.255=a:1:2\nserver.254=b:1:2\nserver.3=c:1:2\n"
        #expect(try Place(myID: "255").ensemble(lines).myID == 255)
        #expect(try Place(myID: "255").errors(lines + "extendedTypesEnabled=true").count == 1)
        #expect(try Place(myID: "254").errors(lines + "extendedTypesEnabled=true").isEmpty)
    }

    @Test func idsOfTheList() throws {
        let place = try Place(myID: "2")
        #expect(
            place.errors(Self.three + "server.256=zk4:1:2\nserver.-129=zk5:1:2") == [
                "zoo.cfg:8: error: server.256: ids go from -128 to 255, except -1",
                "zoo.cfg:9: error: server.-129: ids go from -128 to 255, except -1",
            ])
        #expect(
            place.errors(Self.three + "server.-3=zk4:1:2\nserver.253=zk5:1:2") == [
                "zoo.cfg:9: error: server.253 and server.-3 would give their sessions the same ids"
            ])
        #expect(place.errors(Self.three + "server.01=zk4:1:2").count == 1)
        #expect(try place.ensemble(Self.three + "server.-3=zk4:1:2").voters == [-3, 1, 2, 3])
    }

    @Test func limitsAreMandatory() throws {
        let place = try Place(myID: "1")
        #expect(
            place.errors("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2") == [
                "zoo.cfg: error: initLimit is not set; an ensemble needs it",
                "zoo.cfg: error: syncLimit is not set; an ensemble needs it",
            ])
        #expect(place.errors("initLimit=0\nsyncLimit=5\nserver.1=a:1:2\nserver.2=b:1:2").count == 1)
    }

    @Test func addressesAreTheirOwners() throws {
        let place = try Place(myID: "1")
        #expect(
            place.errors(Self.three + "server.4=ZK3:3888:2889") == [
                "zoo.cfg:8: error: server.4: the address zk3:3888 is also of server.3"
            ])
        #expect(
            place.errors(Self.three + "server.4=zk4:1:2;zk4:2") == [
                "zoo.cfg:8: error: server.4: the address zk4:2 is twice in its line"
            ])
        // Every server may call its own address anything.
        #expect(try place.ensemble(Self.three + "server.4=0.0.0.0:2888:3888;2181").voters.count == 4)
        #expect(
            place.errors(Self.three + "server.4=a:1:2|b:1:2") == [
                "zoo.cfg:8: error: server.4 has several addresses: set multiAddress.enabled=true"
            ])
        let several = try place.ensemble(Self.three + "server.4=a:1:2|b:1:2\nmultiAddress.enabled=true")
        #expect(several.member(4)?.addresses.count == 2 && several.multiAddressEnabled)
    }

    @Test func aBadLineIsTheOnlyError() throws {
        let place = try Place(myID: "3")
        #expect(
            place.errors("initLimit=1\nsyncLimit=1\nserver.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:1") == [
                "zoo.cfg:7: error: server.3 = \"c:1:1\": expected different quorum and election ports, not 1 twice"
            ])
    }

    @Test func sizesThatTolerateLittle() throws {
        let place = try Place(myID: "1")
        #expect(
            try place.warnings("initLimit=1\nsyncLimit=1\nserver.1=a:1:2\nserver.2=b:1:2") == [
                "zoo.cfg:5: warning: no failure of a server will be tolerated: 2 participants, at least 3 are needed"
            ])
        #expect(
            try place.warnings(Self.three + "server.4=zk4:1:2") == [
                "zoo.cfg:5: warning: 4 participants tolerate no more failures than 3: consider an odd number"
            ])
        // Observers do not vote.
        #expect(try place.warnings(Self.three + "server.4=zk4:1:2:observer").isEmpty)
    }

    @Test func theListOverrulesThePeerType() throws {
        let lines = Self.three + "server.4=zk4:1:2:observer\n"
        #expect(
            try Place(myID: "1").warnings(lines + "peerType=observer") == [
                "zoo.cfg:9: warning: peerType=observer is overruled: server.1 is participant"
            ])
        let observer = try Place(myID: "4")
        #expect(try observer.warnings(lines + "peerType=observer").isEmpty)
        #expect(try observer.warnings(lines).isEmpty)
        #expect(try observer.warnings(lines + "peerType=participant").count == 1)
        #expect(try observer.ensemble(lines).role == .observer)
    }

    @Test(arguments: [
        "sslQuorum", "quorum.auth.enableSasl", "quorum.auth.serverRequireSasl", "quorum.auth.learnerRequireSasl",
    ])
    func protectionThatIsNotServedIsRefused(_ key: String) throws {
        let place = try Place(myID: "1")
        let errors = place.errors(Self.three + "\(key)=true")
        #expect(errors.count == 1 && errors[0].hasPrefix("zoo.cfg:8: error: \(key) = \"true\": "))
        #expect(errors[0].contains("not served by this build") && errors[0].hasSuffix("; remove it"), "\(errors)")
        #expect(place.errors(Self.three + "\(key)=false").isEmpty)
        #expect(place.errors("\(key)=TRUE").count == 1)
    }

    @Test func whatIsNotServedIsSaid() throws {
        let place = try Place(myID: "1")
        #expect(try place.warnings(Self.three + "reconfigEnabled=true\nsyncEnabled=false").count == 2)
        #expect(try place.warnings("reconfigEnabled=true\nsyncEnabled=false").isEmpty)
    }

    @Test func dynamicList() throws {
        let place = try Place(myID: "2")
        let file = try place.directory.write(
            "server.1=a:1:2:participant;2181\nserver.2=b:1:2:participant;0.0.0.0:2181\nserver.3=c:1:2:observer;2181\n"
                + "server.4=d:1:2\n", to: "zoo.cfg.dynamic.10000000a")
        let configuration = try place.configuration("initLimit=5\nsyncLimit=2\ndynamicConfigFile=\(file)")
        let ensemble = try #require(configuration.ensemble)
        #expect(ensemble.version == 0x1_0000_000a && ensemble.voters == [1, 2, 4] && ensemble.observers == [3])
        #expect(
            ensemble.memberListText == """
                server.1=a:1:2:participant;0.0.0.0:2181
                server.2=b:1:2:participant;0.0.0.0:2181
                server.3=c:1:2:observer;0.0.0.0:2181
                server.4=d:1:2:participant
                version=10000000a
                """)
        let text = configuration.effectiveText()
        #expect(text.contains("# \(file):3\n# server.3=c:1:2:observer;2181\n"))
        #expect(try Support.parse(text, bare: true).ensemble == ensemble)
    }

    @Test func clientPortOfTheDynamicList() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("1", to: "myid")
        let file = try directory.write(
            "server.1=127.0.0.1:1:2;127.0.0.1:2199\nserver.2=b:1:2\nserver.3=c:1:2\n", to: "list")
        let text = "dataDir=\(directory.path)\ninitLimit=5\nsyncLimit=2\ndynamicConfigFile=\(file)\n"
        let configuration = try Support.parse(text, bare: true)
        #expect(configuration.clientPort == 2199 && configuration.clientPortAddress == "127.0.0.1")
        #expect(configuration.ensemble?.myself.client == .init(host: "127.0.0.1", port: 2199))
        #expect(Support.errors(text + "clientPort=2181", bare: true).count == 1)
    }

    @Test func unfinishedReconfiguration() throws {
        let place = try Place(myID: "1")
        let list = try place.directory.write("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\n", to: "list")
        let file = try place.directory.write(
            place.lines + "initLimit=5\nsyncLimit=2\ndynamicConfigFile=\(list)\n", to: "zoo.cfg")
        #expect(try ConfigurationParser.load(file: file).warnings.isEmpty)
        let next = try place.directory.write("server.1=a:1:2\n", to: "zoo.cfg.dynamic.next")
        #expect(
            try ConfigurationParser.load(file: file).warnings.map(\.text) == [
                "an unfinished reconfiguration is ignored: \(next)"
            ])
    }

    @Test func effectiveTextHoldsTheList() throws {
        let place = try Place(myID: "1")
        let first = try place.configuration(
            Self.three + "server.9=[::1]:1:2:observer;[::1]:5\ngroup.1=1:2:3\nweight.2=3")
        let text = first.effectiveText()
        #expect(text.contains("# zoo.cfg:6\nserver.2=zk2:2888:3888:participant\n"))
        #expect(try Support.parse(text, bare: true).ensemble == first.ensemble)
    }
}
