import Foundation
import Jute
import TestSupport
import ZooKeeperProtocol

/// Turns what a server says into lines that another server, given the same plan, must say too.
///
/// Session ids become their numbers in the plan, zxids count from the round's start, times become zero or not
/// zero, children and a connection's identities are sorted, the count of all znodes is that of the round's own.
/// Everything else stays as it came.
struct Canonical {
    var startZxid: Int64
    /// How many znodes there were below the root: earlier rounds that ended where states part leave different ones.
    var startCount: Int32 = 0
    var sessionNumbers: [Int64: Int] = [:]

    func zxid(_ value: Int64) -> String {
        if value == 0 || value == -1 { return String(value) }
        if value <= startZxid { return "old" }
        return "+\(value - startZxid)"
    }

    func owner(_ value: Int64) -> String {
        if let number = sessionNumbers[value] { return "s\(number)" }
        return String(UInt64(bitPattern: value), radix: 16)
    }

    func text(_ stat: Stat) -> String {
        "{c\(zxid(stat.czxid)) m\(zxid(stat.mzxid)) ct\(stat.ctime == 0 ? 0 : 1) mt\(stat.mtime == 0 ? 0 : 1)"
            + " v\(stat.version) cv\(stat.cversion) av\(stat.aversion) own=\(owner(stat.ephemeralOwner))"
            + " len\(stat.dataLength) n\(stat.numChildren) p\(zxid(stat.pzxid))}"
    }

    func text(_ event: WatchEvent, session: Int) -> String {
        "s\(session) event" + (event.error == 0 ? "" : " err=\(event.error)")
            + " type=\(event.type) state=\(event.state) \(event.path.debugDescription)"
            + " zxid=\(zxid(event.zxid))"
    }

    func text(_ reply: Reply, opcode: Int32, session: Int, isOfRoot: Bool = false) -> String {
        let name = OpCode(rawValue: opcode).map { "\($0)" } ?? String(opcode)
        let head = "s\(session) reply(\(name)) xid=\(reply.xid) zxid=\(zxid(reply.zxid)) err=\(reply.error)"
        let body: String
        do {
            body = try reply.body.withUnsafeBytes { bytes in
                var reader = JuteReader(bytes)
                if isOfRoot, opcode == OpCode.getAllChildrenNumber.rawValue, bytes.count == 4 {
                    return "all+\(try reader.readInt32() &- startCount)"
                }
                let text = reply.body.isEmpty ? "" : try self.body(opcode: opcode, &reader)
                return reader.remaining == 0 ? text : text + " + \(Array(reader.rest))"
            }
        } catch {
            body = "undecodable \(reply.body)"
        }
        return body.isEmpty ? head : "\(head) \(body)"
    }

    private func body(opcode: Int32, _ reader: inout JuteReader) throws -> String {
        switch OpCode(rawValue: opcode) {
        case .create, .sync: return try string(&reader)
        case .create2, .createContainer, .createTTL: return try string(&reader) + " " + text(try Stat(from: &reader))
        case .exists, .setData, .setACL, .check: return text(try Stat(from: &reader))
        case .getData: return try data(&reader) + " " + text(try Stat(from: &reader))
        case .getACL: return try acl(&reader) + " " + text(try Stat(from: &reader))
        case .getChildren, .getEphemerals: return try strings(&reader)
        case .getChildren2: return try strings(&reader) + " " + text(try Stat(from: &reader))
        case .getAllChildrenNumber, .addWatch: return String(try reader.readInt32())
        case .multi, .multiRead: return try results(&reader)
        case .whoAmI:
            let count = try reader.readVectorCount(minimumElementSize: 8) ?? 0
            return try (0..<count).map { _ in try string(&reader) + "=" + string(&reader) }.sorted()
                .joined(separator: " ")
        default: return "unexpected body \(Array(reader.rest))"
        }
    }

    private func results(_ reader: inout JuteReader) throws -> String {
        var parts: [String] = []
        while true {
            let type = try reader.readInt32()
            let isDone = try reader.readBool()
            let error = try reader.readInt32()
            if isDone {
                parts.append("end \(type) \(error)")
                return parts.joined(separator: "; ")
            }
            var part = "\(type) err=\(error) "
            switch OpCode(rawValue: type) {
            case .create: part += try string(&reader)
            case .create2, .createContainer, .createTTL: part += try string(&reader) + text(try Stat(from: &reader))
            case .setData: part += text(try Stat(from: &reader))
            case .error: part += "error \(try reader.readInt32())"
            case .getData: part += try data(&reader) + text(try Stat(from: &reader))
            case .getChildren: part += try strings(&reader)
            default: break
            }
            parts.append(part)
        }
    }

    private func string(_ reader: inout JuteReader) throws -> String {
        guard let bytes = try reader.readBuffer() else { return "null" }
        return String(decoding: bytes, as: UTF8.self).debugDescription
    }

    private func strings(_ reader: inout JuteReader) throws -> String {
        guard let count = try reader.readVectorCount(minimumElementSize: 4) else { return "null" }
        return "[" + (try (0..<count).map { _ in try string(&reader) }).sorted().joined(separator: ",") + "]"
    }

    private func data(_ reader: inout JuteReader) throws -> String {
        guard let bytes = try reader.readBuffer() else { return "null" }
        return bytes.count <= 80
            ? String(decoding: bytes, as: UTF8.self).debugDescription : "\(bytes.count)B#\(sum(bytes))"
    }

    private func sum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    private func acl(_ reader: inout JuteReader) throws -> String {
        let list = try ACL.decodeList(from: &reader) ?? []
        return list.map { "\($0.identity.scheme):\($0.identity.id):\($0.permissions)" }.joined(separator: ",")
    }
}
