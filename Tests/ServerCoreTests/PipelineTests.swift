import Jute
import Testing
import ZooKeeperProtocol

@testable import ServerCore

@Suite("Pipeline")
struct PipelineTests {
    private func create(
        _ client: CoreHarness.Client, _ xid: Int32, _ path: String, flags: Int32 = 0, data: String = "x"
    ) {
        client.send(xid, OpCode.create.rawValue) { buffer in
            buffer.append(string: path)
            buffer.append(string: data)
            ACL.encode(ACL.open, to: &buffer)
            buffer.append(int32: flags)
        }
    }

    private func setData(_ client: CoreHarness.Client, _ xid: Int32, _ path: String, _ data: String) {
        client.send(xid, OpCode.setData.rawValue) { buffer in
            buffer.append(string: path)
            buffer.append(string: data)
            buffer.append(int32: -1)
        }
    }

    private func getData(_ client: CoreHarness.Client, _ xid: Int32, _ path: String, watch: Bool = false) {
        client.send(xid, OpCode.getData.rawValue) { buffer in
            buffer.append(string: path)
            buffer.append(bool: watch)
        }
    }

    @Test("nothing is answered before it is durable")
    func durability() throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        create(client, 1, "/a")
        #expect(client.takeReply() == nil)
        harness.makeDurable()
        let reply = try #require(client.takeReply())
        #expect(reply.xid == 1 && reply.error == 0 && reply.zxid == 2)
    }

    @Test("a read waits behind its own session's write; another session's does not")
    func fifo() throws {
        let harness = CoreHarness()
        let writer = try harness.connect()
        let reader = try harness.connect()
        create(writer, 1, "/a", data: "old")
        harness.makeDurable()
        _ = writer.takeReply()
        setData(writer, 2, "/a", "new")
        getData(writer, 3, "/a")
        setData(writer, 4, "/a", "newer")
        getData(writer, 5, "/a")
        getData(reader, 1, "/a")
        #expect(writer.takeReply() == nil)
        let early = try #require(reader.takeReply())
        #expect(early.body.starts(with: [0, 0, 0, 3] + Array("old".utf8)))
        harness.makeDurable()
        let replies = (0..<4).compactMap { _ in writer.takeReply() }
        #expect(replies.map(\.xid) == [2, 3, 4, 5])
        #expect(replies[1].body.starts(with: [0, 0, 0, 3] + Array("new".utf8)))
        #expect(replies[3].body.starts(with: [0, 0, 0, 5] + Array("newer".utf8)))
        #expect(zip(replies, replies.dropFirst()).allSatisfy { $0.zxid <= $1.zxid })
        #expect(harness.core.inProcess == 0)
    }

    @Test("a notification comes before any reply that shows the change")
    func watchBeforeView() throws {
        let harness = CoreHarness()
        let writer = try harness.connect()
        let watcher = try harness.connect()
        create(writer, 1, "/a")
        harness.makeDurable()
        getData(watcher, 1, "/a", watch: true)
        _ = watcher.takeReply()
        setData(writer, 2, "/a", "new")
        harness.makeDurable()
        getData(watcher, 2, "/a")
        let event = try #require(watcher.takeReply())
        #expect(event.xid == ReservedXid.notification)
        #expect(event.body.prefix(4) == [0, 0, 0, 3])
        #expect(watcher.takeReply()?.xid == 2)
        // One-shot: a second change is silent.
        setData(writer, 3, "/a", "newer")
        harness.makeDurable()
        #expect(watcher.takeReply() == nil)
    }

    @Test("sequential names follow the parent's count even while all creates are pending")
    func sequence() throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        for xid in 1...3 as ClosedRange<Int32> { create(client, xid, "/n-", flags: 2) }
        harness.makeDurable()
        let names = (0..<3).compactMap { _ in client.takeReply() }.map {
            String(decoding: $0.body[4...], as: UTF8.self)
        }
        // "/zookeeper" was the root's first child, and counts as Apache counts it.
        let numbers = names.map { Int($0.suffix(10))! }
        #expect(numbers[1] == numbers[0] + 1 && numbers[2] == numbers[1] + 1)
    }

    @Test("a multi that fails leaves nothing, and the next write sees the state before it")
    func multiRollsBack() throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        client.send(1, OpCode.multi.rawValue) { buffer in
            buffer.append(int32: OpCode.create.rawValue)
            buffer.append(bool: false)
            buffer.append(int32: -1)
            buffer.append(string: "/m")
            buffer.append(string: "x")
            ACL.encode(ACL.open, to: &buffer)
            buffer.append(int32: 0)
            buffer.append(int32: OpCode.delete.rawValue)
            buffer.append(bool: false)
            buffer.append(int32: -1)
            buffer.append(string: "/none")
            buffer.append(int32: -1)
            buffer.append(int32: -1)
            buffer.append(bool: true)
            buffer.append(int32: -1)
        }
        create(client, 2, "/m")
        harness.makeDurable()
        let multi = try #require(client.takeReply())
        #expect(multi.error == 0)
        // Two error results: the first spared (0), the second with its reason.
        #expect(multi.body.prefix(13) == [255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(client.takeReply()?.error == 0)
        #expect(harness.core.statistics.digestMismatches == 0)
    }

    @Test("back-pressure stops reading and reads on")
    func backPressure() throws {
        let harness = CoreHarness { $0.globalOutstandingLimit = 10 }
        let client = try harness.connect()
        var buffer = WireBuffer()
        for xid in 1...30 as ClosedRange<Int32> {
            client.append(xid, OpCode.create.rawValue, to: &buffer) { buffer in
                buffer.append(string: "/n\(xid)")
                buffer.append(string: "x")
                ACL.encode(ACL.open, to: &buffer)
                buffer.append(int32: 0)
            }
        }
        let bytes = Array(buffer.bytes)
        var used = client.sendRaw(bytes)
        #expect(used < bytes.count)
        #expect(client.link.isPaused)
        #expect(harness.core.inProcess == 11)
        while used < bytes.count {
            harness.makeDurable()
            #expect(!client.link.isPaused)
            used += client.sendRaw(Array(bytes[used...]))
        }
        harness.makeDurable()
        #expect((0..<30).compactMap { _ in client.takeReply()?.xid } == Array(1...30))
    }

    @Test("an unknown opcode and an oversized frame are answered, and the connection lives")
    func oddFrames() throws {
        let harness = CoreHarness { $0.maximumFrameBytes = 1000 }
        let client = try harness.connect()
        client.send(1, 4711)
        #expect(client.takeReply()?.error == ErrorCode.unimplemented.rawValue)
        setData(client, 2, "/a", String(repeating: "x", count: 2000))
        #expect(client.takeReply()?.error == ErrorCode.badArguments.rawValue)
        getData(client, 3, "/")
        #expect(client.takeReply()?.error == 0)
        #expect(!client.link.isClosed)
        client.sendRaw([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])
        #expect(client.link.isClosed)
    }

    @Test("a record that cannot be read is a marshalling error in its place")
    func malformed() throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        create(client, 1, "/a")
        client.send(2, OpCode.setData.rawValue) { $0.append(int32: 99) }
        client.send(3, OpCode.getData.rawValue) { $0.append(int32: -7) }
        harness.makeDurable()
        let replies = (0..<3).compactMap { _ in client.takeReply() }
        #expect(replies.map(\.xid) == [1, 2, 3])
        #expect(
            replies.map(\.error) == [0, ErrorCode.marshallingError.rawValue, ErrorCode.marshallingError.rawValue])
    }

    @Test("a session is re-attached with its password only, and its old connection ends")
    func reattach() throws {
        let harness = CoreHarness()
        let first = try harness.connect()
        create(first, 1, "/e", flags: 1)
        harness.makeDurable()
        let intruder = try #require(CoreHarness.Client(harness))
        intruder.handshake(sessionId: first.sessionId, password: [UInt8](repeating: 7, count: 16))
        #expect(try intruder.takeHandshake() == 0)
        #expect(intruder.link.isClosed && !first.link.isClosed)
        let second = try #require(CoreHarness.Client(harness))
        second.handshake(sessionId: first.sessionId, password: first.password)
        #expect(try second.takeHandshake() == 10_000)
        #expect(first.link.isClosed)
        harness.front.disconnected(first.connection)
        getData(second, 2, "/e")
        #expect(second.takeReply()?.error == 0)
    }

    @Test("a client that has seen more than this server is sent away")
    func zxidAhead() throws {
        let harness = CoreHarness()
        let client = try #require(CoreHarness.Client(harness))
        client.handshake(zxid: 1 << 40)
        #expect(client.link.isClosed)
    }

    @Test("an expired session's ephemerals go, and its connection with it")
    func expiry() throws {
        let harness = CoreHarness { $0.tickTimeMillis = 500 }
        let client = try harness.connect()
        let other = try harness.connect()
        create(client, 1, "/e", flags: 1)
        harness.makeDurable()
        for _ in 0..<40 {
            harness.tick(afterMillis: 400)
            getData(other, 1, "/")
            harness.makeDurable()
        }
        #expect(client.link.isClosed && !other.link.isClosed)
        other.link.received = []
        getData(other, 2, "/e")
        #expect(other.takeReply()?.error == ErrorCode.noNode.rawValue)
        #expect(harness.core.statistics.digestMismatches == 0)
    }

    @Test("time in which the server stood still expires nobody")
    func pause() throws {
        let harness = CoreHarness { $0.tickTimeMillis = 500 }
        let client = try harness.connect()
        harness.tick(afterMillis: 60_000)
        harness.makeDurable()
        #expect(!client.link.isClosed)
    }
}
