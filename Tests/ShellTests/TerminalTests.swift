import Foundation
import TestSupport
import Testing

/// The shell at a terminal: prompt, editing, history, completion, Ctrl-C, events above the line being typed.
@Suite("the shell at a terminal", .serialized, .timeLimit(.minutes(5)))
struct TerminalTests {
    private let server: ServerUnderTest
    private let scratch = TemporaryDirectory("terminal")

    init() throws {
        server = try ServerUnderTest(.corral)
    }

    private var historyFile: String { scratch.file("history") }

    private func open(_ options: [String] = [], environment: [String: String] = [:]) throws -> Terminal {
        let terminal = try Terminal(
            ServerUnderTest.corralBinary, ["shell", "-s", "127.0.0.1:\(server.port)"] + options,
            environment: ["CORRAL_HISTORY": historyFile].merging(environment) { $1 })
        #expect(terminal.shows("(CONNECTED) 0] "), "\(terminal.text)")
        return terminal
    }

    /// Types a line and waits for something behind it.
    private func enter(_ terminal: Terminal, _ line: String, shows wanted: String) {
        let mark = terminal.mark
        terminal.type(line + "\r")
        #expect(terminal.shows(wanted, after: mark), "after '\(line)': \(terminal.text.dropFirst(mark))")
    }

    /// Ctrl-D at a prompt: typed while a command runs, it would be lost with the terminal's change of mode.
    private func leave(_ terminal: Terminal) {
        #expect(eventually(within: 20) { terminal.text.hasSuffix("] ") }, "\(terminal.text.suffix(300))")
        terminal.type("\u{4}")
        #expect(terminal.waitForExit() == 0)
    }

    @Test func commandsAtAPrompt() throws {
        let terminal = try open()
        #expect(terminal.text.contains("Welcome"))
        enter(terminal, "create /a hello", shows: "Created /a")
        enter(terminal, "get /a", shows: "\nhello\n")
        enter(terminal, "get /none", shows: "Node does not exist: /none")
        enter(terminal, "nonsense", shows: "Command not found: nonsense")
        enter(terminal, "   ", shows: "(CONNECTED) 4] ")
        enter(terminal, "set /a ü\u{20ac}", shows: "(CONNECTED) 5] ")
        enter(terminal, "get /a", shows: "\nü\u{20ac}\n")
        // Coloured: the label of a statistic, the error.
        let mark = terminal.raw.count
        enter(terminal, "stat /a", shows: "numChildren = 0")
        #expect(terminal.raw.dropFirst(mark).contains("\u{1b}[36mcZxid = \u{1b}[0m"))
        terminal.type("quit\r")
        #expect(terminal.waitForExit() == 0)
    }

    @Test func noColorsWhenNotWanted() throws {
        for (options, environment) in [(["--no-color"], [:]), ([], ["NO_COLOR": "1"])] as [([String], [String: String])]
        {
            let terminal = try open(options, environment: environment)
            enter(terminal, "stat /", shows: "numChildren")
            #expect(!terminal.raw.contains("\u{1b}[36m"))
            leave(terminal)
        }
    }

    @Test func linesAreEdited() throws {
        let terminal = try open()
        // Typed, gone back over, mended: Ctrl-A, Ctrl-D, Ctrl-E, backspace, arrows.
        enter(terminal, "Xcreate /edi\u{1}\u{4}\u{5}tedX\u{7f}", shows: "Created /edited")
        enter(terminal, "ls /\u{1b}[D\u{1b}[Dgarbage\u{15}ls /", shows: "[edited, zookeeper]")
        enter(terminal, "ls -R /none\u{17}edited", shows: "\n/edited\n")
        leave(terminal)
    }

    @Test func historyIsKept() throws {
        let first = try open()
        enter(first, "create /h 1", shows: "Created /h")
        enter(first, "addauth digest me:secret", shows: "(CONNECTED) 2] ")
        enter(first, "get /h", shows: "\n1\n")
        // Twice up: the line before the last; in memory the secret is there.
        let mark = first.mark
        first.type("\u{1b}[A\u{1b}[A")
        #expect(first.shows("addauth digest me:secret", after: mark))
        first.type("\u{15}")
        enter(first, "history", shows: "0 - create /h 1")
        leave(first)

        let kept = try String(contentsOfFile: historyFile, encoding: .utf8)
        #expect(kept == "create /h 1\nget /h\nhistory\n")
        let mode = try FileManager.default.attributesOfItem(atPath: historyFile)[.posixPermissions] as? Int
        #expect(mode == 0o600)

        let second = try open()
        enter(second, "\u{10}\u{10}", shows: "\n1\n")  // Ctrl-P twice: get /h
        enter(second, "\u{12}creat", shows: "Node already exists: /h")  // Ctrl-R, found, taken
        leave(second)
        #expect(try String(contentsOfFile: historyFile, encoding: .utf8) != kept)

        let none = try open(environment: ["CORRAL_HISTORY": ""])
        enter(none, "get /h", shows: "\n1\n")
        leave(none)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["history"])
    }

    @Test func completion() throws {
        let client = try server.client()
        for path in ["/alpha", "/alpha/leaf", "/alpine", "/alpine/one two", "/beta"] {
            try client.create(path, data: Array("at \(path)".utf8))
        }
        let terminal = try open()
        // A verb, whole; a path, as far as it is clear; the candidates; the rest; a leaf.
        enter(terminal, "getAllC\t/", shows: "\n8\n")
        let mark = terminal.mark
        terminal.type("get /al\t\t")
        #expect(terminal.shows("alpha   alpine\n", after: mark), "\(terminal.text.dropFirst(mark))")
        #expect(terminal.shows("get /alp", after: mark))
        terminal.type("h\t")
        #expect(terminal.shows("get /alpha/", after: mark))
        enter(terminal, "l\t", shows: "\nat /alpha/leaf\n")
        enter(terminal, "get /alpi\to\t", shows: "\nat /alpine/one two\n")
        enter(terminal, "get '/alpi\to\t", shows: "\nat /alpine/one two\n")
        enter(terminal, "get /be\t", shows: "\nat /beta\n")
        // Verbs that share a beginning; flags; what does not exist.
        let verbs = terminal.mark
        terminal.type("get\t\t")
        #expect(terminal.shows("getAcl", after: verbs) && terminal.shows("getEphemerals", after: verbs))
        terminal.type("\u{15}removewatches /a -\t\t")
        #expect(terminal.shows("-c  -d  -p  -r  -a  -l", after: verbs), "\(terminal.text.dropFirst(verbs))")
        enter(terminal, "\u{15}get /nothing\t/x", shows: "Node does not exist: /nothing/x")
        leave(terminal)
    }

    @Test func interrupts() throws {
        let terminal = try open()
        terminal.type("create /unwanted")
        #expect(terminal.shows("create /unwanted"))
        let mark = terminal.mark
        terminal.type("\u{3}")
        #expect(terminal.shows("^C", after: mark))
        #expect(terminal.shows("(CONNECTED) 0] ", after: mark))
        enter(terminal, "ls /", shows: "\n[zookeeper]\n")
        #expect(terminal.shows("(CONNECTED) 1] ", after: mark))
        // A command that waits for a server which does not answer.
        server.process?.standStill()
        let waiting = terminal.mark
        terminal.type("get /zookeeper\r")
        #expect(!terminal.shows("] ", after: waiting, within: 0.3))
        terminal.type("\u{3}")
        #expect(terminal.shows("interrupted", after: waiting), "\(terminal.text.dropFirst(waiting))")
        server.process?.signal(SIGCONT)
        enter(terminal, "ls /", shows: "\n[zookeeper]\n")
        leave(terminal)
    }

    @Test func eventsComeWhileTyping() throws {
        let terminal = try open()
        enter(terminal, "create /e", shows: "Created /e")
        enter(terminal, "get -w /e", shows: "(CONNECTED) 2] ")
        terminal.type("create /e/half")
        #expect(terminal.shows("create /e/half"))
        let mark = terminal.mark
        let client = try server.client()
        #expect(try client.call(.setData("/e", data: [49], version: -1)).error == 0)
        #expect(terminal.shows("WatchedEvent state:SyncConnected type:NodeDataChanged path:/e zxid: ", after: mark))
        // The line is there again, and goes on.
        #expect(terminal.shows("(CONNECTED) 2] create /e/half", after: mark), "\(terminal.text.dropFirst(mark))")
        enter(terminal, "way", shows: "Created /e/halfway")
        // The server goes and comes back: the prompt says so without a key.
        let gone = terminal.mark
        server.kill()
        #expect(terminal.shows("state:Disconnected type:None", after: gone))
        #expect(terminal.shows("(CONNECTING) 3] ", after: gone))
        try server.start()
        #expect(terminal.shows("state:SyncConnected type:None", after: gone))
        #expect(terminal.shows("(CONNECTED) 3] ", after: gone))
        enter(terminal, "ls /e", shows: "[halfway]")
        leave(terminal)
    }

    @Test func aServerThatIsNotThere() throws {
        server.kill()
        let terminal = try Terminal(
            ServerUnderTest.corralBinary,
            ["shell", "-s", "127.0.0.1:\(server.port)", "--connect-timeout", "200"],
            environment: ["CORRAL_HISTORY": historyFile])
        #expect(terminal.shows("(CONNECTING) 0] "), "\(terminal.text)")
        enter(terminal, "ls /", shows: "Not connected")
        try server.start()
        #expect(terminal.shows("(CONNECTED) 1] "))
        enter(terminal, "ls /", shows: "\n[zookeeper]\n")
        enter(terminal, "close", shows: "(CLOSED) 3] ")
        enter(terminal, "ls /", shows: "Not connected")
        enter(terminal, "connect", shows: "(CONNECTED)")
        terminal.type("quit\r")
        #expect(terminal.waitForExit() == 0)
    }
}
