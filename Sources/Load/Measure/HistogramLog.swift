import CDeflate

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// HdrHistogram's V2 compressed encoding and interval log, version 1.3: any HdrHistogram tool reads these files.
enum HistogramLog {
    // Cookies of the format, with the marker for 64-bit counts in ZigZag LEB128 (0x10).
    private static let encodingCookie: UInt32 = 0x1c84_9303 | 0x10
    private static let compressedCookie: UInt32 = 0x1c84_9304 | 0x10

    /// Base64 of the compressed V2 form.
    static func encode(_ recorder: borrowing LatencyRecorder) -> String {
        let payload = encodeCounts(recorder)
        var plain: [UInt8] = []
        plain.reserveCapacity(payload.count + 40)
        func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
            withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
        }
        append(encodingCookie, to: &plain)
        append(Int32(payload.count), to: &plain)
        append(Int32(0), to: &plain)  // normalizing index offset
        append(Int32(3), to: &plain)  // significant digits
        append(Int64(1), to: &plain)  // lowest discernible value
        append(Int64(LatencyRecorder.highestTrackable), to: &plain)
        append((1.0).bitPattern, to: &plain)  // integer to double conversion ratio
        plain += payload
        let compressed = compress(plain)
        var framed: [UInt8] = []
        append(compressedCookie, to: &framed)
        append(Int32(compressed.count), to: &framed)
        framed += compressed
        return Data(framed).base64EncodedString()
    }

    /// Counts up to the largest recorded value: ZigZag LEB128, at most nine bytes each; a negative number is a run of
    /// zeros.
    private static func encodeCounts(_ recorder: borrowing LatencyRecorder) -> [UInt8] {
        guard recorder.total > 0 else { return [] }
        var bytes: [UInt8] = []
        func put(_ value: Int64) {
            var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
            for _ in 0..<8 {
                if rest < 0x80 {
                    bytes.append(UInt8(rest))
                    return
                }
                bytes.append(UInt8(rest & 0x7f) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        var zeros: Int64 = 0
        for index in 0...LatencyRecorder.index(of: recorder.maximum) {
            let count = recorder.counts[index]
            if count == 0 {
                zeros += 1
                continue
            }
            if zeros > 0 {
                put(zeros == 1 ? 0 : -zeros)
                zeros = 0
            }
            put(Int64(count))
        }
        return bytes
    }

    private static func compress(_ plain: [UInt8]) -> [UInt8] {
        let compressor = libdeflate_alloc_compressor(6)!
        defer { libdeflate_free_compressor(compressor) }
        let bound = libdeflate_zlib_compress_bound(compressor, plain.count)
        return [UInt8](unsafeUninitializedCapacity: bound) { target, count in
            count = libdeflate_zlib_compress(compressor, plain, plain.count, target.baseAddress!, bound)
        }
    }

    /// The whole log file.
    ///
    /// - Parameter startWallSeconds: the measured window's start, seconds since the Unix epoch; nil for intervals of
    ///   many windows.
    static func text(_ intervals: [HistogramInterval], startWallSeconds: Double?) -> String {
        let start = startWallSeconds.map { ["#[StartTime: \(fixed($0, 3)) (seconds since epoch)]"] } ?? []
        var lines =
            ["#[Logged with corral-bench]", "#[Histogram log format version 1.3]"] + start
            + ["\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\""]
        for interval in intervals.sorted(by: { $0.startSeconds < $1.startSeconds }) {
            // Interval_Max is in milliseconds, the format's usual scale for nanosecond histograms.
            let fields = [
                fixed(interval.startSeconds, 3), fixed(interval.lengthSeconds, 3),
                fixed(Double(interval.maximumNanos) / 1e6, 3), interval.encoded,
            ]
            lines.append("Tag=\(interval.tag)," + fields.joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
