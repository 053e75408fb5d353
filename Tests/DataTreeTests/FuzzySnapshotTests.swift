import DataTree
import Jute
import Testing
import ZooKeeperProtocol

@Suite("Fuzzy snapshots")
struct FuzzySnapshotTests {
    /// Loads what a walk wrote (with the end mark) into a new tree.
    static func load(_ bytes: UnsafeRawBufferPointer) throws -> DataTree {
        let tree = DataTree(extendedTypesEnabled: true)
        var reader = JuteReader(bytes)
        try tree.loadACLMap(from: &reader)
        while try tree.loadNode(from: &reader) {}
        tree.finishLoad()
        #expect(reader.remaining == 0)
        return tree
    }

    static func replay(_ log: [LoggedTxn], after zxid: Int64, on tree: DataTree) {
        var result = ApplyResult()
        for txn in log where txn.header.zxid > zxid {
            txn.record.withUnsafeBytes { bytes in
                var reader = JuteReader(bytes)
                tree.applyReplay(header: txn.header, record: &reader, result: &result)
            }
            // Nothing else may go wrong over a snapshot that is ahead of the log.
            let tolerated: [ErrorCode] = [.ok, .noNode, .nodeExists, .badVersion]
            #expect(tolerated.contains(result.error))
        }
    }

    @Test("a snapshot taken during changes, plus the log, is the tree", arguments: Array(1...60) as [UInt64])
    func walkDuringMutations(seed: UInt64) throws {
        var generator = RandomTxns(seed: seed &* 7919)
        let driver = TreeDriver()
        func run(_ count: Int) {
            for _ in 0..<count {
                let txn = generator.next()
                driver.apply(txn.type, txn.record, session: txn.session)
            }
        }
        run(Int.random(in: 0...400, using: &generator.random))
        let start = driver.tree.lastProcessedZxid
        var snapshot = WireBuffer()
        driver.tree.appendACLMap(to: &snapshot)
        // Changes may come between the list of ACLs and the first znode too.
        run(3)
        driver.tree.beginWalk()
        while !driver.tree.walk(
            maximumNodes: Int.random(in: 1...4, using: &generator.random), maximumBytes: 2000, into: &snapshot)
        {
            run(Int.random(in: 0...12, using: &generator.random))
        }
        snapshot.append(string: "/")
        run(Int.random(in: 0...50, using: &generator.random))
        let loaded = try Self.load(snapshot.bytes)
        loaded.lastProcessedZxid = start
        Self.replay(driver.log, after: start, on: loaded)
        #expect(TreeModel(of: loaded) == generator.model, "seed \(seed)")
        #expect(loaded.digest == driver.tree.digest)
        #expect(loaded.nodeCount == driver.tree.nodeCount)
        #expect(loaded.approximateDataSize == driver.tree.approximateDataSize)
        #expect(loaded.ephemeralCount == driver.tree.ephemeralCount)
        #expect(loaded.lastProcessedZxid == driver.tree.lastProcessedZxid)
        #expect(loaded.unresolvedACLCount == 0)
        for session in driver.tree.sessionsWithEphemerals {
            #expect(Set(loaded.ephemeralPaths(of: session)) == Set(driver.tree.ephemeralPaths(of: session)))
        }
    }

    @Test("a quiet walk writes the very tree, in slices of any size", arguments: [1, 3, 1000])
    func quietWalk(slice: Int) throws {
        var generator = RandomTxns(seed: 99)
        let driver = TreeDriver()
        for _ in 0..<500 {
            let txn = generator.next()
            driver.apply(txn.type, txn.record, session: txn.session)
        }
        var snapshot = WireBuffer()
        driver.tree.appendACLMap(to: &snapshot)
        driver.tree.beginWalk()
        while !driver.tree.walk(maximumNodes: slice, maximumBytes: .max / 2, into: &snapshot) {}
        snapshot.append(string: "/")
        let loaded = try Self.load(snapshot.bytes)
        #expect(TreeModel(of: loaded) == generator.model)
        #expect(loaded.digest == generator.model.digest)
        #expect(loaded.aclCount == driver.tree.aclCount)
    }

    @Test("every truncation of a snapshot is refused, none crashes")
    func truncations() throws {
        let driver = TreeDriver()
        driver.create("/a", "text")
        driver.create("/a/b", nil, acl: [ACL(permissions: 1, identity: .anyone)])
        var snapshot = WireBuffer()
        driver.tree.appendACLMap(to: &snapshot)
        driver.tree.beginWalk()
        #expect(driver.tree.walk(maximumNodes: 100, maximumBytes: 1 << 20, into: &snapshot))
        snapshot.append(string: "/")
        let whole = [UInt8](snapshot.bytes)
        for length in 0..<whole.count {
            #expect(throws: TreeLoadError.self) {
                try Array(whole[..<length]).withUnsafeBytes { _ = try Self.load($0) }
            }
        }
    }

    @Test("a znode before its parent, or twice, is refused")
    func brokenOrder() throws {
        let tree = DataTree()
        func node(_ path: String) -> [UInt8] {
            TxnWriter.bytes { buffer in
                buffer.append(string: path)
                buffer.append(int32: 0)
                buffer.append(int64: -1)
                StatPersisted().encode(to: &buffer)
            }
        }
        let bytes = [0, 0, 0, 0] + node("") + node("/a") + node("/b/c") + node("/a")
        try bytes.withUnsafeBytes { raw in
            var reader = JuteReader(raw)
            try tree.loadACLMap(from: &reader)
            try tree.loadNode(from: &reader)
            try tree.loadNode(from: &reader)
            #expect(throws: TreeLoadError.missingParent(path: "/b/c")) { try tree.loadNode(from: &reader) }
            #expect(throws: TreeLoadError.duplicate(path: "/a")) { try tree.loadNode(from: &reader) }
        }
    }

    @Test("an ACL that the snapshot does not define lets nobody in until the log brings it")
    func unresolvedACL() throws {
        let driver = TreeDriver()
        let secret = [ACL(permissions: Permission.all, identity: Identity(scheme: "digest", id: "u:p"))]
        var snapshot = WireBuffer()
        driver.tree.appendACLMap(to: &snapshot)
        driver.create("/a", "x", acl: secret)
        driver.tree.beginWalk()
        #expect(driver.tree.walk(maximumNodes: 100, maximumBytes: 1 << 20, into: &snapshot))
        snapshot.append(string: "/")
        let loaded = try Self.load(snapshot.bytes)
        let node = try #require(loaded.find("/a"))
        #expect(loaded.unresolvedACLCount == 1)
        #expect(loaded.worldPermissions(of: node) == 0)
        #expect(!loaded.acl(of: node).entries.isEmpty)
        Self.replay(driver.log, after: 0, on: loaded)
        #expect(loaded.unresolvedACLCount == 0)
        #expect(loaded.acl(of: node).entries == secret)
    }
}
