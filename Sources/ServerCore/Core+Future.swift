import DataTree
import Jute
import ZooKeeperProtocol

/// The future state: the tree with everything prepared laid over it.
extension Core {
    /// "/" and "" both name the root; pending state files it under "".
    @inline(__always)
    private func key(_ path: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        path.count == 1 && path[0] == PathRules.slash ? UnsafeRawBufferPointer(rebasing: path[0..<0]) : path
    }

    func futureNode(_ path: UnsafeRawBufferPointer) throws(ErrorCode) -> PendingNode {
        guard let node = futureNodeIfAny(path) else { throw .noNode }
        return node
    }

    func futureNodeIfAny(_ path: UnsafeRawBufferPointer) -> PendingNode? {
        if let node = pending.node(at: key(path)) { return node.exists ? node : nil }
        guard let index = tree.find(path) else { return nil }
        return PendingNode(
            exists: true, stat: tree.stat(of: index), childCount: tree.childCount(of: index),
            dataLength: Int32(tree.data(of: index)?.count ?? 0), acl: tree.acl(of: index), prefixChecksum: nil,
            digest: tree.nodeDigest(of: index), zxid: 0)
    }

    /// Records a node's new state, and moves the future digest by the difference.
    func stage(_ node: inout PendingNode, at path: UnsafeRawBufferPointer, _ zxid: Int64) {
        node.zxid = zxid
        if configuration.treeDigestEnabled {
            let before = node.digest
            if node.prefixChecksum == nil {
                // Only a node straight from the tree lacks it: everything staged before has it.
                node.prefixChecksum = prefixChecksum(path, tree.find(path).flatMap { tree.data(of: $0) })
            }
            node.digest = ZnodeDigest.isExcluded(path) ? 0 : ZnodeDigest.extend(node.prefixChecksum!, by: node.stat)
            futureDigest = futureDigest &- before &+ node.digest
        }
        pending.record(node, at: key(path))
    }

    func stageRemoval(
        of node: PendingNode, at path: UnsafeRawBufferPointer, _ parent: inout PendingNode,
        _ parentPath: UnsafeRawBufferPointer, _ zxid: Int64
    ) {
        parent.childCount -= 1
        parent.stat.pzxid = zxid
        stage(&parent, at: parentPath, zxid)
        var gone = node
        gone.exists = false
        gone.zxid = zxid
        if configuration.treeDigestEnabled { futureDigest = futureDigest &- node.digest }
        gone.digest = 0
        pending.record(gone, at: key(path))
    }

    // MARK: digest

    func prefixChecksum(_ path: UnsafeRawBufferPointer, _ data: UnsafeRawBufferPointer?) -> UInt32? {
        configuration.treeDigestEnabled ? ZnodeDigest.prefix(path: path, data: data) : nil
    }

    // MARK: quota

    /// Refuses what would exceed a hard quota, when `enforceQuota` is on. As Apache, against the counts applied so far.
    func checkQuota(_ path: UnsafeRawBufferPointer, bytesAdded: Int, nodesAdded: Int) throws(ErrorCode) {
        guard configuration.enforceQuota else { return }
        let verdict = tree.checkQuota(
            path: path, bytesDifference: Int64(bytesAdded), countDifference: Int64(nodesAdded))
        if verdict == .overHardLimit { throw .quotaExceeded }
    }
}
