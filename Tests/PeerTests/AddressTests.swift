import CPlatform
import Foundation
import Glibc
import Logging
import RequestQueue
import TestSupport
import Testing
import Transport
import Zab

@testable import Server

@Suite("Where servers listen, and how they are found", .serialized, .timeLimit(.minutes(2)))
struct AddressTests {
    private func failure(_ settings: PeerSettings) -> String? {
        do throws(ServerStartError) {
            let reactor = try! Reactor(handler: Jobs())
            _ = try PeerBridge.attach(to: reactor, settings: settings, logger: .init(label: "test"))
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("a port in use is named, and the line that asks for it", arguments: [true, false])
    func portInUse(election: Bool) throws {
        let taken = try Listening()
        let line = server(1, quorumPort: election ? 0 : taken.port, electionPort: election ? taken.port : 0)
        let text = try #require(failure(PeerSettings(ownID: 1, servers: [line])))
        #expect(text.contains("the \(election ? "election" : "quorum") port of server.1"))
        #expect(text.contains("port \(taken.port) on 127.0.0.1 is in use"))
    }

    @Test("a port that becomes free is taken, if more than one attempt is allowed")
    func secondAttempt() throws {
        var taken: Listening? = try Listening()
        var settings = PeerSettings(
            ownID: 1, servers: [server(1, quorumPort: 0, electionPort: taken!.port)])
        settings.bindAttempts = 3
        let lines = LockedValue<[String]>([])
        let logger = Logger(label: "test") { _ in KeptLog(lines: lines) }
        let done = DispatchSemaphore(value: 0)
        let fixed = settings
        Thread {
            let reactor = try! Reactor(handler: Jobs())
            let bridge = try? PeerBridge.attach(to: reactor, settings: fixed, logger: logger)
            lines.withLock { $0.append(bridge == nil ? "failed" : "bound") }
            done.signal()
        }.start()
        #expect(eventually(within: 20) { lines.withLock { $0.contains { $0.contains("trying again") } } })
        taken = nil
        done.wait()
        #expect(lines.withLock { $0.last } == "bound")
        withExtendedLifetime(taken) {}
    }

    @Test("an address that is not this machine's: is myid right?")
    func notOurs() throws {
        let text = try #require(
            failure(PeerSettings(ownID: 1, servers: [server(1, host: "192.0.2.1", quorumPort: 0, electionPort: 0)])))
        #expect(text.contains("Is myid (1) right?"))
        var settings = PeerSettings(ownID: 1, servers: [server(1, host: "192.0.2.1", quorumPort: 0, electionPort: 0)])
        settings.listensOnAllAddresses = true
        #expect(failure(settings) == nil)
        #expect(try #require(failure(PeerSettings(ownID: 4, servers: settings.servers))).contains("no server.4"))
    }

    @Test("on all addresses, and reached under a host name")
    func hostNames() throws {
        let networks = try NetworkUnderTest.ensemble([1, 2]) { $0.listensOnAllAddresses = true }
        defer { for network in networks { network.stop() } }
        let lines = networks.map {
            server($0.id, host: "localhost", quorumPort: Int($0.quorumPort), electionPort: Int($0.electionPort))
        }
        for network in networks { network.perform { $0.bridge.setServers(lines) } }
        networks[0].send("by name", to: 2)
        #expect(networks[1].hears("by name", from: 1))
        networks[1].perform { $0.bridge.setAcceptsLearners(true) }
        networks[0].perform { $0.bridge.connectToLeader(2) }
        #expect(eventually(within: 20) { networks[0].seen.leaders == [2] })
    }

    @Test("a name that means nothing is told of, and tried again")
    func unknownName() throws {
        let networks = try NetworkUnderTest.ensemble([1, 2]) { $0.leaderConnectMillis = 300 }
        defer { for network in networks { network.stop() } }
        let bad = [networks[0].line, server(2, host: "no-such-host.invalid", quorumPort: 1, electionPort: 2)]
        networks[0].perform { $0.bridge.setServers(bad) }
        networks[0].send("hello", to: 2)
        #expect(networks[0].logs("server.2 cannot be reached on its election port no-such-host.invalid:2"))
        networks[0].perform { $0.bridge.connectToLeader(2) }
        #expect(eventually(within: 60) { networks[0].seen.failures.count == 1 })
        let good = networks.map(\.line)
        networks[0].perform { $0.bridge.setServers(good) }
        #expect(networks[1].hears("hello", from: 1))
    }

    @Test("of several addresses the one that answers is found")
    func severalAddresses() throws {
        let networks = try NetworkUnderTest.ensemble([1, 2])
        defer { for network in networks { network.stop() } }
        var lines = networks.map(\.line)
        let dead = freePort()
        for index in lines.indices {
            lines[index].addresses.insert(.init(host: "127.0.0.1", quorumPort: dead, electionPort: dead), at: 0)
        }
        for network in networks { network.perform { $0.bridge.setServers(lines) } }
        networks[1].send("found", to: 1)
        #expect(networks[0].hears("found", from: 2))
        networks[1].perform { $0.bridge.setAcceptsLearners(true) }
        networks[0].perform { $0.bridge.connectToLeader(2) }
        #expect(eventually(within: 20) { networks[0].seen.leaders == [2] })
    }

    @Test("a server that was away is found soon after it is back")
    func comesBack() throws {
        let port = freePort()
        var settings = PeerSettings(
            ownID: 2,
            servers: [server(1, quorumPort: 0, electionPort: port), server(2, quorumPort: 0, electionPort: 0)])
        let two = try NetworkUnderTest(settings)
        two.start()
        defer { two.stop() }
        two.send("hello", to: 1)
        #expect(two.logs("server.1 cannot be reached on its election port 127.0.0.1:\(port): cannot connect"))
        // The pauses have grown by then.
        usleep(700_000)
        settings.ownID = 1
        let one = try NetworkUnderTest(settings)
        one.start()
        defer { one.stop() }
        #expect(one.hears("hello", from: 2, within: 3))
    }
}
