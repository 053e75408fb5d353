import JSONText
import Jute
import TxnLog
import ZooKeeperProtocol

/// A znode of a snapshot. `data` is valid while it is being visited.
struct SnapshotNode {
    /// The root's is `/`.
    var path: String
    var data: UnsafeRawBufferPointer
    var aclNumber: Int64
    var stat: StatPersisted

    /// By the mark in `ephemeralOwner`. Without the server's configuration a time to live is read from every mark: no
    /// session has an id that looks like one unless 255 servers were numbered.
    var lifetime: EphemeralType { EphemeralType(owner: stat.ephemeralOwner, extendedTypesEnabled: true) }

    var isEphemeral: Bool {
        if case .ephemeral = lifetime { return true }
        return false
    }
}

/// Hands out what a snapshot holds, and checks its form. Errors of the file end it.
final class SnapshotScan: SnapshotVisitor {
    private(set) var sessions = 0
    private(set) var nodes = 0
    private(set) var acls: [Int64: [ACL]] = [:]
    private(set) var trailer = SnapshotTrailer()
    /// Children that stand without their parent before them, and ACL numbers that are not in the table.
    private(set) var problems: [String] = []
    private var problemCount = 0
    /// The way from the root to the node read last.
    private var ancestors: [String] = []
    private let onSession: (Int64, Int32) -> Void
    private let onNode: (SnapshotNode, SnapshotScan) -> Void

    private static let maximumProblems = 100

    init(
        onSession: @escaping (Int64, Int32) -> Void = { _, _ in },
        onNode: @escaping (SnapshotNode, SnapshotScan) -> Void = { _, _ in }
    ) {
        self.onSession = onSession
        self.onNode = onNode
    }

    /// Checks the file's seal and reads it.
    ///
    /// - Returns: what is wrong with the file; nil when nothing is.
    func read(_ disk: any Disk, _ file: SnapshotFile) throws(ToolError) -> SnapshotError? {
        do throws(SnapshotError) {
            let reader = try SnapshotReader(disk: disk, path: file.path, zxid: file.zxid)
            try reader.validate()
            try reader.read(self)
            return nil
        } catch {
            if case .disk(let failure) = error { throw .unreadable("\(failure)") }
            return error
        }
    }

    func list(_ number: Int64) -> [ACL] {
        // Apache's number for "anyone may do anything", which is in no table.
        number == -1 ? ACL.open : acls[number] ?? []
    }

    // MARK: SnapshotVisitor

    func beginSnapshot(zxid: Int64) {}

    func session(id: Int64, timeoutMillis: Int32) {
        sessions += 1
        onSession(id, timeoutMillis)
    }

    func aclMap(_ reader: inout JuteReader) throws {
        for _ in 0..<max(0, try reader.readInt32()) {
            let number = try reader.readInt64()
            acls[number] = try ACL.decodeList(from: &reader) ?? []
        }
    }

    func node(_ reader: inout JuteReader) throws {
        let path = try reader.readString() ?? ""
        let node = SnapshotNode(
            path: path.isEmpty ? "/" : path, data: try reader.readStringBytes(),
            aclNumber: try reader.readInt64(), stat: try StatPersisted(from: &reader))
        nodes += 1
        place(node.path)
        if node.aclNumber != -1 && acls[node.aclNumber] == nil {
            problem("\(node.path) has ACL number \(node.aclNumber), which is not in the table")
        }
        onNode(node, self)
    }

    func endSnapshot(zxid: Int64, _ trailer: SnapshotTrailer) { self.trailer = trailer }

    /// Both kinds of servers write a znode right behind its parent or behind what lies below an elder sibling.
    private func place(_ path: String) {
        guard path != "/" else {
            if nodes > 1 { problem("/ stands twice") }
            ancestors = [path]
            return
        }
        let slash = path.lastSlash!
        let parent = slash == path.startIndex ? "/" : String(path[..<slash])
        while let last = ancestors.last, !last.hasSameBytes(as: parent) { ancestors.removeLast() }
        if ancestors.isEmpty {
            problem("\(path) does not stand below its parent")
            ancestors = ["/", parent]
        }
        ancestors.append(path)
    }

    private func problem(_ text: String) {
        problemCount += 1
        if problems.count < Self.maximumProblems { problems.append(text) }
    }

    /// The depth of the node read last; the root's is 0.
    var depth: Int { ancestors.count - 1 }
}

/// A znode as a line of text or JSON.
struct NodeText {
    var showsData: Bool

    func line(_ node: SnapshotNode, _ acl: [ACL]) -> String {
        let stat = node.stat
        var text =
            "\(Notation.path(node.path)) \(Notation.count(node.data.count, "byte")) version \(stat.version) czxid "
            + "\(Notation.hexadecimal(stat.czxid)) mzxid \(Notation.hexadecimal(stat.mzxid)) mtime "
            + Notation.time(stat.mtime)
        switch node.lifetime {
        case .persistent: break
        case .ephemeral(let session): text += " ephemeral \(Notation.hexadecimal(session))"
        case .container: text += " container"
        case .ttl(let millis): text += " ttl \(millis) ms"
        }
        if acl != ACL.open { text += " acl \(Notation.acl(acl))" }
        if node.data.isEmpty { return text }
        return text + " " + DataText.preview(node.data, maximumBytes: showsData ? .max : 48)
    }

    func json(_ node: SnapshotNode, _ acl: [ACL]) -> JSONValue {
        let stat = node.stat
        var members: [JSONValue.Member] = [
            .init("path", .string(node.path)), .init("czxid", .hexadecimal(stat.czxid)),
            .init("mzxid", .hexadecimal(stat.mzxid)), .init("pzxid", .hexadecimal(stat.pzxid)),
            .init("ctime", .number(stat.ctime)), .init("mtime", .number(stat.mtime)),
            .init("version", .number(stat.version)), .init("childrenCreated", .number(stat.cversion)),
            .init("aversion", .number(stat.aversion)), .init("ephemeralOwner", .hexadecimal(stat.ephemeralOwner)),
        ]
        if case .ttl(let millis) = node.lifetime { members.append(.init("ttl", .number(millis))) }
        members += [.init("acl", Notation.aclJSON(acl)), .init("dataLength", .number(node.data.count))]
        return .object(showsData ? members + [DataText.member(node.data)] : members)
    }
}
