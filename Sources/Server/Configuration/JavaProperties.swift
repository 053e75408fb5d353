/// One `key = value` of a properties file, with the line on which it starts.
public struct PropertyLine: Sendable, Equatable {
    public var key: String
    public var value: String
    /// 1-based number of the natural line on which the logical line starts.
    public var line: Int
}

/// What stops the reading of a properties file.
public struct PropertySyntaxError: Error, Equatable {
    public var line: Int
    public var detail: String
}

/// Reads the syntax of `java.util.Properties.load(InputStream)`, in which Apache ZooKeeper's `zoo.cfg` is written:
/// `#` and `!` comments, `=`, `:` or blank between key and value, backslash escapes, `\uXXXX`, lines continued by a
/// final backslash, bytes read as ISO 8859-1.
public struct JavaProperties {
    /// UTF-16 code units: what Java's escapes name, so that `\uD83D\uDC0E` joins to one scalar.
    private typealias Text = ArraySlice<UInt16>

    private static let space = UInt16(0x20)
    private static let tab = UInt16(0x09)
    private static let formFeed = UInt16(0x0C)
    private static let newline = UInt16(0x0A)
    private static let carriageReturn = UInt16(0x0D)
    private static let backslash = UInt16(0x5C)
    private static let equalsSign = UInt16(0x3D)
    private static let colon = UInt16(0x3A)
    private static let hash = UInt16(0x23)
    private static let exclamation = UInt16(0x21)

    /// Every entry in file order, duplicates included; the caller decides which one counts.
    public static func parse(_ bytes: [UInt8]) throws(PropertySyntaxError) -> [PropertyLine] {
        var entries: [PropertyLine] = []
        var cursor = LineCursor(bytes: bytes)
        while let (text, line) = cursor.nextLogicalLine() {
            entries.append(try entry(text[...], line: line))
        }
        return entries
    }

    private static func entry(_ text: Text, line: Int) throws(PropertySyntaxError) -> PropertyLine {
        var keyEnd = text.startIndex
        var escaped = false
        while keyEnd < text.endIndex {
            let unit = text[keyEnd]
            if !escaped && (unit == equalsSign || unit == colon || isBlank(unit)) { break }
            escaped = unit == backslash && !escaped
            keyEnd += 1
        }
        var valueStart = skipBlanks(text, from: keyEnd)
        if valueStart < text.endIndex && (text[valueStart] == equalsSign || text[valueStart] == colon) {
            valueStart = skipBlanks(text, from: valueStart + 1)
        }
        return PropertyLine(
            key: try unescape(text[..<keyEnd], line: line),
            value: try unescape(text[valueStart...], line: line),
            line: line)
    }

    private static func skipBlanks(_ text: Text, from start: Int) -> Int {
        var index = start
        while index < text.endIndex && isBlank(text[index]) { index += 1 }
        return index
    }

    private static func isBlank(_ unit: UInt16) -> Bool {
        unit == space || unit == tab || unit == formFeed
    }

    private static func unescape(_ text: Text, line: Int) throws(PropertySyntaxError) -> String {
        var units: [UInt16] = []
        units.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let unit = text[index]
            index += 1
            guard unit == backslash, index < text.endIndex else {
                if unit != backslash { units.append(unit) }
                continue
            }
            let escape = text[index]
            index += 1
            switch escape {
            case UInt16(UInt8(ascii: "t")): units.append(tab)
            case UInt16(UInt8(ascii: "n")): units.append(newline)
            case UInt16(UInt8(ascii: "r")): units.append(carriageReturn)
            case UInt16(UInt8(ascii: "f")): units.append(formFeed)
            case UInt16(UInt8(ascii: "u")):
                units.append(try codeUnit(text[index...].prefix(4), line: line))
                index += 4
            default: units.append(escape)
            }
        }
        return String(decoding: units, as: UTF16.self)
    }

    private static func codeUnit(_ digits: Text, line: Int) throws(PropertySyntaxError) -> UInt16 {
        let text = String(decoding: digits, as: UTF16.self)
        guard digits.count == 4, text.allSatisfy(\.isHexDigit), let unit = UInt16(text, radix: 16) else {
            throw PropertySyntaxError(line: line, detail: "\\u needs four hexadecimal digits")
        }
        return unit
    }

    /// Joins natural lines to logical ones, leaving out blank lines and comments.
    private struct LineCursor {
        var bytes: [UInt8]
        var position = 0
        var lineNumber = 1

        mutating func nextLogicalLine() -> (text: [UInt16], line: Int)? {
            var text: [UInt16] = []
            var line = lineNumber
            while position < bytes.count {
                // As long as nothing has been gathered, be it behind a lone backslash, a line may be a comment.
                if text.isEmpty { line = lineNumber }
                let natural = nextNaturalLine()
                if text.isEmpty, let first = natural.first, first == hash || first == exclamation { continue }
                let isContinued = endsInContinuation(natural)
                text += isContinued ? natural.dropLast() : natural[...]
                if !isContinued && !text.isEmpty { return (text, line) }
            }
            return text.isEmpty ? nil : (text, line)
        }

        /// One line without its terminator and without leading blanks.
        private mutating func nextNaturalLine() -> [UInt16] {
            var text: [UInt16] = []
            defer { lineNumber += 1 }
            while position < bytes.count {
                let unit = UInt16(bytes[position])
                position += 1
                if unit == newline { return text }
                if unit == carriageReturn {
                    if position < bytes.count && UInt16(bytes[position]) == newline { position += 1 }
                    return text
                }
                if text.isEmpty && isBlank(unit) { continue }
                text.append(unit)
            }
            return text
        }

        private func endsInContinuation(_ text: [UInt16]) -> Bool {
            text.reversed().prefix { $0 == backslash }.count % 2 == 1
        }
    }
}
