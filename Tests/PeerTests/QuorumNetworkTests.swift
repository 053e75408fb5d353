import CSystem
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
        _ ids: [ServerID], adjust: (inout PeerSettings) -> Void = { _ in }, _ body: ([NetworkUnderTest]) throws -> Void
    ) throws {
        let networks = try NetworkUnderTest.ensemble(ids, adjust: adjust)
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
}
