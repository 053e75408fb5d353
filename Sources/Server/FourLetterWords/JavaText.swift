import Glibc

/// Numbers and dates as Java prints them, which tools take apart.
enum JavaText {
    /// `Double.toString`: plain from 0.001 up to ten million, else with an exponent.
    static func double(_ value: Double) -> String {
        let magnitude = abs(value)
        if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        let (digits, exponent) = shortestDigits(magnitude)
        var text = value < 0 ? "-" : ""
        if magnitude >= 1e-3 && magnitude < 1e7 {
            if exponent < 0 {
                return text + "0." + String(repeating: "0", count: -exponent - 1) + digits
            }
            let padded = digits + String(repeating: "0", count: max(0, exponent + 1 - digits.count))
            let fraction = padded.dropFirst(exponent + 1)
            return text + padded.prefix(exponent + 1) + "." + (fraction.isEmpty ? "0" : fraction)
        }
        text += digits.prefix(1) + "." + (digits.count > 1 ? digits.dropFirst() : "0")
        return text + "E\(exponent)"
    }

    /// The shortest digits that read back as this number, and the power of ten of the first.
    private static func shortestDigits(_ magnitude: Double) -> (digits: String, exponent: Int) {
        let text = magnitude.description
        let parts = text.split(separator: "e")
        var exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        var digits = String(mantissa[0]) + (mantissa.count == 2 ? String(mantissa[1]) : "")
        exponent += mantissa[0].count - 1
        let leading = digits.prefix { $0 == "0" }.count
        digits.removeFirst(leading)
        exponent -= leading
        while digits.count > 1 && digits.hasSuffix("0") { digits.removeLast() }
        return (digits, exponent)
    }

    /// `Long.toHexString`.
    static func hex(_ value: Int64) -> String {
        String(UInt64(bitPattern: value), radix: 16)
    }

    /// `Date.toString()` in the server's time zone: `Sat Nov 21 04:04:44 UTC 2026`.
    static func date(wallMillis: Int64) -> String {
        var seconds = time_t(wallMillis >= 0 ? wallMillis / 1000 : (wallMillis - 999) / 1000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 64)
        let length = strftime(&buffer, buffer.count, "%a %b %d %H:%M:%S %Z %Y", &parts)
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
