import Jute

/// What stands before every reply and every notification.
public struct ReplyHeader: Equatable, Sendable {
    public var xid: Int32
    public var zxid: Int64
    /// An `ErrorCode`'s raw value.
    public var error: Int32

    public static let wireSize = 16

    @inlinable
    public init(xid: Int32, zxid: Int64, error: Int32) {
        self.xid = xid
        self.zxid = zxid
        self.error = error
    }

    @inlinable
    public init(from reader: inout JuteReader) throws(JuteError) {
        xid = try reader.readInt32()
        zxid = try reader.readInt64()
        error = try reader.readInt32()
    }

    @inlinable
    public func encode(to buffer: inout WireBuffer) {
        buffer.append(int32: xid)
        buffer.append(int64: zxid)
        buffer.append(int32: error)
    }
}

/// What stands before each part of a multi request or reply, and at its end.
public struct MultiHeader: Equatable, Sendable {
    /// An `OpCode`'s raw value; -1 for an error, and at the end.
    public var type: Int32
    public var done: Bool
    public var error: Int32

    public static let wireSize = 9
    public static let end = MultiHeader(type: -1, done: true, error: -1)

    public init(type: Int32, done: Bool, error: Int32) {
        self.type = type
        self.done = done
        self.error = error
    }

    public init(from reader: inout JuteReader) throws(JuteError) {
        type = try reader.readInt32()
        done = try reader.readBool()
        error = try reader.readInt32()
    }

    public func encode(to buffer: inout WireBuffer) {
        buffer.append(int32: type)
        buffer.append(bool: done)
        buffer.append(int32: error)
    }
}

/// A notification's body (`WatcherEvent`).
public struct WatcherEvent: Equatable, Sendable {
    /// An `EventType`'s raw value.
    public var type: Int32
    /// A `KeeperState`'s raw value.
    public var state: Int32
    public var path: String

    public init(type: Int32, state: Int32, path: String) {
        self.type = type
        self.state = state
        self.path = path
    }

    public init(from reader: inout JuteReader) throws(JuteError) {
        type = try reader.readInt32()
        state = try reader.readInt32()
        path = try reader.readString() ?? ""
    }

    public func encode(to buffer: inout WireBuffer) {
        buffer.append(int32: type)
        buffer.append(int32: state)
        buffer.append(string: path)
    }
}

/// One identity of a connection, as `whoAmI` answers (`ClientInfo`).
public struct ClientInfo: Hashable, Sendable {
    public var scheme: String
    public var user: String

    public init(scheme: String, user: String) {
        self.scheme = scheme
        self.user = user
    }

    public init(from reader: inout JuteReader) throws(JuteError) {
        scheme = try reader.readString() ?? ""
        user = try reader.readString() ?? ""
    }
}

extension JuteReader {
    /// A vector of strings; null reads as empty.
    public mutating func readStrings() throws(JuteError) -> [String] {
        guard let count = try readVectorCount(minimumElementSize: 4) else { return [] }
        var strings: [String] = []
        strings.reserveCapacity(count)
        for _ in 0..<count { strings.append(try readString() ?? "") }
        return strings
    }

    /// A length-prefixed buffer, copied; null reads as empty.
    public mutating func readBytes() throws(JuteError) -> [UInt8] {
        Array(try readStringBytes())
    }
}

extension WireBuffer {
    /// A length-prefixed buffer.
    public mutating func append(bytes: [UInt8]) {
        bytes.withUnsafeBytes { append(buffer: $0) }
    }

    /// A vector of strings.
    public mutating func append(strings: some Collection<String>) {
        append(int32: Int32(strings.count))
        for string in strings { append(string: string) }
    }
}
