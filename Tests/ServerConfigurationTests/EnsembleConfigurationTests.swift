import Testing

@testable import Server

@Suite struct EnsembleConfigurationTests {
    @Test func serverLines() throws {
        let plain = try ServerSpecification(id: 1, text: "zk1.example:2888:3888")
        #expect(plain.addresses == [.init(host: "zk1.example", quorumPort: 2888, electionPort: 3888)])
        #expect(plain.role == .participant && plain.clientPort == nil)
        #expect(plain.text == "zk1.example:2888:3888:participant")
        let full = try ServerSpecification(id: 2, text: "[2001:db8::1]:2888:3888:observer;[::1]:2181")
        #expect(full.addresses[0].host == "2001:db8::1")
        #expect(full.role == .observer && full.clientHost == "::1" && full.clientPort == 2181)
        #expect(full.text == "[2001:db8::1]:2888:3888:observer;[::1]:2181")
        let short = try ServerSpecification(id: 3, text: "h:1:2:PARTICIPANT;2181")
        #expect(short.clientHost == nil && short.clientPort == 2181)
        #expect(try ServerSpecification(id: 4, text: "a:1:2|b:3:4").addresses.count == 2)
    }

    @Test(arguments: [
        ("", "host:quorumPort"), ("host", "host:quorumPort"), ("host:1", "host:quorumPort"),
        ("host:1:1", "different quorum and election ports"), ("host:1:2:king", "not king"),
        ("host:1:x", "host:quorumPort"), ("host:1:65536", "ports from 0"), (":1:2", "host:quorumPort"),
        ("h:1:2:observer:x", "host:quorumPort"), ("h:1:2;", "host:quorumPort"), ("h:1:2;a:b:c", "host:quorumPort"),
        ("h:1:2;1;2", "host:quorumPort"), ("h:1:2:observer|h:3:4:participant", "the same role"),
        ("[::1:1:2", "host:quorumPort"), ("h:1:2|", "host:quorumPort"),
    ])
    func malformedServerLines(_ text: String, _ hint: String) {
        #expect(Support.errors("server.2=\(text)").count == 1)
        do throws(ServerSpecification.Malformed) {
            _ = try ServerSpecification(id: 1, text: text)
            Issue.record("taken: \(text)")
        } catch {
            #expect(error.expected.contains(hint), "\(error.expected)")
        }
    }

    @Test func oneServerIsStandalone() throws {
        let configuration = try Support.parse("server.1=localhost:2888:3888")
        #expect(configuration.servers.map(\.id) == [1])
        #expect(
            configuration.warnings.map(\.description) == [
                "zoo.cfg:1: warning: server.1 is the only server of the list, which is ignored: standalone server"
            ])
    }

    @Test func aListWithoutAQuorumIsRefused() {
        #expect(
            Support.errors("standaloneEnabled=false") == [
                "zoo.cfg:1: error: standaloneEnabled=false needs at least one server. line of a participant"
            ])
        #expect(
            Support.errors("server.1=a:1:2:observer") == [
                "zoo.cfg:1: error: observers need a quorum to observe: 0 participants given"
            ])
        #expect(
            Support.errors("server.1=a:1:2\nserver.2=b:1:2:observer") == [
                "zoo.cfg:2: error: observers need a quorum to observe: 1 participants given"
            ])
    }

    @Test func groupsAndWeights() throws {
        let configuration = try Support.parse("group.1=1:2:3\ngroup.2=4\nweight.4=2")
        #expect(configuration.groups == [1: [1, 2, 3], 2: [4]])
        #expect(configuration.weights == [4: 2])
    }

    @Test func dynamicFile() throws {
        let directory = try TemporaryDirectory()
        let good = try directory.write("server.1=h:2888:3888;2190\n", to: "good.dynamic")
        #expect(try Support.parse("dynamicConfigFile=\(good)").servers[0].clientPort == 2190)
        #expect(
            Support.errors("dynamicConfigFile=\(good)\nserver.2=h:1:2") == [
                "zoo.cfg:2: error: server.2 must stand in the dynamic configuration file \(good), not here"
            ])
        let foreign = try directory.write("tickTime=5\n", to: "foreign.dynamic")
        #expect(
            Support.errors("dynamicConfigFile=\(foreign)") == [
                "\(foreign):1: error: \"tickTime\" may not stand in a dynamic file"
            ])
        let versioned = try directory.write("version=5\n", to: "versioned.dynamic")
        #expect(Support.errors("dynamicConfigFile=\(versioned)")[0].contains("must not hold a version"))
        #expect(Support.errors("dynamicConfigFile=/nonexistent/x")[0].contains("cannot be read"))
        #expect(ConfigurationParser.version(ofDynamicFile: "/etc/zoo.cfg.dynamic.100000001") == 0x1_0000_0001)
        #expect(ConfigurationParser.version(ofDynamicFile: "/etc/zoo.cfg.dynamic") == 0)
        #expect(ConfigurationParser.version(ofDynamicFile: "plain") == 0)
    }

    @Test func myIDSelectsTheClientPort() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("1\n", to: "myid")
        let lines = "dataDir=\(directory.path)\nserver.1=localhost:2888:3888;127.0.0.1:2199\n"
        let configuration = try Support.parse(lines, bare: true)
        #expect(configuration.myID == 1)
        #expect(configuration.clientPort == 2199)
        #expect(configuration.clientPortAddress == "127.0.0.1")
        #expect(try Support.parse(lines + "clientPort=2199", bare: true).clientPort == 2199)
        #expect(
            Support.errors(lines + "clientPort=2181", bare: true) == [
                "zoo.cfg:3: error: clientPort 2181 differs from the client address of server.1, port 2199"
            ])
        #expect(Support.errors(lines + "clientPort=2199\nclientPortAddress=10.0.0.1", bare: true).count == 1)
        _ = try directory.write("one\n", to: "myid")
        #expect(Support.errors("dataDir=\(directory.path)\nclientPort=1", bare: true).count == 1)
    }
}
