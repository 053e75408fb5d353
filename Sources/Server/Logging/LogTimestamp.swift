import Glibc

/// ISO 8601 timestamps in UTC with milliseconds.
enum LogTimestamp {
    static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return text(wallMillis: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    static func text(wallMillis: Int64) -> String {
        var seconds = time_t(wallMillis / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24)
        append(Int(parts.tm_year) + 1900, width: 4, then: "-", to: &bytes)
        append(Int(parts.tm_mon) + 1, width: 2, then: "-", to: &bytes)
        append(Int(parts.tm_mday), width: 2, then: "T", to: &bytes)
        append(Int(parts.tm_hour), width: 2, then: ":", to: &bytes)
        append(Int(parts.tm_min), width: 2, then: ":", to: &bytes)
        append(Int(parts.tm_sec), width: 2, then: ".", to: &bytes)
        append(Int(wallMillis % 1000), width: 3, then: "Z", to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func append(_ number: Int, width: Int, then separator: Unicode.Scalar, to bytes: inout [UInt8]) {
        let digits = Array(String(number).utf8)
        bytes += repeatElement(UInt8(ascii: "0"), count: max(0, width - digits.count))
        bytes += digits
        bytes.append(UInt8(ascii: separator))
    }
}
