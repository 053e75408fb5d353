import JSONText
import TxnLog
import ZooKeeperProtocol

/// `corral snapshot print`.
public struct SnapshotPrinter {
    public var filter: ToolFilter
    public var showsData: Bool

    public init(filter: ToolFilter = ToolFilter(), showsData: Bool = false) {
        self.filter = filter
        self.showsData = showsData
    }

    /// Prints a file, or a directory's newest snapshot.
    ///
    /// - Returns: the exit code.
    public func run(_ disk: any Disk, _ path: String, _ output: ToolOutput) throws(ToolError) -> Int32 {
        defer { output.flush() }
        let file = try ToolFiles.snapshots(disk, path)[0]
        if file.path != path { output.remark(file.path) }
        let text = NodeText(showsData: showsData)
        let filter = filter
        let showsSessions = filter.path == nil && filter.from == nil && filter.to == nil
        let scan = SnapshotScan { id, timeout in
            guard showsSessions, filter.admits(session: id) else { return }
            output.emit(
                "session \(Notation.hexadecimal(id)) timeout \(timeout) ms",
                .object([.init("session", .hexadecimal(id)), .init("timeout", .number(timeout))]))
        } onNode: { node, scan in
            guard filter.admits(zxid: node.stat.mzxid) else { return }
            if filter.session != nil && !(node.isEphemeral && filter.admits(session: node.stat.ephemeralOwner)) {
                return
            }
            if let path = filter.path, !PathText.isAt(node.path, orBelow: path) { return }
            let acl = scan.list(node.aclNumber)
            output.emit(text.line(node, acl), text.json(node, acl))
        }
        guard let error = try scan.read(disk, file) else { return ToolExit.fine }
        output.remark("\(error)")
        return ToolExit.found
    }
}

/// `corral snapshot check`: seals, form, and that each znode stands below its parent.
public struct SnapshotChecker {
    public init() {}

    /// Checks a file, or all snapshots of a directory.
    ///
    /// - Returns: the exit code.
    public func run(_ disk: any Disk, _ paths: [String], _ output: ToolOutput) throws(ToolError) -> Int32 {
        defer { output.flush() }
        var code = ToolExit.fine
        for path in paths {
            var packed: [ToolError] = []
            let files = try ToolFiles.snapshots(disk, path) { packed.append($0) }
            for error in packed { output.remark("corral: \(error)") }
            if !packed.isEmpty && code == ToolExit.fine { code = ToolExit.noInput }
            for file in files {
                let scan = SnapshotScan()
                let error = try scan.read(disk, file)
                let problems = (error.map { ["\($0)"] } ?? []) + scan.problems.map { "\(file.path): \($0)" }
                if !problems.isEmpty { code = ToolExit.found }
                if output.isText { for problem in problems { output.line("damage: \(problem)") } }
                output.emit(
                    "\(file.path): \(problems.isEmpty ? "fine" : "damaged"), \(Notation.count(scan.nodes, "znode")), "
                        + Notation.count(scan.sessions, "session"),
                    .object([
                        .init("file", .string(file.path)), .init("ok", .bool(problems.isEmpty)),
                        .init("znodes", .number(scan.nodes)), .init("sessions", .number(scan.sessions)),
                        .init("problems", .strings(problems)),
                    ]))
            }
        }
        return code
    }
}

/// `corral snapshot summary`: what a tree is made of.
public struct SnapshotSummary {
    /// How many of the largest are named.
    public var top: Int
    /// Subtrees are told apart by so many names of their path.
    public var depth: Int

    public init(top: Int = 10, depth: Int = 1) {
        self.top = top
        self.depth = depth
    }

    /// - Returns: the exit code.
    public func run(_ disk: any Disk, _ path: String, _ output: ToolOutput) throws(ToolError) -> Int32 {
        defer { output.flush() }
        let file = try ToolFiles.snapshots(disk, path)[0]
        var totals = SnapshotTotals(top: top, depth: depth)
        let scan = SnapshotScan(onNode: { node, scan in totals.add(node, depth: scan.depth) })
        let error = try scan.read(disk, file)
        totals.finish()
        if output.isText {
            totals.print(file, scan, output)
        } else {
            output.line(totals.json(file, scan).text)
        }
        if let error { output.remark("\(error)") }
        return error == nil ? ToolExit.fine : ToolExit.found
    }
}

/// The sums over one snapshot.
struct SnapshotTotals {
    struct Subtree {
        var nodes = 0
        var ephemerals = 0
        var bytes = 0
    }

    private let depth: Int
    private let top: Int
    private var all = Subtree()
    private var containers = 0
    private var timed = 0
    private var newest: Int64 = 0
    private var subtrees: [PathKey: Subtree] = [:]
    private var largest: Largest<String>
    private var widest: Largest<String>
    /// The way from the root to the last node, with children counted so far.
    private var open: [(path: String, children: Int)] = []

    init(top: Int, depth: Int) {
        self.top = top
        self.depth = depth
        largest = Largest(top)
        widest = Largest(top)
    }

    mutating func add(_ node: SnapshotNode, depth: Int) {
        while open.count > depth { close() }
        if !open.isEmpty { open[open.count - 1].children += 1 }
        open.append((node.path, 0))
        let prefix = PathKey(PathText.prefix(node.path, depth: self.depth))
        all.nodes += 1
        all.bytes += node.data.count
        subtrees[prefix, default: Subtree()].nodes += 1
        subtrees[prefix, default: Subtree()].bytes += node.data.count
        newest = max(newest, node.stat.mzxid, node.stat.pzxid)
        switch node.lifetime {
        case .persistent: break
        case .ephemeral:
            all.ephemerals += 1
            subtrees[prefix, default: Subtree()].ephemerals += 1
        case .container: containers += 1
        case .ttl: timed += 1
        }
        largest.add(node.data.count, node.path)
    }

    private mutating func close() {
        let (path, children) = open.removeLast()
        if children > 0 { widest.add(children, path) }
    }

    mutating func finish() { while !open.isEmpty { close() } }

    private var ordered: [(path: String, subtree: Subtree)] {
        subtrees.sorted { ($1.value.nodes, $0.key) < ($0.value.nodes, $1.key) }
            .map { ($0.key.text, $0.value) }
    }

    func print(_ file: SnapshotFile, _ scan: SnapshotScan, _ output: ToolOutput) {
        output.line(file.path)
        output.line("  znodes         \(all.nodes), \(all.bytes) bytes of data")
        output.line(
            "  of these       \(all.ephemerals) ephemeral, \(containers) containers, \(timed) with a time to live")
        output.line("  sessions       \(scan.sessions)")
        output.line("  ACLs           \(scan.acls.count)")
        output.line("  newest zxid    \(Notation.hexadecimal(newest))")
        if let digest = scan.trailer.digest {
            let value = Notation.hexadecimal(digest.value)
            output.line("  digest         \(value) at zxid \(Notation.hexadecimal(digest.zxid))")
        }
        if let zxid = scan.trailer.lastProcessedZxid { output.line("  written up to  \(Notation.hexadecimal(zxid))") }
        output.line("  subtrees           znodes ephemerals          bytes")
        for (path, subtree) in ordered.prefix(top) {
            output.line(
                "    \(LogTotals.right(subtree.nodes, 21)) \(LogTotals.right(subtree.ephemerals, 10)) "
                    + "\(LogTotals.right(subtree.bytes, 14))  \(Notation.path(path))")
        }
        output.line("  largest")
        for (bytes, path) in largest.elements where bytes > 0 {
            output.line("    \(LogTotals.right(bytes, 10)) bytes     \(Notation.path(path))")
        }
        output.line("  most children")
        for (children, path) in widest.elements {
            output.line("    \(LogTotals.right(children, 10)) children  \(Notation.path(path))")
        }
    }

    func json(_ file: SnapshotFile, _ scan: SnapshotScan) -> JSONValue {
        func list(_ entries: [(weight: Int, element: String)], _ name: String) -> JSONValue {
            .array(
                entries.map { .object([.init("path", .string($0.element)), .init(name, .number($0.weight))]) })
        }
        let digest = scan.trailer.digest.map { digest in
            JSONValue.object([
                .init("zxid", .hexadecimal(digest.zxid)), .init("version", .number(digest.version)),
                .init("value", .hexadecimal(digest.value)),
            ])
        }
        return .object([
            .init("file", .string(file.path)), .init("znodes", .number(all.nodes)), .init("bytes", .number(all.bytes)),
            .init("ephemerals", .number(all.ephemerals)), .init("containers", .number(containers)),
            .init("timed", .number(timed)), .init("sessions", .number(scan.sessions)),
            .init("acls", .number(scan.acls.count)), .init("newestZxid", .hexadecimal(newest)),
            .init("digest", digest ?? .null),
            .init("lastProcessedZxid", scan.trailer.lastProcessedZxid.map { JSONValue.hexadecimal($0) } ?? .null),
            .init(
                "subtrees",
                .array(
                    ordered.prefix(top).map {
                        .object([
                            .init("path", .string($0.path)), .init("znodes", .number($0.subtree.nodes)),
                            .init("ephemerals", .number($0.subtree.ephemerals)),
                            .init("bytes", .number($0.subtree.bytes)),
                        ])
                    })),
            .init("largest", list(largest.elements.filter { $0.weight > 0 }, "bytes")),
            .init("widest", list(widest.elements, "children")),
        ])
    }
}
