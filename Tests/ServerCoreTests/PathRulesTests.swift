import Testing

@testable import ServerCore

@Suite("Path rules")
struct PathRulesTests {
    private func isValid(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { PathRules.isValid($0) } }

    @Test("valid", arguments: ["/", "/a", "/a/b.c", "/a/...", "/..a", "/a..", "/é/ü", "/a b", "/漢字", "/a/.b"])
    func valid(path: String) { #expect(isValid(Array(path.utf8))) }

    @Test(
        "invalid",
        arguments: [
            "", "a", "a/b", "/a/", "//", "/a//b", "/.", "/..", "/a/.", "/a/../b", "/a/./b", "/a\u{0}", "/a\u{1}b",
            "/\u{7f}", "/\u{80}", "/\u{9f}", "/\u{e000}", "/\u{f8ff}", "/\u{fff0}", "/\u{ffff}", "/😀",
        ])
    func invalid(path: String) { #expect(!isValid(Array(path.utf8))) }

    @Test("malformed UTF-8 is invalid")
    func malformed() {
        #expect(!isValid([0x2f, 0xc3]))
        #expect(!isValid([0x2f, 0xff]))
        #expect(!isValid([0x2f, 0xc0, 0x80]))
        #expect(!isValid([0x2f, 0xe0, 0x80, 0x80]))
    }

    @Test("the parent is what stands before the last slash")
    func parents() {
        func parent(_ path: String) -> String? {
            Array(path.utf8).withUnsafeBytes { bytes in
                PathRules.parent(of: bytes).map { String(decoding: $0, as: UTF8.self) }
            }
        }
        #expect(parent("/a/b") == "/a")
        #expect(parent("/a") == "")
        #expect(parent("/a/") == "/a")
        #expect(parent("a") == nil)
        #expect(parent("/a\u{0}") == nil)
    }
}
