import Jute
import ZooKeeperProtocol

/// A request's opcode and body, with nothing checked: tests may put anything in either.
public struct Request: Sendable, Equatable {
    public var opcode: Int32
    public var body: [UInt8]
    /// What a transcript calls it.
    public var label: String

    public init(opcode: Int32, body: [UInt8] = [], label: String) {
        self.opcode = opcode
        self.body = body
        self.label = label
    }

    public init(_ opcode: OpCode, _ label: String, _ fill: (inout WireBuffer) -> Void) {
        var buffer = WireBuffer()
        fill(&buffer)
        self.init(opcode: opcode.rawValue, body: Array(buffer.bytes), label: "\(opcode) \(label)")
    }

    /// The frame's content: xid, opcode, body.
    public func payload(xid: Int32) -> [UInt8] {
        var buffer = WireBuffer()
        buffer.append(int32: xid)
        buffer.append(int32: opcode)
        return Array(buffer.bytes) + body
    }
}

/// Create flags (`CreateMode`).
public enum CreateFlag {
    public static let persistent: Int32 = 0
    public static let ephemeral: Int32 = 1
    public static let sequential: Int32 = 2
    public static let ephemeralSequential: Int32 = 3
    public static let container: Int32 = 4
    public static let ttl: Int32 = 5
    public static let ttlSequential: Int32 = 6
}

extension Request {
    /// As an ACL's scheme or id: sent as jute's null, as some clients send an empty text.
    public static let nullText = "<null>"

    public static func create(
        _ path: String?, data: [UInt8]? = [], acl: [ACL]? = ACL.open, flags: Int32 = 0, opcode: OpCode = .create,
        ttlMillis: Int64? = nil
    ) -> Request {
        Request(opcode, "\(quoted(path)) \(size(data)) acl=\(text(acl)) flags=\(flags) ttl=\(ttlMillis ?? 0)") {
            $0.append(string: path)
            $0.append(data: data)
            $0.append(acl: acl)
            $0.append(int32: flags)
            if let ttlMillis { $0.append(int64: ttlMillis) }
        }
    }

    public static func delete(_ path: String?, version: Int32 = -1) -> Request {
        Request(.delete, "\(quoted(path)) v\(version)") {
            $0.append(string: path)
            $0.append(int32: version)
        }
    }

    /// A request whose body is a path and a watch flag.
    public static func read(_ opcode: OpCode, _ path: String?, watch: Bool = false) -> Request {
        Request(opcode, "\(quoted(path)) watch=\(watch)") {
            $0.append(string: path)
            $0.append(bool: watch)
        }
    }

    public static func exists(_ path: String?, watch: Bool = false) -> Request { read(.exists, path, watch: watch) }
    public static func getData(_ path: String?, watch: Bool = false) -> Request { read(.getData, path, watch: watch) }
    public static func getChildren(_ path: String?, watch: Bool = false) -> Request {
        read(.getChildren2, path, watch: watch)
    }

    /// A request whose body is one path.
    public static func path(_ opcode: OpCode, _ path: String?) -> Request {
        Request(opcode, quoted(path)) { $0.append(string: path) }
    }

    public static func sync(_ path: String? = "/") -> Request { .path(.sync, path) }

    public static func setData(_ path: String?, data: [UInt8]?, version: Int32 = -1) -> Request {
        Request(.setData, "\(quoted(path)) \(size(data)) v\(version)") {
            $0.append(string: path)
            $0.append(data: data)
            $0.append(int32: version)
        }
    }

    public static func setACL(_ path: String?, acl: [ACL]?, version: Int32 = -1) -> Request {
        Request(.setACL, "\(quoted(path)) acl=\(text(acl)) v\(version)") {
            $0.append(string: path)
            $0.append(acl: acl)
            $0.append(int32: version)
        }
    }

    public static func check(_ path: String?, version: Int32) -> Request {
        Request(.check, "\(quoted(path)) v\(version)") {
            $0.append(string: path)
            $0.append(int32: version)
        }
    }

    /// `multi` or `multiRead`: each part's header and body, then the end mark.
    public static func multi(_ parts: [Request], opcode: OpCode = .multi) -> Request {
        Request(opcode, "[" + parts.map(\.label).joined(separator: "; ") + "]") {
            for part in parts {
                $0.append(int32: part.opcode)
                $0.append(bool: false)
                $0.append(int32: -1)
                for byte in part.body { $0.append(byte: byte) }
            }
            $0.append(int32: -1)
            $0.append(bool: true)
            $0.append(int32: -1)
        }
    }

    /// `addWatch`, `checkWatches` and `removeWatches`: a path and a mode or type.
    public static func watches(_ opcode: OpCode, _ path: String?, _ kind: Int32) -> Request {
        Request(opcode, "\(quoted(path)) kind=\(kind)") {
            $0.append(string: path)
            $0.append(int32: kind)
        }
    }

    public static func addWatch(_ path: String, _ mode: AddWatchMode) -> Request {
        .watches(.addWatch, path, mode.rawValue)
    }

    /// `setWatches` with three lists, `setWatches2` with five.
    public static func setWatches(relativeZxid: Int64, lists: [[String]]) -> Request {
        Request(lists.count == 5 ? .setWatches2 : .setWatches, "since \(relativeZxid) \(lists)") {
            $0.append(int64: relativeZxid)
            for list in lists {
                $0.append(int32: Int32(list.count))
                for path in list { $0.append(string: path) }
            }
        }
    }

    public static func auth(scheme: String?, _ credential: String, type: Int32 = 0) -> Request {
        Request(.auth, "\(quoted(scheme)) \(quoted(credential))") {
            $0.append(int32: type)
            $0.append(string: scheme)
            $0.append(data: Array(credential.utf8))
        }
    }

    public static let ping = Request(.ping, "") { _ in }
    public static let whoAmI = Request(.whoAmI, "") { _ in }
    public static let closeSession = Request(.closeSession, "") { _ in }

    static func quoted(_ text: String?) -> String { text.map { $0.debugDescription } ?? "null" }
    /// Not as a null path, which is another thing to be sent.
    static func size(_ data: [UInt8]?) -> String { data.map { "\($0.count)B" } ?? "no-data" }
    static func text(_ acl: [ACL]?) -> String {
        guard let acl else { return "null" }
        return acl.map { "\($0.identity.scheme):\($0.identity.id):\($0.permissions)" }.joined(separator: ",")
    }
}

extension WireBuffer {
    mutating func append(data: [UInt8]?) {
        guard let data else { return append(int32: -1) }
        data.withUnsafeBytes { append(buffer: $0) }
    }

    mutating func append(acl: [ACL]?) {
        guard let acl else { return append(int32: -1) }
        append(int32: Int32(acl.count))
        for entry in acl {
            append(int32: entry.permissions)
            append(string: entry.identity.scheme == Request.nullText ? nil : entry.identity.scheme)
            append(string: entry.identity.id == Request.nullText ? nil : entry.identity.id)
        }
    }
}
