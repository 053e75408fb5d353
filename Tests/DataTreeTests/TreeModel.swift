import DataTree
import Jute
import ZooKeeperProtocol

/// Everything about one znode, by plain values.
struct ModelNode: Equatable {
    var data: [UInt8]?
    var acl: [ACL]
    var stat: StatPersisted
    var children: Set<String> = []

    var clientStat: Stat {
        var result = Stat()
        result.czxid = stat.czxid
        result.mzxid = stat.mzxid
        result.ctime = stat.ctime
        result.mtime = stat.mtime
        result.version = stat.version
        result.cversion = stat.cversion * 2 - Int32(children.count)
        result.aversion = stat.aversion
        if case .ephemeral(let session) = EphemeralType(owner: stat.ephemeralOwner, extendedTypesEnabled: true) {
            result.ephemeralOwner = session
        }
        result.dataLength = Int32(data?.count ?? 0)
        result.numChildren = Int32(children.count)
        result.pzxid = stat.pzxid
        return result
    }
}

/// A naive tree: a dictionary of paths.
struct TreeModel: Equatable {
    var nodes: [String: ModelNode] = [:]

    init() {
        let zero = ModelNode(data: [], acl: ACL.open, stat: StatPersisted())
        for path in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"] { nodes[path] = zero }
        nodes["/"]?.children = ["zookeeper"]
        nodes["/zookeeper"]?.children = ["quota", "config"]
        nodes["/zookeeper/config"]?.acl = [ACL(permissions: Permission.read, identity: .anyone)]
        nodes["/zookeeper/config"]?.stat.aversion = -1
    }

    /// Reads a tree through its public functions.
    init(of tree: DataTree) {
        nodes = [:]
        guard let root = tree.find("/") else { return }
        var pending = [("/", root)]
        while let (path, node) = pending.popLast() {
            let names = tree.children(node)
            precondition(String(decoding: tree.path(of: node), as: UTF8.self) == path)
            nodes[path] = ModelNode(
                data: tree.data(of: node).map { [UInt8]($0) }, acl: tree.acl(of: node).entries,
                stat: tree.stat(of: node), children: Set(names))
            precondition(names.count == Set(names).count, "a child listed twice below \(path)")
            for name in names {
                let child = path == "/" ? "/" + name : path + "/" + name
                guard let index = tree.find(child) else { preconditionFailure("\(child) is listed, not found") }
                pending.append((child, index))
            }
        }
    }

    static func split(_ path: String) -> (parent: String, name: String) {
        let slash = path.lastIndex(of: "/")!
        let parent = String(path[..<slash])
        return (parent.isEmpty ? "/" : parent, String(path[path.index(after: slash)...]))
    }

    func nextCversion(_ path: String) -> Int32 { nodes[Self.split(path).parent]!.stat.cversion + 1 }

    mutating func create(
        _ path: String, _ data: [UInt8]?, acl: [ACL]?, owner: Int64, zxid: Int64, time: Int64
    ) {
        let (parent, name) = Self.split(path)
        var stat = StatPersisted()
        stat.czxid = zxid
        stat.mzxid = zxid
        stat.pzxid = zxid
        stat.ctime = time
        stat.mtime = time
        stat.ephemeralOwner = owner
        nodes[path] = ModelNode(data: data, acl: acl ?? ACL.open, stat: stat)
        nodes[parent]!.children.insert(name)
        nodes[parent]!.stat.cversion += 1
        nodes[parent]!.stat.pzxid = zxid
    }

    mutating func delete(_ path: String, zxid: Int64) {
        let (parent, name) = Self.split(path)
        nodes[path] = nil
        nodes[parent]!.children.remove(name)
        nodes[parent]!.stat.pzxid = zxid
    }

    mutating func set(_ path: String, _ data: [UInt8]?, zxid: Int64, time: Int64) -> Int32 {
        nodes[path]!.data = data
        nodes[path]!.stat.version += 1
        nodes[path]!.stat.mzxid = zxid
        nodes[path]!.stat.mtime = time
        return nodes[path]!.stat.version
    }

    func ephemerals(of session: Int64) -> Set<String> {
        Set(nodes.filter { $0.value.stat.ephemeralOwner == session }.keys)
    }

    /// The digest by its definition, with a checksum of its own.
    var digest: UInt64 {
        nodes.reduce(0) { sum, entry in
            if entry.key.hasPrefix("/zookeeper/") { return sum }
            var bytes = entry.key == "/" ? [] : [UInt8](entry.key.utf8)
            bytes += entry.value.data ?? []
            let stat = entry.value.stat
            for long in [stat.czxid, stat.mzxid, stat.pzxid, stat.ctime, stat.mtime] {
                withUnsafeBytes(of: long.bigEndian) { bytes += $0 }
            }
            for int in [stat.version, stat.cversion, stat.aversion] {
                withUnsafeBytes(of: int.bigEndian) { bytes += $0 }
            }
            withUnsafeBytes(of: stat.ephemeralOwner.bigEndian) { bytes += $0 }
            return sum &+ UInt64(Self.crc32(bytes))
        }
    }

    private static let crcTable: [UInt32] = (0..<256).map { value in
        (0..<8).reduce(UInt32(value)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }

    static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { crc, byte in crc >> 8 ^ crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
    }

    var approximateDataSize: Int {
        nodes.reduce(0) { $0 + $1.key.utf16.count + ($1.value.data?.count ?? 0) }
    }
}
