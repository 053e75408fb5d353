import Jute
import ZooKeeperProtocol

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Why a snapshot cannot be loaded.
public enum TreeLoadError: Error, Equatable, Sendable {
    /// The bytes are no record of the format.
    case malformed(JuteError)
    /// A znode stands before its parent, or without one.
    case missingParent(path: String)
    /// A znode stands twice.
    case duplicate(path: String)
}

/// Writing the tree, a slice at a time, in the form of Apache's `DataTree.serialize`.
extension DataTree {
    /// The table of ACLs, which precedes the znodes.
    public func appendACLMap(to buffer: inout WireBuffer) { acls.encode(to: &buffer) }

    /// Starts a walk at the root. One walk at a time.
    public func beginWalk() { walkCursor = Self.root }

    /// Writes the next znodes in pre-order, each as path and record; the root's path is empty. The tree may change
    /// between slices: the walk writes every znode that lives through it, each path at most once, parents first.
    ///
    /// - Returns: whether the walk has reached the end (the caller then writes the end mark, the path `/`).
    public func walk(maximumNodes: Int, maximumBytes: Int, into buffer: inout WireBuffer) -> Bool {
        let limit = buffer.count + maximumBytes
        var left = maximumNodes
        while walkCursor != 0 {
            if left <= 0 || buffer.count >= limit { return false }
            appendNode(walkCursor, to: &buffer)
            left -= 1
            let child = arena[walkCursor].pointee.firstChild
            walkCursor = child != 0 ? child : following(walkCursor, within: Self.root)
        }
        return true
    }

    private func appendNode(_ index: NodeIndex, to buffer: inout WireBuffer) {
        let node = arena[index]
        if index == Self.root {
            buffer.append(int32: 0)
        } else {
            buffer.append(buffer: node.path)
        }
        // Length and data stand in the image as the record wants them.
        buffer.append(raw: UnsafeRawBufferPointer(start: node.image, count: 4 + node.dataLength))
        buffer.append(int64: acls.id(node.pointee.aclSlot))
        let wire = buffer.appendUninitialized(StatPersisted.wireSize)
        // Up to and with `version` both kinds of Stat agree.
        memcpy(wire, node.stat, StatOffset.cversion)
        wire.storeWire(node.pointee.cversion, at: 36)
        memcpy(wire + 40, node.stat + StatOffset.aversion, 4)
        wire.storeWire(node.pointee.ephemeralOwner, at: 44)
        memcpy(wire + 52, node.stat + StatOffset.pzxid, 8)
    }
}

/// Loading a snapshot: `loadACLMap`, `loadNode` until it answers false, `finishLoad`. Owner thread only.
extension DataTree {
    /// Makes the tree a fresh one. Watches stay as they are.
    public func empty() {
        clear()
        acls.destroy()
        acls = ACLTable(seed: seed)
        lastProcessedZxid = 0
        plantBase()
    }

    private func clear() {
        table.removeAll()
        arena.removeAll()
        digest = 0
        approximateDataSize = 0
        ephemeralCount = 0
        ephemerals.removeAll()
        containers = KinList()
        timed = KinList()
        quotaLimitCount = 0
        walkCursor = 0
        recentParent = 0
    }

    /// Empties the tree and reads the table of ACLs.
    public func loadACLMap(from reader: inout JuteReader) throws(TreeLoadError) {
        clear()
        do { try acls.load(from: &reader) } catch { throw .malformed(error) }
    }

    /// Reads one znode.
    ///
    /// - Returns: false for the end mark, which is consumed.
    @discardableResult
    public func loadNode(from reader: inout JuteReader) throws(TreeLoadError) -> Bool {
        let path: UnsafeRawBufferPointer
        let data: UnsafeRawBufferPointer?
        let aclId: Int64
        let stat: StatPersisted
        do throws(JuteError) {
            path = try reader.readStringBytes()
            if path.equals(UnsafeRawBufferPointer("/")) { return false }
            data = try reader.readBuffer()
            aclId = try reader.readInt64()
            stat = try StatPersisted(from: &reader)
        } catch {
            throw .malformed(error)
        }
        if path.count == 0 {
            if arena.count > 0 { throw .duplicate(path: "/") }
            let slot = acls.retainLoaded(id: aclId)
            _ = addNode(UnsafeRawBufferPointer("/"), data: data, stat: stat, aclSlot: slot)
            return true
        }
        guard arena.count > 0, let slash = path.lastSlash, let parent = loadedParent(path, slash: slash) else {
            throw .missingParent(path: String(decoding: path, as: UTF8.self))
        }
        if find(path, hash(path)) != nil { throw .duplicate(path: String(decoding: path, as: UTF8.self)) }
        _ = addNode(path, data: data, stat: stat, aclSlot: acls.retainLoaded(id: aclId), parent: parent)
        return true
    }

    private func loadedParent(_ path: UnsafeRawBufferPointer, slash: Int) -> NodeIndex? {
        if slash == 0 { return Self.root }
        if recentParent != 0, arena[recentParent].path.equals(path.prefix(length: slash)) { return recentParent }
        let parent = findParent(path, slash: slash)
        recentParent = parent ?? 0
        return parent
    }

    /// Ends a load: unused ACLs go, quotas are counted anew. A snapshot without any znode gives a fresh tree.
    public func finishLoad() {
        if arena.count == 0 { plantBase() }
        acls.finishLoad()
        recentParent = 0
        recountQuotas()
    }
}
