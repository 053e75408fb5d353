import Foundation
import JSONText
import Jute
import ZooKeeperProtocol

#if canImport(Glibc)
    import Glibc
#endif

/// Numbers and names as all the tools print them.
public enum Notation {
    public static func hexadecimal(_ value: Int64) -> String { "0x" + String(UInt64(bitPattern: value), radix: 16) }

    /// A zxid or session id as people write it: `0x1a`, or `1a` as in a file's name.
    public static func number(_ text: String) -> Int64? {
        let digits = text.hasPrefix("0x") || text.hasPrefix("0X") ? text.dropFirst(2) : text[...]
        return UInt64(digits, radix: 16).map { Int64(bitPattern: $0) }
    }

    /// `2026-11-21T17:14:14.123Z`
    public static func time(_ millis: Int64) -> String {
        let milliseconds = ((millis % 1000) + 1000) % 1000
        var seconds = time_t((millis - milliseconds) / 1000)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "\(millis)" }
        func padded(_ number: Int32, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return padded(parts.tm_year + 1900, 4) + "-" + padded(parts.tm_mon + 1, 2) + "-" + padded(parts.tm_mday, 2)
            + "T" + padded(parts.tm_hour, 2) + ":" + padded(parts.tm_min, 2) + ":" + padded(parts.tm_sec, 2) + "."
            + padded(Int32(milliseconds), 3) + "Z"
    }

    public static func operation(_ type: Int32) -> String { OpCode(rawValue: type).map { "\($0)" } ?? "type\(type)" }

    /// `noNode` is `NoNode`.
    public static func error(_ code: Int32) -> String {
        guard let name = ErrorCode(rawValue: code).map({ "\($0)" }) else { return "\(code)" }
        return name.prefix(1).uppercased() + name.dropFirst()
    }

    public static func permissions(_ bits: Int32) -> String {
        var text = ""
        for (letter, bit) in [
            ("c", Permission.create), ("d", Permission.delete), ("r", Permission.read), ("w", Permission.write),
            ("a", Permission.admin),
        ] where bits & bit != 0 { text += letter }
        return text
    }

    /// `world:anyone:cdrwa`
    public static func acl(_ list: [ACL]) -> String {
        list.map { "\($0.identity.scheme):\($0.identity.id):\(permissions($0.permissions))" }.joined(separator: ",")
    }

    static func aclJSON(_ list: [ACL]) -> JSONValue {
        .array(
            list.map {
                .object([
                    .init("scheme", .string($0.identity.scheme)), .init("id", .string($0.identity.id)),
                    .init("permissions", .string(permissions($0.permissions))),
                ])
            })
    }

    /// A path in a line that may be read by programs: without blanks or control characters.
    static func path(_ path: String) -> String {
        let isPlain = path.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\"") }
        return isPlain ? path : JSONValue.string(path).text
    }

    public static func count(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
        "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
    }
}

/// A transaction as a line of text or JSON.
struct TxnText {
    /// Whether data is printed as a whole; else its size, and in text its beginning.
    var showsData: Bool

    func line(_ header: TxnHeader, _ record: TxnRecord) -> String {
        "\(Notation.time(header.time)) zxid \(Notation.hexadecimal(header.zxid)) session "
            + "\(Notation.hexadecimal(header.clientId)) cxid \(header.cxid) "
            + "\(Notation.operation(header.type))\(details(record))"
    }

    private func details(_ record: TxnRecord) -> String {
        switch record {
        case .create(let path, let data, let acl, let lifetime):
            var text = " " + Notation.path(path)
            switch lifetime {
            case .persistent: break
            case .ephemeral: text += " ephemeral"
            case .container: text += " container"
            case .ttl(let millis): text += " ttl \(millis) ms"
            }
            return text + self.data(data) + (acl == ACL.open ? "" : " acl \(Notation.acl(acl))")
        case .delete(let path): return " " + Notation.path(path)
        case .setData(let path, let data, let version):
            return " \(Notation.path(path)) version \(version)\(self.data(data))"
        case .setACL(let path, let acl, let version):
            return " \(Notation.path(path)) version \(version) acl \(Notation.acl(acl))"
        case .check(let path, let version): return " \(Notation.path(path)) version \(version)"
        case .multi(let parts):
            return " [" + parts.map { Notation.operation($0.type) + details($0.record) }.joined(separator: "; ") + "]"
        case .createSession(let timeout): return " timeout \(timeout) ms"
        case .closeSession(let paths):
            return (paths ?? []).isEmpty ? "" : " deletes " + paths!.map(Notation.path).joined(separator: " ")
        case .error(let code): return " \(Notation.error(code))"
        case .unreadable(let bytes, let why): return " \(Notation.count(bytes, "byte")), unreadable: \(why)"
        }
    }

    private func data(_ data: [UInt8]) -> String {
        let text = " \(Notation.count(data.count, "byte"))"
        if data.isEmpty { return text }
        return text + " " + DataText.preview(data, maximumBytes: showsData ? .max : 48)
    }

    func json(_ header: TxnHeader, _ record: TxnRecord, digest: TxnDigest?) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("zxid", .hexadecimal(header.zxid)), .init("time", .number(header.time)),
            .init("session", .hexadecimal(header.clientId)), .init("cxid", .number(header.cxid)),
            .init("type", .string(Notation.operation(header.type))),
        ]
        members += self.members(record)
        if let digest { members.append(.init("digest", .hexadecimal(Int64(bitPattern: digest.value)))) }
        return .object(members)
    }

    private func members(_ record: TxnRecord) -> [JSONValue.Member] {
        switch record {
        case .create(let path, let data, let acl, let lifetime):
            var members: [JSONValue.Member] = [.init("path", .string(path))]
            switch lifetime {
            case .persistent: members.append(.init("lifetime", .string("persistent")))
            case .ephemeral: members.append(.init("lifetime", .string("ephemeral")))
            case .container: members.append(.init("lifetime", .string("container")))
            case .ttl(let millis):
                members += [.init("lifetime", .string("ttl")), .init("ttl", .number(millis))]
            }
            return members + self.members(data) + [.init("acl", Notation.aclJSON(acl))]
        case .delete(let path): return [.init("path", .string(path))]
        case .setData(let path, let data, let version):
            return [.init("path", .string(path)), .init("version", .number(version))] + members(data)
        case .setACL(let path, let acl, let version):
            return [
                .init("path", .string(path)), .init("version", .number(version)), .init("acl", Notation.aclJSON(acl)),
            ]
        case .check(let path, let version):
            return [.init("path", .string(path)), .init("version", .number(version))]
        case .multi(let parts):
            let list = parts.map { part in
                JSONValue.object([.init("type", .string(Notation.operation(part.type)))] + members(part.record))
            }
            return [.init("parts", .array(list))]
        case .createSession(let timeout): return [.init("timeout", .number(timeout))]
        case .closeSession(let paths): return paths.map { [.init("paths", .strings($0))] } ?? []
        case .error(let code): return [.init("code", .number(code)), .init("error", .string(Notation.error(code)))]
        case .unreadable(let bytes, let why):
            return [.init("bytes", .number(bytes)), .init("unreadable", .string(why))]
        }
    }

    private func members(_ data: [UInt8]) -> [JSONValue.Member] {
        [.init("dataLength", .number(data.count))] + (showsData ? [DataText.member(data)] : [])
    }
}
