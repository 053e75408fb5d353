import DataTree
import Jute
import Testing
import ZooKeeperProtocol

@Suite("Random transactions against a naive model")
struct ModelTests {
    @Test("the tree equals the model", arguments: [1, 2, 3, 4] as [UInt64])
    func randomTxns(seed: UInt64) throws {
        var generator = RandomTxns(seed: seed)
        let driver = TreeDriver()
        for step in 0..<5000 {
            let txn = generator.next()
            driver.apply(txn.type, txn.record, session: txn.session)
            try #require(driver.result.error == txn.error, "seed \(seed) step \(step)")
            try #require(driver.result.multi.map(\.error) == txn.multi, "seed \(seed) step \(step)")
            checkStat(driver, generator.model, txn)
            if step % 250 == 0 {
                try #require(TreeModel(of: driver.tree) == generator.model, "seed \(seed) step \(step)")
                checkFacts(driver.tree, generator.model)
            }
        }
        #expect(driver.tree.lastProcessedZxid == generator.zxid)
        #expect(TreeModel(of: driver.tree) == generator.model)
        checkFacts(driver.tree, generator.model)
        // Each list of the pool that a znode has, counted once.
        let lists = Set(generator.model.nodes.values.map(\.acl))
        #expect((lists.count - 1...lists.count).contains(driver.tree.aclCount))
    }

    private func checkStat(_ driver: TreeDriver, _ model: TreeModel, _ txn: RandomTxns.Txn) {
        guard [.create2, .createTTL, .createContainer, .setData, .setACL].contains(txn.type) else { return }
        let range = driver.result.pathOffset..<(driver.result.pathOffset + driver.result.pathLength)
        let path = String(decoding: txn.record[range], as: UTF8.self)
        #expect(driver.result.stat == model.nodes[path]?.clientStat)
        #expect(driver.result.node == driver.tree.find(path))
    }

    private func checkFacts(_ tree: DataTree, _ model: TreeModel) {
        #expect(tree.nodeCount == model.nodes.count + 1)
        #expect(tree.digest == model.digest)
        #expect(tree.approximateDataSize == model.approximateDataSize)
        #expect(tree.unresolvedACLCount == 0)
        var ephemerals = 0
        for session in [1, 2, 3, 0x1234_5678_9abc] as [Int64] {
            let wanted = model.ephemerals(of: session)
            #expect(Set(tree.ephemeralPaths(of: session).map { String(decoding: $0, as: UTF8.self) }) == wanted)
            #expect(tree.ephemeralCount(of: session) == wanted.count)
            ephemerals += wanted.count
        }
        #expect(tree.ephemeralCount == ephemerals)
        for (path, node) in model.nodes {
            guard let index = tree.find(path) else { continue }
            #expect(tree.clientStat(of: index) == node.clientStat)
            #expect(tree.childCount(of: index) == Int32(node.children.count))
            let below = model.nodes.keys.filter { $0.hasPrefix(path == "/" ? "/" : path + "/") && $0 != path }
            #expect(tree.descendantCount(of: index) == below.count)
            checkReplies(tree, index, node)
        }
    }

    private func checkReplies(_ tree: DataTree, _ index: NodeIndex, _ node: ModelNode) {
        var reply = WireBuffer()
        tree.appendDataAndStat(of: index, to: &reply)
        var wanted = WireBuffer()
        TxnWriter.append(node.data, to: &wanted)
        node.clientStat.encode(to: &wanted)
        #expect([UInt8](reply.bytes) == [UInt8](wanted.bytes))
        reply.removeAll()
        tree.appendChildrenAndStat(of: index, to: &reply)
        tree.appendACL(of: index, to: &reply)
        var reader = JuteReader(reply.bytes)
        _ = try? reader.readVectorCount(minimumElementSize: 4)
        for _ in node.children { _ = try? reader.readBuffer() }
        #expect((try? Stat(from: &reader)) == node.clientStat)
        #expect((try? ACL.decodeList(from: &reader)) == node.acl)
        #expect(reader.remaining == 0)
    }
}
