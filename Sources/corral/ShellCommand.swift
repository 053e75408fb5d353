import ArgumentParser
import Server
import Shell
import ZooKeeperClient

/// `corral shell`: a client for people and scripts.
struct ShellCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell",
        abstract: "Look at znodes and change them, as zkCli does.",
        usage: "corral shell [--server <host:port,...>[/<chroot>]] [options] [<command> ...]",
        discussion: """
            With a command: carries it out and ends ('corral shell -s host:2181 ls -R /'). Without, and with a pipe \
            as standard input: carries out its lines; the first that fails ends it, unless --keep-going is given. \
            Without, at a terminal: a prompt with line editing, history ($CORRAL_HISTORY or ~/.corral_history; none \
            when the variable is empty) and completion of commands, flags and paths. 'help' lists the commands: \
            zkCli's, with its flags and its text. Words are quoted as in a shell. Data that is not text: create and \
            set take -b (Base64), -x (hexadecimal) and -f (a file); get has -b, -x and -o (to a file).

            JSON: each command is answered by one object on one line of standard output: "command", "ok", what it \
            found ("path", "children", "paths", "data" or, where it is not UTF-8, "dataBase64", "stat", "acl", \
            "count", "created", "deleted", ...) and, when it failed, "error" with "code" (NoNode, BadVersion, ... or \
            Usage), "number" (the protocol's), "message" and "path". An event of a watch is an object too: "event" \
            (NodeDataChanged, ...), "path", "zxid". Zxids and session ids are strings, "0x...".

            Exit codes: 0 done, 1 refused by the server (no such znode, wrong version, no permission, ...), 2 no \
            connection or lost before the answer, 64 wrong usage, 74 the output cannot be written, 130 interrupted.
            """)

    @Option(
        name: [.short, .long, .customLong("server", withSingleDash: true)],
        help: ArgumentHelp("Servers, and the znode to take for the root.", valueName: "host:port,.../chroot"))
    var server = "localhost:2181"

    @Option(
        name: [.long, .customLong("timeout", withSingleDash: true)],
        help: ArgumentHelp("The session's timeout.", valueName: "ms"))
    var timeout = 30_000

    @Option(help: ArgumentHelp("For how long a command waits for a connection.", valueName: "ms"))
    var connectTimeout = 10_000

    @Flag(name: [.customShort("r"), .long], help: "Also take a server without a quorum, for reading.")
    var readOnly = false

    @Flag(
        name: .customLong("waitforconnection", withSingleDash: true),
        help: ArgumentHelp("zkCli's; the shell always waits.", visibility: .hidden))
    var waitsForConnection = false

    @Flag(help: "Connections are encrypted (TLS); the options below imply it.")
    var tls = false

    @Option(help: ArgumentHelp("Certificates of whom to trust, else the system's.", valueName: "PEM file"))
    var tlsCa: String?

    @Option(help: ArgumentHelp("The certificate to show to servers that ask.", valueName: "PEM file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("Its key, where it is not in the same file.", valueName: "PEM file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "full; chain: the certificate may be another host's; none: anybody's.", valueName: "full|chain|none"))
    var tlsVerify: ShellOptions.TLS.Verification?

    @Option(help: ArgumentHelp("text or json.", valueName: "format"))
    var output: ShellOptions.Format = .text

    @Flag(help: "No colours (also: NO_COLOR in the environment).")
    var noColor = false

    @Flag(help: "From a pipe: go on after a command that failed; the exit code is the first failure's.")
    var keepGoing = false

    @Flag(help: "After the commands, print what their watches see, until none is left or Ctrl-C.")
    var follow = false

    @Option(
        name: .customLong("auth"),
        help: ArgumentHelp("A credential for every connection; several are taken.", valueName: "scheme:secret"))
    var credentials: [String] = []

    @Argument(parsing: .captureForPassthrough, help: "A command and its arguments.")
    var command: [String] = []

    func run() throws {
        // What follows is the command's, were it a help flag; before the command, it is an option that is not known.
        if let first = command.first, first.hasPrefix("-") {
            if ["-h", "-help", "--help"].contains(first) { throw CleanExit.helpRequest(self) }
            throw ValidationError("Unknown option '\(first)'")
        }
        var options = ShellOptions()
        options.server = server
        options.timeoutMillis = timeout
        options.connectTimeoutMillis = connectTimeout
        options.isReadOnly = readOnly
        if tls || tlsCa != nil || tlsCertificate != nil || tlsKey != nil || tlsVerify != nil {
            var wanted = ShellOptions.TLS()
            wanted.authorities = tlsCa
            wanted.certificate = tlsCertificate
            wanted.key = tlsKey
            wanted.verification = tlsVerify ?? .full
            options.tls = wanted
        }
        options.format = output
        options.usesColor = !noColor
        options.keepsGoing = keepGoing
        options.follows = follow
        options.version = CorralVersion.reported
        options.credentials = try credentials.map { text in
            guard let colon = text.firstIndex(of: ":") else { throw ValidationError("--auth takes scheme:secret") }
            return Credential(scheme: String(text[..<colon]), secret: Array(text[text.index(after: colon)...].utf8))
        }
        guard timeout > 0, connectTimeout > 0 else { throw ValidationError("time-outs are positive") }
        guard CommandLine.arguments.allSatisfy({ !$0.unicodeScalars.contains("\u{fffd}") }) else {
            throw ValidationError("an argument is not UTF-8: give data with -b, -x or -f")
        }
        throw ArgumentParser.ExitCode(ShellProgram.run(options, command: command))
    }
}

extension ShellOptions.Format: ExpressibleByArgument {}
extension ShellOptions.TLS.Verification: ExpressibleByArgument {}
