import Foundation
import TestSupport

/// The rules of the tree's form. Each takes text and answers what is wrong with it, so that each can be tried on text
/// made to break it.
enum Gates {
    static let longestFileLines = 600
    static let longestLineColumns = 120

    static func fileLength(_ text: String, of path: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count - (text.hasSuffix("\n") ? 1 : 0)
        return lines > longestFileLines ? ["\(path): \(lines) lines"] : []
    }

    static func lineLengths(_ text: String, of path: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
            line.count > longestLineColumns ? "\(path):\(index + 1): \(line.count) columns" : nil
        }
    }

    /// Marks of unfinished work. In two pieces, so that this file has none.
    static let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK:"]

    static func unfinished(_ text: String, of path: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
            marks.contains { line.contains($0) } ? "\(path):\(index + 1): \(line)" : nil
        }
    }

    /// The row of each module, from the table in ARCHITECTURE.md.
    static func rows(of architecture: String) -> [String: Int] {
        var rows: [String: Int] = [:]
        for line in architecture.split(separator: "\n") where line.hasPrefix("|") {
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count >= 2, let row = Int(cells[0]) else { continue }
            for name in cells[1].split(separator: ",") {
                rows[name.trimmingCharacters(in: CharacterSet(charactersIn: "` "))] = row
            }
        }
        return rows
    }

    /// Modules that a source file imports.
    static func imports(of text: String) -> [String] {
        text.split(separator: "\n").compactMap { line in
            var words = line.split(separator: " ").map(String.init)
            while let first = words.first, first.hasPrefix("@") || ["public", "package", "internal"].contains(first) {
                words.removeFirst()
            }
            guard words.count >= 2, words[0] == "import" else { return nil }
            let kinds: Set = ["struct", "class", "enum", "protocol", "func", "let", "var", "typealias"]
            let name = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
            return String(name.split(separator: ".")[0])
        }
    }

    /// Imports that do not go downward.
    static func upward(_ text: String, of path: String, in module: String, rows: [String: Int]) -> [String] {
        guard let own = rows[module] else { return ["\(path): module \(module) is not in ARCHITECTURE.md's table"] }
        return imports(of: text).compactMap { name in
            guard let row = rows[name], name != module, row >= own else { return nil }
            return "\(path): \(module) (row \(own)) imports \(name) (row \(row))"
        }
    }

    struct File {
        /// From the root of the package.
        var path: String
        var text: String
    }

    /// The files below a directory of the package with one of these extensions.
    static func files(below directory: String, extensions: Set<String>) -> [File] {
        let root = TestEnvironment.packageRoot.appendingPathComponent(directory)
        guard let walk = FileManager.default.enumerator(atPath: root.path) else { return [] }
        return walk.compactMap { $0 as? String }.filter { extensions.contains(($0 as NSString).pathExtension) }.sorted()
            .compactMap { name in
                guard let text = try? String(contentsOf: root.appendingPathComponent(name), encoding: .utf8) else {
                    return nil
                }
                return File(path: "\(directory)/\(name)", text: text)
            }
    }
}
