import CDeflate

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Reads interval logs back, to check that what was written is whole.
enum HistogramLogReader {
    /// Counts by value slot, in HdrHistogram's layout.
    struct Decoded: Equatable {
        var tag: String
        var significantDigits: Int
        var highestTrackable: Int64
        /// Counts by slot index; only those above zero.
        var counts: [Int: UInt64]
        var total: UInt64 { counts.values.reduce(0, +) }
    }

    static func totalCount(_ log: String, excludingTag excluded: String) throws(LoadError) -> UInt64 {
        var sum: UInt64 = 0
        for interval in try decode(log) where interval.tag != excluded { sum += interval.total }
        return sum
    }

    static func decode(_ log: String) throws(LoadError) -> [Decoded] {
        var list: [Decoded] = []
        for line in log.split(separator: "\n") where !line.hasPrefix("#") && !line.hasPrefix("\"") {
            var fields = line.split(separator: ",")
            var tag = ""
            if let first = fields.first, first.hasPrefix("Tag=") {
                tag = String(first.dropFirst(4))
                fields.removeFirst()
            }
            guard fields.count == 4 else { throw .result("a line with \(fields.count) fields") }
            list.append(try decode(String(fields[3]), tag: tag))
        }
        return list
    }

    static func decode(_ base64: String, tag: String) throws(LoadError) -> Decoded {
        guard let framed = Data(base64Encoded: base64).map({ [UInt8]($0) }), framed.count > 8,
            integer(framed, 0, 4) == 0x1c84_9314, integer(framed, 4, 4) == framed.count - 8
        else { throw .result("no compressed V2 histogram") }
        let plain = try inflate(Array(framed[8...]))
        guard plain.count >= 40, integer(plain, 0, 4) == 0x1c84_9313, integer(plain, 4, 4) == plain.count - 40 else {
            throw .result("no V2 histogram inside")
        }
        var counts: [Int: UInt64] = [:]
        var position = 40
        var slot = 0
        while position < plain.count {
            var raw: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                guard position < plain.count else { throw .result("a count is cut short") }
                let byte = plain[position]
                position += 1
                if shift == 56 {
                    raw |= UInt64(byte) << 56
                    break
                }
                raw |= UInt64(byte & 0x7f) << shift
                if byte & 0x80 == 0 { break }
                shift += 7
            }
            let value = Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
            if value > 0 { counts[slot] = UInt64(value) }
            slot += value < 0 ? Int(-value) : 1
        }
        return Decoded(
            tag: tag, significantDigits: integer(plain, 12, 4), highestTrackable: Int64(integer(plain, 24, 8)),
            counts: counts)
    }

    private static func integer(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
        bytes[offset..<offset + count].reduce(0) { $0 << 8 | Int($1) }
    }

    private static func inflate(_ compressed: [UInt8]) throws(LoadError) -> [UInt8] {
        let decompressor = libdeflate_alloc_decompressor()!
        defer { libdeflate_free_decompressor(decompressor) }
        // A histogram has at most nine bytes for each of its slots.
        let limit = 40 + 9 * LatencyRecorder.slotCount
        var plain = [UInt8](repeating: 0, count: limit)
        var size = 0
        let result = libdeflate_zlib_decompress(decompressor, compressed, compressed.count, &plain, limit, &size)
        guard result == LIBDEFLATE_SUCCESS else { throw .result("the compressed histogram cannot be unpacked") }
        return Array(plain[..<size])
    }
}
