import Jute
import Testing
import ZooKeeperProtocol

@testable import ServerCore

/// Sessions of connections on fronts that do not share the core's thread, and their movement between fronts.
@Suite("Sessions on further fronts")
struct FurtherFrontSessionTests {
    private func reattach(_ client: CoreHarness.Client, front: Int) throws -> CoreHarness.Client {
        let next = try #require(CoreHarness.Client(client.harness, front: front))
        next.handshake(sessionId: client.sessionId, password: client.password)
        client.harness.settle()
        #expect(try next.takeHandshake() == 10_000)
        return next
    }

    @Test("a session moves from the core's front to another and back; each time its old connection ends")
    func reattachment() throws {
        let harness = CoreHarness(fronts: 3)
        var client = try harness.connect()
        client.send { client.create(1, "/e", flags: 1, to: &$0) }
        harness.settle()
        _ = client.takeReplies()
        for front in [1, 2, 0, 2, 1, 0] {
            let next = try reattach(client, front: front)
            #expect(next.sessionId == client.sessionId)
            #expect(client.link.isClosed && !next.link.isClosed)
            client.disconnect()
            harness.settle()
            next.send { next.getData(2, "/e", to: &$0) }
            #expect(next.takeReply()?.error == 0)
            #expect(harness.core.registry.count == 1)
            client = next
        }
        let intruder = try #require(CoreHarness.Client(harness, front: 1))
        intruder.handshake(sessionId: client.sessionId, password: [UInt8](repeating: 7, count: 16))
        harness.settle()
        #expect(try intruder.takeHandshake() == 0)
        #expect(intruder.link.isClosed && !client.link.isClosed)
    }

    @Test("what the old connection still asked for does not take effect once the session has moved")
    func leftBehind() throws {
        let harness = CoreHarness(fronts: 3)
        let old = try harness.connect(front: 1)
        old.send { old.create(1, "/a", data: "first", to: &$0) }
        harness.settle()
        let next = try #require(CoreHarness.Client(harness, front: 2))
        next.handshake(sessionId: old.sessionId, password: old.password)
        // Front 1 cannot know, and reads on.
        old.send { buffer in
            old.setData(2, "/a", "late", to: &buffer)
            old.getData(3, "/a", to: &buffer)
        }
        harness.settle()
        #expect(old.takeReplies().map(\.xid) == [1])
        #expect(try next.takeHandshake() == 10_000)
        next.send { next.getData(1, "/a", to: &$0) }
        #expect(next.takeReply()?.data == "first")
        old.disconnect()
        harness.settle()
        #expect(harness.core.inProcess == 0)
        #expect(harness.fronts[1].outstandingHere == 0)
    }

    @Test("the timeout told is that of the attachment, whatever has been negotiated since")
    func timeoutOfAttachment() throws {
        let harness = CoreHarness(fronts: 2)
        let first = try harness.connect(front: 1)
        let second = try #require(CoreHarness.Client(harness, front: 1))
        second.handshake(timeoutMillis: 20_000, sessionId: first.sessionId, password: first.password)
        harness.takeRequests()
        let third = try #require(CoreHarness.Client(harness))
        third.handshake(timeoutMillis: 30_000, sessionId: first.sessionId, password: first.password)
        harness.settle()
        #expect(try second.takeHandshake() == 20_000)
        #expect(try third.takeHandshake() == 30_000)
        #expect(second.link.isClosed && !third.link.isClosed)
    }

    @Test("a connection that ends before its handshake is answered does not stay with its session", arguments: 0...1)
    func goneBeforeTheAnswer(front: Int) throws {
        let harness = CoreHarness(fronts: 2)
        let client = try #require(CoreHarness.Client(harness, front: front))
        client.handshake()
        harness.takeRequests()
        client.disconnect()
        harness.settle()
        harness.settle()
        #expect(harness.core.sessions.sessions.count == 1)
        #expect(harness.core.sessions.sessions.values.allSatisfy { $0.connection == nil })
        #expect(harness.core.registry.count == 0)
        #expect(harness.core.inProcess == 0)
        #expect(client.link.received.isEmpty)
    }

    @Test("a session of a further front expires with its ephemerals, and its connection ends")
    func expiry() throws {
        let harness = CoreHarness(fronts: 2) { $0.tickTimeMillis = 500 }
        let silent = try harness.connect(front: 1)
        let lively = try harness.connect(front: 1)
        silent.send { silent.create(1, "/e", flags: 1, to: &$0) }
        harness.settle()
        for _ in 0..<40 {
            harness.tick(afterMillis: 400)
            lively.send { lively.getData(1, "/", to: &$0) }
            harness.settle()
        }
        #expect(silent.link.isClosed && !lively.link.isClosed)
        _ = lively.takeReplies()
        lively.send { lively.getData(2, "/e", to: &$0) }
        #expect(lively.takeReply()?.error == ErrorCode.noNode.rawValue)
        #expect(harness.core.sessions.sessions.count == 1)
        #expect(harness.core.inProcess == 0)
    }

    @Test("a closed session is answered and its connection ended, behind everything asked before")
    func close() throws {
        let harness = CoreHarness(fronts: 2)
        let client = try harness.connect(front: 1)
        client.send { buffer in
            client.create(1, "/e", flags: 1, to: &buffer)
            client.getData(2, "/e", to: &buffer)
            client.append(3, OpCode.closeSession.rawValue, to: &buffer)
            client.getData(4, "/e", to: &buffer)
        }
        harness.settle()
        #expect(client.takeReplies().map(\.xid) == [1, 2, 3])
        #expect(client.link.isClosed)
        #expect(harness.core.sessions.sessions.isEmpty)
    }

    /// Answers every word with what it can see of the core.
    private final class Words: AdminCommands {
        func argumentBytes(ofWord word: UInt32) -> Int? { word == 0x7275_6f6b ? 0 : nil }
        func run(word: UInt32, argument: [UInt8], core: Core) -> String { "connections: \(core.registry.count)" }
    }

    @Test("a four-letter word is answered and its connection ended")
    func words() throws {
        let harness = CoreHarness(fronts: 2)
        for front in harness.fronts { front.admin = Words() }
        _ = try harness.connect(front: 1)
        let asker = try #require(CoreHarness.Client(harness, front: 1))
        asker.sendRaw(Array("ru".utf8))
        #expect(asker.sendRaw(Array("ruok".utf8)) == 4)
        harness.settle()
        #expect(String(decoding: asker.link.received, as: UTF8.self) == "connections: 2")
        #expect(asker.link.isClosed)
        asker.disconnect()
        harness.settle()
        #expect(harness.core.registry.count == 1)
    }
}
