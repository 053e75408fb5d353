import Foundation
import Jute
import Testing
import ZooKeeperProtocol

@testable import Load

/// Reads of one path.
private struct ReadMaker: RequestMaker {
    let kinds = ["read"]
    let maximumReplyBytes: Int
    let wanted: Int
    var isSkipped = false

    init(valueBytes: Int, isSkipped: Bool = false) {
        wanted = 4 + valueBytes + Stat.wireSize
        maximumReplyBytes = wanted + 1000
        self.isSkipped = isSkipped
    }

    func append(_ connection: Int, xid: Int32, to output: inout WireBuffer) -> RequestTag {
        let start = output.count
        output.append(int32: 0)
        output.append(int32: xid)
        output.append(int32: OpCode.getData.rawValue)
        output.append(string: "/a")
        output.append(bool: false)
        output.patch(int32: Int32(output.count - start - 4), at: start)
        return RequestTag(kind: 0, expected: wanted)
    }

    func isJudgedByItsHead(_ tag: RequestTag) -> Bool { isSkipped }

    func problem(_ tag: RequestTag, bytes: Int, body: UnsafeRawBufferPointer) -> String? {
        guard bytes == tag.expected, ReplyBytes.integer(body, 0) == bytes - 4 - Stat.wireSize else {
            return "a reply of \(bytes) bytes"
        }
        return isSkipped || body.count == bytes ? nil : "only \(body.count) bytes are there"
    }
}

@Suite("Pipelined loads")
struct PipelinedTests {
    private func closed(
        _ server: ServerThread, _ maker: ReadMaker = ReadMaker(valueBytes: 128)
    ) throws -> PipelinedFigure {
        let load = try PipelinedLoad(maker, servers: [server.address], connections: 2, window: 5)
        load.drainLimitSeconds = 0.3
        return try load.closed(window: 5, warmupSeconds: 0.05, seconds: 0.15, pids: [getpid()])
    }

    @Test("a good run counts every reply, also of those that are mostly skipped", arguments: [128, 90_000])
    func good(valueBytes: Int) throws {
        let server = try ServerThread(valueBytes: valueBytes)
        for skips in [false, true] {
            let figure = try closed(server, ReadMaker(valueBytes: valueBytes, isSkipped: skips))
            #expect(figure.problems.isEmpty, "\(figure.problems)")
            #expect(figure.completed > 10 && figure.kinds[0].latency.count == figure.completed)
            #expect(figure.windowSeconds >= 0.15 && figure.serverCpuMicrosPerReply > 0)
            #expect(figure.doubts(least: figure.completed + 1).contains { $0.contains("too little traffic") })
        }
    }

    @Test("an open loop sends what it planned, and times from the plan")
    func open() throws {
        let server = try ServerThread()
        let load = try PipelinedLoad(
            ReadMaker(valueBytes: 128), servers: [server.address], connections: 3, window: nil)
        let (figure, replies) = try load.open(
            ratePerSecond: 2000, warmupSeconds: 0.05, seconds: 0.5, pids: [], seed: 3)
        #expect(figure.problems.isEmpty && replies.count == Int(figure.completed))
        #expect((750...1250).contains(replies.count), "\(replies.count)")
        #expect((750...1250).contains(figure.sendDelay?.count ?? 0))
        #expect(replies.allSatisfy { $0.repliedNanos > $0.plannedNanos })
    }

    @Test("what a server must not do is told", arguments: ["error", "xid", "zxid", "length", "lost", "closed"])
    func bad(how: String) throws {
        let server = try ServerThread { reply, length, count in
            guard count == 100 else { return .send }
            switch how {
            case "error": reply.storeBytes(of: Int32(-101).bigEndian, toByteOffset: 12, as: Int32.self)
            case "xid": reply.storeBytes(of: Int32(9_999_999).bigEndian, toByteOffset: 0, as: Int32.self)
            case "zxid": reply.storeBytes(of: Int64(-5).bigEndian, toByteOffset: 4, as: Int64.self)
            case "length": reply.storeBytes(of: Int32(3).bigEndian, toByteOffset: 16, as: Int32.self)
            case "lost": return .drop
            default: return .disconnect
            }
            return .send
        }
        let words = [
            "error": "was answered with noNode", "xid": "a reply to xid 9999999", "zxid": "zxid -5 after",
            "length": "a reply of", "lost": "a reply to xid", "closed": "closed by the server",
        ]
        let figure = try closed(server)
        #expect(figure.problems.first?.contains(words[how]!) == true, "\(figure.problems)")
        #expect(!figure.doubts().isEmpty)
    }

    @Test("a snapshot's time is from its file's making to its closing, whatever else is written")
    func snapshots() throws {
        let directory = try TemporaryDirectory()
        let watch = try SnapshotWatch(directory.path)
        func write(_ name: String, seconds: Double) {
            _ = FileManager.default.createFile(atPath: "\(directory.path)/\(name)", contents: nil)
            let file = Foundation.FileHandle(forWritingAtPath: "\(directory.path)/\(name)")
            file?.write(Data([1, 2, 3]))
            Thread.sleep(forTimeInterval: seconds)
            try? file?.close()
        }
        write("log.1", seconds: 0)
        write("corral.snapshot.tmp", seconds: 0.05)
        let spans = watch.stop()
        // The file is made and closed, and then opened and closed: two writes as the kernel sees it.
        #expect(!spans.isEmpty && spans.count <= 2)
        #expect(spans.allSatisfy { $0.endNanos >= $0.startNanos })
    }

    @Test("names of children are short, in order, and come back")
    func names() {
        #expect(ChildName.text(0) == "00000" && ChildName.text(35) == "0000z" && ChildName.text(36) == "00010")
        #expect(ChildName.text(ChildName.count - 1) == "zzzzz")
        for number in [0, 1, 99_999, 1_679_616, ChildName.count - 1] {
            let bytes = Array(ChildName.text(number).utf8)
            #expect(bytes.withUnsafeBytes { ChildName.number($0) } == number)
        }
        #expect(Array("00A00".utf8).withUnsafeBytes { ChildName.number($0) } == nil)
        #expect(ListMaker.replyBytes(100_000) < ChildrenLoad.defaultClientBytes)
    }

    @Test("a multi's parts are where they are expected")
    func multis() throws {
        var maker = MultiMaker("/m", operations: 3, connections: 2, valueBytes: 10)
        var output = WireBuffer()
        _ = maker.append(1, xid: 7, to: &output)
        let tag = maker.append(1, xid: 8, to: &output)
        #expect(tag.expected == 2 && maker.sent == [0, 2])
        let frame = output.count / 2
        let second = UnsafeRawBufferPointer(rebasing: output.bytes[frame...])
        #expect(ReplyBytes.integer(second, 0) == frame - 4 && ReplyBytes.integer(second, 4) == 8)
        var reader = JuteReader(UnsafeRawBufferPointer(rebasing: second[12...]))
        for part in 0..<3 {
            #expect(try MultiHeader(from: &reader).type == OpCode.setData.rawValue)
            #expect(try reader.readString() == MultiMaker.path("/m", 1, part))
            let value = try #require(try reader.readBuffer())
            #expect(value.count == 10 && value.loadUnaligned(as: UInt64.self).bigEndian == 2)
            #expect(try reader.readInt32() == -1)
        }
        #expect(try MultiHeader(from: &reader) == MultiHeader.end)
        var reply = WireBuffer()
        for part in 0..<3 {
            MultiHeader(type: OpCode.setData.rawValue, done: false, error: 0).encode(to: &reply)
            var stat = Stat()
            stat.version = part == 2 ? 1 : 2
            stat.encode(to: &reply)
        }
        MultiHeader.end.encode(to: &reply)
        #expect(maker.problem(tag, bytes: reply.count, body: reply.bytes)?.contains("part 3 has version 1") == true)
        #expect(maker.problem(tag, bytes: reply.count - 1, body: reply.bytes)?.contains("bytes to 3") == true)
    }
}
