import DataTree
import Foundation
import Jute
import Testing
import ZooKeeperProtocol

/// Memory and time at scale. By default small, and only the memory is judged; `CORRAL_TREE_ZNODES=1000000` with an
/// optimised build gives the figures worth quoting.
@Suite("Size and speed")
struct TreeBenchmark {
    private static let znodes = ProcessInfo.processInfo.environment["CORRAL_TREE_ZNODES"].flatMap { Int($0) } ?? 20_000

    private static func path(_ number: Int) -> [UInt8] {
        [UInt8]("/bench/\(number / 1000)/node-\(number)".utf8)
    }

    private static func seconds(_ body: () -> Void) -> Double {
        let clock = ContinuousClock()
        let elapsed = clock.measure(body).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }

    private func build(_ driver: TreeDriver) -> (perCreate: Double, slowest: Double) {
        driver.create("/bench")
        for group in 0...(Self.znodes / 1000) { driver.create("/bench/\(group)") }
        let data = [UInt8](repeating: 0x78, count: 100)
        var total = 0.0
        var slowest = 0.0
        for number in 0..<Self.znodes {
            let path = String(decoding: Self.path(number), as: UTF8.self)
            let record = TxnWriter.create(path, data, parentCversion: nil)
            driver.log.removeAll(keepingCapacity: true)
            let elapsed = Self.seconds { driver.apply(.create, record) }
            total += elapsed
            slowest = max(slowest, elapsed)
        }
        return (total / Double(Self.znodes), slowest)
    }

    @Test("a znode of 100 bytes takes at most 300 bytes")
    func memory() {
        let driver = TreeDriver()
        let creation = build(driver)
        let perZnode = Double(driver.tree.memoryBytes) / Double(driver.tree.nodeCount)
        // A small tree carries half-filled chunks and segments along.
        #expect(perZnode <= (Self.znodes >= 1_000_000 ? 300 : 330))
        print("\(Self.znodes) znodes: \(Int(perZnode)) bytes each;", Self.describe(creation))
        reads(driver.tree)
    }

    private static func describe(_ creation: (perCreate: Double, slowest: Double)) -> String {
        "create \(Int(creation.perCreate * 1e9)) ns, slowest \(Int(creation.slowest * 1e6)) µs"
    }

    /// Random finds and getData bodies over the whole tree, and over 1,000 znodes of it.
    private func reads(_ tree: DataTree) {
        for span in [1000, Self.znodes] {
            var random = SeededGenerator(state: 1)
            var blob: [UInt8] = []
            var ranges: [Range<Int>] = []
            for _ in 0..<100_000 {
                let path = Self.path(Int.random(in: 0..<span, using: &random))
                ranges.append(blob.count..<(blob.count + path.count))
                blob += path
            }
            var found = 0
            var buffer = WireBuffer(capacity: 1 << 16)
            blob.withUnsafeBytes { bytes in
                let find = Self.seconds {
                    for range in ranges where tree.find(UnsafeRawBufferPointer(rebasing: bytes[range])) != nil {
                        found += 1
                    }
                }
                let read = Self.seconds {
                    for range in ranges {
                        guard let node = tree.find(UnsafeRawBufferPointer(rebasing: bytes[range])) else { continue }
                        if buffer.count > 1 << 15 { buffer.removeAll() }
                        tree.appendDataAndStat(of: node, to: &buffer)
                    }
                }
                print("over \(span): find \(Int(find * 1e4)) ns, find and getData body \(Int(read * 1e4)) ns")
            }
            #expect(found == 100_000)
        }
    }
}
