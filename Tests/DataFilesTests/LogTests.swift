import Foundation
import TestSupport
import Testing
import TxnLog

@testable import DataFiles

/// `corral log` on files that servers of both kinds have written, whole and damaged.
@Suite("log files", .serialized, .timeLimit(.minutes(5)))
struct LogTests {
    @Test("every transaction is printed, in order", arguments: Written.all)
    func printed(files: Written) throws {
        let text = try Printed { try LogPrinter().run($0, [files.directory], $1) }
        #expect(text.code == 0)
        #expect(text.remarks == "")
        // Standalone servers count zxids from 1 on without gaps.
        #expect(text.lines.count == Int(files.lastZxid))
        let session = Notation.hexadecimal(files.session)
        #expect(text.lines[0].contains(" zxid 0x1 session "))
        #expect(
            text.lines.contains { $0.hasSuffix("create /a 12 bytes \"first\\n\\\"data\\\"\"") && $0.contains(session) })
        #expect(text.lines.contains { $0.hasSuffix("create /a/mine ephemeral 2 bytes \"\\xff\\x00\"") })
        #expect(text.lines.contains { $0.hasSuffix(" NoNode") && $0.contains(" error") })
        #expect(
            text.lines.contains {
                $0.contains("multi [create") && $0.contains("setData /a version 1 6 bytes \"second\"")
            })
        #expect(text.lines.contains { $0.hasSuffix("setACL /a/m1 version 1 acl world:anyone:cra") })
        #expect(text.lines.contains { $0.contains(" delete /b0-0") })
        #expect(text.lines.contains { $0.contains(" closeSession deletes /other") })
        #expect(text.lines.filter { $0.contains(" createSession timeout ") }.count >= 2)

        let json = try Printed(.json) { try LogPrinter(showsData: true).run($0, [files.directory], $1) }
        #expect(json.objects.count == text.lines.count)
        #expect(json.objects.map { $0["zxid"] as? String } == (1...files.lastZxid).map { Notation.hexadecimal($0) })
        let create = try #require(json.objects.first { $0["path"] as? String == "/a" })
        #expect(create["data"] as? String == "first\n\"data\"")
        #expect(create["dataLength"] as? Int == 12)
        #expect(create["lifetime"] as? String == "persistent")
        #expect((create["acl"] as? [[String: String]])?.first?["permissions"] == "cdrwa")
        #expect(json.objects.first { $0["path"] as? String == "/a/mine" }?["dataBase64"] as? String == "/wA=")
        let multi = try #require(json.objects.first { $0["type"] as? String == "multi" })
        #expect((multi["parts"] as? [[String: Any]])?.count == 3)
    }

    @Test("filters", arguments: Written.all)
    func filtered(files: Written) throws {
        func lines(_ filter: ToolFilter) throws -> [String] {
            try Printed { try LogPrinter(filter: filter).run($0, [files.directory], $1) }.lines
        }
        #expect(try lines(ToolFilter(from: 10, to: 19)).count == 10)
        #expect(try lines(ToolFilter(from: files.lastZxid)).count == 1)
        #expect(try lines(ToolFilter(path: "/a/m1")).count == 2)
        #expect(try lines(ToolFilter(path: "/a")).count == 4)
        #expect(try lines(ToolFilter(path: "/other")).count == 2)
        let mine = try lines(ToolFilter(session: files.session))
        let others = try lines(ToolFilter()).filter { !$0.contains(Notation.hexadecimal(files.session)) }
        #expect(mine.count + others.count == Int(files.lastZxid))
        #expect(others.count >= 3)
    }

    @Test("whole logs are fine, alone and together", arguments: Written.all)
    func whole(files: Written) throws {
        let logs = try Written.logs(files.directory)
        #expect(logs.count > 2, "the log did not roll")
        for path in [files.directory, files.directory + "/version-2/"] + logs {
            let checked = try Printed { try LogChecker().run($0, [path], $1) }
            #expect(checked.code == 0, "\(checked.results)")
            #expect(checked.lines.last?.hasPrefix("\(path): fine, ") == true)
        }
        let json = try Printed(.json) { try LogChecker().run($0, [files.directory], $1) }
        let summary = try #require(json.objects.last)
        #expect(summary["ok"] as? Bool == true)
        #expect(summary["transactions"] as? Int == Int(files.lastZxid))
        #expect(summary["lastZxid"] as? String == Notation.hexadecimal(files.lastZxid))
    }

    @Test("a flipped bit is named with file and offset", arguments: Written.all)
    func flipped(files: Written) throws {
        let directory = try files.copy()
        let log = try Written.logs(directory)[1]
        var frames = try Frames(log)
        let victim = frames.all[frames.all.count / 2]
        frames.bytes[victim.offset + 12 + 30] ^= 4
        try frames.save()
        let checked = try Printed { try LogChecker().run($0, [directory], $1) }
        #expect(checked.code == 1)
        #expect(checked.results.contains("\(log) is corrupt at byte \(victim.offset)"), "\(checked.results)")
        #expect(checked.results.contains("follows at byte \(victim.offset + victim.length + 13)"))
        let printed = try Printed { try LogPrinter().run($0, [log], $1) }
        #expect(printed.code == 1)
        #expect(printed.lines.count == frames.all.count / 2)
        #expect(printed.remarks.contains("byte \(victim.offset)"))
        let summed = try Printed { try LogSummary().run($0, [directory], $1) }
        #expect(summed.code == 1)
        let json = try Printed(.json) { try LogChecker().run($0, [directory], $1) }
        let finding = try #require(json.objects.first { $0["kind"] as? String == "corrupt" })
        #expect(finding["offset"] as? Int == victim.offset)
        #expect(finding["file"] as? String == log)
    }

    @Test("a torn end is told from damage in the middle", arguments: Written.all)
    func torn(files: Written) throws {
        let directory = try files.copy()
        let log = try #require(try Written.logs(directory).last)
        let last = try #require(try Frames(log).all.last)
        try #require(truncate(log, off_t(last.offset + 20)) == 0)
        let checked = try Printed { try LogChecker().run($0, [directory], $1) }
        #expect(checked.code == 1)
        #expect(
            checked.results.contains("\(log) has a torn end at byte \(last.offset), 20 bytes"), "\(checked.results)")
        // A server that starts cuts it.
        let server = try ServerUnderTest(files.vendor, dataDirectory: directory)
        server.kill()
        if files.vendor == .corral {
            #expect(try Printed { try LogChecker().run($0, [directory], $1) }.code == 0)
        }
        // In the middle of a directory, before a file that goes on, it is harmless.
        let second = try files.copy()
        let logs = try Written.logs(second)
        let handle = try #require(FileHandle(forWritingAtPath: logs[0]))
        try handle.truncate(atOffset: UInt64(try Frames(logs[0]).end))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data([0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 200, 9, 9]))
        try handle.close()
        let harmless = try Printed { try LogChecker().run($0, [second], $1) }
        #expect(harmless.code == 0, "\(harmless.results)")
        #expect(harmless.results.contains("note: \(logs[0]) ends at byte"))
    }

    @Test("missing files are gaps, unless a snapshot makes up for them", arguments: Written.all)
    func gaps(files: Written) throws {
        let directory = try files.copy()
        let logs = try Written.logs(directory)
        try FileManager.default.removeItem(atPath: logs[1])
        let covered = try Printed { try LogChecker().run($0, [directory], $1) }
        for snapshot in try Written.snapshots(directory) { try FileManager.default.removeItem(atPath: snapshot) }
        let open = try Printed { try LogChecker().run($0, [directory], $1) }
        #expect(covered.code == 0, "\(covered.results)")
        #expect(covered.results.contains("makes up for it"))
        #expect(open.code == 1)
        let next = try #require(try Frames(logs[2]).all.first)
        #expect(open.results.contains("damage: \(logs[2]), byte 16: zxid \(Notation.hexadecimal(next.zxid)) follows "))
    }

    @Test("files in the wrong order, strange and blank files", arguments: Written.all)
    func misplaced(files: Written) throws {
        let directory = try files.copy()
        let logs = try Written.logs(directory)
        try FileManager.default.copyItem(atPath: logs[0], toPath: directory + "/version-2/log.ffff")
        try Data(repeating: 0, count: 4096).write(to: URL(fileURLWithPath: directory + "/version-2/log.fffe"))
        try Data("not a log at all".utf8).write(to: URL(fileURLWithPath: directory + "/version-2/log.fffd"))
        let checked = try Printed { try LogChecker().run($0, [directory], $1) }
        #expect(checked.code == 1)
        #expect(checked.results.contains("log.ffff, byte 16: zxid 0x1 comes after "))
        #expect(checked.results.contains("note: \(directory)/version-2/log.fffe is blank"))
        #expect(checked.results.contains("damage: \(directory)/version-2/log.fffd does not start as a log does"))
    }

    @Test("a summary counts", arguments: Written.all)
    func summary(files: Written) throws {
        let json = try Printed(.json) { try LogSummary(top: 5).run($0, [files.directory], $1) }
        #expect(json.code == 0)
        let object = try #require(json.objects.first)
        #expect(object["transactions"] as? Int == Int(files.lastZxid))
        #expect(object["files"] as? Int == (try Written.logs(files.directory).count))
        let types = try #require(object["types"] as? [String: [String: Int]])
        #expect(types["multi"]?["count"] == 1)
        #expect(types["error"]?["count"] == 1)
        #expect((types["create"]?["count"] ?? 0) + (types["create2"]?["count"] ?? 0) == 403)
        #expect(types.values.reduce(0) { $0 + $1["count"]! } == Int(files.lastZxid))
        #expect((object["errors"] as? [String: Int]) == ["NoNode": 1])
        let largest = try #require((object["largest"] as? [[String: Any]])?.first)
        #expect((largest["what"] as? String)?.hasSuffix("/b0-399") == true || (largest["bytes"] as? Int ?? 0) > 399)
        let sessions = try #require(object["sessions"] as? [[String: Any]])
        #expect(sessions.first?["session"] as? String == Notation.hexadecimal(files.session))
        let text = try Printed { try LogSummary().run($0, [files.directory], $1) }
        #expect(text.results.contains("transactions   \(files.lastZxid), "))
        #expect(text.results.contains("refused: NoNode"))
    }

    @Test("comparison", arguments: Written.all)
    func comparison(files: Written) throws {
        let (left, right) = (files.directory, try files.copy())
        func compare(_ comparison: LogComparison = LogComparison(), _ format: ToolFormat = .text) throws -> Printed {
            try Printed(format) { try comparison.run($0, left, right, $1) }
        }
        let same = try compare()
        #expect(same.code == 0)
        #expect(same.lines == ["the same: \(files.lastZxid) transactions the same, 0 different"])

        // One byte of data, under a right checksum.
        let log = try Written.logs(right)[1]
        var frames = try Frames(log)
        let index = try #require(frames.all.indices.first { frames.bytes[frames.all[$0].offset + 12 + 60] == 65 })
        let changed = frames.all[index]
        frames.bytes[changed.offset + 12 + 60] = 66
        frames.seal(index)
        try frames.save()
        #expect(try Printed { try LogChecker().run($0, [right], $1) }.code == 0, "the change is sealed")
        let different = try compare()
        #expect(different.code == 1)
        #expect(different.lines.first == "\(Notation.hexadecimal(changed.zxid)): the records differ")
        #expect(different.results.contains("different, first at \(Notation.hexadecimal(changed.zxid)): "))
        #expect(different.results.contains("\(log), byte \(changed.offset): "))
        #expect(try compare(LogComparison(filter: ToolFilter(from: changed.zxid + 1))).code == 0)
        #expect(try compare(LogComparison(filter: ToolFilter(to: changed.zxid - 1))).code == 0)
        let object = try #require(try compare(LogComparison(), .json).objects.last)
        #expect(object["different"] as? Int == 1)
        #expect(object["firstDifference"] as? String == Notation.hexadecimal(changed.zxid))

        // The first file purged on one side: not in the common range.
        try FileManager.default.removeItem(atPath: right)
        try FileManager.default.copyItem(atPath: left, toPath: right)
        let purged = try Written.logs(right)[0]
        let count = try Frames(purged).all.count
        try FileManager.default.removeItem(atPath: purged)
        let shorter = try compare()
        #expect(shorter.code == 1)
        #expect(shorter.results.contains("\(count) beyond what the other covers"), "\(shorter.results)")
        #expect(try compare(LogComparison(onlyCommonRange: true)).code == 0)
        // One in the middle: a hole in the common range.
        let middle = try Written.logs(right)[1]
        let hole = try Frames(middle).all
        try FileManager.default.removeItem(atPath: middle)
        let holed = try compare(LogComparison(onlyCommonRange: true, limit: 3))
        #expect(holed.code == 1)
        #expect(holed.results.contains("first at \(Notation.hexadecimal(hole[0].zxid))"))
        #expect(holed.results.contains("\(hole.count) only in \(left)"), "\(holed.results)")
        #expect(holed.lines.filter { $0.contains("missing in \(right)") }.count == 3)
    }
}
