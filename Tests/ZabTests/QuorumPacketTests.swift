import Jute
import Testing
import Zab
import ZooKeeperProtocol

/// The one packet at the head of the buffer, which must be whole.
private func parsed(_ buffer: borrowing WireBuffer) throws -> QuorumPacket {
    guard case .packet(let packet) = try QuorumPacket.parse(buffer.bytes) else {
        throw JuteError.truncated
    }
    return packet
}

private func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// The bytes of a transaction with that zxid: a header of 32 bytes and some payload.
private func transaction(zxid: Int64, payload: Int) -> [UInt8] {
    var buffer = WireBuffer()
    buffer.append(int64: 0x0100_0000_0000_0001)
    buffer.append(int32: 7)
    buffer.append(int64: zxid)
    buffer.append(int64: 1_700_000_000_000)
    buffer.append(int32: 5)
    for place in 0..<payload { buffer.append(byte: UInt8(truncatingIfNeeded: place)) }
    return [UInt8](buffer.bytes)
}

@Suite("Packets of the quorum port") struct QuorumPacketTests {
    @Test func aBarePacketIsTwentyBytesAsApacheWritesThem() throws {
        var buffer = WireBuffer()
        buffer.appendPacket(.commit, zxid: 0x5_0000_0003)
        #expect(hex(buffer.bytes) == "00000004" + "0000000500000003" + "ffffffff" + "ffffffff")
        let packet = try parsed(buffer)
        #expect(packet.type == .commit && packet.zxid == 0x5_0000_0003 && packet.data == nil)
        #expect(packet.identityCount == -1 && packet.length == 20)
        #expect(try packet.identities() == nil)
    }

    @Test func everyTruncationAsksForMoreAndNeverForTooMuch() throws {
        var buffer = WireBuffer()
        [UInt8](repeating: 9, count: 37).withUnsafeBytes {
            buffer.appendRequest(
                sessionID: 1, cxid: 2, opcode: 5, body: $0,
                identities: [.anyone, Identity(scheme: "digest", id: "ann:x")])
        }
        for length in 0..<buffer.count {
            let part = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<length])
            guard case .incomplete(let wanted) = try QuorumPacket.parse(part) else {
                Issue.record("a packet out of \(length) bytes")
                continue
            }
            #expect(wanted > length && wanted <= buffer.count)
        }
        #expect(try parsed(buffer).length == buffer.count)
    }

    @Test func requestsCarrySessionAndIdentities() throws {
        let body: [UInt8] = [1, 2, 3]
        var buffer = WireBuffer()
        body.withUnsafeBytes {
            buffer.appendRequest(
                sessionID: 0x0200_0000_0000_0007, cxid: 42, opcode: 15, body: $0,
                identities: [Identity(scheme: "ip", id: "127.0.0.1"), Identity(scheme: "digest", id: "bob:")])
        }
        buffer.appendPacket(.ping, zxid: 1)
        let packet = try parsed(buffer)
        #expect(packet.type == .request && packet.zxid == -1)
        let request = try ForwardedRequest(from: packet)
        #expect(request.sessionID == 0x0200_0000_0000_0007 && request.cxid == 42 && request.opcode == 15)
        #expect(Array(request.body) == body)
        #expect(
            try packet.identities() == [
                Identity(scheme: "ip", id: "127.0.0.1"), Identity(scheme: "digest", id: "bob:"),
            ])
        let rest = UnsafeRawBufferPointer(rebasing: buffer.bytes[packet.length...])
        guard case .packet(let next) = try QuorumPacket.parse(rest) else { throw JuteError.truncated }
        #expect(next.type == .ping && next.length == rest.count)
    }

    @Test func identitiesMayBeNullOrNone() throws {
        for identities in [nil, []] as [[Identity]?] {
            var buffer = WireBuffer()
            buffer.appendRequest(
                sessionID: 1, cxid: 0, opcode: -11, body: UnsafeRawBufferPointer(start: nil, count: 0),
                identities: identities)
            let packet = try parsed(buffer)
            #expect(try packet.identities() == identities)
            #expect(try ForwardedRequest(from: packet).body.isEmpty)
        }
    }

    @Test func hostileLengthsAreRefusedBeforeMoreIsAskedFor() {
        func refused(_ build: (inout WireBuffer) -> Void) -> QuorumPacketError? {
            var buffer = WireBuffer()
            build(&buffer)
            do {
                _ = try QuorumPacket.parse(
                    buffer.bytes,
                    limits: PacketLimits(maximumDataBytes: 100, maximumIdentities: 4, maximumIdentityBytes: 10))
                return nil
            } catch {
                return error
            }
        }
        func head(_ buffer: inout WireBuffer, type: Int32 = 2, data: Int32) {
            buffer.append(int32: type)
            buffer.append(int64: 1)
            buffer.append(int32: data)
        }
        #expect(refused { $0.append(raw: UnsafeRawBufferPointer(start: nil, count: 0)) } == nil)
        #expect(refused { $0.append(int32: 0x4745_5420) } == .unknownType(0x4745_5420))
        #expect(refused { $0.append(int32: 0) } == .unknownType(0))
        #expect(refused { head(&$0, data: 101) } == .badDataLength(101, limit: 100))
        #expect(refused { head(&$0, data: -2) } == .badDataLength(-2, limit: 100))
        #expect(refused { head(&$0, data: .max) } == .badDataLength(.max, limit: 100))
        #expect(refused { head(&$0, data: 100) } == nil)
        for count in [-2, 5, Int32.max] as [Int32] {
            #expect(
                refused {
                    head(&$0, data: -1)
                    $0.append(int32: count)
                } == .badIdentityCount(count, limit: 4))
        }
        for length in [-2, 11, Int32.max] as [Int32] {
            #expect(
                refused {
                    head(&$0, data: -1)
                    $0.append(int32: 1)
                    $0.append(int32: length)
                } == .badIdentityLength(length, limit: 10))
        }
    }

    @Test func theFastReaderAgreesWithTheFullOne() throws {
        var generator = SplitMix(state: 0x5eed)
        for _ in 0..<2000 {
            var buffer = WireBuffer()
            let type = PacketType.allCases.randomElement(using: &generator)!
            let zxid = Int64.random(in: -1...0x9_0000_0000, using: &generator)
            let data = [UInt8](repeating: 7, count: Int.random(in: 0...40, using: &generator))
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: buffer.appendPacket(type, zxid: zxid)
            case 1: data.withUnsafeBytes { buffer.appendPacket(type, zxid: zxid, data: $0) }
            default:
                let mark = buffer.openPacket(type, zxid: zxid)
                buffer.closePacket(mark, identities: [.anyone])
            }
            let whole = buffer.count
            buffer.append(int32: 1)
            for length in [whole, whole + 4, Int.random(in: 0..<whole, using: &generator)] {
                let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<length])
                guard let fast = QuorumPacket.parseFast(bytes) else {
                    let isOften = [.proposal, .ack, .commit, .ping, .inform].contains(type)
                    let packet = try parsed(buffer)
                    #expect(!isOften || length < whole || packet.identityCount >= 0)
                    continue
                }
                guard case .packet(let packet) = try QuorumPacket.parse(bytes) else {
                    Issue.record("read by the fast reader only")
                    continue
                }
                #expect(fast.type == packet.type && fast.zxid == packet.zxid && fast.length == packet.length)
                #expect(fast.data.map(Array.init) == packet.data.map(Array.init))
                #expect(fast.identityCount == -1 && packet.identityCount == -1)
            }
        }
    }

    @Test func runsAndBatchesAreReadBackOneByOne() throws {
        var buffer = WireBuffer()
        buffer.appendRun(.ack, from: 0x2_0000_0005, through: 0x2_0000_0009)
        var framed = WireBuffer()
        for zxid in 0x2_0000_000a...0x2_0000_000c as ClosedRange<Int64> {
            let bytes = transaction(zxid: zxid, payload: Int(zxid & 7))
            framed.append(int64: 0)
            bytes.withUnsafeBytes { framed.append(buffer: $0) }
            framed.append(byte: 0x42)
        }
        let (count, last) = buffer.appendTransactions(.proposal, framed: framed.bytes)
        #expect(count == 3 && last == 0x2_0000_000c)
        #expect(buffer.appendTransactions(.inform, framed: UnsafeRawBufferPointer(start: nil, count: 0)) == (0, 0))
        var position = 0
        var zxids: [Int64] = []
        while position < buffer.count {
            let packet = try #require(QuorumPacket.parseFast(UnsafeRawBufferPointer(rebasing: buffer.bytes[position...])))
            zxids.append(packet.zxid)
            #expect(packet.type == (zxids.count <= 5 ? .ack : .proposal))
            if packet.type == .proposal {
                #expect(Array(packet.data!) == transaction(zxid: packet.zxid, payload: Int(packet.zxid & 7)))
            }
            position += packet.length
        }
        #expect(zxids == Array(0x2_0000_0005...0x2_0000_000c))
    }
}

/// A small generator whose runs are told by their seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}

@Suite("Payloads of the quorum port") struct PayloadTests {
    @Test func learnerInfoIsTwentyRawBytes() throws {
        var buffer = WireBuffer()
        buffer.appendLearnerInfo(LearnerInfo(serverID: 3), type: .followerInfo, acceptedEpoch: 6)
        #expect(
            hex(buffer.bytes) == "0000000b" + "0000000600000000" + "00000014" + "0000000000000003" + "00010000"
                + "0000000000000000" + "ffffffff")
        let packet = try parsed(buffer)
        #expect(Zxid.epoch(of: packet.zxid) == 6)
        #expect(try LearnerInfo(from: packet) == LearnerInfo(serverID: 3))
    }

    @Test(arguments: [0, 7, 8, 11, 12, 19, 20, 24]) func olderLearnersSendLess(length: Int) throws {
        var info = WireBuffer()
        info.append(int64: 9)
        info.append(int32: 0x10000)
        info.append(int64: 5)
        info.append(int32: 0)
        var buffer = WireBuffer()
        buffer.appendPacket(.observerInfo, zxid: 0, data: UnsafeRawBufferPointer(rebasing: info.bytes[..<length]))
        let packet = try parsed(buffer)
        if length < 8 {
            #expect(throws: QuorumPacketError.badPayload(.observerInfo)) { _ = try LearnerInfo(from: packet) }
        } else {
            let read = try LearnerInfo(from: packet)
            #expect(read.serverID == 9)
            #expect(read.protocolVersion == (length >= 12 ? 0x10000 : 1))
            #expect(read.configurationVersion == (length >= 20 ? 5 : 0))
        }
    }

    @Test func discovery() throws {
        var buffer = WireBuffer()
        buffer.appendLeaderInfo(newEpoch: 7)
        var packet = try parsed(buffer)
        #expect(packet.type == .leaderInfo && packet.zxid == 0x7_0000_0000)
        #expect(try packet.leaderProtocolVersion() == 0x10000)
        #expect(throws: QuorumPacketError.badPayload(.leaderInfo)) { _ = try packet.acknowledgedEpoch() }

        for epoch in [0, 6, nil] as [Int64?] {
            buffer.removeAll()
            buffer.appendAckEpoch(lastZxid: 0x6_0000_0011, currentEpoch: epoch)
            packet = try parsed(buffer)
            #expect(packet.zxid == 0x6_0000_0011)
            #expect(try packet.acknowledgedEpoch() == epoch)
        }
        buffer.removeAll()
        buffer.appendPacket(.ackEpoch, zxid: 1)
        packet = try parsed(buffer)
        #expect(throws: QuorumPacketError.badPayload(.ackEpoch)) { _ = try packet.acknowledgedEpoch() }
    }

    @Test func newLeaderUpToDateAndSync() throws {
        var buffer = WireBuffer()
        let list: [UInt8] = Array("server.1=a:1:2:participant\nversion=0".utf8)
        list.withUnsafeBytes { buffer.appendNewLeader(epoch: 2, configuration: $0) }
        let packet = try parsed(buffer)
        #expect(packet.zxid == 0x2_0000_0000 && Array(packet.data!) == list)
        buffer.removeAll()
        buffer.appendUpToDate()
        buffer.appendSync()
        #expect(
            hex(buffer.bytes) == "0000000cffffffffffffffffffffffffffffffff" + "000000070000000000000000ffffffffffffffff")
        buffer.removeAll()
        buffer.appendSnapshotSignature()
        #expect(hex(buffer.bytes) == "0000000a" + "42656e576173486572" + "65")
    }

    @Test func revalidation() throws {
        var buffer = WireBuffer()
        buffer.appendRevalidation(Revalidation(sessionID: -3, timeoutMillis: 30_000))
        #expect(try Revalidation(from: parsed(buffer)) == Revalidation(sessionID: -3, timeoutMillis: 30_000))
        for isValid in [true, false] {
            buffer.removeAll()
            buffer.appendRevalidationAnswer(RevalidationAnswer(sessionID: 4, isValid: isValid))
            #expect(buffer.count == 20 + 9)
            #expect(try RevalidationAnswer(from: parsed(buffer)) == RevalidationAnswer(sessionID: 4, isValid: isValid))
        }
        buffer.removeAll()
        buffer.appendPacket(.revalidate, zxid: -1)
        #expect(throws: QuorumPacketError.badPayload(.revalidate)) { _ = try Revalidation(from: parsed(buffer)) }
        #expect(throws: QuorumPacketError.badPayload(.revalidate)) { _ = try RevalidationAnswer(from: parsed(buffer)) }
    }

    @Test func touchTables() throws {
        var buffer = WireBuffer()
        var mark = buffer.openPingAnswer(zxid: 77)
        buffer.closePacket(mark)
        var packet = try parsed(buffer)
        #expect(packet.data?.count == 0, "Apache's leader fails on null")
        #expect(try Array(TouchTable(from: packet)).isEmpty)

        buffer.removeAll()
        mark = buffer.openPingAnswer(zxid: 77)
        for session in 1...3 as ClosedRange<Int64> {
            buffer.appendTouch(sessionID: session, timeoutMillis: Int32(session) * 1000)
        }
        buffer.closePacket(mark)
        packet = try parsed(buffer)
        #expect(packet.zxid == 77)
        let touched = try Array(TouchTable(from: packet))
        #expect(touched.map(\.sessionID) == [1, 2, 3])
        #expect(touched.map(\.timeoutMillis) == [1000, 2000, 3000])

        buffer.removeAll()
        [UInt8](repeating: 0, count: 13).withUnsafeBytes { buffer.appendPacket(.ping, zxid: 0, data: $0) }
        #expect(throws: QuorumPacketError.badPayload(.ping)) { _ = try TouchTable(from: parsed(buffer)) }
        buffer.removeAll()
        buffer.appendPacket(.ping, zxid: 0)
        #expect(try Array(TouchTable(from: parsed(buffer))).isEmpty)
    }
}
