import Jute
import ZooKeeperProtocol

/// What a reactor other than the core's sends to the core in one piece: writes, handshakes, disconnects.
public final class RequestBatch: @unchecked Sendable {
    enum Kind {
        case write(opcode: OpCode, xid: Int32, credentials: Credentials)
        /// A whole frame that must be answered behind the session's own writes.
        case read
        case handshake(HandshakeRequest)
        case disconnected
        case adminWord(UInt32)
    }

    struct Entry {
        var connection: ClientConnection
        var kind: Kind
        var offset: Int
        var length: Int
        var receivedNanos: UInt64
    }

    /// The requests' records, back to back. Passed on with the object: one owner at a time.
    var bytes = WireBuffer()
    var entries: [Entry] = []

    public init() {}
}

/// What the core sends to a reactor in one piece, in order: notifications before the replies that show the change.
public final class ReplyBatch: @unchecked Sendable {
    enum Kind {
        /// Answers the connection's oldest outstanding request.
        case reply(opcode: Int32, xid: Int32, zxid: Int64, receivedNanos: UInt64)
        case notification
        /// Nil for a session that is gone. The timeout is the one of this attachment, fixed when the core answered.
        case handshakeReply(session: Session?, timeoutMillis: Int32)
        case adminReply
        case close
    }

    struct Entry {
        var connection: ClientConnection
        var kind: Kind
        var offset: Int
        var length: Int
    }

    var bytes = WireBuffer()
    var entries: [Entry] = []

    public init() {}
}

/// The client's opening frame.
struct HandshakeRequest: Sendable {
    var protocolVersion: Int32
    var lastZxidSeen: Int64
    var timeoutMillis: Int32
    var sessionId: Int64
    var password: [UInt8]
    var readOnly: Bool
    var hasReadOnlyByte: Bool

    init(from reader: inout JuteReader) throws(JuteError) {
        protocolVersion = try reader.readInt32()
        lastZxidSeen = try reader.readInt64()
        timeoutMillis = try reader.readInt32()
        sessionId = try reader.readInt64()
        password = try reader.readBuffer().map { Array($0) } ?? []
        hasReadOnlyByte = reader.remaining > 0
        readOnly = hasReadOnlyByte ? try reader.readBool() : false
    }
}
