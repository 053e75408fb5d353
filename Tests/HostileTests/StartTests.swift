import Foundation
import TestSupport
import Testing
import ZooKeeperProtocol

#if canImport(Glibc)
import Glibc
#endif

/// What a new user does wrong: each gives one clear line on standard error, no stack trace, and its exit code.
@Suite struct StartTests {
    /// The attempt ended with the code and this one line, which contains all the hints.
    private func expectRefusal(
        _ attempt: Attempt, _ code: Int32, _ hints: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let ended = attempt.end()
        #expect(ended == code, "\(attempt.errors)", sourceLocation: sourceLocation)
        let lines = attempt.errorLines
        #expect(lines.count == 1 && lines[0].hasPrefix("corral: "), "\(lines)", sourceLocation: sourceLocation)
        for hint in hints { #expect(attempt.errors.contains(hint), "\(lines)", sourceLocation: sourceLocation) }
        #expect(attempt.process.output.isEmpty, sourceLocation: sourceLocation)
    }

    @Test func wrongFlags() throws {
        expectRefusal(try Attempt(["server", "--no-such-flag"]), 2, ["--no-such-flag"])
        expectRefusal(try Attempt(["serve"]), 2, ["serve"])
        expectRefusal(try Attempt(["server"]), 2, ["configuration file"])
        expectRefusal(try Attempt(["server", "a.cfg", "b.cfg"]), 2, ["b.cfg"])
        expectRefusal(try Attempt(["server", "--standalone", "--data-dir"]), 2, ["--data-dir"])
    }

    @Test func portInUse() throws {
        let directory = TemporaryDirectory("hostile")
        let first = try ServerUnderTest(.corral)
        let second = try Attempt.standalone(dataDir: directory.file("data"), port: first.port)
        expectRefusal(second, 4, ["\(first.port)", "in use"])
        #expect(!FileManager.default.fileExists(atPath: directory.file("data")), "a refused start leaves something")
        // The first is none the worse for it.
        #expect(try fourLetterWord("ruok", port: first.port) == "imok")
    }

    @Test func electionPortInUse() throws {
        let directory = TemporaryDirectory("hostile")
        let first = try ServerUnderTest(.corral)
        let data = directory.file("data")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        try "1".write(toFile: "\(data)/myid", atomically: true, encoding: .utf8)
        try """
        dataDir=\(data)
        clientPort=0
        initLimit=5
        syncLimit=2
        electionPortBindRetry=1
        server.1=127.0.0.1:0:\(first.port)
        server.2=127.0.0.1:1:2
        server.3=127.0.0.1:3:4

        """.write(toFile: directory.file("zoo.cfg"), atomically: true, encoding: .utf8)
        expectRefusal(
            try Attempt(["server", directory.file("zoo.cfg"), "--log-level", "error"]), 4, ["\(first.port)", "in use"])
        // Nothing of a database.
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(data)/version-2")
        #expect(!left.contains { $0.hasPrefix("snapshot") || $0.hasPrefix("log.") }, "\(left)")
    }

    @Test func privilegedPort() throws {
        guard let prefix = Self.asNobody else { return }
        let directory = TemporaryDirectory("hostile")
        chmod(directory.path, 0o777)
        expectRefusal(
            try Attempt.standalone(dataDir: directory.file("data"), port: 1, prefix: prefix), 4,
            ["no permission", "port 1:"])
    }

    @Test func unwritableDataDirectory() throws {
        guard let prefix = Self.asNobody else { return }
        let directory = TemporaryDirectory("hostile")
        chmod(directory.path, 0o755)
        expectRefusal(
            try Attempt.standalone(dataDir: directory.file("data"), prefix: prefix), 4,
            [directory.file("data"), "Permission denied"])
        // There already, but not writable.
        try FileManager.default.createDirectory(
            atPath: directory.file("data/version-2"), withIntermediateDirectories: true)
        expectRefusal(
            try Attempt.standalone(dataDir: directory.file("data"), prefix: prefix), 4,
            [directory.file("data"), "Permission denied"])
    }

    @Test func dataDirectoryIsAFile() throws {
        let directory = TemporaryDirectory("hostile")
        try Data("text".utf8).write(to: URL(fileURLWithPath: directory.file("data")))
        expectRefusal(
            try Attempt.standalone(dataDir: directory.file("data")), 4, [directory.file("data"), "Not a directory"])
    }

    @Test func foreignDataDirectory() throws {
        let directory = TemporaryDirectory("hostile")
        let version = directory.file("data/version-2")
        try FileManager.default.createDirectory(atPath: version, withIntermediateDirectories: true)
        try Data("text".utf8).write(to: URL(fileURLWithPath: "\(version)/letters.txt"))
        expectRefusal(try Attempt.standalone(dataDir: directory.file("data")), 4, ["letters.txt", version])
        // Nothing was added to what is not ours.
        #expect(try FileManager.default.contentsOfDirectory(atPath: version) == ["letters.txt"])
    }

    @Test func lockedDataDirectory() throws {
        let first = try ServerUnderTest(.corral)
        expectRefusal(try Attempt.standalone(dataDir: first.dataDirectory), 4, [first.dataDirectory, "in use"])
        #expect(try fourLetterWord("ruok", port: first.port) == "imok")
    }

    /// An end asked for at the very moment the server says that it serves is not missed.
    @Test func endsAtOnceWhenAsked() throws {
        for _ in 0..<8 {
            let directory = TemporaryDirectory("hostile")
            let server = try Attempt.standalone(dataDir: directory.file("data"), level: "info")
            #expect(eventually(within: 20) { server.errors.contains("serving clients") }, "\(server.errors)")
            #expect(server.terminate() == 0, "\(server.errors)")
        }
    }

    @Test func unknownKeyWarns() throws {
        let directory = TemporaryDirectory("hostile")
        let server = try Attempt.standalone(
            dataDir: directory.file("data"), port: freePort(), settings: ["tickTim=2000"], level: "info")
        #expect(eventually(within: 20) { server.errors.contains("serving clients") }, "\(server.errors)")
        let warnings = server.errorLines.filter { $0.contains("WARNING") }
        #expect(warnings.count == 1 && warnings[0].contains("tickTim") && warnings[0].contains("tickTime"))
        #expect(server.terminate() == 0)
    }

    @Test func badValueNamesFileAndLine() throws {
        let directory = TemporaryDirectory("hostile")
        let file = directory.file("zoo.cfg")
        try "dataDir=\(directory.file("data"))\nclientPort=0\n# note\ntickTime=soon\n"
            .write(toFile: file, atomically: true, encoding: .utf8)
        expectRefusal(try Attempt(["server", file]), 3, ["\(file):4", "tickTime", "soon"])
        expectRefusal(try Attempt(["server", directory.file("none.cfg")]), 3, ["none.cfg", "No such file"])
        expectRefusal(
            try Attempt.standalone(dataDir: directory.file("data"), settings: ["tickTime=soon"]), 2,
            ["--set tickTime", "soon"])
        expectRefusal(
            try Attempt.standalone(dataDir: directory.file("data"), settings: ["nonsense"]), 2, ["nonsense"])
        #expect(!FileManager.default.fileExists(atPath: directory.file("data")))
    }

    /// How to run a program without rights; nil, with a note, where this process cannot give up its own.
    private static let asNobody: [String]? = {
        // Without root's rights the tests' own user has none over a directory of mode 0: nothing to give up.
        let prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        let command = prefix.dropFirst() + [ServerUnderTest.corralBinary, "--version"]
        let reachable = try? ChildProcess.run(prefix[0], Array(command))
        if reachable?.code == 0 { return prefix }
        TestEnvironment.note("tests without rights are skipped: setpriv cannot run corral as nobody")
        return nil
    }()
}
