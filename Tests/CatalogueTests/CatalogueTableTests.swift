import Foundation
import Testing
import Zab

/// The table in README.md says the truth about the tests beside it.
@Suite("Catalogue: its table")
struct CatalogueTableTests {
    /// Every bug of the catalogue: a row may say why it does not apply, but it may not be missing.
    static let bugs = [
        962, 1154, 1156, 1264, 1282, 1291, 1319, 1367, 1465, 1549, 1573, 1653, 2332, 2355, 2678, 2832, 2845, 2846, 2872,
        3023, 3104, 3144, 3306, 3526, 3642, 3644, 3911, 4362, 4394, 4409, 4502, 4541, 4643, 4646, 4685, 4712, 4785,
        4837, 4846, 4882, 4925,
    ]

    struct Row: Equatable {
        var bug: Int
        var applies: Bool
        /// `Suite.function`.
        var test: String
        var mistakes: [String]
    }

    /// A test as the sources have it.
    struct Found: Equatable {
        /// `Suite.function`.
        var name: String
        var bugs: [Int]
        /// From its attribute to its function's name.
        var head: String
    }

    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    static func table() throws -> [Row] {
        rows(of: try String(contentsOf: directory.appendingPathComponent("README.md"), encoding: .utf8))
    }

    static func sources() throws -> [String] {
        try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "swift" && !$0.path.hasSuffix("CatalogueTableTests.swift") }
            .map { try String(contentsOf: $0, encoding: .utf8) }
    }

    static func rows(of text: String) -> [Row] {
        text.split(separator: "\n").filter { $0.hasPrefix("| ZOOKEEPER-") }.map { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            return Row(
                bug: Int(cells[1].dropFirst("ZOOKEEPER-".count)) ?? 0, applies: cells[2].hasPrefix("yes"),
                test: cells[3],
                mistakes: cells[4].split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) })
        }
    }

    static func tests(in source: String) -> [Found] {
        var suite = ""
        var head: [Substring] = []
        var found: [Found] = []
        for line in source.split(separator: "\n") {
            let code = line.drop { $0 == " " }
            if code.hasPrefix("struct ") { suite = String(code.dropFirst("struct ".count).prefix { $0 != " " }) }
            if code.hasPrefix("@Test") { head = [] }
            head.append(code)
            guard code.hasPrefix("func "), let start = head.first, start.hasPrefix("@Test") else { continue }
            let text = head.joined(separator: "\n")
            let function = code.dropFirst("func ".count).prefix { $0 != "(" }
            let bugs = text.components(separatedBy: "ZOOKEEPER-").dropFirst().compactMap {
                Int($0.prefix { $0.isNumber })
            }
            found.append(Found(name: "\(suite).\(function)", bugs: bugs, head: text))
            head = []
        }
        return found
    }

    /// What is wrong between the catalogue, its table and its tests.
    static func mismatches(_ table: [Row], _ tests: [Found]) -> [String] {
        var wrong: [String] = []
        for bug in bugs where table.count(where: { $0.bug == bug }) != 1 {
            wrong.append("ZOOKEEPER-\(bug) does not have one row")
        }
        for row in table where row.applies {
            guard let test = tests.first(where: { $0.name == row.test }) else {
                wrong.append("ZOOKEEPER-\(row.bug): no test \(row.test)")
                continue
            }
            if !test.bugs.contains(row.bug) { wrong.append("\(row.test) does not name ZOOKEEPER-\(row.bug)") }
            for mistake in row.mistakes where !test.head.contains(".\(mistake)") {
                wrong.append("\(row.test) does not make the mistake \(mistake)")
            }
            let isMistaken = test.head.contains("arguments: [[], ")
            if isMistaken, row.mistakes.isEmpty { wrong.append("ZOOKEEPER-\(row.bug)'s mistake is not in the table") }
        }
        for test in tests {
            for bug in test.bugs where !table.contains(where: { $0.bug == bug && $0.test == test.name }) {
                wrong.append("the table does not have \(test.name) for ZOOKEEPER-\(bug)")
            }
        }
        return wrong
    }

    @Test("every bug has its row, every row its test, every test its row, every mistake its use")
    func agree() throws {
        let wrong = Self.mismatches(try Self.table(), try Self.sources().flatMap(Self.tests))
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test("mistakes in the table are those that there are")
    func mistakes() throws {
        let known = Set(Mutations.named.map(\.name) + DiskMistake.allCases.map { "\($0)" })
        for row in try Self.table() { #expect(known.isSuperset(of: row.mistakes), "ZOOKEEPER-\(row.bug)") }
    }

    @Test("a missing row, a missing test, a renamed test, a lost mistake: each is noticed", arguments: 0...40)
    func notices(index: Int) throws {
        let table = try Self.table()
        let tests = try Self.sources().flatMap(Self.tests)
        let row = table[index]
        #expect(!Self.mismatches(table.filter { $0 != row }, tests).isEmpty)
        #expect(!Self.mismatches(table, tests.filter { $0.name != row.test }).isEmpty)
        let position = try #require(tests.firstIndex { $0.name == row.test })
        var renamed = tests
        renamed[position].bugs.removeAll { $0 == row.bug }
        #expect(!Self.mismatches(table, renamed).isEmpty)
        if !row.mistakes.isEmpty {
            renamed = tests
            renamed[position].head = "@Test func"
            #expect(!Self.mismatches(table, renamed).isEmpty)
        }
    }
}
