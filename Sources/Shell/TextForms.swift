import Foundation
import JSONText
import ZooKeeperClient

/// zkCli's text of the protocol's values.
enum TextForms {
    static func hexadecimal(_ value: Int64) -> String { "0x" + String(UInt64(bitPattern: value), radix: 16) }

    /// Labels and values, as zkCli's `StatPrinter` writes them.
    static func stat(_ stat: Stat) -> [(label: String, value: String)] {
        [
            ("cZxid", hexadecimal(stat.czxid)), ("ctime", date(stat.ctime)),
            ("mZxid", hexadecimal(stat.mzxid)), ("mtime", date(stat.mtime)),
            ("pZxid", hexadecimal(stat.pzxid)), ("cversion", "\(stat.cversion)"),
            ("dataVersion", "\(stat.version)"), ("aclVersion", "\(stat.aversion)"),
            ("ephemeralOwner", hexadecimal(stat.ephemeralOwner)), ("dataLength", "\(stat.dataLength)"),
            ("numChildren", "\(stat.numChildren)"),
        ]
    }

    /// `Sat Nov 21 17:14:14 UTC 2026`, in the local time zone: what Java's `Date` says.
    static func date(_ millis: Int64) -> String {
        var seconds = time_t(millis.quotientRoundingDown(by: 1000))
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return "\(millis)" }
        var text = [CChar](repeating: 0, count: 64)
        // The names are English whatever the locale is: the program sets none for times.
        let count = strftime(&text, text.count, "%a %b %d %H:%M:%S %Z %Y", &parts)
        return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `[a, b]`
    static func list(_ items: [String]) -> String { "[" + items.joined(separator: ", ") + "]" }

    static func statJSON(_ stat: Stat) -> JSONValue {
        .object([
            .init("czxid", .hexadecimal(stat.czxid)), .init("mzxid", .hexadecimal(stat.mzxid)),
            .init("ctime", .number(stat.ctime)), .init("mtime", .number(stat.mtime)),
            .init("version", .number(stat.version)), .init("cversion", .number(stat.cversion)),
            .init("aversion", .number(stat.aversion)),
            .init("ephemeralOwner", .hexadecimal(stat.ephemeralOwner)),
            .init("dataLength", .number(stat.dataLength)), .init("numChildren", .number(stat.numChildren)),
            .init("pzxid", .hexadecimal(stat.pzxid)),
        ])
    }

    /// Sixteen bytes a line, as Netty's `prettyHexDump` draws them.
    static func hexDump(_ data: [UInt8]) -> String {
        guard !data.isEmpty else { return "" }
        let rule = "+--------+-------------------------------------------------+----------------+"
        var lines = [
            "         +-------------------------------------------------+",
            "         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |", rule,
        ]
        for start in stride(from: 0, to: data.count, by: 16) {
            let row = data[start..<min(start + 16, data.count)]
            let offset = String(start, radix: 16)
            var line = "|" + String(repeating: "0", count: max(0, 8 - offset.count)) + offset + "|"
            for byte in row { line += " " + DataText.hexadecimal(byte) }
            line += String(repeating: "   ", count: 16 - row.count) + " |"
            for byte in row { line += byte <= 0x1f || byte >= 0x7f ? "." : String(Character(Unicode.Scalar(byte))) }
            lines.append(line + String(repeating: " ", count: 16 - row.count) + "|")
        }
        return (lines + [rule]).joined(separator: "\n")
    }

    static func bytes(hexadecimal text: String) throws(ShellError) -> [UInt8] {
        let digits = text.filter { !$0.isWhitespace && $0 != ":" }
        var bytes: [UInt8] = []
        var rest = digits[...]
        while !rest.isEmpty {
            guard rest.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16), rest.first != "+" else {
                throw .usage("'\(text)' is not pairs of hexadecimal digits")
            }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}

extension Int64 {
    fileprivate func quotientRoundingDown(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension Sequence<String> {
    /// In the order of their bytes, which for names is the order Java gives them.
    func sortedByBytes() -> [String] { sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
}
