import Jute
import ZooKeeperProtocol

/// Adding, changing and removing single znodes, with everything counted along. Owner thread only.
extension DataTree {
    /// Adds a znode whose parent exists and whose path is new, at the head of its siblings: a walk in progress
    /// moves forward only and so never meets a znode younger than its parent's visit, hence no path twice.
    ///
    /// The parent's `cversion`, `pzxid` and digest are the caller's.
    func addNode(
        _ path: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer?, stat: StatPersisted, aclSlot: UInt32,
        parent: NodeIndex? = nil
    ) -> NodeIndex {
        let index = arena.allocate()
        let node = arena[index]
        node.fill(path: path, data: data, stat: stat, clientOwner: clientOwner(stat.ephemeralOwner))
        node.pointee.aclSlot = aclSlot
        node.pointee.worldPermissions = acls.set(aclSlot).worldPermissions
        table.insert(hash(path), index)
        if index != Self.root, let slash = path.lastSlash, let parent = parent ?? findParent(path, slash: slash) {
            let above = arena[parent]
            node.pointee.parent = parent
            let next = above.pointee.firstChild
            node.pointee.nextSibling = next
            if next != 0 { arena[next].pointee.previousSibling = index }
            above.pointee.firstChild = index
            above.pointee.childCount += 1
            above.refreshChildFields()
        }
        approximateDataSize += path.utf16Length + (data?.count ?? 0)
        linkKin(index)
        if isQuotaLimit(path) { quotaLimitCount += 1 }
        refreshDigest(index)
        return index
    }

    /// Removes a childless znode. The parent's `pzxid` is the caller's.
    func removeLeaf(_ index: NodeIndex) {
        let node = arena[index]
        precondition(node.pointee.firstChild == 0 && index != Self.root)
        if walkCursor == index { walkCursor = following(index, within: Self.root) }
        let path = node.path
        table.remove(hash(path), index)
        let next = node.pointee.nextSibling
        let previous = node.pointee.previousSibling
        let parent = arena[node.pointee.parent]
        if next != 0 { arena[next].pointee.previousSibling = previous }
        if previous != 0 {
            arena[previous].pointee.nextSibling = next
        } else {
            parent.pointee.firstChild = next
        }
        parent.pointee.childCount -= 1
        parent.refreshChildFields()
        approximateDataSize -= path.utf16Length + node.dataLength
        unlinkKin(index)
        if isQuotaLimit(path) { quotaLimitCount -= 1 }
        digest &-= UInt64(node.pointee.digest)
        acls.release(node.pointee.aclSlot)
        if recentParent == index { recentParent = 0 }
        arena.release(index)
    }

    /// Replaces a znode's data and nothing else of its state.
    func replaceData(_ index: NodeIndex, _ data: UnsafeRawBufferPointer?) {
        let node = arena[index]
        approximateDataSize += (data?.count ?? 0) - node.dataLength
        node.replaceData(data)
    }

    /// Gives a znode the list of `slot`, whose use is already counted.
    func setACLSlot(_ index: NodeIndex, _ slot: UInt32) {
        let node = arena[index]
        acls.release(node.pointee.aclSlot)
        node.pointee.aclSlot = slot
        node.pointee.worldPermissions = acls.set(slot).worldPermissions
    }

    /// Recomputes a znode's digest after a change, and with it the tree's.
    func refreshDigest(_ index: NodeIndex) {
        if !digestEnabled { return }
        let node = arena[index]
        let new = ZnodeDigest.compute(path: node.path, data: node.data, stat: node.persistedStat)
        digest = digest &- UInt64(node.pointee.digest) &+ new
        node.pointee.digest = UInt32(truncatingIfNeeded: new)
    }

    /// Sets the content of `/zookeeper/config`, as Apache does at a server's start: under version -1 and no zxid.
    public func setConfiguration(_ data: UnsafeRawBufferPointer, wallMillis: Int64) {
        guard let index = find(UnsafeRawBufferPointer("/zookeeper/config")) else { return }
        replaceData(index, data)
        let stat = arena[index].stat
        stat.storeWire(Int32(-1), at: StatOffset.version)
        stat.storeWire(wallMillis, at: StatOffset.mtime)
    }
}
