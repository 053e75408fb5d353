#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Draws from a discrete distribution in constant time (Vose's alias method): one random number, one table entry.
final class AliasTable: Sendable {
    private struct Entry {
        /// Below this, out of 32 bits, the entry's own index is drawn; else the alias.
        var threshold: UInt32
        var alias: UInt32
    }

    private let entries: [Entry]

    /// - Parameter weights: none negative, one at least positive; fewer than 2^31.
    init(weights: [Double]) {
        precondition(!weights.isEmpty && weights.count < 1 << 31)
        let mean = weights.reduce(0, +) / Double(weights.count)
        precondition(mean > 0)
        var scaled = weights.map { $0 / mean }
        var table = weights.indices.map { Entry(threshold: .max, alias: UInt32($0)) }
        var small: [Int] = []
        var large: [Int] = []
        for index in scaled.indices { if scaled[index] < 1 { small.append(index) } else { large.append(index) } }
        while let low = small.popLast(), let high = large.popLast() {
            table[low] = Entry(threshold: UInt32(min(scaled[low] * 4_294_967_296, 4_294_967_295)), alias: UInt32(high))
            scaled[high] -= 1 - scaled[low]
            if scaled[high] < 1 { small.append(high) } else { large.append(high) }
        }
        entries = table
    }

    /// Zipf's law over `count` ranks with the given exponent; the hottest rank is 0.
    static func zipf(count: Int, exponent: Double) -> AliasTable {
        AliasTable(weights: (1...count).map { 1 / pow(Double($0), exponent) })
    }

    func draw(_ random: inout RandomSource) -> Int {
        let bits = random.next()
        let index = Int(((bits >> 32) &* UInt64(entries.count)) >> 32)
        let entry = entries[index]
        return UInt32(truncatingIfNeeded: bits) < entry.threshold ? index : Int(entry.alias)
    }
}
