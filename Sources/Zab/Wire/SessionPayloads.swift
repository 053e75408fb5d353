import Jute
import ZooKeeperProtocol

/// A client's request that a learner passes on to the leader, as a view into a REQUEST packet.
public struct ForwardedRequest {
    public let sessionID: Int64
    public let cxid: Int32
    public let opcode: Int32
    /// The request's record, without its header.
    public let body: UnsafeRawBufferPointer

    public init(from packet: QuorumPacket) throws(QuorumPacketError) {
        guard packet.type == .request, let data = packet.data, data.count >= 16 else { throw .badPayload(packet.type) }
        sessionID = Int64(bigEndian: data.loadUnaligned(as: Int64.self))
        cxid = Int32(bigEndian: data.loadUnaligned(fromByteOffset: 8, as: Int32.self))
        opcode = Int32(bigEndian: data.loadUnaligned(fromByteOffset: 12, as: Int32.self))
        body = UnsafeRawBufferPointer(rebasing: data[16...])
    }
}

/// A learner's question whether a session that came to it lives.
public struct Revalidation: Equatable, Sendable {
    public var sessionID: Int64
    public var timeoutMillis: Int32

    public init(sessionID: Int64, timeoutMillis: Int32) {
        self.sessionID = sessionID
        self.timeoutMillis = timeoutMillis
    }

    public init(from packet: QuorumPacket) throws(QuorumPacketError) {
        guard packet.type == .revalidate, let data = packet.data, data.count >= 12 else {
            throw .badPayload(packet.type)
        }
        sessionID = Int64(bigEndian: data.loadUnaligned(as: Int64.self))
        timeoutMillis = Int32(bigEndian: data.loadUnaligned(fromByteOffset: 8, as: Int32.self))
    }
}

/// The leader's answer to a `Revalidation`.
public struct RevalidationAnswer: Equatable, Sendable {
    public var sessionID: Int64
    public var isValid: Bool

    public init(sessionID: Int64, isValid: Bool) {
        self.sessionID = sessionID
        self.isValid = isValid
    }

    public init(from packet: QuorumPacket) throws(QuorumPacketError) {
        guard packet.type == .revalidate, let data = packet.data, data.count >= 9 else {
            throw .badPayload(packet.type)
        }
        sessionID = Int64(bigEndian: data.loadUnaligned(as: Int64.self))
        isValid = data[8] != 0
    }
}

/// The sessions a learner heard from since its last answer to a PING, as a view into that answer.
public struct TouchTable: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer

    /// A leader's own PING, whose data is null, reads as empty.
    public init(from packet: QuorumPacket) throws(QuorumPacketError) {
        guard packet.type == .ping, (packet.data?.count ?? 0) % Self.entryLength == 0 else {
            throw .badPayload(packet.type)
        }
        rest = packet.data ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    static let entryLength = 12

    public mutating func next() -> (sessionID: Int64, timeoutMillis: Int32)? {
        guard rest.count >= Self.entryLength else { return nil }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[Self.entryLength...]) }
        return (
            Int64(bigEndian: rest.loadUnaligned(as: Int64.self)),
            Int32(bigEndian: rest.loadUnaligned(fromByteOffset: 8, as: Int32.self))
        )
    }
}

extension WireBuffer {
    /// REQUEST. `identities` are those of the client's connection.
    public mutating func appendRequest(
        sessionID: Int64, cxid: Int32, opcode: Int32, body: UnsafeRawBufferPointer, identities: [Identity]?
    ) {
        let mark = openPacket(.request, zxid: -1)
        append(int64: sessionID)
        append(int32: cxid)
        append(int32: opcode)
        append(raw: body)
        closePacket(mark, identities: identities)
    }

    public mutating func appendRevalidation(_ question: Revalidation) {
        let mark = openPacket(.revalidate, zxid: -1)
        append(int64: question.sessionID)
        append(int32: question.timeoutMillis)
        closePacket(mark)
    }

    public mutating func appendRevalidationAnswer(_ answer: RevalidationAnswer) {
        let mark = openPacket(.revalidate, zxid: -1)
        append(int64: answer.sessionID)
        append(bool: answer.isValid)
        closePacket(mark)
    }

    /// A learner's answer to a PING, with the ping's zxid. Each touch is written by `appendTouch`, then
    /// `closePacket`. Without any touch the data is empty, never null: Apache's leader would fail on null.
    public mutating func openPingAnswer(zxid: Int64) -> Int { openPacket(.ping, zxid: zxid) }

    public mutating func appendTouch(sessionID: Int64, timeoutMillis: Int32) {
        append(int64: sessionID)
        append(int32: timeoutMillis)
    }
}
