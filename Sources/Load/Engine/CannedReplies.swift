import Jute
import ZooKeeperProtocol

/// The null server's replies: bodies prebuilt once, headers filled in by the server.
final class CannedReplies {
    private let value: UnsafeMutableRawPointer
    private let valueReplyBytes: Int
    private let stat: UnsafeMutableRawPointer
    private static let headerBytes = 20

    init(valueBytes: Int) {
        var stat = Stat()
        stat.dataLength = Int32(valueBytes)
        let stamp = ContentStamp(client: ContentStamp.canned, sequence: 0, key: ContentStamp.canned)
        var body = WireBuffer()
        stamp.makeValue(length: valueBytes).withUnsafeBytes { body.append(buffer: $0) }
        stat.encode(to: &body)
        valueReplyBytes = body.count
        value = .allocate(byteCount: body.count, alignment: 64)
        value.copyMemory(from: body.bytes.baseAddress!, byteCount: body.count)
        self.stat = value + (body.count - Stat.wireSize)
    }

    deinit { value.deallocate() }

    /// Writes the reply's body behind room for length and header.
    ///
    /// - Returns: bytes of the whole reply; 0 for an opcode it does not know.
    @inline(__always)
    func write(
        _ code: Int32, _ frame: UnsafeRawPointer, _ length: Int, zxid: inout Int64, to target: UnsafeMutableRawPointer
    ) -> Int {
        let body = target + Self.headerBytes
        switch code {
        case OpCode.getData.rawValue:
            body.copyMemory(from: value, byteCount: valueReplyBytes)
            return Self.headerBytes + valueReplyBytes
        case OpCode.setData.rawValue:
            zxid += 1
            body.copyMemory(from: stat, byteCount: Stat.wireSize)
            return Self.headerBytes + Stat.wireSize
        case OpCode.exists.rawValue:
            body.copyMemory(from: stat, byteCount: Stat.wireSize)
            return Self.headerBytes + Stat.wireSize
        case OpCode.create.rawValue, OpCode.sync.rawValue:
            if code == OpCode.create.rawValue { zxid += 1 }
            // Both answer with the request's path.
            guard length >= 12 else { return 0 }
            let count = Int(Int32(bigEndian: frame.loadUnaligned(fromByteOffset: 8, as: Int32.self)))
            guard count >= 0, count <= length - 12 else { return 0 }
            body.copyMemory(from: frame + 8, byteCount: 4 + count)
            return Self.headerBytes + 4 + count
        case OpCode.getChildren.rawValue:
            body.storeBytes(of: 0, as: Int32.self)
            return Self.headerBytes + 4
        case OpCode.delete.rawValue:
            zxid += 1
            return Self.headerBytes
        case OpCode.ping.rawValue, OpCode.closeSession.rawValue:
            return Self.headerBytes
        default:
            return 0
        }
    }
}
