import Jute
import Testing
import ZooKeeperProtocol

@testable import ServerCore

/// createContainer inside multi, whose flags Apache heeds in part. Expectations: what Apache 3.9.5 answers.
@Suite("createContainer in multi")
struct MultiContainerTests {
    private struct Result: Equatable {
        var type: Int32
        var error: Int32
        var path: String?
        var owner: Int64?

        static func error(_ code: Int32) -> Result { Result(type: -1, error: code) }
        static func created(_ path: String, owner: Int64) -> Result {
            Result(type: OpCode.create2.rawValue, error: 0, path: path, owner: owner)
        }
    }

    private func multi(_ client: CoreHarness.Client, _ parts: [(opcode: OpCode, path: String, flags: Int32)]) {
        client.send(1, OpCode.multi.rawValue) { buffer in
            for part in parts {
                buffer.append(int32: part.opcode.rawValue)
                buffer.append(bool: false)
                buffer.append(int32: -1)
                buffer.append(string: part.path)
                buffer.append(string: "x")
                ACL.encode(ACL.open, to: &buffer)
                buffer.append(int32: part.flags)
            }
            buffer.append(int32: -1)
            buffer.append(bool: true)
            buffer.append(int32: -1)
        }
    }

    private func results(_ reply: CoreHarness.Reply?) throws -> [Result] {
        let body = try #require(reply).body
        return try body.withUnsafeBytes { bytes in
            var reader = JuteReader(bytes)
            var results: [Result] = []
            while true {
                var result = Result(type: try reader.readInt32(), error: 0)
                let isDone = try reader.readBool()
                result.error = try reader.readInt32()
                if isDone {
                    #expect(reader.remaining == 0)
                    return results
                }
                if result.type == OpCode.error.rawValue {
                    #expect(try reader.readInt32() == result.error)
                } else {
                    result.path = try reader.readString()
                    if result.type == OpCode.create2.rawValue {
                        let stat = try Stat(from: &reader)
                        #expect(stat.dataLength == 1 && stat.version == 0 && stat.czxid == stat.pzxid)
                        result.owner = stat.ephemeralOwner
                    }
                }
                results.append(result)
            }
        }
    }

    @Test("answered as create2 with a Stat that names no owner, whatever the flags", arguments: 0...4)
    func replies(flags: Int32) throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        multi(client, [(.createContainer, "/c", flags)])
        harness.makeDurable()
        let path = flags == 2 || flags == 3 ? "/c0000000000" : "/c"
        #expect(try results(client.takeReply()) == [.created(path, owner: 0)])
        // A container, not an ephemeral znode: it outlives its session.
        client.send(2, OpCode.closeSession.rawValue)
        harness.makeDurable()
        let other = try harness.connect()
        other.send(1, OpCode.exists.rawValue) { buffer in
            buffer.append(string: path)
            buffer.append(bool: false)
        }
        #expect(other.takeReply()?.error == 0)
        #expect(harness.core.statistics.digestMismatches == 0)
    }

    @Test("flags of a time to live, or of nothing, make the whole multi unreadable", arguments: [5, 6, 7, -1])
    func unknownFlags(flags: Int32) throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        multi(client, [(.createContainer, "/c", flags)])
        harness.makeDurable()
        let reply = try #require(client.takeReply())
        #expect(reply.error == ErrorCode.marshallingError.rawValue && reply.body.isEmpty)
    }

    @Test("one that was to be ephemeral has no children in the same multi; later it has")
    func children() throws {
        let harness = CoreHarness()
        let client = try harness.connect()
        multi(client, [(.createContainer, "/c", 1), (.create, "/c/k", 0)])
        harness.makeDurable()
        #expect(try results(client.takeReply()) == [.error(0), .error(ErrorCode.noChildrenForEphemerals.rawValue)])
        multi(client, [(.createContainer, "/c", 4), (.create2, "/c/k", 0)])
        multi(client, [(.createContainer, "/d", 1)])
        // In the pipeline right behind it, before either is applied.
        multi(client, [(.create2, "/d/k", 0)])
        harness.makeDurable()
        #expect(try results(client.takeReply()) == [.created("/c", owner: 0), .created("/c/k", owner: 0)])
        #expect(try results(client.takeReply()) == [.created("/d", owner: 0)])
        #expect(try results(client.takeReply()) == [.created("/d/k", owner: 0)])
        #expect(harness.core.statistics.digestMismatches == 0)
    }
}
