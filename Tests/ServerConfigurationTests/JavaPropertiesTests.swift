import Testing

@testable import Server

@Suite struct JavaPropertiesTests {
    private func pairs(_ text: String) throws -> [String] {
        try JavaProperties.parse(Array(text.utf8)).map { "\($0.line)|\($0.key)|\($0.value)" }
    }

    @Test func separators() throws {
        #expect(
            try pairs("a=1\nb:2\nc 3\nd\t4\ne = 5\nf : 6\ng  =  =7\nh=\ni\nj==k\n") == [
                "1|a|1", "2|b|2", "3|c|3", "4|d|4", "5|e|5", "6|f|6", "7|g|=7", "8|h|", "9|i|", "10|j|=k",
            ])
    }

    @Test func commentsAndBlankLines() throws {
        #expect(try pairs("# a=1\n  ! b=2\n\n   \t\u{0C}\nc=3 # not a comment\n") == ["5|c|3 # not a comment"])
    }

    @Test func lineTerminators() throws {
        #expect(try pairs("a=1\r\nb=2\rc=3\n\rd=4") == ["1|a|1", "2|b|2", "3|c|3", "5|d|4"])
    }

    @Test func continuation() throws {
        #expect(try pairs("a=1\\\n   2\\\r\n\t3\nb=4") == ["1|a|123", "4|b|4"])
        // An even number of backslashes does not continue; a comment never does.
        #expect(try pairs("a=1\\\\\nb=2\n#c\\\nd=3") == ["1|a|1\\", "2|b|2", "4|d|3"])
        // What continues is text even if it looks like a comment, and a blank line ends it.
        #expect(try pairs("a=1\\\n#2\nb=3\\\n\nc=4") == ["1|a|1#2", "3|b|3", "5|c|4"])
        #expect(try pairs("a=1\\") == ["1|a|1"])
    }

    @Test func escapes() throws {
        #expect(try pairs(#"a\=b\:c\ d = x\ty\nz\qw\\"#) == ["1|a=b:c d|x\ty\nzqw\\"])
        #expect(try pairs(#"horse=\uD83D\uDC0E \u0041"#) == ["1|horse|🐎 A"])
        #expect(throws: PropertySyntaxError(line: 2, detail: "\\u needs four hexadecimal digits")) {
            try pairs("a=1\nb=\\u12")
        }
        #expect(throws: PropertySyntaxError.self) { try pairs("b=\\u12G4") }
    }

    @Test func bytesAreLatin1() throws {
        #expect(try JavaProperties.parse([0x61, 0x3D, 0xE9]).map(\.value) == ["é"])
        #expect(try pairs("a=é") == ["1|a|Ã©"])
    }

    @Test func trailingBlanksStay() throws {
        #expect(try pairs("a=1  \n") == ["1|a|1  "])
    }

    /// Random texts with what `java.util.Properties` made of them: `hex of the bytes`, a blank, then `key=value;` in
    /// UTF-16 code units for each entry, sorted, or `ERR`.
    @Test func agreesWithJava() throws {
        for line in try Support.golden("properties").split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
            let bytes = stride(from: 0, to: parts[0].count, by: 2).compactMap { offset in
                UInt8(parts[0].dropFirst(offset).prefix(2), radix: 16)
            }
            #expect(rendered(bytes) == String(parts[1]), "bytes \(parts[0])")
        }
    }

    private func rendered(_ bytes: [UInt8]) -> String {
        guard let entries = try? JavaProperties.parse(bytes) else { return "ERR" }
        let last = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { _, later in later })
        return last.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
            .map { "\(units($0.key))=\(units($0.value));" }.joined()
    }

    private func units(_ text: String) -> String {
        text.utf16.map { "\($0)," }.joined()
    }
}
