import Jute
import ZooKeeperProtocol

/// A request made once and sent many times: its whole frame, but for the xid, which each session gives it.
struct CrowdRequest: Sendable {
    /// Where a frame has its xid.
    static let xidOffset = 4
    let frame: [UInt8]

    private init(_ code: OpCode, xid: Int32 = 0, _ body: (inout WireBuffer) -> Void) {
        var buffer = WireBuffer()
        buffer.append(int32: 0)
        buffer.append(int32: xid)
        buffer.append(int32: code.rawValue)
        body(&buffer)
        buffer.patch(int32: Int32(buffer.count - 4), at: 0)
        frame = [UInt8](buffer.bytes)
    }

    static func exists(_ path: String, watches: Bool) -> CrowdRequest { looking(.exists, path, watches) }
    static func data(_ path: String, watches: Bool) -> CrowdRequest { looking(.getData, path, watches) }

    private static func looking(_ code: OpCode, _ path: String, _ watches: Bool) -> CrowdRequest {
        CrowdRequest(code) {
            $0.append(string: path)
            $0.append(bool: watches)
        }
    }

    /// Answered when the session's server has what its leader had.
    static func sync(_ path: String) -> CrowdRequest { CrowdRequest(.sync) { $0.append(string: path) } }

    /// Of any version.
    static func set(_ path: String, value: [UInt8]) -> CrowdRequest {
        CrowdRequest(.setData) { buffer in
            buffer.append(string: path)
            value.withUnsafeBytes { buffer.append(buffer: $0) }
            buffer.append(int32: -1)
        }
    }

    /// Where the value of a `set` begins in its frame.
    static func valueOffset(_ path: String) -> Int { 12 + 4 + path.utf8.count + 4 }

    static func createEphemeral(_ path: String) -> CrowdRequest {
        CrowdRequest(.create) { buffer in
            buffer.append(string: path)
            buffer.append(int32: 0)
            ACL.encode(ACL.open, to: &buffer)
            buffer.append(int32: 1)
        }
    }

    /// Watches on data that a session has had before it came back, and what it has seen of them.
    static func setWatches(_ paths: [String], lastZxid: Int64) -> CrowdRequest {
        CrowdRequest(.setWatches, xid: ReservedXid.setWatches) { buffer in
            buffer.append(int64: lastZxid)
            buffer.append(int32: Int32(paths.count))
            for path in paths { buffer.append(string: path) }
            buffer.append(int32: 0)
            buffer.append(int32: 0)
        }
    }

    static let closeSession = CrowdRequest(.closeSession) { _ in }
    static let ping = CrowdRequest(.ping, xid: ReservedXid.ping) { _ in }
}

/// A reply as it lies in the input: valid during the call it is given to.
struct CrowdReply {
    let xid: Int32
    let zxid: Int64
    let code: Int32
    let body: UnsafeRawBufferPointer

    /// In the `Stat` that a reply to `exists` is.
    var ephemeralOwner: Int64? {
        guard body.count >= 52 else { return nil }
        return Int64(bigEndian: body.loadUnaligned(fromByteOffset: 44, as: Int64.self))
    }
}
