import JSONText
import Testing
import ZooKeeperProtocol

@testable import Shell

@Suite("words and flags")
struct WordsTests {
    @Test(
        "a line falls into words as zkCli's do",
        arguments: [
            ("ls /", ["ls", "/"]), ("  get   -s\t/a ", ["get", "-s", "/a"]), ("set /a 'b c'", ["set", "/a", "b c"]),
            ("set /a \"b \\\"c\\\" \\d\"", ["set", "/a", "b \"c\" \\d"]), ("set /a b\\ c", ["set", "/a", "b c"]),
            ("set /a ''", ["set", "/a", ""]), ("set /a \"it's\"", ["set", "/a", "it's"]),
            ("set /a {\"x\":\"it's\"}", ["set", "/a", "{\"x\":\"it's\"}"]), ("set /a b\\d\\", ["set", "/a", "b\\d\\"]),
            ("set /a \"b\\\\\"", ["set", "/a", "b\\"]),
            ("create /ü \"{\\\"a\\\": 1}\"", ["create", "/ü", "{\"a\": 1}"]), ("", []), ("   ", []),
            ("a'b'\"c\"d", ["a'b'\"c\"d"]), ("'a'b\"c\"", ["a", "b\"c\""]),
            ("set /a '\u{301}x'\u{301}", ["set", "/a", "\u{301}x", "\u{301}"]),
            ("ls \u{301}", ["ls", "\u{301}"]), ("ls /\r\n", ["ls", "/"]),
        ] as [(String, [String])])
    func words(line: String, expected: [String]) {
        let words = CommandLineWords(line)
        #expect(words.words == expected)
        #expect(words.isComplete)
    }

    @Test func openEnds() {
        #expect(CommandLineWords("set /a 'b").openQuote == "'")
        #expect(CommandLineWords("set /a \"b'").openQuote == "\"")
        #expect(!CommandLineWords("set /a 'b'").endsInWord)
        #expect(!CommandLineWords("set /a 'b").isComplete)
        #expect(CommandLineWords("ls /a").endsInWord)
        #expect(!CommandLineWords("ls /a ").endsInWord)
    }

    @Test(
        "what completion inserts reads back as the same word",
        arguments: ["a b", "it's", "\"q\"", "back\\slash", "plain"])
    func escapes(text: String) {
        #expect(CommandLineWords("/" + (CommandLineWords.escaped(text, openQuote: nil) ?? "")).words == ["/" + text])
        #expect(
            CommandLineWords("\"" + (CommandLineWords.escaped(text, openQuote: "\"") ?? "") + "\"").words == [text])
        if let escaped = CommandLineWords.escaped(text, openQuote: "'") {
            #expect(CommandLineWords("'" + escaped + "'").words == [text])
        } else {
            #expect(text.contains("'"))
        }
    }

    private static let flags = [
        Flag("s", "stat"), Flag("R", "recurse"), Flag("v", "version", takesValue: true),
        Flag("members", "all", takesValue: true),
    ]

    @Test func flagsStandAnywhere() throws {
        let parsed = try ParsedFlags(["/a", "-s", "-v", "3", "data"], Self.flags)
        #expect(parsed.has("s") && !parsed.has("R"))
        #expect(parsed["v"] == "3")
        #expect(parsed.arguments == ["/a", "data"])
    }

    @Test func flagsInOtherForms() throws {
        #expect(try ParsedFlags(["-v3"], Self.flags)["v"] == "3")
        #expect(try ParsedFlags(["-v=-1"], Self.flags)["v"] == "-1")
        let bundled = try ParsedFlags(["-sR", "/"], Self.flags)
        #expect(bundled.has("s") && bundled.has("R"))
        #expect(try ParsedFlags(["-members", "a,b"], Self.flags)["members"] == "a,b")
        #expect(try ParsedFlags(["--members=a"], Self.flags)["members"] == "a")
        #expect(try ParsedFlags(["/a", "-5"], Self.flags).arguments == ["/a", "-5"])
        #expect(try ParsedFlags(["/a", "--", "-s", "--"], Self.flags).arguments == ["/a", "-s", "--"])
        #expect(try ParsedFlags(["/a", "-"], Self.flags).arguments == ["/a", "-"])
    }

    @Test(arguments: [["-z"], ["-sz"], ["-v"], ["--bogus", "x"]])
    func wrongFlags(words: [String]) {
        #expect { try ParsedFlags(words, Self.flags) } throws: { ($0 as? ShellError)?.kind == .usage }
    }

    @Test func lists() throws {
        let list = try ACLText.parse("world:anyone:cdrwa,digest:user:hash=:r,ip:::1:rw")
        #expect(list.map(\.permissions) == [31, 1, 3])
        #expect(list.map(\.identity.scheme) == ["world", "digest", "ip"])
        #expect(list.map(\.identity.id) == ["anyone", "user:hash=", "::1"])
        #expect(ACLText.lines(list)[..<2] == ["'world,'anyone", ": cdrwa"])
        for wrong in ["world", "world:anyone", "world:anyone:x", "world:anyone:r,"] {
            #expect { try ACLText.parse(wrong) } throws: { ($0 as? ShellError)?.exitCode == 64 }
        }
    }

    @Test func base64() {
        // RFC 4648, section 10.
        for (text, encoded) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            #expect(DataText.base64(Array(text.utf8)) == encoded)
            #expect(DataText.fromBase64(encoded) == Array(text.utf8))
        }
        let all = (0...255).map { UInt8($0) }
        #expect(DataText.fromBase64(DataText.base64(all)) == all)
        for wrong in ["Z", "Zg=", "Zg===", "Z*==", "Zg==Zg==", "====", "Zm9v="] {
            #expect(DataText.fromBase64(wrong) == nil, "\(wrong)")
        }
        #expect(DataText.fromBase64("Zm9v\nYg") == Array("foob".utf8))
    }

    @Test func hexadecimal() throws {
        #expect(try TextForms.bytes(hexadecimal: "00ff 7F:0a") == [0, 255, 127, 10])
        for wrong in ["0", "0g", "+1"] {
            #expect { try TextForms.bytes(hexadecimal: wrong) } throws: { $0 is ShellError }
        }
    }

    @Test("the dump has Netty's form")
    func dump() {
        let text = TextForms.hexDump(Array("0123456789abcdef\u{0}\u{7f}~ ".utf8))
        #expect(
            text == """
                         +-------------------------------------------------+
                         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |
                +--------+-------------------------------------------------+----------------+
                |00000000| 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 |0123456789abcdef|
                |00000010| 00 7f 7e 20                                     |..~             |
                +--------+-------------------------------------------------+----------------+
                """)
        #expect(TextForms.hexDump([]) == "")
    }

    @Test func jsonText() {
        let value = JSONValue.object([
            .init("a\"b", .string("x\ny\u{1}ü\\")), .init("n", .array([.null, .bool(true), .number(-5)])),
            .init("z", .hexadecimal(-1)),
        ])
        #expect(value.text == #"{"a\"b":"x\ny\u0001ü\\","n":[null,true,-5],"z":"0xffffffffffffffff"}"#)
        #expect(DataText.member([0xff, 0xfe]).name == "dataBase64")
        #expect(DataText.member(Array("ok".utf8)) == .init("data", .string("ok")))
    }

    @Test func columns() {
        #expect(Columns.text(["a", "bb", "ccc", "d"], width: 12) == "a    ccc\nbb   d\n")
        #expect(Columns.text(["aaaa"], width: 1) == "aaaa\n")
        let many = (0..<Columns.maximumShown + 5).map { "n\($0)" }
        #expect(Columns.text(many, width: 80).hasSuffix("... and 5 more\n"))
    }

    @Test("every verb has a usage that names its flags, and no flag twice")
    func verbs() {
        for verb in Verb.all {
            #expect(Set(verb.flags.map(\.name)).count == verb.flags.count, "\(verb.name)")
            for flag in verb.flags { #expect(verb.usage.contains("-\(flag.name)"), "\(verb.name) -\(flag.name)") }
        }
        // zkCli 3.9's.
        let known = [
            "addWatch", "addauth", "close", "config", "connect", "create", "delete", "deleteall", "delquota", "get",
            "getAcl", "getAllChildrenNumber", "getEphemerals", "history", "listquota", "ls", "printwatches", "quit",
            "reconfig", "redo", "removewatches", "set", "setAcl", "setquota", "stat", "sync", "version", "whoami",
        ]
        #expect(Set(known).subtracting(Verb.all.map(\.name)).isEmpty)
    }

    @Test func clientAddresses() {
        let text = "server.1=h1:2888:3888:participant;h1:2181\nserver.2=h2:2888:3888:observer;2182\nversion=100000003\n"
        let (version, servers) = Verb.clientAddresses(text)
        #expect(version == "100000003")
        #expect(servers == ["h1:2181", "0.0.0.0:2182"])
    }
}
