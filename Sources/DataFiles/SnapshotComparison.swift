import JSONText
import TxnLog
import ZooKeeperProtocol

/// `corral snapshot compare`: which znodes of one tree the other lacks or has otherwise. Keeps a summary of each of the
/// first one's znodes in memory, not its data.
public struct SnapshotComparison {
    public var filter: ToolFilter
    /// How many differences are printed; all are counted.
    public var limit: Int
    /// Whether zxids and times count: two ensembles with the same content have others.
    public var onlyContent: Bool

    public init(filter: ToolFilter = ToolFilter(), limit: Int = 100, onlyContent: Bool = false) {
        self.filter = filter
        self.limit = limit
        self.onlyContent = onlyContent
    }

    /// What is kept of a znode.
    private struct Summary {
        var stat: StatPersisted
        var dataLength: Int
        var dataHash: UInt64
        var aclHash: UInt64

        init(_ node: SnapshotNode, _ acl: [ACL]) {
            stat = node.stat
            dataLength = node.data.count
            dataHash = ContentHash.of(node.data)
            aclHash = Array(Notation.acl(acl).utf8).withUnsafeBytes(ContentHash.of)
        }

        /// What differs, as the names of the fields with both values.
        func differences(from other: Summary, onlyContent: Bool) -> [(String, String, String)] {
            var list: [(String, String, String)] = []
            func field<Value: Equatable>(_ name: String, _ path: KeyPath<Summary, Value>, _ text: (Value) -> String) {
                let (a, b) = (self[keyPath: path], other[keyPath: path])
                if a != b { list.append((name, text(a), text(b))) }
            }
            func hexadecimal(_ hash: UInt64) -> String { "#" + String(hash, radix: 16) }
            if dataLength != other.dataLength {
                field("bytes", \.dataLength) { "\($0)" }
            } else {
                field("data", \.dataHash, hexadecimal)
            }
            field("acl", \.aclHash, hexadecimal)
            field("ephemeralOwner", \.stat.ephemeralOwner, Notation.hexadecimal)
            if onlyContent { return list }
            field("version", \.stat.version) { "\($0)" }
            field("childrenCreated", \.stat.cversion) { "\($0)" }
            field("aversion", \.stat.aversion) { "\($0)" }
            field("czxid", \.stat.czxid, Notation.hexadecimal)
            field("mzxid", \.stat.mzxid, Notation.hexadecimal)
            field("pzxid", \.stat.pzxid, Notation.hexadecimal)
            field("ctime", \.stat.ctime, Notation.time)
            field("mtime", \.stat.mtime, Notation.time)
            return list
        }
    }

    private struct Tally {
        var same = 0
        var added = 0
        var removed = 0
        var changed = 0
        var printed = 0
    }

    /// - Returns: the exit code.
    public func run(
        _ disk: any Disk, _ leftPath: String, _ rightPath: String, _ output: ToolOutput
    ) throws(ToolError) -> Int32 {
        defer { output.flush() }
        let left = try ToolFiles.snapshots(disk, leftPath)[0]
        let right = try ToolFiles.snapshots(disk, rightPath)[0]
        for (file, path) in [(left, leftPath), (right, rightPath)] where file.path != path { output.remark(file.path) }
        let filter = filter
        func isMeant(_ path: String) -> Bool { filter.path.map { PathText.isAt(path, orBelow: $0) } ?? true }
        var nodes: [PathKey: Summary] = [:]
        let first = SnapshotScan(onNode: { node, scan in
            if isMeant(node.path) { nodes[PathKey(node.path)] = Summary(node, scan.list(node.aclNumber)) }
        })
        if let error = try first.read(disk, left) {
            output.remark("\(error)")
            return ToolExit.found
        }
        var tally = Tally()
        let second = SnapshotScan(onNode: { node, scan in
            guard isMeant(node.path) else { return }
            let now = Summary(node, scan.list(node.aclNumber))
            guard let before = nodes.removeValue(forKey: PathKey(node.path)) else {
                tally.added += 1
                return print("added", node.path, now.dataLength, [], &tally, output)
            }
            let differences = before.differences(from: now, onlyContent: onlyContent)
            if differences.isEmpty {
                tally.same += 1
            } else {
                tally.changed += 1
                print("changed", node.path, now.dataLength, differences, &tally, output)
            }
        })
        if let error = try second.read(disk, right) {
            output.remark("\(error)")
            return ToolExit.found
        }
        for (path, before) in nodes.sorted(by: { $0.key < $1.key }) {
            tally.removed += 1
            print("removed", path.text, before.dataLength, [], &tally, output)
        }
        let isSame = tally.added + tally.removed + tally.changed == 0
        output.emit(
            "\(isSame ? "the same" : "different"): \(Notation.count(tally.same, "znode")) the same, "
                + "\(tally.added) added, \(tally.removed) removed, \(tally.changed) changed",
            .object([
                .init("same", .bool(isSame)), .init("sameZnodes", .number(tally.same)),
                .init("added", .number(tally.added)), .init("removed", .number(tally.removed)),
                .init("changed", .number(tally.changed)),
            ]))
        return isSame ? ToolExit.fine : ToolExit.found
    }

    private func print(
        _ what: String, _ path: String, _ bytes: Int, _ differences: [(String, String, String)], _ tally: inout Tally,
        _ output: ToolOutput
    ) {
        guard tally.printed < limit else { return }
        tally.printed += 1
        let fields = differences.map { " \($0.0) \($0.1) -> \($0.2)" }.joined(separator: ",")
        output.emit(
            "\(what) \(Notation.path(path))" + (differences.isEmpty ? " \(Notation.count(bytes, "byte"))" : fields),
            .object([
                .init("difference", .string(what)), .init("path", .string(path)), .init("dataLength", .number(bytes)),
                .init("fields", .object(differences.map { .init($0.0, .strings([$0.1, $0.2])) })),
            ]))
    }
}

/// 64 bits of content, the same in every run (FNV-1a, finished as in SplitMix64).
enum ContentHash {
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        return hash ^ (hash >> 31)
    }
}
