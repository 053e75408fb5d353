import Foundation
import TestSupport
import Testing
import TxnLog
import ZooKeeperProtocol

@testable import DataFiles

/// `corral snapshot` on files that servers of both kinds have written, whole and damaged.
@Suite("snapshots", .serialized, .timeLimit(.minutes(5)))
struct SnapshotTests {
    /// A directory whose newest snapshot holds everything: a server has started on it and ended.
    private static func settled(_ files: Written) throws -> String {
        let directory = try files.copy()
        let server = try ServerUnderTest(files.vendor, dataDirectory: directory)
        server.stop()
        return directory
    }

    @Test("every znode is printed", arguments: Written.all)
    func printed(files: Written) throws {
        let directory = try Self.settled(files)
        let newest = try #require(try Written.snapshots(directory).last)
        let text = try Printed { try SnapshotPrinter().run($0, directory, $1) }
        #expect(text.code == 0)
        #expect(text.remarks == newest + "\n")
        #expect(text.lines.contains { $0.hasPrefix("session \(Notation.hexadecimal(files.session)) timeout ") })
        let nodes = text.lines.filter { $0.hasPrefix("/") }
        // 400 less one deleted; /a, its two children, the root and what every tree has.
        #expect(nodes.filter { $0.hasPrefix("/b") }.count == 399)
        #expect(nodes.contains { $0.hasPrefix("/a 6 bytes version 1 ") && $0.hasSuffix("\"second\"") })
        #expect(
            nodes.contains {
                $0.hasPrefix("/a/mine 2 bytes ") && $0.contains(" ephemeral \(Notation.hexadecimal(files.session)) ")
            })
        #expect(nodes.contains { $0.hasPrefix("/a/m1 1 byte ") && $0.contains("acl world:anyone:") })
        #expect(nodes.contains { $0.hasPrefix("/zookeeper/quota 0 bytes ") })
        #expect(!nodes.contains { $0.hasPrefix("/other") })

        func json(_ filter: ToolFilter) throws -> [[String: Any]] {
            try Printed(.json) { try SnapshotPrinter(filter: filter, showsData: true).run($0, newest, $1) }.objects
        }
        let all = try json(ToolFilter())
        #expect(all.count == text.lines.count)
        let mine = try #require(all.first { $0["path"] as? String == "/a/mine" })
        #expect(mine["dataBase64"] as? String == "/wA=")
        #expect(mine["ephemeralOwner"] as? String == Notation.hexadecimal(files.session))
        #expect(try json(ToolFilter(path: "/a")).count == 3)
        #expect(try json(ToolFilter(session: files.session)).count == 2, "the session and its znode")
        let first = try #require(mine["czxid"] as? String)
        #expect(try json(ToolFilter(from: Notation.number(first), to: Notation.number(first))).count == 1)
    }

    /// As servers see them: two spellings that look the same are two znodes, and a name may begin with an accent.
    @Test("znodes are what their bytes are") func spellings() throws {
        let paths = ["/caf\u{e9}", "/cafe\u{301}", "/\u{301}x", "/\u{301}x/sub"]
        let server = try ServerUnderTest(.corral)
        let client = try server.client()
        for path in paths { try client.create(path, data: Array(path.utf8)) }
        server.kill()
        try server.start()
        server.stop()
        let newest = try #require(try Written.snapshots(server.dataDirectory).last)
        let check = try Printed { try SnapshotChecker().run($0, [newest], $1) }
        #expect(check.code == 0, "\(check)")
        let printed = try Printed(.json) { try SnapshotPrinter().run($0, newest, $1) }
        let found = printed.objects.compactMap { ($0["path"] as? String).map { Array($0.utf8) } }
        for path in paths { #expect(found.contains(Array(path.utf8))) }
        let summary = try Printed(.json) { try SnapshotSummary(top: 10, depth: 1).run($0, newest, $1) }
        let subtrees = try #require(summary.objects.first?["subtrees"] as? [[String: Any]])
        #expect(subtrees.count == 5, "\(subtrees)")
        let same = try Printed { try SnapshotComparison().run($0, newest, newest, $1) }
        #expect(same.code == 0, "\(same)")
        let (left, right) = (TxnRecord.delete(path: paths[0]), TxnRecord.delete(path: paths[1]))
        #expect(left != right)
    }

    @Test("whole snapshots are fine, damaged ones are named", arguments: Written.all)
    func checked(files: Written) throws {
        let directory = try files.copy()
        let snapshots = try Written.snapshots(directory)
        #expect(snapshots.count > 1)
        let fine = try Printed { try SnapshotChecker().run($0, [directory], $1) }
        #expect(fine.code == 0, "\(fine.results)")
        #expect(fine.lines.count == snapshots.count)
        let victim = snapshots[1]
        var bytes = try Data(contentsOf: URL(fileURLWithPath: victim))
        bytes[bytes.count / 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: victim))
        let flipped = try Printed { try SnapshotChecker().run($0, [directory], $1) }
        #expect(flipped.code == 1)
        #expect(flipped.results.contains("damage: \(victim) has a wrong checksum"), "\(flipped.results)")
        #expect(flipped.lines.filter { $0.contains(": fine, ") }.count == snapshots.count - 1)
        try bytes.prefix(bytes.count - 40).write(to: URL(fileURLWithPath: victim))
        let short = try Printed(.json) { try SnapshotChecker().run($0, [victim], $1) }
        #expect(short.code == 1)
        #expect((short.objects.first?["problems"] as? [String])?.first?.contains("not written to its end") == true)
        #expect(try Printed { try SnapshotPrinter().run($0, victim, $1) }.code == 1)
        #expect(try Printed { try SnapshotSummary().run($0, victim, $1) }.code == 1)
        #expect(try Printed { try SnapshotComparison().run($0, victim, snapshots[0], $1) }.code == 1)
    }

    @Test("a summary counts by subtree", arguments: Written.all)
    func summary(files: Written) throws {
        let directory = try Self.settled(files)
        let json = try Printed(.json) { try SnapshotSummary(top: 500).run($0, directory, $1) }
        #expect(json.code == 0)
        let object = try #require(json.objects.first)
        let printed = try Printed(.json) { try SnapshotPrinter().run($0, directory, $1) }.objects
        let nodes = printed.filter { $0["path"] != nil }
        #expect(object["znodes"] as? Int == nodes.count)
        #expect(object["bytes"] as? Int == nodes.reduce(0) { $0 + ($1["dataLength"] as! Int) })
        #expect(object["ephemerals"] as? Int == 1)
        #expect(object["sessions"] as? Int == printed.count - nodes.count)
        let subtrees = try #require(object["subtrees"] as? [[String: Any]])
        #expect(subtrees.reduce(0) { $0 + ($1["znodes"] as! Int) } == nodes.count)
        let a = try #require(subtrees.first { $0["path"] as? String == "/a" })
        #expect(a["znodes"] as? Int == 3 && a["ephemerals"] as? Int == 1 && a["bytes"] as? Int == 9)
        #expect((object["largest"] as? [[String: Any]])?.first?["bytes"] as? Int == 399)
        let widest = try #require((object["widest"] as? [[String: Any]])?.first)
        #expect(widest["path"] as? String == "/" && widest["children"] as? Int == 401)
        let text = try Printed { try SnapshotSummary().run($0, directory, $1) }
        #expect(text.results.contains("znodes         \(nodes.count), "))
        let deep = try Printed(.json) { try SnapshotSummary(top: 500, depth: 2).run($0, directory, $1) }
        #expect(
            (deep.objects[0]["subtrees"] as? [[String: Any]])?.contains { $0["path"] as? String == "/a/mine" } == true)
    }

    @Test("comparison", arguments: Written.all)
    func comparison(files: Written) throws {
        let left = try Self.settled(files)
        let right = files.scratch.file("right-\(UUID().uuidString.prefix(8))")
        try FileManager.default.copyItem(atPath: left, toPath: right)
        func compare(_ comparison: SnapshotComparison = SnapshotComparison(), _ format: ToolFormat = .text) throws
            -> Printed
        {
            try Printed(format) { try comparison.run($0, left, right, $1) }
        }
        let same = try compare()
        #expect(same.code == 0)
        #expect(same.results.contains("0 added, 0 removed, 0 changed"))
        // The next start writes down what has changed.
        let server = try ServerUnderTest(files.vendor, dataDirectory: right)
        let client = try server.client()
        try client.create("/new", data: Array("abc".utf8))
        _ = try client.call(.setData("/a", data: Array("SECOND".utf8), version: -1))
        _ = try client.call(.delete("/b1-1"))
        _ = try client.call(.setACL("/b2-2", acl: [ACL(permissions: 1, identity: .anyone)]))
        server.kill()
        try server.start()
        server.stop()
        let different = try compare()
        #expect(different.code == 1)
        #expect(different.lines.contains("added /new 3 bytes"))
        #expect(different.lines.contains("removed /b1-1 1 byte"))
        let changed = try #require(different.lines.first { $0.hasPrefix("changed /a ") })
        #expect(changed.contains("data #") && changed.contains("version 1 -> 2"))
        #expect(different.lines.contains { $0.hasPrefix("changed /b2-2 acl #") && $0.contains("aversion 0 -> 1") })
        let object = try #require(try compare(SnapshotComparison(), .json).objects.last)
        #expect(object["added"] as? Int == 1 && object["removed"] as? Int == 1)
        // Only the content of what has changed: the root's statistics are no content.
        let content = try compare(SnapshotComparison(onlyContent: true))
        #expect(content.results.contains("1 added, 1 removed, 2 changed"), "\(content.results)")
        #expect(try compare(SnapshotComparison(filter: ToolFilter(path: "/b3-3"))).code == 0)
        #expect(try compare(SnapshotComparison(filter: ToolFilter(path: "/new"))).code == 1)
        #expect(try compare(SnapshotComparison(limit: 1)).lines.count == 2)
    }
}
