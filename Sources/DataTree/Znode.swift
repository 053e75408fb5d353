import Jute
import ZooKeeperProtocol

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Stable index of a znode in the arena, reused after the znode's deletion.
public typealias NodeIndex = UInt32

/// One znode's fixed-size record: 64 bytes, one cache line.
///
/// `block` holds the path's bytes and, right behind, the reply image of getData: `[length][data][68-byte Stat]`,
/// so a read is one copy. Links are indices; 0 means none.
struct Znode {
    var block: UnsafeMutableRawPointer?
    /// As the disk keeps it: a session, 0, or a container or TTL mark (the image hides the marks from clients).
    var ephemeralOwner: Int64
    var pathLength: UInt32
    var parent: NodeIndex
    var firstChild: NodeIndex
    var nextSibling: NodeIndex
    var previousSibling: NodeIndex
    var childCount: Int32
    /// Children ever created; the image holds the clients' view, `2 * cversion - childCount`.
    var cversion: Int32
    /// The znode's share of the tree's digest.
    var digest: UInt32
    var aclSlot: UInt32
    /// A copy of the ACL's `worldPermissions`, so that the common access check stays on this cache line.
    var worldPermissions: Int32
    /// The list of the session's ephemerals, of the containers, or of the TTL znodes.
    var nextOfKin: NodeIndex
    var previousOfKin: NodeIndex
}

/// Offsets of `Stat`'s fields on the wire.
enum StatOffset {
    static let czxid = 0
    static let mzxid = 8
    static let ctime = 16
    static let mtime = 24
    static let version = 32
    static let cversion = 36
    static let aversion = 40
    static let ephemeralOwner = 44
    static let dataLength = 52
    static let numChildren = 56
    static let pzxid = 60
}

extension UnsafeMutablePointer where Pointee == Znode {
    @inline(__always)
    var path: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: pointee.block.unsafelyUnwrapped, count: Int(pointee.pathLength))
    }

    /// `[length][data][Stat]`.
    @inline(__always)
    var image: UnsafeMutableRawPointer { pointee.block.unsafelyUnwrapped + Int(pointee.pathLength) }

    /// The data's length; -1 for null data.
    @inline(__always)
    var rawDataLength: Int32 { UnsafeRawPointer(image).wireInt32(at: 0) }

    @inline(__always)
    var dataLength: Int { Int(Swift.max(0, rawDataLength)) }

    @inline(__always)
    var imageSize: Int { 4 + dataLength + Stat.wireSize }

    @inline(__always)
    var data: UnsafeRawBufferPointer? {
        let length = rawDataLength
        if length < 0 { return nil }
        return UnsafeRawBufferPointer(start: image + 4, count: Int(length))
    }

    /// The 68 bytes of the clients' Stat.
    @inline(__always)
    var stat: UnsafeMutableRawPointer { image + 4 + dataLength }

    /// Writes the two fields of the image that depend on the children.
    @inline(__always)
    func refreshChildFields() {
        let stat = self.stat
        stat.storeWire(pointee.cversion &* 2 &- pointee.childCount, at: StatOffset.cversion)
        stat.storeWire(pointee.childCount, at: StatOffset.numChildren)
    }

    /// Gives a fresh record its block: path, data and a Stat of these values.
    func fill(
        path: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer?, stat: StatPersisted, clientOwner: Int64
    ) {
        let dataLength = data?.count ?? 0
        let size = path.count + 4 + dataLength + Stat.wireSize
        guard let block = malloc(size) else { fatalError("out of memory: \(size) bytes for a znode") }
        if let source = path.baseAddress { memcpy(block, source, path.count) }
        pointee.block = block
        pointee.pathLength = UInt32(path.count)
        pointee.ephemeralOwner = stat.ephemeralOwner
        pointee.cversion = stat.cversion
        let image = block + path.count
        image.storeWire(data == nil ? Int32(-1) : Int32(dataLength), at: 0)
        if let source = data?.baseAddress { memcpy(image + 4, source, dataLength) }
        let wire = image + 4 + dataLength
        wire.storeWire(stat.czxid, at: StatOffset.czxid)
        wire.storeWire(stat.mzxid, at: StatOffset.mzxid)
        wire.storeWire(stat.ctime, at: StatOffset.ctime)
        wire.storeWire(stat.mtime, at: StatOffset.mtime)
        wire.storeWire(stat.version, at: StatOffset.version)
        wire.storeWire(stat.aversion, at: StatOffset.aversion)
        wire.storeWire(clientOwner, at: StatOffset.ephemeralOwner)
        wire.storeWire(Int32(dataLength), at: StatOffset.dataLength)
        wire.storeWire(stat.pzxid, at: StatOffset.pzxid)
        refreshChildFields()
    }

    /// Replaces the data, in place when the size stays. The Stat's `dataLength` follows; nothing else changes.
    func replaceData(_ data: UnsafeRawBufferPointer?) {
        let oldLength = dataLength
        let newLength = data?.count ?? 0
        if newLength != oldLength {
            let pathLength = Int(pointee.pathLength)
            var saved: (Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int32) = (0, 0, 0, 0, 0, 0, 0, 0, 0)
            withUnsafeMutableBytes(of: &saved) { _ = memcpy($0.baseAddress!, stat, Stat.wireSize) }
            let size = pathLength + 4 + newLength + Stat.wireSize
            guard let moved = realloc(pointee.block, size) else {
                fatalError("out of memory: \(size) bytes for a znode")
            }
            pointee.block = moved
            let newStat = moved + pathLength + 4 + newLength
            withUnsafeBytes(of: &saved) { _ = memcpy(newStat, $0.baseAddress!, Stat.wireSize) }
            newStat.storeWire(Int32(newLength), at: StatOffset.dataLength)
        }
        image.storeWire(data == nil ? Int32(-1) : Int32(newLength), at: 0)
        if let source = data?.baseAddress { memcpy(image + 4, source, newLength) }
    }

    var persistedStat: StatPersisted {
        let wire = UnsafeRawPointer(stat)
        var result = StatPersisted()
        result.czxid = wire.wireInt64(at: StatOffset.czxid)
        result.mzxid = wire.wireInt64(at: StatOffset.mzxid)
        result.ctime = wire.wireInt64(at: StatOffset.ctime)
        result.mtime = wire.wireInt64(at: StatOffset.mtime)
        result.version = wire.wireInt32(at: StatOffset.version)
        result.cversion = pointee.cversion
        result.aversion = wire.wireInt32(at: StatOffset.aversion)
        result.ephemeralOwner = pointee.ephemeralOwner
        result.pzxid = wire.wireInt64(at: StatOffset.pzxid)
        return result
    }

    var clientStat: Stat {
        let wire = UnsafeRawPointer(stat)
        var result = Stat()
        result.czxid = wire.wireInt64(at: StatOffset.czxid)
        result.mzxid = wire.wireInt64(at: StatOffset.mzxid)
        result.ctime = wire.wireInt64(at: StatOffset.ctime)
        result.mtime = wire.wireInt64(at: StatOffset.mtime)
        result.version = wire.wireInt32(at: StatOffset.version)
        result.cversion = wire.wireInt32(at: StatOffset.cversion)
        result.aversion = wire.wireInt32(at: StatOffset.aversion)
        result.ephemeralOwner = wire.wireInt64(at: StatOffset.ephemeralOwner)
        result.dataLength = wire.wireInt32(at: StatOffset.dataLength)
        result.numChildren = wire.wireInt32(at: StatOffset.numChildren)
        result.pzxid = wire.wireInt64(at: StatOffset.pzxid)
        return result
    }
}
