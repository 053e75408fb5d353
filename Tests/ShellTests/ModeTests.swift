import Foundation
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// One-shot, piped, JSON, exit codes, watches that are followed.
@Suite("modes of the shell", .serialized, .timeLimit(.minutes(5)))
struct ModeTests {
    @Test func jsonAnswers() throws {
        let server = try ServerUnderTest(.corral)
        let result = try server.shell(
            lines: [
                "create /a 'line 1\\n'", "get /a", "ls -s /", "set -v 5 /a x", "nonsense", "", "# a comment", "version",
                "stat /a", "get '/a", "getAcl", "history", "printwatches off",
            ], options: ["--output", "json", "--keep-going"])
        let objects = result.objects
        #expect(objects.count == 11)
        #expect(result.output.split(separator: "\n").count == objects.count, "each line is an object")
        #expect(result.errors == "")
        #expect(result.code == 1, "the first failure's")
        #expect(
            objects.map { $0["command"] as? String } == [
                "create", "get", "ls", "set", "nonsense", "version", "stat", "get", "getAcl", "history", "printwatches",
            ])
        #expect(
            objects.map { $0["ok"] as? Bool } == [
                true, true, true, false, false, true, true, false, false, true, true,
            ])
        #expect(objects[0]["created"] as? String == "/a")
        #expect(objects[1]["data"] as? String == "line 1\\n")
        let stat = try #require(objects[1]["stat"] as? [String: Any])
        #expect(stat["dataLength"] as? Int == 8)
        #expect((stat["czxid"] as? String)?.hasPrefix("0x") == true)
        #expect(
            Set(stat.keys) == [
                "czxid", "mzxid", "pzxid", "ctime", "mtime", "version", "cversion", "aversion", "ephemeralOwner",
                "dataLength", "numChildren",
            ])
        let refusal = try #require(objects[3]["error"] as? [String: Any])
        #expect(refusal["code"] as? String == "BadVersion")
        #expect(refusal["number"] as? Int == -103)
        #expect(refusal["path"] as? String == "/a")
        #expect((objects[4]["error"] as? [String: Any])?["code"] as? String == "Usage")
        #expect((objects[9]["lines"] as? [[String: Any]])?.count == 10)
    }

    @Test func pipesStopAtTheFirstFailure() throws {
        let server = try ServerUnderTest(.corral)
        let lines = ["create /a 1", "get /nothing", "create /b 2"]
        let stopped = try server.shell(lines: lines)
        #expect(stopped.code == 1)
        #expect(try server.shell(["ls", "/"]).output == "[a, zookeeper]\n")
        let continued = try server.shell(
            lines: Array(lines.dropFirst()) + ["get", "get /a"], options: ["--keep-going"])
        #expect(continued.code == 1)
        #expect(continued.output == "1\n")
        #expect(try server.shell(["ls", "/"]).output == "[a, b, zookeeper]\n")
        #expect(try server.shell(lines: ["quit", "create /c"]).code == 0)
        #expect(try server.shell(lines: ["set /a 'unclosed"]).code == 64)
        #expect(try server.shell(["ls", "/"]).output == "[a, b, zookeeper]\n")
    }

    @Test func exitCodes() throws {
        let server = try ServerUnderTest(.corral)
        for command in [
            ["ls"], ["ls", "-z", "/"], ["ls", "/", "-v"], ["nonsense"], ["ls", "relative"], ["ls", "/a//b"],
            ["set", "/a", "too", "many", "words"], ["get", "/a", "x", "y"], ["help", "nonsense"], ["redo", "0"],
            ["delete", "-v", "one", "/a"], ["addWatch", "-m", "sometimes", "/"],
        ] {
            let result = try server.shell(command)
            #expect(result.code == 64, "\(command): \(result)")
            #expect(result.errors != "" && result.output == "", "\(command)")
        }
        for arguments in [
            ["--output", "xml", "ls", "/"], ["--bogus"], ["--timeout", "soon", "ls", "/"],
            ["--timeout", "0", "ls", "/"],
            ["-s", "host:port", "ls", "/"], ["-s", "", "ls", "/"], ["--auth", "nocolon", "ls", "/"],
        ] {
            #expect(try ShellRun.run(["shell"] + arguments).code == 64, "\(arguments)")
        }
        #expect(try server.shell(["help"]).output.contains("\tls [-s] [-w] [-R] path\n"))
        #expect(try server.shell(["help", "create"]).output.contains("ephemeral"))
        #expect(try server.shell(["version"]).output.hasPrefix("ZooKeeper CLI version: 3.9"))
        #expect(try ShellRun.run(["shell", "--help"]).code == 0)
        #expect(
            try ShellRun.run([
                "shell", "-server", "127.0.0.1:\(server.port)", "-timeout", "9000", "-r", "-waitforconnection", "ls",
                "/",
            ]).output == "[zookeeper]\n")
        server.kill()
        let refused = try server.shell(["ls", "/"], options: ["--connect-timeout", "300"])
        #expect(refused.code == 2)
        #expect(refused.errors.hasPrefix("Not connected"))
        let asJSON = try server.shell(["ls", "/"], options: ["--connect-timeout", "300", "--output", "json"])
        #expect(asJSON.code == 2)
        let loss = asJSON.objects.first?["error"] as? [String: Any]
        #expect(loss?["code"] as? String == "ConnectionLoss", "\(asJSON)")
    }

    @Test func sessionsEndWithTheShell() throws {
        let server = try ServerUnderTest(.corral)
        #expect(try server.shell(lines: ["create -e /gone", "close", "ls /"]).code == 2)
        #expect(try server.shell(["ls", "/"]).output == "[zookeeper]\n")
        let other = try ServerUnderTest(.corral)
        let moved = try server.shell(lines: ["create /here", "connect 127.0.0.1:\(other.port)", "ls /"])
        #expect(moved.code == 0, "\(moved)")
        #expect(moved.lines.last == "[zookeeper]")
        #expect(
            try server.shell(lines: ["ls /", "history", "redo 0", "printwatches"]).output == """
                [here, zookeeper]
                0 - ls /
                1 - history
                [here, zookeeper]
                printwatches is on

                """)
    }

    @Test("watches tell of changes while commands run", arguments: LiveVendors.all)
    func watchesInAPipe(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        // The answer to a sync comes behind the events before it.
        let result = try server.shell(
            lines: [
                "create /w", "get -w /w", "set /w 1", "sync /w", "set /w 2", "ls -w /w", "create /w/c", "sync /w",
                "stat -w /w/c", "delete /w/c", "sync /w",
            ], options: ["--follow"])
        #expect(result.code == 0, "\(result)")
        let events = result.lines.filter { $0.hasPrefix("WatchedEvent") }.map { $0.split(separator: " zxid: ")[0] }
        #expect(
            events == [
                "WatchedEvent state:SyncConnected type:NodeDataChanged path:/w",
                "WatchedEvent state:SyncConnected type:NodeChildrenChanged path:/w",
                "WatchedEvent state:SyncConnected type:NodeDeleted path:/w/c",
            ])
        #expect(result.lines.filter { $0 == "WATCHER::" }.count == 3)
        let removed = try server.shell(lines: ["get -w /w", "removewatches /w -d", "removewatches /w"])
        #expect(removed.code == 1)
        #expect(removed.output.contains("type:DataWatchRemoved path:/w"), "\(removed)")
        #expect(removed.errors.contains("NoWatcher"))
        let quiet = try server.shell(lines: ["printwatches off", "get -w /w", "set /w 3", "sync /w"])
        #expect(!quiet.output.contains("WATCHER"))
    }

    @Test("--follow prints events until it is interrupted", arguments: LiveVendors.all)
    func follow(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        let scratch = TemporaryDirectory("follow")
        let watcher = try ChildProcess(
            ServerUnderTest.corralBinary,
            ["shell", "-s", "127.0.0.1:\(server.port)", "--output", "json", "--follow", "addWatch", "/"],
            output: scratch.file("out"))
        #expect(eventually(within: 20) { watcher.output.contains("\"addWatch\"") })
        let client = try server.client()
        try client.create("/f", data: [1])
        try client.create("/f/g", data: [])
        #expect(eventually(within: 20) { watcher.output.contains("\"/f/g\"") }, "\(watcher.output)")
        watcher.signal(SIGINT)
        #expect(watcher.waitForExit(within: 20) == 0)
        let events = watcher.output.split(separator: "\n").dropFirst().compactMap { line in
            (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
        }
        #expect(events.map { $0["event"] as? String } == ["NodeCreated", "NodeCreated"])
        #expect(events.map { $0["path"] as? String } == ["/f", "/f/g"])

        // A one-shot watch ends it.
        let waiter = try ChildProcess(
            ServerUnderTest.corralBinary,
            ["shell", "-s", "127.0.0.1:\(server.port)", "--follow", "stat", "-w", "/f/g"],
            output: scratch.file("waiter"))
        #expect(eventually(within: 20) { waiter.output.contains("numChildren") })
        #expect(waiter.isRunning)
        #expect(try server.shell(["delete", "/f/g"]).code == 0)
        #expect(waiter.waitForExit(within: 20) == 0)
        #expect(waiter.output.contains("type:NodeDeleted path:/f/g"))
    }

    @Test func interruptedWork() throws {
        let server = try ServerUnderTest(.corral)
        server.process?.signal(SIGSTOP)
        defer { server.process?.signal(SIGCONT) }
        let scratch = TemporaryDirectory("interrupt")
        let shell = try ChildProcess(
            ServerUnderTest.corralBinary, ["shell", "-s", "127.0.0.1:\(server.port)", "ls", "/"],
            output: scratch.file("out"))
        // It waits for the answer to its handshake, which never comes.
        #expect(shell.waitForExit(within: 0.5) == nil)
        shell.signal(SIGINT)
        #expect(shell.waitForExit(within: 10) == 130)
    }

    @Test func readersThatGoAway() throws {
        let server = try ServerUnderTest(.corral)
        let lines = ["create /p"] + (0..<2000).map { "create /p/a-name-that-is-rather-long-\($0)" }
        #expect(try server.shell(lines: lines).code == 0)
        let (code, output) = try ChildProcess.run(
            "sh",
            [
                "-c", "(\"$0\" shell -s \"$1\" ls -R /; echo $? >\"$2\") | head -1; cat \"$2\"",
                ServerUnderTest.corralBinary,
                "127.0.0.1:\(server.port)", server.scratch.file("code"),
            ])
        #expect(code == 0)
        #expect(output == "/\n141\n" || output == "/\n0\n", "\(output)")
    }

    /// What `printf` makes of `input`, piped into a shell.
    private func pipe(_ input: String, _ server: ServerUnderTest, _ arguments: String) throws -> (Int32, String) {
        try ChildProcess.run(
            "sh",
            [
                "-c", "printf '\(input)' | \"$0\" shell -s \"$1\" \(arguments)", ServerUnderTest.corralBinary,
                "127.0.0.1:\(server.port)",
            ], timeoutSeconds: 60)
    }

    @Test("what is no UTF-8 is refused, not changed") func pipedBytes() throws {
        let server = try ServerUnderTest(.corral)
        let (code, output) = try pipe("create /bytes \\377\\376\\nls /", server, "--keep-going")
        #expect(code == 64)
        #expect(output.contains("not UTF-8") && output.hasSuffix("[zookeeper]\n"), "\(output)")
        // A single command takes bytes from standard input; one that came from there cannot.
        let (second, other) = try pipe("a\\377b", server, "create -f - /bytes")
        #expect(second == 0, "\(other)")
        #expect(try server.shell(["get", "-b", "/bytes"]).output == "Yf9i\n")
        let (third, refusal) = try pipe("create -f - /more\\nhello\\n", server, "")
        #expect(third == 64)
        #expect(refusal.contains("standard input has the commands"), "\(refusal)")
        #expect(try server.shell(["ls", "/"]).output == "[bytes, zookeeper]\n")
    }

    @Test("Ctrl-C ends the wait for more of a pipe", arguments: [[], ["create", "-f", "-", "/never"]])
    func interruptedPipe(command: [String]) throws {
        let server = try ServerUnderTest(.corral)
        let scratch = TemporaryDirectory("interrupt")
        // Its other end stays open, and says nothing.
        let script = "exec \"$0\" shell -s \"$1\" \(command.joined(separator: " ")) <\"$2\""
        let holder = scratch.file("fifo")
        #expect(mkfifo(holder, 0o600) == 0)
        let end = open(holder, O_RDWR)
        defer { close(end) }
        let line = Array("ls /\n".utf8)
        if command.isEmpty { #expect(write(end, line, line.count) == line.count) }
        let shell = try ChildProcess(
            "sh", ["-c", script, ServerUnderTest.corralBinary, "127.0.0.1:\(server.port)", holder],
            output: scratch.file("out"))
        if command.isEmpty {
            #expect(eventually(within: 20) { shell.output == "[zookeeper]\n" }, "\(shell.output)")
        } else {
            // By then it waits for its input, or has yet to catch the signal: then it ends by it.
            #expect(shell.waitForExit(within: 1) == nil)
        }
        shell.signal(SIGINT)
        #expect(shell.waitForExit(within: 10) == 130)
    }

    @Test("get -o writes into what is there") func intoFiles() throws {
        let server = try ServerUnderTest(.corral)
        #expect(try server.shell(["create", "/a", "data"]).code == 0)
        let (file, link, full) = (
            server.scratch.file("file"), server.scratch.file("link"), server.scratch.file("full")
        )
        try "something longer".write(toFile: file, atomically: false, encoding: .utf8)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file)
        try FileManager.default.createSymbolicLink(atPath: full, withDestinationPath: "/dev/full")
        #expect(try server.shell(["get", "-o", link, "/a"]).code == 0)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "data")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == file)
        let lost = try server.shell(["get", "-o", full, "/a"])
        #expect(lost.code == 1 && lost.errors.contains("No space left"), "\(lost)")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: full) == "/dev/full")
        #expect(try server.shell(["get", "-o", server.scratch.path + "/no/file", "/a"]).code == 1)
    }

    @Test("output that cannot be written is a failure", arguments: [">/dev/full", ">&-"])
    func lostOutput(redirection: String) throws {
        let server = try ServerUnderTest(.corral)
        #expect(try server.shell(["create", "/a", "data"]).code == 0)
        for command in ["shell -s \"$1\" get /a", "log print \"$2\"", "snapshot print \"$2\""] {
            let (code, output) = try ChildProcess.run(
                "sh",
                [
                    "-c", "\"$0\" \(command) \(redirection)", ServerUnderTest.corralBinary,
                    "127.0.0.1:\(server.port)", server.dataDirectory,
                ])
            #expect(code == 74, "\(command): \(output)")
            #expect(output.contains("standard output: "), "\(command): \(output)")
        }
    }
}
