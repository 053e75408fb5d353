import Jute
import ZooKeeperProtocol

/// Why bytes from a quorum port are not a packet. Nothing behind them can be read: the connection must end.
public enum QuorumPacketError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A type no server sends; most likely the peer does not speak this protocol.
    case unknownType(Int32)
    case badDataLength(Int32, limit: Int)
    case badIdentityCount(Int32, limit: Int)
    case badIdentityLength(Int32, limit: Int)
    /// The data of a known packet does not have its form.
    case badPayload(PacketType)

    public var description: String {
        switch self {
        case .unknownType(let type): "unknown packet type \(type): not a server's quorum port?"
        case .badDataLength(let length, let limit): "packet data of \(length) bytes (limit \(limit))"
        case .badIdentityCount(let count, let limit): "\(count) identities in a packet (limit \(limit))"
        case .badIdentityLength(let length, let limit): "an identity of \(length) bytes in a packet (limit \(limit))"
        case .badPayload(let type): "malformed data in a \(type) packet"
        }
    }
}

/// What a packet from another server may hold at most.
public struct PacketLimits: Sendable {
    public var maximumDataBytes: Int
    public var maximumIdentities: Int
    /// The longest scheme or id of an identity.
    public var maximumIdentityBytes: Int

    public init(
        maximumDataBytes: Int = 64 << 20, maximumIdentities: Int = 4096, maximumIdentityBytes: Int = 1 << 16
    ) {
        self.maximumDataBytes = maximumDataBytes
        self.maximumIdentities = maximumIdentities
        self.maximumIdentityBytes = maximumIdentityBytes
    }
}

/// What stands at the head of a quorum port's byte stream.
public enum PacketParse {
    case packet(QuorumPacket)
    /// The packet takes at least this many bytes, counted from its start; fewer are there.
    case incomplete(atLeast: Int)
}

/// One packet of the quorum port, as a view into the bytes it was read from.
///
/// On the wire: type, zxid, data (length -1 when null), identities (count -1 when null). Packets follow each other
/// without a frame, so a packet's length is known only by reading it.
@frozen
public struct QuorumPacket {
    public let type: PacketType
    public let zxid: Int64
    /// Nil when null on the wire, which is not the same as empty.
    public let data: UnsafeRawBufferPointer?
    /// How many identities; -1 when the vector is null.
    public let identityCount: Int
    /// The identities' bytes, already checked to hold `identityCount` of them.
    public let identityBytes: UnsafeRawBufferPointer
    /// Bytes the packet takes in the stream.
    public let length: Int

    @usableFromInline
    init(
        type: PacketType, zxid: Int64, data: UnsafeRawBufferPointer?, identityCount: Int,
        identityBytes: UnsafeRawBufferPointer, length: Int
    ) {
        self.type = type
        self.zxid = zxid
        self.data = data
        self.identityCount = identityCount
        self.identityBytes = identityBytes
        self.length = length
    }

    /// Bytes of a packet without data and identities.
    @inlinable public static var bareLength: Int { 20 }
    /// Bytes before the data.
    @inlinable public static var headLength: Int { 16 }

    /// Reads the packet at the head of `bytes`. More bytes than one packet are fine, fewer are a normal outcome.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: PacketLimits = PacketLimits()
    ) throws(QuorumPacketError) -> PacketParse {
        guard bytes.count >= 4 else { return .incomplete(atLeast: bareLength) }
        let rawType = int32(bytes, at: 0)
        guard let type = PacketType(rawValue: rawType) else { throw .unknownType(rawType) }
        guard bytes.count >= headLength else { return .incomplete(atLeast: bareLength) }
        let zxid = Int64(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: Int64.self))
        let dataLength = int32(bytes, at: 12)
        guard dataLength >= -1, Int(dataLength) <= limits.maximumDataBytes else {
            throw .badDataLength(dataLength, limit: limits.maximumDataBytes)
        }
        var position = headLength + max(0, Int(dataLength))
        guard bytes.count >= position + 4 else { return .incomplete(atLeast: position + 4) }
        let data = dataLength < 0 ? nil : UnsafeRawBufferPointer(rebasing: bytes[headLength..<position])
        let count = int32(bytes, at: position)
        guard count >= -1, Int(count) <= limits.maximumIdentities else {
            throw .badIdentityCount(count, limit: limits.maximumIdentities)
        }
        position += 4
        let start = position
        for _ in 0..<max(0, Int(count)) * 2 {
            guard bytes.count >= position + 4 else { return .incomplete(atLeast: position + 4) }
            let length = int32(bytes, at: position)
            guard length >= -1, Int(length) <= limits.maximumIdentityBytes else {
                throw .badIdentityLength(length, limit: limits.maximumIdentityBytes)
            }
            position += 4 + max(0, Int(length))
            guard bytes.count >= position else { return .incomplete(atLeast: position) }
        }
        return .packet(
            QuorumPacket(
                type: type, zxid: zxid, data: data, identityCount: Int(count),
                identityBytes: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), length: position))
    }

    /// The packet at the head of `bytes` if it is whole, has no identities, and is of a kind that flows by the
    /// thousand: PROPOSAL, ACK, COMMIT, PING or INFORM. Nil means nothing but *ask `parse`*.
    @inlinable
    public static func parseFast(_ bytes: UnsafeRawBufferPointer) -> QuorumPacket? {
        guard bytes.count >= bareLength, let base = bytes.baseAddress else { return nil }
        let rawType = Int32(bigEndian: base.loadUnaligned(as: Int32.self))
        guard rawType >= 2, rawType <= 8, let type = PacketType(rawValue: rawType) else { return nil }
        switch type {
        case .proposal, .ack, .commit, .ping, .inform: break
        default: return nil
        }
        let zxid = Int64(bigEndian: (base + 4).loadUnaligned(as: Int64.self))
        let dataLength = Int(Int32(bigEndian: (base + 12).loadUnaligned(as: Int32.self)))
        if dataLength == -1 {
            guard (base + 16).loadUnaligned(as: Int32.self) == -1 else { return nil }
            return QuorumPacket(
                type: type, zxid: zxid, data: nil, identityCount: -1,
                identityBytes: UnsafeRawBufferPointer(start: base + 20, count: 0), length: bareLength)
        }
        guard dataLength >= 0, bytes.count - bareLength >= dataLength,
            (base + 16 + dataLength).loadUnaligned(as: Int32.self) == -1
        else { return nil }
        return QuorumPacket(
            type: type, zxid: zxid, data: UnsafeRawBufferPointer(start: base + 16, count: dataLength),
            identityCount: -1, identityBytes: UnsafeRawBufferPointer(start: base + 20 + dataLength, count: 0),
            length: bareLength + dataLength)
    }

    /// The identities, copied; nil when null on the wire. A null scheme or id reads as empty.
    public func identities() throws(QuorumPacketError) -> [Identity]? {
        guard identityCount >= 0 else { return nil }
        var reader = JuteReader(identityBytes)
        var list: [Identity] = []
        list.reserveCapacity(identityCount)
        do {
            for _ in 0..<identityCount {
                let scheme = try reader.readString() ?? ""
                let id = try reader.readString() ?? ""
                list.append(Identity(scheme: scheme, id: id))
            }
        } catch {
            throw .badPayload(type)
        }
        return list
    }

    @inline(__always)
    private static func int32(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
        Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
    }
}
