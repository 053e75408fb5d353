import Jute
import ZooKeeperProtocol

/// The tree of znodes with its ACL table, ephemerals, containers, quotas, digest and watches.
///
/// Ownership: one thread, the owner, changes the tree (`apply`, loading), and only while it holds the writer side
/// of a lock that the tree does not know about. Any thread may call the read functions under the reader side; the
/// owner itself needs no lock to read, nor for `intern` and the quota functions, which are its alone. The walk of
/// a snapshot runs on one other thread under the reader side. Views (`path(of:)`, `data(of:)`) are valid until the
/// lock is given up. `watches` has its own lock.
public final class DataTree: @unchecked Sendable {
    static let root: NodeIndex = 1

    let arena = ZnodeArena()
    let table = HashIndex()
    let seed: UInt64
    let digestEnabled: Bool
    let extendedTypesEnabled: Bool
    var acls: ACLTable

    /// The watches set on paths of this tree.
    public let watches: WatchTable

    /// The newest transaction that the tree contains whole.
    public var lastProcessedZxid: Int64 = 0
    /// The sum of all znodes' digests modulo 2^64 (`ZnodeDigest`); 0 when digests are off.
    public internal(set) var digest: UInt64 = 0
    /// Length of paths (in UTF-16 units, the root once) plus length of data, in bytes.
    public internal(set) var approximateDataSize = 0
    /// Ephemeral znodes of all sessions.
    public internal(set) var ephemeralCount = 0

    var ephemerals: [Int64: KinList] = [:]
    var containers = KinList()
    var timed = KinList()
    /// Limits below `/zookeeper/quota`; without any, a write spends one branch on quotas.
    var quotaLimitCount = 0
    /// The next znode of the walk; 0 when there is none.
    var walkCursor: NodeIndex = 0
    /// The parent of the znode loaded last: a snapshot lists siblings together.
    var recentParent: NodeIndex = 0
    /// Paths built by the owner (quota records, sessions' ephemerals).
    var scratch = WireBuffer()

    /// A tree with the znodes every ZooKeeper tree has: `/`, `/zookeeper`, `/zookeeper/quota`, `/zookeeper/config`.
    ///
    /// - Parameters:
    ///   - digestEnabled: whether to keep `digest`.
    ///   - extendedTypesEnabled: whether owners may carry a time to live.
    ///   - seed: keys the hashes of paths; random, except where runs must repeat exactly.
    public init(
        digestEnabled: Bool = true, extendedTypesEnabled: Bool = false, seed: UInt64 = .random(in: .min ... .max)
    ) {
        self.seed = seed
        self.digestEnabled = digestEnabled
        self.extendedTypesEnabled = extendedTypesEnabled
        acls = ACLTable(seed: seed)
        watches = WatchTable(seed: seed)
        plantBase()
    }

    deinit {
        arena.destroy()
        table.destroy()
        acls.destroy()
    }

    /// The four znodes, with statistics of zeros and no children counted in `cversion`, as Apache makes them.
    func plantBase() {
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        let zeros = StatPersisted()
        for path in ["/", "/zookeeper", "/zookeeper/quota"] as [StaticString] {
            _ = addNode(UnsafeRawBufferPointer(path), data: empty, stat: zeros, aclSlot: ACLTable.openSlot)
        }
        // Its ACL is set by a setACL with version -1, which is what `aversion` shows.
        var configStat = zeros
        configStat.aversion = -1
        var readable = WireBuffer()
        ACL.encode([ACL(permissions: Permission.read, identity: .anyone)], to: &readable)
        guard let slot = try? acls.retain(readable.bytes) else { preconditionFailure("a list of our own") }
        _ = addNode(UnsafeRawBufferPointer("/zookeeper/config"), data: empty, stat: configStat, aclSlot: slot)
    }

    // MARK: Lookup

    @inline(__always)
    func hash(_ path: UnsafeRawBufferPointer) -> UInt64 { PathHash.hash(path, seed: seed) }

    @inline(__always)
    func find(_ path: UnsafeRawBufferPointer, _ hash: UInt64) -> NodeIndex? {
        let arena = self.arena
        return table.find(hash) { index in
            let node = arena[index]
            return Int(node.pointee.pathLength) == path.count && path.equals(node.path.baseAddress!)
        }
    }

    /// The znode at a path; the empty path names the root too.
    public func find(_ path: UnsafeRawBufferPointer) -> NodeIndex? {
        if let index = find(path, hash(path)) { return index }
        return path.count == 0 ? Self.root : nil
    }

    /// The parent that a path's bytes name. - Parameter slash: where the path's last `/` is.
    @inline(__always)
    func findParent(_ path: UnsafeRawBufferPointer, slash: Int) -> NodeIndex? {
        if slash == 0 { return Self.root }
        let parent = path.prefix(length: slash)
        return find(parent, hash(parent))
    }

    // MARK: Facts

    /// Znodes as Apache counts them: the root counts twice, for its two names.
    public var nodeCount: Int { arena.count + 1 }

    /// As the disk keeps it.
    public func stat(of node: NodeIndex) -> StatPersisted { arena[node].persistedStat }

    /// As clients see it.
    public func clientStat(of node: NodeIndex) -> Stat { arena[node].clientStat }

    public func childCount(of node: NodeIndex) -> Int32 { arena[node].pointee.childCount }

    public func acl(of node: NodeIndex) -> ACLSet { acls.set(arena[node].pointee.aclSlot) }

    /// Permissions of `world:anyone`, for the common access check.
    public func worldPermissions(of node: NodeIndex) -> Int32 { arena[node].pointee.worldPermissions }

    /// nil for null data.
    public func data(of node: NodeIndex) -> UnsafeRawBufferPointer? { arena[node].data }

    public func nodeDigest(of node: NodeIndex) -> UInt64 { UInt64(arena[node].pointee.digest) }

    /// The root's is `/`.
    public func path(of node: NodeIndex) -> UnsafeRawBufferPointer { arena[node].path }

    /// nil for the root.
    public func parent(of node: NodeIndex) -> NodeIndex? {
        let parent = arena[node].pointee.parent
        return parent == 0 ? nil : parent
    }

    /// All znodes below this one, as `getAllChildrenNumber` counts them. Takes time linear in the answer.
    public func descendantCount(of node: NodeIndex) -> Int {
        if node == Self.root { return arena.count - 1 }
        var count = 0
        forEachDescendant(of: node) { _ in count += 1 }
        return count
    }

    /// Bytes held by the fixed-size structures: records and hash table. Paths and data are blocks beside them.
    public var structureBytes: Int { arena.reservedBytes + table.reservedBytes }

    /// Bytes the tree occupies: structures, and blocks as glibc's malloc rounds them. Walks the whole tree.
    public var memoryBytes: Int {
        var bytes = structureBytes
        let add = { [arena] (index: NodeIndex) in
            let node = arena[index]
            bytes += (Int(node.pointee.pathLength) + node.imageSize + 8 + 15) & ~15
        }
        add(Self.root)
        forEachDescendant(of: Self.root, add)
        return bytes
    }

    /// Znodes that a fuzzy snapshot left without their ACL. Zero once the log has been replayed over it.
    public var unresolvedACLCount: Int { acls.unresolvedCount }

    // MARK: Traversal

    /// The next znode in pre-order that is not below this one; 0 at the end of `top`'s subtree.
    func following(_ node: NodeIndex, within top: NodeIndex) -> NodeIndex {
        var current = node
        while current != top {
            let next = arena[current].pointee.nextSibling
            if next != 0 { return next }
            current = arena[current].pointee.parent
        }
        return 0
    }

    func forEachDescendant(of top: NodeIndex, _ body: (NodeIndex) -> Void) {
        var current = arena[top].pointee.firstChild
        while current != 0 {
            body(current)
            let child = arena[current].pointee.firstChild
            current = child != 0 ? child : following(current, within: top)
        }
    }

    func forEachChild(of node: NodeIndex, _ body: (NodeIndex) -> Void) {
        var current = arena[node].pointee.firstChild
        while current != 0 {
            body(current)
            current = arena[current].pointee.nextSibling
        }
    }

    // MARK: ACLs

    /// The shared object of a list: the tree's own if a znode has this list, else a new one with `unassignedId`.
    /// Owner thread only.
    public func intern(_ entries: [ACL]) -> ACLSet {
        var buffer = WireBuffer()
        ACL.encode(entries, to: &buffer)
        if let slot = acls.find(buffer.bytes) { return acls.set(slot) }
        return ACLSet(entries: entries, id: ACLSet.unassignedId)
    }

    /// The same for a list in wire form; no allocation when a znode has it. Owner thread only.
    public func intern(wire: UnsafeRawBufferPointer) throws(JuteError) -> ACLSet {
        if let slot = acls.find(wire) { return acls.set(slot) }
        return try ACLSet(wire: wire, id: ACLSet.unassignedId)
    }

    /// Lists in use, the open one not counted.
    public var aclCount: Int { acls.count }
}
