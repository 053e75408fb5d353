import Foundation
import TestSupport
import Testing

/// Each verb against a server of each kind, one process for each command unless a session is needed.
@Suite("verbs", .serialized, .timeLimit(.minutes(5)))
struct VerbTests {
    @Test("znodes are made, read, changed and deleted", arguments: LiveVendors.all)
    func life(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        let created = try server.shell(["create", "/a", "one two"])
        #expect(created.code == 0)
        #expect(created.output == "")
        #expect(created.errors == "Created /a\n")
        #expect(try server.shell(["get", "/a"]).output == "one two\n")
        #expect(try server.shell(["get", "-b", "/a"]).output == "b25lIHR3bw==\n")
        #expect(try server.shell(["get", "-x", "/a"]).output.contains("|00000000| 6f 6e 65 20 74 77 6f "))

        let read = try server.shell(["get", "-s", "/a"]).lines
        #expect(read.count == 12)
        #expect(read.first == "one two")
        #expect(
            read.map { $0.split(separator: " ").first.map(String.init) ?? "" }.dropFirst() == [
                "cZxid", "ctime", "mZxid", "mtime", "pZxid", "cversion", "dataVersion", "aclVersion", "ephemeralOwner",
                "dataLength", "numChildren",
            ])
        #expect(read.contains("dataLength = 7"))
        #expect(try server.shell(["stat", "/a"]).lines == Array(read.dropFirst()))

        #expect(try server.shell(["set", "/a", "three"]).output == "")
        #expect(try server.shell(["set", "-s", "-v", "1", "/a", "four"]).output.contains("dataVersion = 2\n"))
        let stale = try server.shell(["set", "-v", "1", "/a", "five"])
        #expect(stale.code == 1)
        #expect(stale.errors == "version No is not valid : /a\n")
        #expect(try server.shell(["get", "/a"]).output == "four\n")

        #expect(try server.shell(["create", "/a/b", "x"]).code == 0)
        #expect(try server.shell(["create", "/a/b/c"]).code == 0)
        #expect(try server.shell(["create", "/a/é"]).code == 0)
        #expect(try server.shell(["ls", "/a"]).output == "[b, é]\n")
        #expect(try server.shell(["ls", "-s", "/a"]).output.hasPrefix("[b, é]\ncZxid = 0x"))
        #expect(try server.shell(["ls", "-R", "/a"]).output == "/a\n/a/b\n/a/é\n/a/b/c\n")
        #expect(try server.shell(["ls", "-R", "/"]).lines.contains("/zookeeper/quota"))
        #expect(try server.shell(["getAllChildrenNumber", "/a"]).output == "3\n")
        #expect(try server.shell(["sync", "/a"]).output == "Sync is OK\n")

        let full = try server.shell(["delete", "/a"])
        #expect(full.code == 1)
        #expect(full.errors == "Node not empty: /a\n")
        #expect(try server.shell(["delete", "-v", "7", "/a/b/c"]).code == 1)
        #expect(try server.shell(["delete", "-v", "0", "/a/b/c"]).code == 0)
        #expect(try server.shell(["deleteall", "/a"]).code == 0)
        let gone = try server.shell(["get", "/a"])
        #expect(gone.code == 1)
        #expect(gone.errors == "Node does not exist: /a\n")
        #expect(gone.output == "")
        for command in [["ls", "/a"], ["ls", "-R", "/a"], ["stat", "/a"], ["deleteall", "/a"], ["getAcl", "/a"]] {
            let result = try server.shell(command)
            #expect(result.code == 1, "\(command)")
            #expect(result.errors == "Node does not exist: /a\n", "\(command)")
        }
    }

    @Test("modes of creation", arguments: LiveVendors.all)
    func modes(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        #expect(try server.shell(["create", "-s", "/n-", "x"]).errors == "Created /n-0000000000\n")
        #expect(try server.json("create", "-c", "/container")["created"] as? String == "/container")
        #expect(try server.json("create", "-t", "60000", "/timed")["created"] as? String == "/timed")
        // Servers do not show the mark of such a znode to clients.
        let stat = try #require(try server.json("stat", "/timed")["stat"] as? [String: Any])
        #expect(stat["ephemeralOwner"] as? String == "0x0")
        // An ephemeral lives for the length of a session, that is of a pipe.
        let session = try server.shell(lines: [
            "create -e /mine", "create -e -s /mine-", "getEphemerals", "getEphemerals /mine-", "ls /",
        ])
        #expect(session.code == 0)
        #expect(session.errors == "Created /mine\nCreated /mine-0000000004\n")
        #expect(
            session.lines == [
                "[/mine, /mine-0000000004]", "[/mine-0000000004]",
                "[container, mine, mine-0000000004, n-0000000000, timed, zookeeper]",
            ])
        #expect(try server.shell(["ls", "/"]).output == "[container, n-0000000000, timed, zookeeper]\n")
        for wrong in [["-c", "-e"], ["-c", "-s"], ["-t", "1", "-e"], ["-t", "1", "-c"], ["-t", "0"], ["-t", "x"]] {
            #expect(try server.shell(["create"] + wrong + ["/w"]).code == 64, "\(wrong)")
        }
        #expect(try server.shell(["create", "/n-0000000000"]).errors == "Node already exists: /n-0000000000\n")
        let child = try server.shell(lines: ["create -e /e", "create /e/child"])
        #expect(child.code == 1)
        #expect(child.errors == "Created /e\nEphemerals cannot have children: /e/child\n")
    }

    @Test("data that is no text", arguments: LiveVendors.all)
    func binary(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        let scratch = TemporaryDirectory("binary")
        let bytes = Data((0...255).map { UInt8($0) })
        try bytes.write(to: URL(fileURLWithPath: scratch.file("in")))
        #expect(try server.shell(["create", "-f", scratch.file("in"), "/file"]).code == 0)
        #expect(try server.json("get", "/file")["dataBase64"] as? String == bytes.base64EncodedString())
        #expect(try server.shell(["get", "-o", scratch.file("out"), "/file"]).output == "")
        #expect(FileManager.default.contents(atPath: scratch.file("out")) == bytes)
        #expect(try server.shell(["set", "-b", "/file", "//79"]).code == 0)
        #expect(try server.shell(["get", "-b", "/file"]).output == "//79\n")
        #expect(try server.shell(["set", "-x", "/file", "00 01 ff"]).code == 0)
        #expect(try server.json("get", "/file")["dataBase64"] as? String == "AAH/")
        #expect(try server.shell(["set", "-b", "/file", "no base64!"]).code == 64)
        #expect(try server.shell(["set", "-f", scratch.file("missing"), "/file"]).code == 64)
        #expect(try server.shell(["set", "-x", "-b", "/file", "00"]).code == 64)
        let piped = try ShellRun.run(
            ["shell", "-s", "127.0.0.1:\(server.port)", "set", "-f", "-", "/file"], input: "from a pipe\n")
        #expect(piped.code == 0)
        #expect(try server.json("get", "/file")["data"] as? String == "from a pipe\n")
    }

    @Test("access control", arguments: LiveVendors.all)
    func control(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        #expect(try server.shell(["create", "/a"]).code == 0)
        #expect(try server.shell(["getAcl", "/a"]).output == "'world,'anyone\n: cdrwa\n")
        let first = try server.shell(lines: [
            "addauth digest u:p", "create /a/secret data auth::cdrwa", "create /a/open", "get /a/secret", "whoami",
        ])
        #expect(first.code == 0, "\(first)")
        #expect(first.lines.contains("data"))
        #expect(first.lines.contains("Auth scheme: User"))
        #expect(first.lines.contains("digest: u"))
        let refused = try server.shell(["get", "/a/secret"])
        #expect(refused.code == 1)
        #expect(refused.errors == "Insufficient permission : /a/secret\n")
        #expect(try server.shell(["get", "/a/secret"], options: ["--auth", "digest:u:p"]).output == "data\n")
        let acl = try #require(try server.json("getAcl", "/a")["acl"] as? [[String: String]])
        #expect(acl == [["scheme": "world", "id": "anyone", "permissions": "cdrwa"]])
        #expect(
            try server.shell(["setAcl", "-s", "-v", "0", "/a", "world:anyone:cra"]).output.contains("aclVersion = 1\n"))
        #expect(try server.shell(["setAcl", "-v", "0", "/a", "world:anyone:r"]).code == 1)
        #expect(try server.shell(["getAcl", "/a"]).output == "'world,'anyone\n: cra\n")
        let all = try server.shell(
            ["setAcl", "-R", "/a", "world:anyone:cdra"], options: ["--auth", "digest:u:p", "--output", "json"])
        #expect(all.objects.first?["changed"] as? Int == 3)
        #expect(try server.shell(["getAcl", "/a/open"]).output == "'world,'anyone\n: cdra\n")
        #expect(try server.shell(["set", "/a/open", "x"]).code == 1)
        #expect(try server.shell(["setAcl", "/a", "world:anyone"]).code == 64)
    }

    @Test("quotas", arguments: LiveVendors.all)
    func quotas(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        let lines = ["create /q", "create /q/a 12345", "create /q/b", "create /other", "create /q/a/deep"]
        #expect(try server.shell(lines: lines).code == 0)
        let missing = try server.shell(["listquota", "/q"])
        #expect(missing.code == 1)
        #expect(missing.errors.hasSuffix("quota for /q does not exist.\n"))
        #expect(try server.shell(["setquota", "-n", "10", "/q"]).output == "")
        #expect(try server.shell(["setquota", "-B", "100", "/q"]).output == "")
        let listed = try server.json("listquota", "/q")
        let limit = try #require(listed["limit"] as? [String: Any])
        #expect(limit["count"] as? Int == 10)
        #expect(limit["byteHardLimit"] as? Int == 100)
        #expect(limit["bytes"] is NSNull)
        #expect((listed["usage"] as? [String: Any])?["count"] as? Int == 4)
        let text = try server.shell(["listquota", "/q"])
        #expect(text.errors == "absolute path is /zookeeper/quota/q/zookeeper_limits\n")
        #expect(text.lines.count == 2)
        #expect(text.lines[0].hasPrefix("Output quota for /q count=10,bytes=-1"))
        #expect(text.lines[1].hasPrefix("Output stat for /q count=4,bytes=5"))
        #expect(try server.shell(["setquota", "-n", "2", "/q"]).output.contains("less than the existing count:4"))

        let below = try server.shell(["setquota", "-n", "5", "/q/a"])
        #expect(below.code == 1)
        #expect(below.errors == "/q/a has a parent /q which has a quota\n")
        #expect(try server.shell(["setquota", "-n", "5", "/"]).code != 0)
        #expect(try server.shell(["delquota", "-n", "/q"]).code == 0)
        let rest = try #require(try server.json("listquota", "/q")["limit"] as? [String: Any])
        #expect(rest["count"] is NSNull)
        #expect(rest["byteHardLimit"] as? Int == 100)
        #expect(try server.shell(["delquota", "/q"]).code == 0)
        #expect(try server.shell(["ls", "/zookeeper/quota"]).output == "[]\n")
        #expect(try server.shell(["delquota", "/q"]).code == 1)
        #expect(try server.shell(["setquota", "-N", "5", "/q/a"]).code == 0)
        let above = try server.shell(["setquota", "-n", "5", "/q"])
        #expect(above.code == 1)
        #expect(above.errors == "/q has a child /q/a which has a quota\n")
        #expect(try server.shell(["setquota", "-n", "5", "/nowhere"]).errors == "/nowhere does not exist.\n")
        for wrong in [["/q"], ["-n", "0", "/q"], ["-b", "-1", "/q"], ["-n", "1", "-b", "1", "/q"]] {
            #expect(try server.shell(["setquota"] + wrong).code == 64, "\(wrong)")
        }
    }

    @Test("a large subtree is listed in zkCli's order and deleted", arguments: LiveVendors.all)
    func large(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        var lines = ["create /big"]
        for index in 0..<150 {
            lines.append("create /big/d\(index)")
            for leaf in 0..<8 { lines.append("create /big/d\(index)/\(leaf)") }
        }
        #expect(try server.shell(lines: lines).code == 0)
        let listed = try server.shell(["ls", "-R", "/big"]).lines
        #expect(listed.count == 1 + 150 + 1200)
        let directories = (0..<150).map { "/big/d\($0)" }.sorted()
        #expect(Array(listed[1...150]) == directories)
        #expect(Array(listed[151..<159]) == (0..<8).map { "\(directories[0])/\($0)" })
        #expect(try server.json("ls", "-R", "/big")["paths"] as? [String] == listed)
        #expect(try server.json("deleteall", "/big/d0", "-b", "3")["deleted"] as? Int == 9)
        #expect(try server.json("deleteall", "-b", "0", "/big/d1")["deleted"] as? Int == 9)
        #expect(try server.json("deleteall", "/big")["deleted"] as? Int == 1 + 148 + 148 * 8)
        #expect(try server.shell(["ls", "/"]).output == "[zookeeper]\n")
    }

    @Test("a chroot is the root", arguments: LiveVendors.all)
    func chroot(vendor: Vendor) throws {
        let server = try ServerUnderTest(vendor)
        #expect(try server.shell(lines: ["create /app", "create /app/x 1"]).code == 0)
        func inside(_ command: String...) throws -> ShellRun.Result {
            try ShellRun.run(["shell", "--server", "127.0.0.1:\(server.port)/app"] + command)
        }
        #expect(try inside("ls", "-R", "/").output == "/\n/x\n")
        #expect(try inside("create", "/y").errors == "Created /y\n")
        #expect(try inside("get", "/z").errors == "Node does not exist: /z\n")
        #expect(try inside("setquota", "-n", "3", "/x").code == 64)
        #expect(try server.shell(["ls", "/app"]).output == "[x, y]\n")
    }

    @Test func configuration() throws {
        for vendor in LiveVendors.all {
            let server = try ServerUnderTest(vendor)
            let result = try server.shell(["config"])
            // A standalone server of either kind has the znode, without content.
            #expect(result.code == 0, "\(vendor): \(result)")
            #expect(try server.json("config", "-s")["servers"] as? [String] == [])
            let refused = try server.shell(["reconfig", "-add", "server.5=h:1:2;3"])
            #expect(refused.code == 1, "\(vendor): \(refused)")
            for wrong in [
                [], ["-add", "a", "-members", "b"], ["-v", "xyz!", "-add", "a"], ["-file", "/nowhere/at/all"],
            ] {
                #expect(try server.shell(["reconfig"] + wrong).code == 64, "\(wrong)")
            }
        }
    }
}
