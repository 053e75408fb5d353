import Foundation
import TestSupport
import Testing

/// Debian's zkCli and this shell, given the same commands on equal servers, print the same, apart from what zkCli says
/// of its connection. Skipped where it is not installed.
@Suite(
    .enabled(if: FileManager.default.fileExists(atPath: ZkCli.program), "Debian's zkCli.sh is not installed"),
    .serialized, .timeLimit(.minutes(5)))
struct ZkCliTests {
    /// All in one session; each succeeds or fails in both.
    static let commands = [
        "create /a one", "create /a/b 'two words'", "create /a/c", "create -s /a/s- x", "create -e /a/e y",
        "create /a one", "create /none/x", "ls /", "ls -s /a", "ls /a", "ls -R /a", "ls /none", "get /a", "get -s /a/b",
        "get /none", "set /a three", "set -s /a four", "set -v 9 /a five", "set /none x", "stat /a", "stat /none",
        "getAcl /a", "getAcl -s /a/b", "setAcl /a world:anyone:cdra", "getAcl /a", "setAcl -s /a world:anyone:cdrwa",
        "setAcl /none world:anyone:r", "getAllChildrenNumber /a", "getEphemerals", "getEphemerals /a", "sync /a",
        "setquota -n 2 /a", "listquota /a", "setquota -b 100 /a", "listquota /a", "delquota -n /a", "listquota /a",
        "delquota /a", "addauth digest u:p", "whoami", "create /a/auth secret auth::cdrwa", "getAcl /a/auth",
        "printwatches", "delete /a", "delete -v 5 /a/c", "delete /a/c", "delete /none", "ls /a", "deleteall /a",
        "ls /", "create -c /k", "create -t 100000 /t z", "stat /k",
    ]

    @Test func sameText() throws {
        let ours = try ServerUnderTest(.corral)
        let theirs = try ServerUnderTest(.corral)
        let input = Self.commands.joined(separator: "\n") + "\n"
        let mine = try ShellRun.run(
            ["shell", "-s", "127.0.0.1:\(ours.port)", "--keep-going"], input: input, environment: ["TZ": "UTC"])
        let other = try ShellRun.run(
            ["-server", "127.0.0.1:\(theirs.port)"], input: input, environment: ["TZ": "UTC"], program: ZkCli.program)
        let (left, right) = (Self.result(mine.output), Self.result(other.output))
        #expect(right.count > 100, "zkCli printed little: \(other)")
        #expect(left == right, "\(Self.difference(left, right))")
        // On standard error zkCli says what was created and what went wrong, and its logger much else.
        let errors = mine.errors.split(separator: "\n").map(String.init)
        let known = Set(other.errors.split(separator: "\n").map { Self.masked(String($0)) })
        for line in errors {
            #expect(known.contains(Self.masked(line)), "zkCli did not say '\(line)'")
        }
        #expect(errors.count > 15)
    }

    /// Lines that commands print, numbers that the two servers need not share masked.
    private static func result(_ text: String) -> [String] {
        let chatter = ["Connecting to", "Welcome to", "JLine support", "WATCHER::", "WatchedEvent", "log4j", "SLF4J"]
        return text.split(separator: "\n").map(String.init).filter { line in
            !chatter.contains { line.hasPrefix($0) } && !line.allSatisfy(\.isWhitespace)
        }.map(masked)
    }

    private static func masked(_ line: String) -> String {
        for label in ["cZxid", "mZxid", "pZxid", "ephemeralOwner", "ctime", "mtime"] where line.hasPrefix("\(label) = ")
        {
            // That an owner is none or a mark is the same for both.
            if label == "ephemeralOwner" && (line == "ephemeralOwner = 0x0" || line.contains("0x8000")) { return line }
            return "\(label) = #"
        }
        return line
    }

    private static func difference(_ left: [String], _ right: [String]) -> String {
        left.difference(from: right).map { change in
            switch change {
            case .insert(let offset, let line, _): "only here, line \(offset): \(line)"
            case .remove(let offset, let line, _): "only zkCli's, line \(offset): \(line)"
            }
        }.joined(separator: "\n")
    }

    @Test("the form of times is Java's", arguments: ["UTC", "America/New_York", "Asia/Kolkata"])
    func times(zone: String) throws {
        let server = try ServerUnderTest(.corral)
        #expect(try server.shell(["create", "/a"]).code == 0)
        let arguments = ["-server", "127.0.0.1:\(server.port)", "stat", "/a"]
        let mine = try ShellRun.run(["shell"] + arguments, environment: ["TZ": zone])
        let other = try ShellRun.run(arguments, environment: ["TZ": zone], program: ZkCli.program)
        let wanted = try #require(mine.lines.first { $0.hasPrefix("ctime = ") })
        #expect(other.lines.contains(wanted), "\(wanted) is not among \(other.lines)")
        #expect(other.lines.contains { $0.hasPrefix("cZxid = 0x") && mine.lines.contains($0) })
    }
}

enum ZkCli {
    static let program = "/usr/share/zookeeper/bin/zkCli.sh"
}
