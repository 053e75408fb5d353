import Foundation
import TestSupport
import Testing

@Suite("Tidy")
struct TidyTests {
    static let sources = Gates.files(below: "Sources", extensions: ["swift", "c", "h"])
    static let tests = Gates.files(below: "Tests", extensions: ["swift", "c", "h", "py", "java"])

    @Test("the tree is where the gates look")
    func treeIsFound() {
        #expect(Self.sources.count > 50)
        #expect(Self.tests.count > 50)
    }

    @Test("no file in Sources is too long")
    func fileLengths() {
        let wrong = Self.sources.flatMap { Gates.fileLength($0.text, of: $0.path) }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test("no line is too long")
    func lineLengths() {
        let wrong = (Self.sources + Self.tests).flatMap { Gates.lineLengths($0.text, of: $0.path) }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test("nothing is marked as unfinished")
    func unfinished() {
        let wrong = (Self.sources + Self.tests).flatMap { Gates.unfinished($0.text, of: $0.path) }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test("modules import downward only, by the table in ARCHITECTURE.md")
    func importsGoDown() throws {
        let page = TestEnvironment.packageRoot.appendingPathComponent("ARCHITECTURE.md")
        let rows = Gates.rows(of: try String(contentsOf: page, encoding: .utf8))
        #expect(rows["Jute"] == 0 && rows["corral"] == 6, "\(rows)")
        let wrong = Self.sources.filter { $0.path.hasSuffix(".swift") }.flatMap { file in
            Gates.upward(file.text, of: file.path, in: String(file.path.split(separator: "/")[1]), rows: rows)
        }
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    // MARK: The gates close

    @Test("a file of 601 lines fails, one of 600 passes")
    func longFile() {
        #expect(Gates.fileLength(String(repeating: "x\n", count: 601), of: "f").count == 1)
        #expect(Gates.fileLength(String(repeating: "x\n", count: 600), of: "f").isEmpty)
    }

    @Test("a line of 121 columns fails, one of 120 passes, counted in characters")
    func longLine() {
        #expect(Gates.lineLengths("a\n" + String(repeating: "ä", count: 121), of: "f") == ["f:2: 121 columns"])
        #expect(Gates.lineLengths(String(repeating: "ä", count: 120), of: "f").isEmpty)
    }

    @Test("each mark fails")
    func marks() {
        for mark in Gates.marks { #expect(Gates.unfinished("let a = 1\n// \(mark) later", of: "f").count == 1) }
        #expect(Gates.unfinished("let hexadecimal = 0xfff", of: "f").isEmpty)
    }

    @Test("an import upward or sideways fails, also in disguise; one downward or from outside passes")
    func imports() {
        let rows = Gates.rows(
            of: "| row | module | x |\n|---|---|---|\n| 0 | `Low`, `Base` | x |\n| 2 | `Mid` | x |\n| 2 | `Peer` | x |")
        #expect(rows == ["Low": 0, "Base": 0, "Mid": 2, "Peer": 2])
        #expect(Gates.upward("import Mid\n", of: "f", in: "Low", rows: rows).count == 1)
        #expect(Gates.upward("import Peer\n", of: "f", in: "Mid", rows: rows).count == 1)
        #expect(Gates.upward("@testable public import struct Mid.Thing", of: "f", in: "Base", rows: rows).count == 1)
        #expect(Gates.upward("import Foundation\nimport Low\nimport Base", of: "f", in: "Mid", rows: rows).isEmpty)
        #expect(Gates.upward("", of: "f", in: "Stranger", rows: rows).count == 1)
    }
}
