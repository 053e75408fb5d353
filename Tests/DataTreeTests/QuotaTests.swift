import DataTree
import Jute
import Testing
import ZooKeeperProtocol

@Suite("Quotas")
struct QuotaTests {
    private func track(_ text: String) -> QuotaTrack {
        [UInt8](text.utf8).withUnsafeBytes { QuotaTrack($0) }
    }

    private func check(_ tree: DataTree, _ path: String, bytes: Int64, count: Int64) -> QuotaVerdict {
        [UInt8](path.utf8).withUnsafeBytes {
            tree.checkQuota(path: $0, bytesDifference: bytes, countDifference: count)
        }
    }

    private func limited(_ limits: String) -> TreeDriver {
        let driver = TreeDriver()
        driver.create("/a", "12345")
        driver.create("/a/b", "123")
        driver.create("/zookeeper/quota/a")
        driver.create("/zookeeper/quota/a/zookeeper_limits", limits)
        driver.create("/zookeeper/quota/a/zookeeper_stats", "count=0,bytes=0")
        return driver
    }

    @Test(
        "the text is read and written as Apache does",
        arguments: [
            ("count=5,bytes=10", "count=5,bytes=10"), ("bytes=10", "count=-1,bytes=10"), ("", "count=-1,bytes=-1"),
            (
                "count=1,bytes=5=;countHardLimit=10;byteHardLimit=11",
                "count=1,bytes=5=;byteHardLimit=11;countHardLimit=10"
            ),
            ("count=,bytes=-1", "count=-1,bytes=-1"), ("count=x;bytes=99999999999999999999,=", "count=-1,bytes=-1"),
        ])
    func text(input: String, output: String) {
        var buffer = WireBuffer()
        track(input).encode(to: &buffer)
        #expect(String(decoding: buffer.bytes, as: UTF8.self) == output)
    }

    @Test("counters start from what is there and follow every change")
    func counters() {
        let driver = limited("count=3,bytes=100")
        let stats = "/zookeeper/quota/a/zookeeper_stats"
        #expect(driver.tree.text(stats) == "count=2,bytes=8")
        driver.create("/a/b/c", "1")
        driver.create("/ab", "outside")
        driver.set("/a", "1")
        #expect(driver.tree.text(stats) == "count=3,bytes=5")
        driver.delete("/a/b/c")
        #expect(driver.tree.text(stats) == "count=2,bytes=4")
        driver.delete("/zookeeper/quota/a/zookeeper_limits")
        driver.delete("/a/b")
        #expect(driver.tree.text(stats) == "count=2,bytes=4")
        #expect(driver.tree.digest == TreeModel(of: driver.tree).digest)
        #expect(driver.tree.approximateDataSize == TreeModel(of: driver.tree).approximateDataSize)
    }

    @Test("soft limits warn, hard limits refuse, the deepest quota counts")
    func limits() {
        let soft = limited("count=2,bytes=10").tree
        #expect(check(soft, "/a/n", bytes: 0, count: 1) == .overSoftLimit)
        #expect(check(soft, "/a/b", bytes: 2, count: 0) == .within)
        #expect(check(soft, "/a/b", bytes: 3, count: 0) == .overSoftLimit)
        #expect(check(soft, "/ab", bytes: 300, count: 1) == .within)
        let hard = limited("count=100,bytes=100=;byteHardLimit=9;countHardLimit=3").tree
        #expect(check(hard, "/a/n", bytes: 1, count: 1) == .within)
        #expect(check(hard, "/a/n", bytes: 2, count: 1) == .overHardLimit)
        #expect(check(hard, "/a/n", bytes: 0, count: 2) == .overHardLimit)
        #expect(check(DataTree(), "/a", bytes: 1 << 40, count: 1) == .within)
    }

    @Test("a load counts again")
    func recount() throws {
        let driver = limited("count=3,bytes=100")
        var snapshot = WireBuffer()
        driver.tree.appendACLMap(to: &snapshot)
        driver.tree.beginWalk()
        #expect(driver.tree.walk(maximumNodes: 100, maximumBytes: 1 << 20, into: &snapshot))
        snapshot.append(string: "/")
        let loaded = try FuzzySnapshotTests.load(snapshot.bytes)
        #expect(loaded.text("/zookeeper/quota/a/zookeeper_stats") == "count=2,bytes=8")
        #expect(check(loaded, "/a/n", bytes: 0, count: 2) == .overSoftLimit)
    }
}
