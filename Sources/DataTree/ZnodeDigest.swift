import CDeflate
import ZooKeeperProtocol

/// A znode's share of the tree's digest, as ZooKeeper 3.9 computes it (digest version 2): CRC-32 over the path,
/// the data and 60 bytes of statistics. The tree's digest is the sum over all znodes, modulo 2^64.
public enum ZnodeDigest {
    public static let version: Int32 = 2

    /// Everything below `/zookeeper/` is left out: quota counters are kept by each server on its own.
    public static func isExcluded(_ path: UnsafeRawBufferPointer) -> Bool {
        path.starts(withBytes: UnsafeRawBufferPointer("/zookeeper/"))
    }

    /// - Parameter path: the root is `/` or empty.
    public static func compute(
        path: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer?, stat: StatPersisted
    ) -> UInt64 {
        if isExcluded(path) { return 0 }
        return extend(prefix(path: path, data: data), by: stat)
    }

    /// The checksum over path and data alone: what stays the same when only statistics change.
    public static func prefix(path: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer?) -> UInt32 {
        var checksum: UInt32 = 0
        if path.count > 1, let base = path.baseAddress {
            checksum = libdeflate_crc32(checksum, base, path.count)
        }
        if let data, data.count > 0, let base = data.baseAddress {
            checksum = libdeflate_crc32(checksum, base, data.count)
        }
        return checksum
    }

    /// The digest of a znode (not an excluded one) from the checksum over its path and data.
    public static func extend(_ checksum: UInt32, by stat: StatPersisted) -> UInt64 {
        withUnsafeTemporaryAllocation(byteCount: 60, alignment: 8) { fields in
            let wire = fields.baseAddress!
            wire.storeWire(stat.czxid, at: 0)
            wire.storeWire(stat.mzxid, at: 8)
            wire.storeWire(stat.pzxid, at: 16)
            wire.storeWire(stat.ctime, at: 24)
            wire.storeWire(stat.mtime, at: 32)
            wire.storeWire(stat.version, at: 40)
            wire.storeWire(stat.cversion, at: 44)
            wire.storeWire(stat.aversion, at: 48)
            wire.storeWire(stat.ephemeralOwner, at: 52)
            return UInt64(libdeflate_crc32(checksum, wire, 60))
        }
    }
}
