import DataFiles
import Foundation
import TestSupport
import Testing
import TxnLog

/// The executable's side: arguments, exit codes, and memory that does not grow with the log.
@Suite("corral log and corral snapshot", .serialized, .timeLimit(.minutes(5)))
struct ToolCommandTests {
    private func run(_ arguments: String...) throws -> (code: Int32, output: String) {
        try ChildProcess.run(ServerUnderTest.corralBinary, arguments)
    }

    @Test func exitCodes() throws {
        let files = try #require(Written.all.first)
        let directory = files.directory
        #expect(
            try run("log", "print", directory, "--from", "0x5", "--to", "6").output.split(separator: "\n").count == 2)
        #expect(try run("log", "check", directory).code == 0)
        #expect(try run("log", "summary", directory, "--output", "json").output.hasPrefix("{\"path\":"))
        #expect(try run("log", "compare", directory, directory).code == 0)
        #expect(try run("snapshot", "print", directory, "--path", "/a").code == 0)
        #expect(try run("snapshot", "check", directory).code == 0)
        #expect(try run("snapshot", "summary", directory).code == 0)
        #expect(try run("snapshot", "compare", directory, directory).code == 0)

        let copy = try files.copy()
        let log = try #require(try Written.logs(copy).last)
        try #require(truncate(log, off_t(try Frames(log).end - 3)) == 0)
        #expect(try run("log", "check", copy).code == 1)
        #expect(try run("log", "compare", directory, copy).code == 1)

        for arguments in [
            ["log", "print"], ["log", "bogus", directory], ["log", "print", directory, "--from", "xyz"],
            ["log", "print", directory, "--path", "a"], ["snapshot", "summary", directory, "--top", "-1"],
            ["log", "compare", directory], ["snapshot", "print", directory, "--output", "xml"],
        ] {
            let result = try ChildProcess.run(ServerUnderTest.corralBinary, arguments)
            #expect(result.code == 64, "\(arguments): \(result)")
        }
        let scratch = TemporaryDirectory("empty")
        for arguments in [
            ["log", "print", scratch.file("none")], ["log", "check", scratch.path],
            ["snapshot", "check", scratch.path],
            ["snapshot", "print", scratch.file("none")],
        ] {
            let result = try ChildProcess.run(ServerUnderTest.corralBinary, arguments)
            #expect(result.code == 66, "\(arguments): \(result)")
            #expect(result.output.hasPrefix("corral: "))
        }
        let packed = scratch.file("snapshot.5.gz")
        try Data([0x1f, 0x8b]).write(to: URL(fileURLWithPath: packed))
        let compressed = try run("snapshot", "check", packed)
        #expect(compressed.code == 66)
        #expect(compressed.output.contains("gzip -dc"))
        // Beside others: what is asked of the newest is not answered with an older one.
        let older = scratch.file("snapshot.3")
        let written = try #require(Written.all.first)
        let newest = try #require(try Written.snapshots(written.directory).last)
        try FileManager.default.copyItem(atPath: newest, toPath: older)
        let mixed = try run("snapshot", "check", scratch.path)
        #expect(mixed.code == 66)
        #expect(mixed.output.contains("gzip -dc") && mixed.output.contains("\(older): fine"), "\(mixed)")
        #expect(try run("snapshot", "summary", scratch.path).code == 66)
        try FileManager.default.moveItem(atPath: packed, toPath: scratch.file("snapshot.1.gz"))
        #expect(try run("snapshot", "summary", scratch.path).code == 0)
    }

    @Test("a log is read in bounded memory")
    func memory() throws {
        // 64 MiB: one frame, copied under rising zxids.
        let scratch = TemporaryDirectory("large")
        let files = try #require(Written.all.first)
        let small = try Frames(try Written.logs(files.directory)[0])
        let frame = try #require(small.all.last)
        let log = scratch.file("log.1")
        #expect(FileManager.default.createFile(atPath: log, contents: Data(small.bytes[..<16])))
        let handle = try #require(FileHandle(forWritingAtPath: log))
        try handle.seekToEnd()
        var one = small
        let size = frame.length + 13
        let count = (64 << 20) / size
        var chunk = Data()
        for zxid in 1...count {
            for place in 0..<8 {
                one.bytes[frame.offset + 12 + 12 + place] = UInt8(truncatingIfNeeded: zxid >> (56 - 8 * place))
            }
            one.seal(one.all.count - 1)
            chunk.append(contentsOf: one.bytes[frame.offset..<(frame.offset + size)])
            if chunk.count > 4 << 20 || zxid == count {
                try handle.write(contentsOf: chunk)
                chunk.removeAll(keepingCapacity: true)
            }
        }
        try handle.close()
        for command in ["check", "summary"] {
            let (code, output) = try ChildProcess.run(
                "sh",
                [
                    "-c",
                    "\"$0\" log \"$1\" \"$2\" >/dev/null & pid=$!; peak=0; while [ -r /proc/$pid/status ]; do "
                        + "now=$(sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status 2>/dev/null); "
                        + "[ -n \"$now\" ] && peak=$now; sleep 0.01; done; wait $pid; code=$?; echo $peak; exit $code",
                    ServerUnderTest.corralBinary, command, log,
                ])
            #expect(code == 0, "\(command): \(output)")
            let kilobytes = Int(output.split(separator: "\n").last ?? "") ?? 0
            #expect(kilobytes > 0 && kilobytes < 48 << 10, "\(command) took \(kilobytes) KB for \(count) transactions")
        }
    }
}
