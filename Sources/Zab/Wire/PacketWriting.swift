import Jute
import ZooKeeperProtocol

/// Writing packets of the quorum port.
extension WireBuffer {
    /// A packet of type and zxid only.
    @inlinable
    public mutating func appendPacket(_ type: PacketType, zxid: Int64) {
        let start = appendUninitialized(QuorumPacket.bareLength)
        start.storeBytes(of: type.rawValue.bigEndian, as: Int32.self)
        (start + 4).storeBytes(of: zxid.bigEndian, as: Int64.self)
        (start + 12).storeBytes(of: -1, as: Int64.self)
    }

    /// A packet with data and without identities.
    @inlinable
    public mutating func appendPacket(_ type: PacketType, zxid: Int64, data: UnsafeRawBufferPointer) {
        let start = appendUninitialized(QuorumPacket.bareLength + data.count)
        start.storeBytes(of: type.rawValue.bigEndian, as: Int32.self)
        (start + 4).storeBytes(of: zxid.bigEndian, as: Int64.self)
        (start + 12).storeBytes(of: Int32(data.count).bigEndian, as: Int32.self)
        if let base = data.baseAddress { (start + 16).copyMemory(from: base, byteCount: data.count) }
        (start + 16 + data.count).storeBytes(of: -1, as: Int32.self)
    }

    /// Begins a packet whose data the caller appends next; `closePacket` must follow.
    ///
    /// - Returns: what `closePacket` must be given.
    public mutating func openPacket(_ type: PacketType, zxid: Int64) -> Int {
        append(int32: type.rawValue)
        append(int64: zxid)
        append(int32: 0)
        return count
    }

    /// Ends a packet begun by `openPacket`; identities may be null.
    public mutating func closePacket(_ mark: Int, identities: [Identity]? = nil) {
        patch(int32: Int32(count - mark), at: mark - 4)
        guard let identities else { return append(int32: -1) }
        append(int32: Int32(identities.count))
        for identity in identities {
            append(string: identity.scheme)
            append(string: identity.id)
        }
    }

    /// One bare packet for each zxid of a run within one epoch: COMMITs, or ACKs (which Apache's leader counts one by
    /// one: an ACK does not imply those before it).
    public mutating func appendRun(_ type: PacketType, from first: Int64, through last: Int64) {
        precondition(first > 0 && first <= last && Zxid.epoch(of: first) == Zxid.epoch(of: last))
        var place = appendUninitialized(QuorumPacket.bareLength * Int(last - first + 1))
        for zxid in first...last {
            place.storeBytes(of: type.rawValue.bigEndian, as: Int32.self)
            (place + 4).storeBytes(of: zxid.bigEndian, as: Int64.self)
            (place + 12).storeBytes(of: -1, as: Int64.self)
            place += QuorumPacket.bareLength
        }
    }

    /// A PROPOSAL or INFORM for each transaction of a batch in the log's framing (8 bytes checksum, 4 bytes length, the
    /// transaction, one byte end mark).
    ///
    /// - Parameter framed: whole frames only.
    /// - Returns: how many there were, and the zxid of the last (0 when there were none).
    @discardableResult
    public mutating func appendTransactions(
        _ type: PacketType, framed: UnsafeRawBufferPointer
    ) -> (count: Int, lastZxid: Int64) {
        reserve(framed.count + framed.count / 4)
        var position = 0
        var transactions = 0
        var last: Int64 = 0
        while position < framed.count {
            precondition(framed.count - position >= 12, "a batch ends within a frame")
            let length = Int(Int32(bigEndian: framed.loadUnaligned(fromByteOffset: position + 8, as: Int32.self)))
            let start = position + 12
            precondition(
                length >= TransactionHead.length && framed.count - start > length, "a batch ends within a frame")
            let transaction = UnsafeRawBufferPointer(rebasing: framed[start..<start + length])
            last = TransactionHead.zxid(of: transaction)
            appendPacket(type, zxid: last, data: transaction)
            transactions += 1
            position = start + length + 1
        }
        return (transactions, last)
    }
}

/// The one thing Zab knows of a transaction's bytes: where its header keeps the zxid.
public enum TransactionHead {
    /// Bytes of a transaction header: client id, cxid, zxid, time, type.
    @inlinable public static var length: Int { 32 }

    /// The zxid in a serialized transaction of at least `length` bytes.
    @inlinable
    public static func zxid(of transaction: UnsafeRawBufferPointer) -> Int64 {
        precondition(transaction.count >= length)
        return Int64(bigEndian: transaction.loadUnaligned(fromByteOffset: 12, as: Int64.self))
    }
}
