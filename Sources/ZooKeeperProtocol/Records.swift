import Jute

/// A znode's statistics as clients see them: 68 bytes on the wire.
public struct Stat: Equatable, Sendable {
    public var czxid: Int64 = 0
    public var mzxid: Int64 = 0
    /// Milliseconds since the Unix epoch.
    public var ctime: Int64 = 0
    /// Milliseconds since the Unix epoch.
    public var mtime: Int64 = 0
    public var version: Int32 = 0
    public var cversion: Int32 = 0
    public var aversion: Int32 = 0
    public var ephemeralOwner: Int64 = 0
    public var dataLength: Int32 = 0
    public var numChildren: Int32 = 0
    public var pzxid: Int64 = 0

    public static let wireSize = 68

    public init() {}

    public init(from reader: inout JuteReader) throws(JuteError) {
        czxid = try reader.readInt64()
        mzxid = try reader.readInt64()
        ctime = try reader.readInt64()
        mtime = try reader.readInt64()
        version = try reader.readInt32()
        cversion = try reader.readInt32()
        aversion = try reader.readInt32()
        ephemeralOwner = try reader.readInt64()
        dataLength = try reader.readInt32()
        numChildren = try reader.readInt32()
        pzxid = try reader.readInt64()
    }

    public func encode(to buffer: inout WireBuffer) {
        buffer.append(int64: czxid)
        buffer.append(int64: mzxid)
        buffer.append(int64: ctime)
        buffer.append(int64: mtime)
        buffer.append(int32: version)
        buffer.append(int32: cversion)
        buffer.append(int32: aversion)
        buffer.append(int64: ephemeralOwner)
        buffer.append(int32: dataLength)
        buffer.append(int32: numChildren)
        buffer.append(int64: pzxid)
    }
}

/// A znode's statistics as the disk keeps them (jute's `StatPersisted`): 60 bytes.
///
/// `cversion` here counts the children ever created; clients see twice that, less the children present.
public struct StatPersisted: Equatable, Sendable {
    public var czxid: Int64 = 0
    public var mzxid: Int64 = 0
    public var ctime: Int64 = 0
    public var mtime: Int64 = 0
    public var version: Int32 = 0
    public var cversion: Int32 = 0
    public var aversion: Int32 = 0
    /// A session id, 0, or a container or TTL mark (see `EphemeralType`).
    public var ephemeralOwner: Int64 = 0
    public var pzxid: Int64 = 0

    public static let wireSize = 60

    public init() {}

    public init(from reader: inout JuteReader) throws(JuteError) {
        czxid = try reader.readInt64()
        mzxid = try reader.readInt64()
        ctime = try reader.readInt64()
        mtime = try reader.readInt64()
        version = try reader.readInt32()
        cversion = try reader.readInt32()
        aversion = try reader.readInt32()
        ephemeralOwner = try reader.readInt64()
        pzxid = try reader.readInt64()
    }

    public func encode(to buffer: inout WireBuffer) {
        buffer.append(int64: czxid)
        buffer.append(int64: mzxid)
        buffer.append(int64: ctime)
        buffer.append(int64: mtime)
        buffer.append(int32: version)
        buffer.append(int32: cversion)
        buffer.append(int32: aversion)
        buffer.append(int64: ephemeralOwner)
        buffer.append(int64: pzxid)
    }
}

/// The header of every transaction in the log and in proposals.
public struct TxnHeader: Equatable, Sendable {
    public var clientId: Int64
    public var cxid: Int32
    public var zxid: Int64
    /// Milliseconds since the Unix epoch.
    public var time: Int64
    /// An `OpCode`'s raw value.
    public var type: Int32

    public static let wireSize = 32

    @inlinable
    public init(clientId: Int64, cxid: Int32, zxid: Int64, time: Int64, type: Int32) {
        self.clientId = clientId
        self.cxid = cxid
        self.zxid = zxid
        self.time = time
        self.type = type
    }

    @inlinable
    public init(from reader: inout JuteReader) throws(JuteError) {
        clientId = try reader.readInt64()
        cxid = try reader.readInt32()
        zxid = try reader.readInt64()
        time = try reader.readInt64()
        type = try reader.readInt32()
    }

    @inlinable
    public func encode(to buffer: inout WireBuffer) {
        buffer.append(int64: clientId)
        buffer.append(int32: cxid)
        buffer.append(int64: zxid)
        buffer.append(int64: time)
        buffer.append(int32: type)
    }
}
