import Foundation
import Testing

@testable import Load

/// Every correctness gate, made to fail by a server that breaks its rule: the run must come out invalid and name it.
@Suite(.serialized) struct GateTests {
    /// Replies that go by before the server misbehaves: past the handshakes and the seeding, and few enough for a busy
    /// machine to get there.
    static let honest = 400

    private func violations(
        readPercent: Double = 100, _ configure: (inout RunConfiguration) -> Void = { _ in },
        hook: @escaping NullServer.ReplyHook
    ) throws -> RunSummary {
        let directory = try TemporaryDirectory()
        let server = try ServerThread(hook: hook)
        var configuration = try shortConfiguration(server.address, readPercent: readPercent)
        configure(&configuration)
        let (summary, path) = try runToFiles(configuration, directory)
        let sound = try ResultCheck.problems(path: path).isEmpty
        #expect(sound == (summary.status == .valid))
        return summary
    }

    /// A null server that is taken for a real one; it has every znode, the workload's root too.
    private static func asARealServer(_ configuration: inout RunConfiguration) {
        configuration.acceptsCannedContent = false
        configuration.deletesExistingRoot = true
    }

    private func expectInvalid(_ summary: RunSummary, _ kind: ViolationKind) {
        #expect(summary.status == .invalid)
        #expect(summary.repeats.contains { $0.violations.counts[kind.name] ?? 0 > 0 }, "\(summary.statusReasons)")
        #expect(summary.statusReasons.contains { $0.contains(kind.name) })
    }

    @Test func anHonestServerPasses() throws {
        let summary = try violations { _, _, _ in .send }
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.repeats[0].completed > 100)
    }

    @Test func swappedReplies() throws {
        expectInvalid(
            try violations { reply, _, number in
                if number == Self.honest { reply.storeBytes(of: Int32(77_777_777).bigEndian, as: Int32.self) }
                return .send
            }, .replyOrder)
    }

    @Test func aReplyLeftOut() throws {
        expectInvalid(try violations { _, _, number in number == Self.honest ? .drop : .send }, .replyOrder)
    }

    @Test func zxidGoingBackwards() throws {
        expectInvalid(
            try violations(readPercent: 50) { reply, _, number in
                if number == Self.honest { reply.storeBytes(of: Int64(0).bigEndian, toByteOffset: 4, as: Int64.self) }
                return .send
            }, .zxidOrder)
    }

    @Test func aValueOfTheWrongLength() throws {
        expectInvalid(
            try violations { reply, _, number in
                if number == Self.honest {
                    reply.storeBytes(of: Int32(127).bigEndian, toByteOffset: 16, as: Int32.self)
                }
                return .send
            }, .payloadLength)
    }

    @Test(arguments: [20, 20 + 8, 20 + 16, 20 + 127]) func aFlippedBitInTheStamp(offset: Int) throws {
        expectInvalid(
            try violations { reply, length, number in
                if number == Self.honest, length > offset {
                    let byte = reply.load(fromByteOffset: offset, as: UInt8.self)
                    reply.storeBytes(of: byte ^ 1, toByteOffset: offset, as: UInt8.self)
                }
                return .send
            }, .contentStamp)
    }

    @Test func anotherZnodesValue() throws {
        // The canned value is whole, but it is not the one that this connection wrote.
        expectInvalid(try violations(Self.asARealServer) { _, _, _ in .send }, .contentStamp)
    }

    @Test func aWriteThatDidNotCount() throws {
        // The canned Stat says version 0 for ever.
        expectInvalid(
            try violations(readPercent: 0, Self.asARealServer) { _, _, _ in .send }, .contentStamp)
    }

    @Test func anErrorThatCannotBe() throws {
        expectInvalid(
            try violations { reply, _, number in
                if number == Self.honest {
                    reply.storeBytes(of: Int32(-101).bigEndian, toByteOffset: 12, as: Int32.self)
                }
                return .send
            }, .unexpectedError)
    }

    @Test func throttlingIsCountedButAllowed() throws {
        let summary = try violations { reply, length, number in
            if number > Self.honest, number % 100 == 0, length > 100 {
                reply.storeBytes(of: Int32(-127).bigEndian, toByteOffset: 12, as: Int32.self)
            }
            return .send
        }
        #expect(summary.status == .valid, "\(summary.statusReasons)")
        #expect(summary.repeats[0].errorsByCode.keys.contains { $0.hasPrefix("throttled") })
        #expect(summary.repeats[0].errorLatency?.count ?? 0 > 0)
    }

    @Test func aBrokenFrameLength() throws {
        expectInvalid(
            try violations { reply, _, number in
                if number == Self.honest { (reply - 4).storeBytes(of: Int32(-5).bigEndian, as: Int32.self) }
                return .send
            }, .framing)
    }

    @Test func aConnectionCutOff() throws {
        expectInvalid(
            try violations { _, _, number in number == Self.honest ? .disconnect : .send }, .connectionLost)
    }

    @Test func repliesThatNeverCome() throws {
        // Everything after a point is swallowed: nothing is out of order, something is missing.
        expectInvalid(try violations { _, _, number in number > Self.honest ? .drop : .send }, .unanswered)
    }
}
