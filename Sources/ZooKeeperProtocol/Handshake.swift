import Jute

/// The first frame of every client connection (`ConnectRequest`).
public struct ConnectRequest: Equatable, Sendable {
    public var protocolVersion: Int32 = 0
    /// A server that is behind this refuses the client, so that it never sees the past.
    public var lastZxidSeen: Int64
    public var timeoutMillis: Int32
    /// 0 asks for a new session.
    public var sessionId: Int64
    public var password: [UInt8]
    /// Whether a server without a quorum will do.
    public var readOnly: Bool

    public init(lastZxidSeen: Int64, timeoutMillis: Int32, sessionId: Int64, password: [UInt8], readOnly: Bool) {
        self.lastZxidSeen = lastZxidSeen
        self.timeoutMillis = timeoutMillis
        self.sessionId = sessionId
        self.password = password
        self.readOnly = readOnly
    }

    public func encode(to buffer: inout WireBuffer) {
        buffer.append(int32: protocolVersion)
        buffer.append(int64: lastZxidSeen)
        buffer.append(int32: timeoutMillis)
        buffer.append(int64: sessionId)
        password.withUnsafeBytes { buffer.append(buffer: $0) }
        buffer.append(bool: readOnly)
    }

    public init(from reader: inout JuteReader) throws(JuteError) {
        protocolVersion = try reader.readInt32()
        lastZxidSeen = try reader.readInt64()
        timeoutMillis = try reader.readInt32()
        sessionId = try reader.readInt64()
        password = Array(try reader.readStringBytes())
        readOnly = reader.remaining > 0 ? try reader.readBool() : false
    }
}

/// A server's answer to `ConnectRequest`.
public struct ConnectResponse: Equatable, Sendable {
    public var protocolVersion: Int32 = 0
    /// What was agreed on; 0 when the session does not exist any more or the password is wrong.
    public var timeoutMillis: Int32
    public var sessionId: Int64
    public var password: [UInt8]
    /// Whether the server has no quorum and answers reads only. Old servers leave the byte out.
    public var readOnly: Bool

    public init(timeoutMillis: Int32, sessionId: Int64, password: [UInt8], readOnly: Bool) {
        self.timeoutMillis = timeoutMillis
        self.sessionId = sessionId
        self.password = password
        self.readOnly = readOnly
    }

    public func encode(to buffer: inout WireBuffer) {
        buffer.append(int32: protocolVersion)
        buffer.append(int32: timeoutMillis)
        buffer.append(int64: sessionId)
        password.withUnsafeBytes { buffer.append(buffer: $0) }
        buffer.append(bool: readOnly)
    }

    public init(from reader: inout JuteReader) throws(JuteError) {
        protocolVersion = try reader.readInt32()
        timeoutMillis = try reader.readInt32()
        sessionId = try reader.readInt64()
        password = Array(try reader.readStringBytes())
        readOnly = reader.remaining > 0 ? try reader.readBool() : false
    }
}
