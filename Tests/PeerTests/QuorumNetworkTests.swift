import CPlatform
import Foundation
import Glibc
import ServerCore
import TestSupport
import Testing
import Transport
import Zab

@testable import Server

@Suite("Quorum ports", .serialized, .timeLimit(.minutes(2)))
struct QuorumNetworkTests {
    private func run(
        _ ids: [ServerID], options: ReactorOptions = ReactorOptions(),
        adjust: (inout PeerSettings) -> Void = { _ in }, _ body: ([NetworkUnderTest]) throws -> Void
    ) throws {
        let networks = try NetworkUnderTest.ensemble(ids, options: options, adjust: adjust)
        defer { for network in networks { network.stop() } }
        try body(networks)
    }

    private func connect(_ learner: NetworkUnderTest, to leader: NetworkUnderTest) {
        leader.perform { $0.bridge.setAcceptsLearners(true) }
        learner.perform { $0.bridge.connectToLeader(leader.id) }
        #expect(eventually(within: 20) { learner.seen.leaders == [leader.id] && leader.seen.learners == 1 })
    }

    private func send(_ bytes: [UInt8], from network: NetworkUnderTest) {
        network.perform { network in bytes.withUnsafeBytes { network.links[0].send($0) } }
    }

    @Test("bytes go both ways")
    func bothWays() throws {
        try run([1, 2]) { networks in
            connect(networks[0], to: networks[1])
            send([1, 2, 3], from: networks[0])
            send([4, 5], from: networks[1])
            #expect(eventually(within: 20) { networks[1].seen.received == [1, 2, 3] })
            #expect(eventually(within: 20) { networks[0].seen.received == [4, 5] })
        }
    }

    @Test("a learner that comes too early is refused, tries again, and is in soon after the leader takes learners")
    func earlyLearner() throws {
        try run([1, 2]) { networks in
            networks[0].perform { $0.bridge.connectToLeader(2) }
            usleep(50_000)
            #expect(networks[0].seen.leaders.isEmpty && networks[1].seen.learners == 0)
            let begin = corral_monotonic_nanos()
            networks[1].perform { $0.bridge.setAcceptsLearners(true) }
            #expect(eventually(within: 20) { networks[0].seen.leaders == [2] })
            #expect(corral_monotonic_nanos() - begin < 500_000_000)
        }
    }

    @Test("a leader that steps down refuses at once, keeps its links, and can lead again on the same port")
    func switches() throws {
        try run([1, 2]) { networks in
            let port = Int(networks[1].quorumPort)
            for round in 1...5 {
                networks[1].perform { $0.bridge.setAcceptsLearners(true) }
                let socket = try Socket(port: port)
                #expect(eventually(within: 20) { networks[1].seen.learners == round })
                networks[1].perform { $0.bridge.setAcceptsLearners(false) }
                #expect(throws: SocketError.refused(ECONNREFUSED)) { try Socket(port: port) }
                networks[1].perform { network in [7].withUnsafeBytes { network.links[0].send($0) } }
                #expect(try socket.receive(8, until: Date() + 20)?.first == 7)
                networks[1].perform { network in
                    network.links[0].close()
                    network.links.removeAll()
                }
                #expect(try socket.receiveAll(within: 20).isEmpty)
            }
            #expect(networks[1].seen.closed.isEmpty, "a close of one's own is told")
        }
    }

    @Test("both flood each other; nothing is lost, however little is consumed at a time")
    func floods() throws {
        try run([1, 2]) { networks in
            connect(networks[0], to: networks[1])
            let pattern = (0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 9) }
            let rounds = 24
            for network in networks {
                network.perform { network in
                    network.keepsReceived = false
                    var position = 0
                    network.consume = { bytes, _ in
                        // Whole pieces of an odd size, as packets are.
                        let count = bytes.count / 4099 * 4099
                        var matches = true
                        for index in stride(from: 0, to: count, by: 97) where matches {
                            matches = bytes[index] == pattern[(position + index) % pattern.count]
                        }
                        #expect(matches, "the stream is not what was sent")
                        position += count
                        return count
                    }
                }
            }
            let total = rounds * pattern.count
            for network in networks {
                network.perform { network in
                    for _ in 0..<rounds { pattern.withUnsafeBytes { network.links[0].send($0) } }
                }
            }
            for network in networks {
                #expect(eventually(within: 60) { network.seen.receivedCount == total / 4099 * 4099 })
            }
            for network in networks { #expect(network.perform { $0.links[0].unsentBytes } == 0) }
        }
    }

    @Test("told when drained, once for each time asked")
    func drains() throws {
        try run([1, 2]) { networks in
            connect(networks[0], to: networks[1])
            networks[0].keepsReceived = false
            networks[0].perform { $0.links[0].pauseReading() }
            let block = [UInt8](repeating: 1, count: 32 << 20)
            let unsent = networks[1].perform { network in
                block.withUnsafeBytes { network.links[0].send($0) }
                network.links[0].notifyWhenDrained()
                return network.links[0].unsentBytes
            }
            #expect(unsent > 1 << 20)
            usleep(50_000)
            #expect(networks[1].seen.drained == 0)
            networks[0].perform { $0.links[0].resumeReading() }
            #expect(eventually(within: 20) { networks[1].seen.drained == 1 })
            #expect(networks[1].perform { $0.links[0].unsentBytes } <= 512 * 1024)
            #expect(eventually(within: 20) { networks[0].seen.receivedCount == block.count })
            networks[1].perform { $0.links[0].notifyWhenDrained() }
            #expect(eventually(within: 20) { networks[1].seen.drained == 2 })
        }
    }

    @Test("what arrived before the end is delivered before the end is told", arguments: [true, false], [true, false])
    func endAfterData(resets: Bool, pauses: Bool) throws {
        try run([1, 2]) { networks in
            let leader = networks[1]
            leader.perform { $0.bridge.setAcceptsLearners(true) }
            let socket = try Socket(port: Int(leader.quorumPort))
            #expect(eventually(within: 20) { leader.seen.learners == 1 })
            leader.perform { network in
                network.keepsReceived = false
                network.links[0].pauseReading()
            }
            // An orderly end may follow more than one turn's read. A reset takes along what the receiver's kernel has
            // not got yet, so it follows less.
            let sent = socket.sendWithoutWaiting([UInt8](repeating: 9, count: resets ? 60_000 : 700_000)[...])
            #expect(sent >= (resets ? 60_000 : 400_000))
            if pauses {
                if resets { socket.reset() } else { socket.disconnect() }
                usleep(20_000)
                #expect(leader.seen.closed.isEmpty)
                leader.perform { $0.links[0].resumeReading() }
            } else {
                leader.perform { $0.links[0].resumeReading() }
                if resets { socket.reset() } else { socket.disconnect() }
            }
            #expect(eventually(within: 20) { leader.seen.closed.count == 1 })
            #expect(leader.seen.receivedCount == sent)
        }
    }

    @Test("sending to a peer that is gone does not lose what it sent before")
    func sendFails() throws {
        try run([1, 2]) { networks in
            let leader = networks[1]
            leader.perform { $0.bridge.setAcceptsLearners(true) }
            let socket = try Socket(port: Int(leader.quorumPort))
            #expect(eventually(within: 20) { leader.seen.learners == 1 })
            // Bytes and reset arrive while the leader's thread is busy; then it sends before it reads.
            leader.perform { network in
                _ = socket.sendWithoutWaiting([UInt8](repeating: 3, count: 1000)[...])
                socket.reset()
                usleep(20_000)
                for _ in 0..<3 { [UInt8](repeating: 5, count: 100_000).withUnsafeBytes { network.links[0].send($0) } }
            }
            #expect(eventually(within: 20) { leader.seen.closed.count == 1 })
            #expect(leader.seen.receivedCount == 1000)
        }
    }

    @Test("the end of a peer's process is noticed at once")
    func noticesEnd() throws {
        var options = ReactorOptions()
        options.tickMillis = 60_000
        try run([1, 2], options: options) { networks in
            connect(networks[0], to: networks[1])
            let begin = corral_monotonic_nanos()
            networks[1].stop()
            #expect(eventually(within: 20) { networks[0].seen.closed.count == 1 })
            let nanos = networks[0].seen.closedNanos[0] - begin
            // No tick can have helped.
            #expect(nanos < 5_000_000_000, "it took \(nanos / 1_000_000) ms")
            print("note: the end of a peer was noticed after \(nanos / 1000) us")
        }
    }

    @Test("a leader that is not there: given up in time, with the reason; a cancelled search is not told of")
    func givesUp() throws {
        try run([1, 2], adjust: { $0.leaderRefusesMillis = 200 }) { networks in
            let begin = corral_monotonic_nanos()
            networks[0].perform { $0.bridge.connectToLeader(2) }
            #expect(eventually(within: 20) { networks[0].seen.failures.count == 1 })
            let millis = (corral_monotonic_nanos() - begin) / 1_000_000
            #expect((200..<2000).contains(millis))
            #expect(networks[0].seen.failures[0].server == 2)
            #expect(networks[0].seen.failures[0].reason.contains("Connection refused"))
            networks[0].perform { $0.bridge.connectToLeader(17) }
            #expect(eventually(within: 20) { networks[0].seen.failures.count == 2 })
            #expect(networks[0].seen.failures[1].reason.contains("no server.17"))
            networks[0].perform { $0.bridge.connectToLeader(2) }
            networks[0].perform { $0.bridge.cancelConnect() }
            usleep(300_000)
            #expect(networks[0].seen.failures.count == 2)
        }
    }

    @Test("a learner that a forwarder turns away tries again until the leader answers, and not for ever")
    func turnedAway() throws {
        try run([1, 2], adjust: { $0.leaderRefusesMillis = 400 }) { networks in
            connect(networks[0], to: networks[1])
            // What a forwarder does that finds nobody behind it.
            networks[1].perform { network in
                let link = network.links.removeFirst()
                link.close()
            }
            #expect(eventually(within: 20) { networks[0].seen.leaders == [2, 2] && networks[1].seen.learners == 2 })
            #expect(networks[0].seen.turnedAway == 1 && networks[0].seen.failures.isEmpty)
            send([7], from: networks[1])
            #expect(eventually(within: 20) { networks[0].seen.received == [7] })
        }
        try run([1, 2], adjust: { $0.leaderRefusesMillis = 400 }) { networks in
            networks[1].onLearner = { $0.close() }
            networks[1].perform { $0.bridge.setAcceptsLearners(true) }
            let begin = corral_monotonic_nanos()
            networks[0].perform { $0.bridge.connectToLeader(2) }
            #expect(eventually(within: 20) { networks[0].seen.failures.count == 1 })
            #expect(corral_monotonic_nanos() - begin >= 400_000_000)
            #expect(networks[0].seen.turnedAway > 1 && networks[0].seen.turnedAway < 100)
        }
    }

    @Test("asking for another leader ends the connection to the first, silently")
    func changesLeader() throws {
        try run([1, 2, 3]) { networks in
            connect(networks[0], to: networks[1])
            networks[2].perform { $0.bridge.setAcceptsLearners(true) }
            networks[0].perform { $0.bridge.connectToLeader(3) }
            #expect(eventually(within: 20) { networks[0].seen.leaders == [2, 3] })
            #expect(eventually(within: 20) { networks[1].seen.closed.count == 1 })
            #expect(networks[0].seen.closed.isEmpty)
        }
    }

    @Test("an ensemble with nothing to say sleeps")
    func sleeps() throws {
        try run([1, 2]) { networks in
            connect(networks[0], to: networks[1])
            networks[0].send("vote", to: 2)
            #expect(networks[1].hears("vote", from: 1))
            usleep(300_000)
            let before = networks.map(\.turns)
            usleep(1_000_000)
            // Ten ticks of 100 ms.
            for (network, turns) in zip(networks, before) { #expect(network.turns - turns <= 12) }
        }
    }
}
