import DataTree
import Jute
import Testing
import ZooKeeperProtocol

/// Values recorded from Apache ZooKeeper's own `DataTree` (with extended types enabled), fed the same transactions.
@Suite("Golden values of Apache's DataTree")
struct ApacheGoldenTests {
    private struct Step {
        var type: OpCode
        var record: [UInt8]
        var digest: UInt64
        var nodeCount: Int
    }

    private static let readable = [ACL(permissions: Permission.read, identity: .anyone)]

    private static func text(_ string: String) -> [UInt8] { [UInt8](string.utf8) }

    private static func create(_ path: String, _ data: String, _ cversion: Int32) -> [UInt8] {
        TxnWriter.create(path, text(data), parentCversion: cversion)
    }

    private static let steps: [Step] = [
        Step(type: .create, record: create("/a", "hello", 1), digest: 3_742_096_842, nodeCount: 6),
        Step(
            type: .create2,
            record: TxnWriter.create("/a/b", nil, acl: readable, ephemeral: true, parentCversion: 1),
            digest: 6_954_997_609, nodeCount: 7),
        Step(
            type: .createContainer, record: TxnWriter.createContainer("/c", [], acl: ACL.open, parentCversion: 2),
            digest: 8_102_837_565, nodeCount: 8),
        Step(
            type: .createTTL,
            record: TxnWriter.createTTL("/t", text("x"), acl: ACL.open, parentCversion: 3, millis: 5000),
            digest: 14_071_865_973, nodeCount: 9),
        Step(
            type: .setData, record: TxnWriter.setData("/a", text("longer data é"), version: 1),
            digest: 13_960_290_116, nodeCount: 9),
        Step(type: .setACL, record: TxnWriter.setACL("/a", readable, version: 1), digest: 14_306_784_007, nodeCount: 9),
        Step(type: .create, record: create("/zookeeper/quota/a", "", 1), digest: 14_306_784_007, nodeCount: 10),
        Step(
            type: .create, record: create("/zookeeper/quota/a/zookeeper_limits", "count=5,bytes=100", 1),
            digest: 14_306_784_007, nodeCount: 11),
        Step(
            type: .create, record: create("/zookeeper/quota/a/zookeeper_stats", "count=0,bytes=0", 2),
            digest: 14_306_784_007, nodeCount: 12),
        Step(
            type: .create,
            record: TxnWriter.create("/a/é", [UInt8](repeating: 0, count: 10), parentCversion: 2),
            digest: 14_951_473_675, nodeCount: 13),
        Step(
            type: .setData, record: TxnWriter.setData("/", text("root"), version: 1), digest: 14_129_478_919,
            nodeCount: 13),
        Step(type: .closeSession, record: TxnWriter.closeSession(["/a/b"]), digest: 10_991_217_485, nodeCount: 12),
        Step(type: .delete, record: TxnWriter.delete("/c"), digest: 10_800_293_545, nodeCount: 11),
    ]

    private static let statsPath = "/zookeeper/quota/a/zookeeper_stats"

    @Test("digest, counts, quota counters and statistics after each step")
    func digests() throws {
        let driver = TreeDriver()
        #expect(driver.tree.digest == 1_371_985_504)
        #expect(driver.tree.nodeCount == 5)
        #expect(driver.tree.approximateDataSize == 44)
        let quotaTexts: [Int64: String] = [
            9: "count=2,bytes=14", 10: "count=3,bytes=24", 12: "count=2,bytes=24",
        ]
        let sizes: [Int64: Int] = [1: 51, 2: 55, 3: 57, 4: 60, 5: 69, 6: 69, 7: 87, 8: 139]
        for step in Self.steps {
            #expect(driver.apply(step.type, step.record) == .ok)
            #expect(driver.tree.digest == step.digest, "after zxid \(driver.zxid)")
            #expect(driver.tree.nodeCount == step.nodeCount)
            if let text = quotaTexts[driver.zxid] { #expect(driver.tree.text(Self.statsPath) == text) }
            if let size = sizes[driver.zxid] { #expect(driver.tree.approximateDataSize == size) }
        }
        #expect(try numbers(driver.tree, "/") == [0, 11, 0, 1110, 1, 3, 0, 0, 4, 3, 13])
        #expect(try numbers(driver.tree, "/a") == [1, 5, 1010, 1050, 1, 3, 1, 0, 14, 1, 12])
        #expect(try numbers(driver.tree, "/t") == [4, 4, 1040, 1040, 0, 0, 0, 0, 1, 0, 4])
        #expect(try numbers(driver.tree, "/zookeeper/config") == [0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0])
        #expect(try numbers(driver.tree, "/zookeeper/quota") == [0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 7])
        #expect(try numbers(driver.tree, "/zookeeper") == [0, 0, 0, 0, 0, -2, 0, 0, 0, 2, 0])
        let timed = try #require(driver.tree.find("/t"))
        #expect(driver.tree.stat(of: timed).ephemeralOwner == -72_057_594_037_922_936)
    }

    /// In the order in which Apache prints a Stat.
    private func numbers(_ tree: DataTree, _ path: String) throws -> [Int64] {
        let stat = tree.clientStat(of: try #require(tree.find(path)))
        return [
            stat.czxid, stat.mzxid, stat.ctime, stat.mtime, Int64(stat.version), Int64(stat.cversion),
            Int64(stat.aversion), stat.ephemeralOwner, Int64(stat.dataLength), Int64(stat.numChildren), stat.pzxid,
        ]
    }

    @Test("the snapshot's bytes of the ACL table and of a znode")
    func snapshotBytes() {
        let driver = TreeDriver()
        for step in Self.steps { driver.apply(step.type, step.record) }
        var acls = WireBuffer()
        driver.tree.appendACLMap(to: &acls)
        #expect(
            Self.hex(acls.bytes) == """
                000000020000000000000001000000010000000100000005776f726c6400000006616e796f6e65000000000000000200000001\
                0000001f00000005776f726c6400000006616e796f6e65
                """)
        var nodes = WireBuffer()
        driver.tree.beginWalk()
        #expect(driver.tree.walk(maximumNodes: 100, maximumBytes: 1 << 20, into: &nodes))
        let timed = """
            000000022f740000000178000000000000000200000000000000040000000000000004000000000000041000000000000004100000\
            00000000000000000000ff000000000013880000000000000004
            """
        #expect(Self.hex(nodes.bytes).contains(timed))
    }

    private static func hex(_ bytes: UnsafeRawBufferPointer) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
