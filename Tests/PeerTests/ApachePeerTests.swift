import CPlatform
import Foundation
import Glibc
import RequestQueue
import ServerCore
import TestSupport
import Testing
import Transport
import Zab

@testable import Server

/// A real Apache server with id 2 of an ensemble of three; the network under test poses as one of the others.
@Suite(
    "Beside Apache's server", .serialized, .timeLimit(.minutes(5)),
    .enabled(if: FileManager.default.fileExists(atPath: ServerUnderTest.apacheJar)))
struct ApachePeerTests {
    private func run(poseAs id: ServerID, _ body: (NetworkUnderTest) throws -> Void) throws {
        let lines = (1...3).map { server($0, quorumPort: freePort(), electionPort: freePort()) }
        let scratch = TemporaryDirectory("apache-peer")
        let data = scratch.file("data")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        try "2\n".write(toFile: "\(data)/myid", atomically: true, encoding: .utf8)
        var configuration = """
            dataDir=\(data)
            clientPort=\(freePort())
            clientPortAddress=127.0.0.1
            tickTime=500
            initLimit=20
            syncLimit=10

            """
        for line in lines {
            let address = line.addresses[0]
            configuration += "server.\(line.id)=127.0.0.1:\(address.quorumPort):\(address.electionPort)\n"
        }
        try configuration.write(toFile: scratch.file("zoo.cfg"), atomically: true, encoding: .utf8)
        let apache = try ChildProcess(
            "java",
            [
                "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
                "-Dzookeeper.admin.enableServer=false", "-cp", ServerUnderTest.apacheClassPath,
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", scratch.file("zoo.cfg"),
            ], output: scratch.file("log"))
        defer {
            apache.signal(SIGKILL)
            apache.waitForExit()
        }
        let network = try NetworkUnderTest(PeerSettings(ownID: id, servers: lines))
        network.start()
        defer { network.stop() }
        try body(network)
    }

    /// The form of 3.4.0 to 3.4.5, which every later version still takes: state (0: looking), leader, its zxid, the
    /// round, its epoch, 4 bytes more.
    private func vote(for leader: ServerID, round: Int64) -> [UInt8] {
        bigEndian(Int32(0)) + bigEndian(leader) + bigEndian(Int64(0)) + bigEndian(round) + bigEndian(Int64(0))
            + bigEndian(Int32(1))
    }

    private func firstVote(_ network: NetworkUnderTest) throws -> [UInt8] {
        // Sent until Apache's server is up and has answered.
        let hello = vote(for: 2, round: 0)
        let answers = eventually(within: 60) {
            network.perform { $0.bridge.sendElectionMessage(hello, to: 2) }
            usleep(20_000)
            return network.told.withLock { $0.messages.contains { $0.from == 2 } }
        }
        #expect(answers, "Apache's server sends no vote")
        return try #require(network.seen.messages.first { $0.from == 2 }).bytes
    }

    @Test("its vote arrives, whichever side connects", arguments: [1, 3])
    func vote(id: ServerID) throws {
        try run(poseAs: id) { network in
            let bytes = try firstVote(network)
            #expect(bytes.count >= 40)
            // It looks for a leader.
            #expect(bytes.prefix(4) == [0, 0, 0, 0])
            let outgoing = network.perform { $0.bridge.election.members[2]!.link!.isOutgoing }
            #expect(outgoing == (id == 3))
            // A killed connection comes back, and with it what Apache sent last.
            let count = network.seen.messages.count
            network.perform {
                $0.bridge.election.members[2]!.link!.close(afterFlush: false, reason: .requested("the test kills it"))
            }
            let again = vote(for: 2, round: 0)
            network.perform { $0.bridge.sendElectionMessage(again, to: 2) }
            #expect(eventually(within: 60) { network.seen.messages.count > count })
        }
    }

    /// Votes until Apache's server has made up its mind.
    private func elect(_ leader: ServerID, _ network: NetworkUnderTest, until done: (NetworkUnderTest) -> Bool) throws {
        let bytes = try firstVote(network)
        var round: Int64 = 0
        for byte in bytes[20..<28] { round = round << 8 | Int64(byte) }
        let message = vote(for: leader, round: round)
        let elected = eventually(within: 60) {
            network.perform { $0.bridge.sendElectionMessage(message, to: 2) }
            // It decides once nothing new has come for 200 ms.
            return eventually(within: 1) { done(network) }
        }
        #expect(elected, "server \(leader) is not elected")
    }

    @Test("elected, it leads: a learner of ours connects and is answered")
    func learner() throws {
        try run(poseAs: 1) { network in
            try elect(2, network) {
                $0.told.withLock { $0.messages.contains { $0.from == 2 && $0.bytes.prefix(4) == [0, 0, 0, 2] } }
            }
            network.perform { $0.bridge.connectToLeader(2) }
            #expect(eventually(within: 20) { network.seen.leaders == [2] })
            // FOLLOWERINFO: type, zxid, 20 bytes of data (server id, protocol version, configuration version), no
            // identities.
            let info =
                bigEndian(Int32(11)) + bigEndian(Int64(0)) + bigEndian(Int32(20)) + bigEndian(Int64(1))
                + bigEndian(Int32(0x10000)) + bigEndian(Int64(0)) + bigEndian(Int32(-1))
            network.perform { network in info.withUnsafeBytes { network.links[0].send($0) } }
            // LEADERINFO.
            #expect(eventually(within: 60) { network.seen.received.prefix(4) == [0, 0, 0, 17] })
        }
    }

    @Test("it follows: its learner connects to our quorum port")
    func leader() throws {
        try run(poseAs: 3) { network in
            network.perform { $0.bridge.setAcceptsLearners(true) }
            try elect(3, network) { $0.seen.learners > 0 }
            // FOLLOWERINFO of server 2.
            #expect(eventually(within: 60) { network.seen.received.count >= 24 })
            let received = network.seen.received
            #expect(received.prefix(4) == [0, 0, 0, 11])
            #expect(received[16..<24] == bigEndian(Int64(2))[...])
        }
    }
}
