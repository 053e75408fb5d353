import Jute
import ZooKeeperProtocol

/// The frame of a reply: length, xid, zxid, error, body.
enum Reply {
    static let headerBytes = 20

    /// Starts a reply; returns where, for `end`.
    @inline(__always)
    static func begin(xid: Int32, zxid: Int64, error: ErrorCode, in buffer: inout WireBuffer) -> Int {
        let start = buffer.count
        let header = buffer.appendUninitialized(headerBytes)
        header.storeBytes(of: 0, toByteOffset: 0, as: Int32.self)
        header.storeBytes(of: xid.bigEndian, toByteOffset: 4, as: Int32.self)
        header.storeBytes(of: zxid.bigEndian, toByteOffset: 8, as: Int64.self)
        header.storeBytes(of: error.rawValue.bigEndian, toByteOffset: 16, as: Int32.self)
        return start
    }

    /// Ends a reply: its length is known now.
    @inline(__always)
    static func end(_ start: Int, in buffer: inout WireBuffer) {
        buffer.patch(int32: Int32(buffer.count - start - 4), at: start)
    }

    /// Turns a reply begun into an error: the body is dropped.
    static func fail(_ start: Int, _ error: ErrorCode, in buffer: inout WireBuffer) {
        buffer.truncate(to: start + headerBytes)
        buffer.patch(int32: error.rawValue, at: start + 16)
    }
}

/// The frame of a watch notification.
enum Notification {
    static func append(
        _ type: EventType, _ path: UnsafeRawBufferPointer, zxid: Int64, to buffer: inout WireBuffer
    ) {
        let start = Reply.begin(xid: ReservedXid.notification, zxid: zxid, error: .ok, in: &buffer)
        buffer.append(int32: type.rawValue)
        buffer.append(int32: KeeperState.syncConnected.rawValue)
        buffer.append(buffer: path)
        Reply.end(start, in: &buffer)
    }
}
