import Glibc
import Transport

/// How Java reads the values of `zoo.cfg`. All texts arrive trimmed.
enum ValueSyntax {
    /// `Integer.parseInt` and `Long.parseLong`: an optional sign and decimal digits.
    static func decimal(_ text: String) -> Int? {
        guard let first = text.utf8.first else { return nil }
        let digits = first == UInt8(ascii: "+") || first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    /// `Integer.decode`, which `Integer.getInteger` applies to system properties: also `0x1F`, `#1F` and octal `017`.
    static func decoded(_ text: String) -> Int? {
        var rest = text[...]
        var negative = false
        if let first = rest.first, first == "-" || first == "+" {
            negative = first == "-"
            rest = rest.dropFirst()
        }
        let radix: Int
        if rest.hasPrefix("0x") || rest.hasPrefix("0X") {
            (radix, rest) = (16, rest.dropFirst(2))
        } else if rest.hasPrefix("#") {
            (radix, rest) = (16, rest.dropFirst())
        } else if rest.hasPrefix("0") && rest.count > 1 {
            (radix, rest) = (8, rest.dropFirst())
        } else {
            radix = 10
        }
        guard let first = rest.first, first != "-" && first != "+", let magnitude = Int(rest, radix: radix) else {
            return nil
        }
        return negative ? -magnitude : magnitude
    }

    /// An address, without the brackets that an IPv6 one may have, or what may be a host's name. Names are not looked
    /// up; what ends in digits is no name but an address.
    static func host(_ text: String) -> String? {
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]") && text.utf8.count > 2
        let bare = isBracketed ? String(text.dropFirst().dropLast()) : text
        let unscoped = String(bare.prefix { $0 != "%" })
        if PeerAddress(numeric: unscoped, port: 0) != nil { return bare }
        var short = in_addr()
        if inet_aton(bare, &short) != 0 { return bare }
        let isName = bare.unicodeScalars.allSatisfy { $0.value > 0x20 && !":/%[]".unicodeScalars.contains($0) }
        let labels = bare.split(separator: ".", omittingEmptySubsequences: true)
        guard !isBracketed, isName, let last = labels.last, decimal(String(last)) == nil else { return nil }
        return bare
    }

    /// `true` or `false` in any case.
    static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true": true
        case "false": false
        default: nil
        }
    }

    /// `yes` or `no`, lower case, as Apache compares it.
    static func yesOrNo(_ text: String) -> Bool? {
        switch text {
        case "yes": true
        case "no": false
        default: nil
        }
    }

    /// `String.trim()`: everything up to U+0020 goes, at both ends.
    static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let start = scalars.firstIndex(where: { $0.value > 0x20 }),
            let end = scalars.lastIndex(where: { $0.value > 0x20 })
        else { return "" }
        return String(text.unicodeScalars[start...end])
    }
}
