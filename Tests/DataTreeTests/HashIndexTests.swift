import Testing

@testable import DataTree

@Suite("Hash index")
struct HashIndexTests {
    @Test("random inserts and removals against a dictionary, with colliding hashes", arguments: [5, 6] as [UInt64])
    func model(seed: UInt64) {
        var random = SeededGenerator(state: seed)
        let index = HashIndex()
        defer { index.destroy() }
        var model: [UInt32: UInt64] = [:]
        for step in 0..<40_000 {
            let key = UInt32.random(in: 1...8000, using: &random)
            if let hash = model[key] {
                index.remove(hash, key)
                model[key] = nil
            } else {
                // Few distinct slots, so that probe sequences cross; the top bits spread over segments.
                let hash = UInt64.random(in: 0..<64, using: &random) << 58 | UInt64(key % 97) << 33 | UInt64(key)
                index.insert(hash, key)
                model[key] = hash
            }
            if step % 4000 == 0 {
                #expect(model.allSatisfy { entry in index.find(entry.value) { $0 == entry.key } == entry.key })
                #expect(index.find(UInt64(1) << 63 | 98 << 33) { _ in true } == nil)
            }
        }
        #expect(index.count == model.count)
        #expect(model.allSatisfy { entry in index.find(entry.value) { $0 == entry.key } == entry.key })
        index.removeAll()
        #expect(index.count == 0)
        #expect(model.allSatisfy { entry in index.find(entry.value) { $0 == entry.key } == nil })
    }

    @Test("equal paths hash alike at any address, different ones apart")
    func hashes() {
        var seen: Set<UInt64> = []
        for length in 0..<200 {
            let path = [UInt8](repeating: 0x61, count: length)
            let shifted = [0x2f] + path
            let first = path.withUnsafeBytes { PathHash.hash($0, seed: 9) }
            let second = shifted.withUnsafeBytes {
                PathHash.hash(UnsafeRawBufferPointer(rebasing: $0[1...]), seed: 9)
            }
            #expect(first == second)
            #expect(seen.insert(first).inserted)
            #expect(path.withUnsafeBytes { PathHash.hash($0, seed: 10) } != first)
        }
    }
}
