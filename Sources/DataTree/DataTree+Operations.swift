import Jute
import ZooKeeperProtocol

/// The effects of single transactions, with their events. Owner thread only.
extension DataTree {
    func create(
        _ txn: CreateRecord, _ header: TxnHeader, _ outcome: inout MultiResult, _ fired: inout FiredEvents
    ) throws(JuteError) {
        guard let slash = txn.path.lastSlash, let parent = findParent(txn.path, slash: slash) else {
            outcome.error = .noNode
            return
        }
        let slot = try acls.retain(txn.acl)
        if let existing = find(txn.path) {
            // Only when replaying over a snapshot that already has the znode. It may lack its ACL (see `ACLTable`),
            // and its parent may have been written before it.
            setACLSlot(existing, slot)
            raiseCversion(parent, txn.parentCversion, zxid: header.zxid)
            outcome.error = .nodeExists
            return
        }
        raiseCversion(parent, txn.parentCversion, zxid: header.zxid)
        var stat = StatPersisted()
        stat.czxid = header.zxid
        stat.mzxid = header.zxid
        stat.pzxid = header.zxid
        stat.ctime = header.time
        stat.mtime = header.time
        stat.ephemeralOwner = txn.owner
        let node = addNode(txn.path, data: txn.data, stat: stat, aclSlot: slot, parent: parent)
        outcome.node = node
        if txn.path.starts(withBytes: UnsafeRawBufferPointer("/zookeeper/quota")) { startQuotaStat(txn.path) }
        countQuota(txn.path, bytes: txn.data?.count ?? 0, znodes: 1)
        if !watches.isEmpty {
            watches.fireCreated(
                path: txn.path, parent: arena[parent].path, zxid: header.zxid, acl: acls.set(slot),
                parentACL: acl(of: parent), &fired)
        }
    }

    /// Moves the parent's `cversion` to a creation's, never back: a replayed creation may be older than the parent.
    private func raiseCversion(_ parent: NodeIndex, _ wanted: Int32, zxid: Int64) {
        let node = arena[parent]
        let cversion = wanted == -1 ? node.pointee.cversion &+ 1 : wanted
        guard cversion > node.pointee.cversion else { return }
        node.pointee.cversion = cversion
        node.refreshChildFields()
        node.stat.storeWire(zxid, at: StatOffset.pzxid)
        refreshDigest(parent)
    }

    func delete(_ path: UnsafeRawBufferPointer, zxid: Int64, _ fired: inout FiredEvents) -> ErrorCode {
        guard let slash = path.lastSlash, let parent = findParent(path, slash: slash) else { return .noNode }
        let above = arena[parent]
        // Also when the znode is gone already: the parent may have been written before the deletion.
        if zxid > UnsafeRawPointer(above.stat).wireInt64(at: StatOffset.pzxid) {
            above.stat.storeWire(zxid, at: StatOffset.pzxid)
            refreshDigest(parent)
        }
        guard let node = find(path, hash(path)), node != Self.root else { return .noNode }
        let watched = !watches.isEmpty
        let acl = watched ? self.acl(of: node) : nil
        let dataLength = arena[node].dataLength
        if arena[node].pointee.firstChild != 0 { removeDescendants(of: node) }
        removeLeaf(node)
        countQuota(path, bytes: -dataLength, znodes: -1)
        if watched {
            watches.fireDeleted(
                path: path, parent: above.path, zxid: zxid, acl: acl, parentACL: self.acl(of: parent), &fired)
        }
        return .ok
    }

    /// Only when replaying over a fuzzy snapshot: the znode was deleted childless, created again, and got these
    /// children, all before the walk reached it. The log goes on to create them again, so they must go now.
    private func removeDescendants(of top: NodeIndex) {
        while arena[top].pointee.firstChild != 0 {
            var leaf = arena[top].pointee.firstChild
            while arena[leaf].pointee.firstChild != 0 { leaf = arena[leaf].pointee.firstChild }
            countQuota(arena[leaf].path, bytes: -arena[leaf].dataLength, znodes: -1)
            removeLeaf(leaf)
        }
    }

    func setData(
        _ path: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer?, version: Int32, _ header: TxnHeader,
        _ outcome: inout MultiResult, _ fired: inout FiredEvents
    ) {
        guard let index = find(path) else {
            outcome.error = .noNode
            return
        }
        let node = arena[index]
        let grown = (data?.count ?? 0) - node.dataLength
        replaceData(index, data)
        let stat = node.stat
        stat.storeWire(header.zxid, at: StatOffset.mzxid)
        stat.storeWire(header.time, at: StatOffset.mtime)
        stat.storeWire(version, at: StatOffset.version)
        refreshDigest(index)
        outcome.node = index
        outcome.stat = node.clientStat
        countQuota(path, bytes: grown, znodes: 0)
        if !watches.isEmpty {
            watches.fireDataChanged(path: path, zxid: header.zxid, acl: acl(of: index), &fired)
        }
    }

    func setACL(
        _ path: UnsafeRawBufferPointer, _ wire: UnsafeRawBufferPointer?, version: Int32, _ outcome: inout MultiResult
    ) throws(JuteError) {
        guard let index = find(path) else {
            outcome.error = .noNode
            return
        }
        setACLSlot(index, try acls.retain(wire))
        let node = arena[index]
        node.stat.storeWire(version, at: StatOffset.aversion)
        refreshDigest(index)
        outcome.node = index
        outcome.stat = node.clientStat
    }
}
