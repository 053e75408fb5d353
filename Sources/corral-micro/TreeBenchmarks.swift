import DataTree
import Jute
import ZooKeeperProtocol

/// A tree of 1,000 znodes of 1 KB, changed by transactions in their log form.
final class TreeBenchmarks {
    private static let znodes = 1000
    private let tree = DataTree(seed: 42)
    private var zxid: Int64 = 0
    private var fired = FiredEvents()
    private var result = ApplyResult()
    private var paths: [Kept] = []
    private var records: [Kept] = []
    private var next = 0

    private init() {
        let value = [UInt8](repeating: 7, count: Benchmarks.valueBytes)
        apply(.create, Self.creation("/bench", value))
        for number in 0..<Self.znodes {
            let path = "/bench/node-\(1000 + number)"
            apply(.create, Self.creation(path, value))
            paths.append(Kept(path.utf8))
            var record = WireBuffer()
            record.append(string: path)
            value.withUnsafeBytes { record.append(buffer: $0) }
            record.append(int32: 1)
            records.append(Kept(record))
        }
    }

    static func find() -> (Int) -> Void {
        let own = TreeBenchmarks()
        return { count in
            var found = 0
            for _ in 0..<count { if own.tree.find(own.paths[own.step()].bytes) != nil { found += 1 } }
            if found != count { fail("a znode is missing") }
        }
    }

    static func set() -> (Int) -> Void {
        let own = TreeBenchmarks()
        return { count in for _ in 0..<count { own.apply(.setData, own.records[own.step()]) } }
    }

    /// One znode more and one less, so that the tree keeps its size.
    static func createDelete() -> (Int) -> Void {
        let own = TreeBenchmarks()
        let names = (0..<64).map { "/bench/extra-\(1000 + $0)" }
        let value = [UInt8](repeating: 7, count: Benchmarks.valueBytes)
        let creations = names.map { creation($0, value) }
        let deletions = names.map { name in
            var record = WireBuffer()
            record.append(string: name)
            return Kept(record)
        }
        for index in 0..<32 { own.apply(.create, creations[index]) }
        var position = 32
        return { count in
            for _ in 0..<count {
                own.apply(.create, creations[position % 64])
                own.apply(.delete, deletions[(position + 32) % 64])
                position += 1
            }
        }
    }

    /// Over all znodes, in an order that no prefetcher follows.
    private func step() -> Int {
        next = (next + 389) % Self.znodes
        return next
    }

    private static func creation(_ path: String, _ value: [UInt8]) -> Kept {
        var record = WireBuffer()
        record.append(string: path)
        value.withUnsafeBytes { record.append(buffer: $0) }
        ACL.encode(ACL.open, to: &record)
        record.append(bool: false)
        record.append(int32: 1)
        return Kept(record)
    }

    private func apply(_ opcode: OpCode, _ record: Kept) {
        zxid += 1
        let header = TxnHeader(
            clientId: 1, cxid: 1, zxid: zxid, time: 1_700_000_000_000, type: opcode.rawValue)
        var reader = JuteReader(record.bytes)
        tree.apply(header: header, record: &reader, fired: &fired, result: &result)
        if result.error != .ok { fail("\(opcode) was refused: \(result.error)") }
    }
}
