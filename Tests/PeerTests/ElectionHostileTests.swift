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

/// One server with id 2 of an ensemble of three, and strangers at its election port.
@Suite("Election ports: strangers and misconfigured servers", .serialized, .timeLimit(.minutes(2)))
struct ElectionHostileTests {
    private func run(
        adjust: (inout PeerSettings) -> Void = { _ in }, _ body: (NetworkUnderTest, Listening, Listening) throws -> Void
    ) throws {
        let one = try Listening()
        let three = try Listening()
        var settings = PeerSettings(
            ownID: 2,
            servers: [
                server(1, quorumPort: 1, electionPort: one.port), server(2, quorumPort: 0, electionPort: 0),
                server(3, quorumPort: 1, electionPort: three.port),
            ])
        adjust(&settings)
        let network = try NetworkUnderTest(settings)
        network.start()
        defer { network.stop() }
        try body(network, one, three)
    }

    private func stranger(_ network: NetworkUnderTest, _ bytes: [UInt8]) throws -> Socket {
        let socket = try Socket(port: Int(network.electionPort))
        try socket.send(bytes)
        return socket
    }

    private func ends(_ socket: Socket) throws -> Bool { try socket.receiveAll(within: 20).isEmpty && socket.isAtEnd }

    private func expectClosed(_ network: NetworkUnderTest, after bytes: [UInt8]) throws {
        let socket = try stranger(network, bytes)
        #expect(try ends(socket))
    }

    @Test("a larger id keeps the connection it opened; messages go both ways on it")
    func largerConnects() throws {
        try run { network, _, three in
            let socket = try stranger(
                network, openingBytes(id: 3, addresses: "127.0.0.1:\(three.port)") + framed("hello") + framed("again"))
            #expect(network.hears("hello", from: 3))
            #expect(network.hears("again", from: 3))
            network.send("answer", to: 3)
            #expect(try socket.receive(10, until: Date() + 20) == framed("answer"))
            #expect(three.accept(within: 0) == nil)
        }
    }

    @Test("a smaller id's connection is ended, and one to it opened in its place")
    func smallerConnects() throws {
        try run { network, one, _ in
            let socket = try stranger(network, openingBytes(id: 1, addresses: "127.0.0.1:\(one.port)"))
            #expect(try ends(socket))
            let back = try #require(one.accept())
            let expected = openingBytes(id: 2, addresses: "127.0.0.1:\(network.electionPort)")
            #expect(back.receive(expected.count) == expected)
            back.send(framed("from one"))
            #expect(network.hears("from one", from: 1))
            // It asks again, because it has lost its connection without our noticing: there is a new one.
            let again = try stranger(network, openingBytes(id: 1, addresses: "127.0.0.1:\(one.port)"))
            #expect(try ends(again))
            #expect(back.seesEnd)
            let second = try #require(one.accept())
            #expect(second.receive(expected.count) == expected)
        }
    }

    @Test("a smaller server that wants to reach a larger one says who it is and leaves")
    func asksAndLeaves() throws {
        try run { network, _, three in
            network.send("vote", to: 3)
            let asked = try #require(three.accept())
            let expected = openingBytes(id: 2, addresses: "127.0.0.1:\(network.electionPort)")
            #expect(asked.receive(expected.count + 1) == expected)
            let socket = try stranger(network, openingBytes(id: 3, addresses: "127.0.0.1:\(three.port)"))
            #expect(try socket.receive(8, until: Date() + 20) == framed("vote"))
            // It was connected to, so it does not ask again.
            #expect(three.accept(within: 0.6) == nil)
        }
    }

    @Test("the newest message only, and again on a new connection")
    func newestOnly() throws {
        try run { network, _, three in
            for text in ["first", "second", "third"] { network.send(text, to: 3) }
            let opening = openingBytes(id: 3, addresses: "127.0.0.1:\(three.port)")
            let socket = try stranger(network, opening)
            #expect(try socket.receive(9, until: Date() + 20) == framed("third"))
            let other = try stranger(network, opening)
            #expect(try ends(socket), "there are two connections of one server")
            #expect(try other.receive(9, until: Date() + 20) == framed("third"))
        }
    }

    @Test("what is sent when told of a connection takes the place of what is old")
    func linkUpAnswer() throws {
        try run { network, _, three in
            network.perform { network in
                network.onLinkUp = { network.bridge.sendElectionMessage(Array("fresh".utf8), to: $0) }
                network.bridge.sendElectionMessage(Array("stale".utf8), to: 3)
            }
            let socket = try stranger(network, openingBytes(id: 3, addresses: "127.0.0.1:\(three.port)"))
            #expect(try socket.receive(9, until: Date() + 20) == framed("fresh"))
            #expect(!socket.waitForInput(seconds: 0.1))
        }
    }

    @Test("servers from before 3.5, and openings with several addresses")
    func olderAndNewer() throws {
        try run { network, _, three in
            let old = try stranger(network, bigEndian(Int64(3)) + framed("old"))
            #expect(network.hears("old", from: 3))
            let new = try stranger(
                network,
                openingBytes(version: -65535, id: 3, addresses: "127.0.0.1:\(three.port)|[::1]:9") + framed("new"))
            #expect(network.hears("new", from: 3))
            #expect(try ends(old))
            withExtendedLifetime(new) {}
        }
    }

    @Test("an observer without an id is answered under one of its own")
    func anonymousObserver() throws {
        try run { network, _, _ in
            let socket = try stranger(network, openingBytes(id: .max, addresses: "127.0.0.1:1") + framed("who leads"))
            #expect(network.hears("who leads", from: -1))
            network.send("she does", to: -1)
            #expect(try socket.receive(12, until: Date() + 20) == framed("she does"))
            socket.disconnect()
            #expect(eventually(within: 20) { network.perform { $0.bridge.election.members[-1] == nil } })
        }
    }

    @Test("our own id from outside: two servers with one myid")
    func ownID() throws {
        try run { network, _, _ in
            try expectClosed(network, after: openingBytes(id: 2, addresses: "elsewhere:3888"))
            #expect(network.logs("claims our own id 2 (it announces elsewhere:3888)"))
            #expect(network.problem(of: 2) == .duplicateID(2, at: "127.0.0.1 (elsewhere:3888)"))
            #expect(network.seen.linksUp.isEmpty)
        }
    }

    @Test("an id that the configuration does not have")
    func unknownID() throws {
        try run { network, _, _ in
            try expectClosed(network, after: openingBytes(id: 9, addresses: "elsewhere:3888") + framed("x"))
            #expect(network.logs("the configuration has no server.9"))
            #expect(network.problem(of: 9) == .unknownPeer(9, at: "127.0.0.1 (elsewhere:3888)"))
            #expect(network.logLines.withLock { $0.contains { $0.contains("127.0.0.1") } })
            #expect(network.seen.messages.isEmpty)
            // Once is enough.
            try expectClosed(network, after: openingBytes(id: 9, addresses: "elsewhere:3888"))
            #expect(eventually(within: 20) { network.seen.problems.count == 2 }, "the second is not told")
            #expect(network.logLines.withLock { $0.count { $0.contains("server.9") } } == 1)
        }
    }

    @Test("a known id with other ports than the member list says")
    func unequalLists() throws {
        try run { network, _, three in
            let socket = try stranger(network, openingBytes(id: 3, addresses: "127.0.0.1:17"))
            #expect(network.logs("the member lists differ"))
            let problem = try #require(network.problem(of: 3))
            #expect(problem.kind == .unequalMembers)
            #expect(problem.text.contains("announces the election address 127.0.0.1:17"), "\(problem)")
            #expect(network.seen.inOrder.isEmpty)
            // Put right, it comes again.
            let right = try stranger(network, openingBytes(id: 3, addresses: "elsewhere:\(three.port)"))
            #expect(eventually(within: 20) { network.seen.inOrder == [3] })
            withExtendedLifetime((socket, right)) {}
        }
    }

    @Test(
        "no opening, or no message of a server",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8.map { $0 }, "bytes that no server"),
            (openingBytes(version: -70_000, id: 3, addresses: "a:1"), "nor a known protocol version (-70000)"),
            (Array("ruok".utf8) + Array(repeating: 0xff, count: 30), "bytes that no server"),
            (openingBytes(id: 3, addresses: "nonsense"), "not of the form host:port"),
            (bigEndian(Int64(-65536)) + bigEndian(Int64(3)) + bigEndian(Int32(5000)), "5000 bytes"),
            (bigEndian(Int64(3)) + bigEndian(Int32(0)), "election message of 0 bytes"),
            (bigEndian(Int64(3)) + bigEndian(Int32(-5)), "election message of -5 bytes"),
            (bigEndian(Int64(3)) + bigEndian(Int32(512 * 1024 + 1)), "election message of 524289 bytes"),
        ] as [([UInt8], String)])
    func garbage(bytes: [UInt8], line: String) throws {
        try run { network, _, _ in
            try expectClosed(network, after: bytes)
            #expect(network.logs(line))
            #expect(network.seen.messages.isEmpty)
        }
    }

    @Test("the largest message allowed, in pieces")
    func largestMessage() throws {
        try run { network, _, _ in
            let body = (0..<512 * 1024).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let socket = try stranger(network, bigEndian(Int64(3)) + bigEndian(Int32(body.count)))
            for start in stride(from: 0, to: body.count, by: 100_001) {
                try socket.send(Array(body[start..<min(body.count, start + 100_001)]))
            }
            #expect(eventually(within: 20) { network.told.withLock { $0.messages.first?.bytes == body } })
        }
    }

    @Test("who says nothing is closed in time, and too many are refused")
    func silence() throws {
        try run(adjust: { $0.openingMillis = 300 }) { network, _, _ in
            let sockets = try (0..<64).map { _ in try Socket(port: Int(network.electionPort)) }
            let late = try Socket(port: Int(network.electionPort))
            #expect(try ends(late))
            #expect(network.logs("refusing more"))
            for socket in sockets { #expect(try ends(socket)) }
            #expect(network.logs("does not say who it is"))
            let socket = try stranger(network, bigEndian(Int64(3)) + framed("still here"))
            #expect(network.hears("still here", from: 3))
            withExtendedLifetime(socket) {}
        }
    }

    @Test("a larger server that does not connect back, however often it is asked")
    func noAnswer() throws {
        try run { network, _, three in
            network.send("who leads?", to: 3)
            // It takes the connections, and asks another server than this one who it is.
            #expect(network.problem(of: 3, within: 60) == .noAnswer(of: 3, to: 2))
            #expect(network.logs("does not connect back"))
            let before = network.perform { $0.bridge.election.members[3]?.unanswered ?? 0 }
            #expect(before > 10, "\(before)")
            let socket = try stranger(network, openingBytes(id: 3, addresses: "127.0.0.1:\(three.port)"))
            #expect(eventually(within: 20) { network.seen.inOrder == [3] })
            #expect(network.perform { $0.bridge.election.members[3]?.unanswered } == 0)
            withExtendedLifetime(socket) {}
        }
    }

    @Test("two processes under one id are noticed")
    func flapping() throws {
        try run { network, _, three in
            let opening = openingBytes(id: 3, addresses: "127.0.0.1:\(three.port)")
            let sockets = try (0..<10).map { number in
                let socket = try stranger(network, opening + framed("\(number)"))
                #expect(network.hears("\(number)", from: 3))
                return socket
            }
            #expect(network.logs("do two servers have 3 in their myid?"))
            #expect(network.problem(of: 3) == .sharedID(3))
            withExtendedLifetime(sockets) {}
        }
    }
}
