import DataTree
import Testing
import ZooKeeperProtocol

@testable import ServerCore

@Suite("Pending changes")
struct PendingChangesTests {
    private func node(version: Int32, zxid: Int64, exists: Bool = true) -> PendingNode {
        var stat = StatPersisted()
        stat.version = version
        return PendingNode(
            exists: exists, stat: stat, childCount: 0, dataLength: 0, acl: .open, prefixChecksum: nil, digest: 0,
            zxid: zxid)
    }

    @Test("agree with a dictionary under random use", arguments: 1...20 as ClosedRange<UInt64>)
    func model(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var pending = PendingChanges(seed: seed)
        var model: [String: (version: Int32, zxid: Int64)] = [:]
        var zxid: Int64 = 0
        var applied: Int64 = 0
        func record(_ path: String, _ version: Int32) {
            let value = node(version: version, zxid: zxid)
            Array(path.utf8).withUnsafeBytes { pending.record(value, at: $0) }
            model[path] = (version, zxid)
        }
        for _ in 0..<3000 {
            zxid += 1
            let path = "/node/\(Int.random(in: 0..<400, using: &random))"
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                // A multi that fails: nothing of it stays.
                let before = model
                pending.beginUndo()
                for _ in 0..<Int.random(in: 0..<5, using: &random) {
                    record("/node/\(Int.random(in: 0..<400, using: &random))", Int32(truncatingIfNeeded: zxid))
                }
                pending.rollBack()
                pending.endUndo()
                model = before
            case 1:
                applied = Int64.random(in: applied...zxid - 1, using: &random)
                pending.applied(upTo: applied)
                model = model.filter { $0.value.zxid > applied }
            default: record(path, Int32(truncatingIfNeeded: zxid))
            }
            let probe = "/node/\(Int.random(in: 0..<400, using: &random))"
            let found = Array(probe.utf8).withUnsafeBytes { pending.node(at: $0)?.stat.version }
            #expect(found == model[probe]?.version, "seed \(seed), zxid \(zxid), \(probe)")
        }
        pending.applied(upTo: zxid)
        let isEmpty = pending.isEmpty
        #expect(isEmpty, "seed \(seed)")
    }
}
