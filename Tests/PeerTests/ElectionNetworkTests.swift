import CPlatform
import Foundation
import Glibc
import TestSupport
import Testing
import Transport
import Zab

@testable import Server

@Suite("Election ports", .serialized, .timeLimit(.minutes(2)))
struct ElectionNetworkTests {
    private func run(_ ids: [ServerID], _ body: ([NetworkUnderTest]) throws -> Void) throws {
        let networks = try NetworkUnderTest.ensemble(ids)
        defer { for network in networks { network.stop() } }
        try body(networks)
    }

    @Test("the larger id's message arrives over a connection it opens, the smaller one's over the same")
    func twoServersLargerFirst() throws {
        try run([1, 2]) { networks in
            networks[1].send("from two", to: 1)
            #expect(networks[0].hears("from two", from: 2))
            networks[0].send("from one", to: 2)
            #expect(networks[1].hears("from one", from: 1))
            #expect(networks[0].seen.linksUp == [2])
            #expect(networks[1].seen.linksUp == [1])
        }
    }

    @Test("the smaller id asks, and the larger one connects")
    func twoServersSmallerFirst() throws {
        try run([1, 2]) { networks in
            let begin = corral_monotonic_nanos()
            networks[0].send("from one", to: 2)
            #expect(networks[1].hears("from one", from: 1))
            #expect(corral_monotonic_nanos() - begin < 1_000_000_000)
            networks[1].send("from two", to: 1)
            #expect(networks[0].hears("from two", from: 2))
            let outgoing = networks[1].perform { $0.bridge.election.members[1]!.link!.isOutgoing }
            #expect(outgoing, "the connection is not the larger id's")
        }
    }

    @Test("three servers, everyone to everyone at once")
    func threeServers() throws {
        try run([1, 2, 3]) { networks in
            for one in networks {
                for other in networks where other.id != one.id { one.send("\(one.id) to \(other.id)", to: other.id) }
            }
            for one in networks {
                for other in networks where other.id != one.id {
                    #expect(other.hears("\(one.id) to \(other.id)", from: one.id))
                }
            }
        }
    }

    @Test("after its connection is killed the next message makes another, from either side", arguments: [1, 2])
    func reconnects(sender: ServerID) throws {
        try run([1, 2]) { networks in
            let one = networks[Int(sender) - 1]
            let other = networks[2 - Int(sender)]
            one.send("first", to: other.id)
            #expect(other.hears("first", from: one.id))
            other.perform { network in
                let link = network.bridge.election.members[one.id]!.link!
                link.close(afterFlush: false, reason: .requested("the test kills it"))
            }
            let before = other.seen.linksUp.count
            #expect(eventually(within: 20) { one.seen.linksDown == [other.id] })
            one.send("second", to: other.id)
            #expect(other.hears("second", from: one.id))
            #expect(other.seen.linksUp.count > before)
        }
    }
}
