import JSONText
import Jute
import ZooKeeperProtocol

/// What a transaction of the log says, copied out of it.
public indirect enum TxnRecord: Equatable, Sendable {
    public enum Lifetime: Equatable, Sendable {
        case persistent
        case ephemeral
        case container
        case ttl(millis: Int64)
    }

    case create(path: String, data: [UInt8], acl: [ACL], lifetime: Lifetime)
    case delete(path: String)
    case setData(path: String, data: [UInt8], version: Int32)
    case setACL(path: String, acl: [ACL], version: Int32)
    case check(path: String, version: Int32)
    case multi([(type: Int32, record: TxnRecord)])
    case createSession(timeoutMillis: Int32)
    /// The session's ephemeral znodes; nil in logs of servers before 3.6.
    case closeSession(paths: [String]?)
    case error(code: Int32)
    /// A type that is not known, or bytes that are not what the type says.
    case unreadable(bytes: Int, why: String)

    public static func == (left: TxnRecord, right: TxnRecord) -> Bool {
        switch (left, right) {
        case (.create(let a, let b, let c, let d), .create(let e, let f, let g, let h)):
            a.hasSameBytes(as: e) && b == f && isSame(c, g) && d == h
        case (.delete(let a), .delete(let b)): a.hasSameBytes(as: b)
        case (.setData(let a, let b, let c), .setData(let d, let e, let f)):
            a.hasSameBytes(as: d) && b == e && c == f
        case (.setACL(let a, let b, let c), .setACL(let d, let e, let f)):
            a.hasSameBytes(as: d) && isSame(b, e) && c == f
        case (.check(let a, let b), .check(let c, let d)): a.hasSameBytes(as: c) && b == d
        case (.multi(let a), .multi(let b)): a.elementsEqual(b) { $0.type == $1.type && $0.record == $1.record }
        case (.createSession(let a), .createSession(let b)): a == b
        case (.closeSession(let a), .closeSession(let b)): a?.map(PathKey.init) == b?.map(PathKey.init)
        case (.error(let a), .error(let b)): a == b
        case (.unreadable(let a, let b), .unreadable(let c, let d)): a == c && b == d
        default: false
        }
    }

    /// Names are what their bytes are, there too.
    private static func isSame(_ left: [ACL], _ right: [ACL]) -> Bool {
        left.elementsEqual(right) { $0 == $1 && $0.identity.id.hasSameBytes(as: $1.identity.id) }
    }

    /// - Parameter reader: at the record; afterwards behind it, at the digest if there is one.
    public init(type: Int32, from reader: inout JuteReader) {
        let bytes = reader.remaining
        do throws(JuteError) {
            self = try Self.read(type, &reader)
        } catch {
            self = .unreadable(bytes: bytes, why: "\(error)")
        }
    }

    private static func read(_ type: Int32, _ reader: inout JuteReader) throws(JuteError) -> TxnRecord {
        switch OpCode(rawValue: type) {
        case .create, .create2, .createContainer, .createTTL:
            let path = try reader.readString() ?? ""
            let data = try reader.readBytes()
            let acl = try ACL.decodeList(from: &reader) ?? []
            return .create(path: path, data: data, acl: acl, lifetime: try lifetime(type, &reader))
        case .delete, .deleteContainer:
            return .delete(path: try reader.readString() ?? "")
        case .setData, .reconfig:
            let path = try reader.readString() ?? ""
            return .setData(path: path, data: try reader.readBytes(), version: try reader.readInt32())
        case .setACL:
            let path = try reader.readString() ?? ""
            let acl = try ACL.decodeList(from: &reader) ?? []
            return .setACL(path: path, acl: acl, version: try reader.readInt32())
        case .check:
            return .check(path: try reader.readString() ?? "", version: try reader.readInt32())
        case .multi:
            var parts: [(Int32, TxnRecord)] = []
            for _ in 0..<(try reader.readVectorCount(minimumElementSize: 8) ?? 0) {
                let type = try reader.readInt32()
                var part = JuteReader(try reader.readStringBytes())
                parts.append((type, TxnRecord(type: type, from: &part)))
            }
            return .multi(parts)
        case .createSession:
            return .createSession(timeoutMillis: try reader.readInt32())
        case .closeSession:
            return .closeSession(paths: closedPaths(&reader))
        case .error:
            return .error(code: try reader.readInt32())
        default:
            return .unreadable(bytes: reader.remaining, why: "type \(type) is not known")
        }
    }

    private static func lifetime(_ type: Int32, _ reader: inout JuteReader) throws(JuteError) -> Lifetime {
        switch OpCode(rawValue: type) {
        case .createContainer:
            _ = try reader.readInt32()
            return .container
        case .createTTL:
            _ = try reader.readInt32()
            return .ttl(millis: try reader.readInt64())
        default:
            let isEphemeral = try reader.readBool()
            // The parent's count of children ever made; logs of 3.4.0 and before end here.
            if reader.remaining >= 4 { _ = try reader.readInt32() }
            return isEphemeral ? .ephemeral : .persistent
        }
    }

    /// What follows a record without the list is a digest, which does not read as one.
    private static func closedPaths(_ reader: inout JuteReader) -> [String]? {
        var scan = reader
        guard scan.remaining >= 4, let paths = try? scan.readStrings(),
            paths.allSatisfy({ $0.utf8.first == UInt8(ascii: "/") })
        else { return nil }
        reader = scan
        return paths
    }

    /// The znodes that the transaction is about.
    public var paths: [String] {
        switch self {
        case .create(let path, _, _, _), .delete(let path), .setData(let path, _, _), .setACL(let path, _, _),
            .check(let path, _):
            [path]
        case .multi(let parts): parts.flatMap(\.record.paths)
        case .closeSession(let paths): paths ?? []
        case .createSession, .error, .unreadable: []
        }
    }

    /// Whether one of the znodes is this one or lies below it.
    public func concerns(_ path: String) -> Bool { paths.contains { PathText.isAt($0, orBelow: path) } }
}

enum PathText {
    static func isAt(_ path: String, orBelow root: String) -> Bool {
        if root == "/" || path.hasSameBytes(as: root) { return true }
        return path.utf8.count > root.utf8.count && path.utf8.starts(with: root.utf8)
            && path.utf8[path.utf8.index(path.startIndex, offsetBy: root.utf8.count)] == UInt8(ascii: "/")
    }

    /// The first names of a path: of `/a/b/c` to depth 1 `/a`, to depth 0 `/`.
    static func prefix(_ path: String, depth: Int) -> String {
        let names = path.pathNames.prefix(depth)
        return names.isEmpty ? "/" : names.reduce(into: "") { $0 += "/" + $1 }
    }
}
