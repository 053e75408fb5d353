import Jute
import Testing
import ZooKeeperProtocol

@testable import ServerCore

/// What a client may ask for must not cost others their memory, their time or their znodes.
@Suite("Bounds")
struct BoundsTests {
    @Test("a session's end leaves alone what another has put in its ephemeral's place")
    func handover() throws {
        let harness = CoreHarness()
        let owner = try harness.connect()
        let heir = try harness.connect()
        owner.send { owner.create(1, "/lock", flags: 1, to: &$0) }
        harness.makeDurable()
        heir.send { buffer in
            heir.append(1, OpCode.delete.rawValue, to: &buffer) { buffer in
                buffer.append(string: "/lock")
                buffer.append(int32: -1)
            }
            heir.create(2, "/lock", to: &buffer)
        }
        owner.send(2, OpCode.closeSession.rawValue)
        harness.makeDurable()
        heir.send { heir.getData(3, "/lock", to: &$0) }
        #expect(heir.takeReplies().map(\.error) == [0, 0, 0])
        #expect(harness.core.statistics.digestMismatches == 0)
    }

    @Test("reads behind a write wait while their client does not read, and go on when it does")
    func fullOutput() throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        let data = String(repeating: "x", count: 500_000)
        client.send { client.create(1, "/big", data: data, to: &$0) }
        harness.makeDurable()
        _ = client.takeReplies()
        client.link.outputLimitBytes = 2_000_000
        client.send { buffer in
            client.setData(2, "/big", data, to: &buffer)
            for xid in 3...42 as ClosedRange<Int32> { client.getData(xid, "/big", to: &buffer) }
        }
        harness.makeDurable()
        #expect(client.link.received.count < 5_000_000)
        var xids: [Int32] = []
        for _ in 0..<40 {
            xids += client.takeReplies().map(\.xid)
            harness.tick(afterMillis: 1)
        }
        #expect(xids == Array(2...42))
        #expect(harness.core.inProcess == 0)
    }

    @Test("reads that wait for room are answered before the next write of their session", arguments: 0...1)
    func stalledBetweenWrites(front: Int) throws {
        let harness = CoreHarness(fronts: 2)
        let client = try harness.connect(front: front)
        let values = ["a", "b", "c"].map { String(repeating: $0, count: 500_000) }
        client.send { client.create(1, "/big", to: &$0) }
        harness.settle()
        client.link.outputLimitBytes = 1_000_000
        client.send { buffer in
            for (round, value) in values.enumerated() {
                let first = Int32(round * 10 + 10)
                client.setData(first, "/big", value, to: &buffer)
                for xid in first + 1...first + 6 { client.getData(xid, "/big", to: &buffer) }
            }
        }
        for _ in 0..<3 { harness.settle() }
        var replies = client.takeReplies()
        for _ in 0..<10 {
            harness.tick(afterMillis: 1)
            harness.settle()
            replies += client.takeReplies()
        }
        #expect(!client.link.isClosed)
        let expected: [Int32] = [1] + Array(10...16) + Array(20...26) + Array(30...36)
        #expect(replies.map(\.xid) == expected)
        #expect(zip(replies, replies.dropFirst()).allSatisfy { $0.zxid <= $1.zxid })
        for reply in replies where reply.xid % 10 != 0 && reply.xid > 10 {
            let value = values[Int(reply.xid) / 10 - 1]
            #expect(reply.data?.first == value.first)
        }
        #expect(harness.core.inProcess == 0)
    }

    @Test("an `auth` entry does not multiply without bound")
    func authExpansion() throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        for number in 0..<200 {
            client.send(ReservedXid.auth, OpCode.auth.rawValue) { buffer in
                buffer.append(int32: 0)
                buffer.append(string: "digest")
                buffer.append(string: "user\(number):secret")
            }
        }
        _ = client.takeReplies()
        client.send(1, OpCode.create.rawValue) { buffer in
            buffer.append(string: "/a")
            buffer.append(string: "x")
            buffer.append(int32: 20_000)
            for permissions in 0..<20_000 as Range<Int32> {
                buffer.append(int32: permissions)
                buffer.append(string: "auth")
                buffer.append(string: "")
            }
            buffer.append(int32: 0)
        }
        harness.makeDurable()
        #expect(client.takeReply()?.error == ErrorCode.invalidACL.rawValue)
    }
}
