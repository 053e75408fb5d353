import ArgumentParser
import Logging
import Server

/// `corral server`: runs one server, or only checks its configuration.
struct ServerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "Run a server.",
        usage: """
            corral server <zoo.cfg> [--set key=value ...]
            corral server --standalone --data-dir <directory> --client-port <port> [--set key=value ...]
            corral server --check <zoo.cfg>
            corral server --help-keys [--markdown]
            """,
        discussion: """
            Exit codes: 0 clean end, 2 bad arguments, 3 bad configuration, 4 cannot start (port, directory), \
            5 data corrupt, 10 disk failed.
            The log level is taken from --log-level, else from \(ServerLogging.levelVariable), else it is info.
            """)

    @Argument(help: "Configuration file, as Apache ZooKeeper reads it.")
    var configurationFile: String?

    @Flag(help: "Start without a configuration file, as a standalone server.")
    var standalone = false

    @Option(help: ArgumentHelp("Directory for snapshots and log (key dataDir).", valueName: "directory"))
    var dataDir: String?

    @Option(help: ArgumentHelp("TCP port for clients, 0 for any free one (key clientPort).", valueName: "port"))
    var clientPort: String?

    @Option(
        name: .customLong("set"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Override one key; applied last, may be given several times.", valueName: "key=value"))
    var overrides: [String] = []

    @Flag(help: "Check the configuration, print the effective one and exit.")
    var check = false

    @Flag(help: "Print every configuration key and exit.")
    var helpKeys = false

    @Flag(help: "With --help-keys: as Markdown tables.")
    var markdown = false

    @Option(help: ArgumentHelp("trace, debug, info, notice, warning, error or critical.", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("text or json.", valueName: "format"))
    var logFormat: LogFormat = .text

    func run() throws {
        try checkArguments()
        if helpKeys {
            print(markdown ? ConfigurationKeys.markdown() : ConfigurationKeys.helpText(), terminator: "")
            return
        }
        let configuration = try effectiveConfiguration()
        if check {
            print(configuration.effectiveText(), terminator: "")
            for problem in configuration.warnings { ServerLogHandler.standardError("corral: \(problem)") }
            return
        }
        let level = ServerLogging.level(option: logLevel, environment: ServerLogging.environmentLevel) ?? .info
        ServerLogging.bootstrap(level: level, format: logFormat, secrets: configuration.secrets)
        let logger = Logger(label: "corral.server")
        for problem in configuration.warnings {
            logger.log(level: problem.kind == .withoutEffect ? .info : .warning, "\(problem.logText)")
        }
        try ServerMain.run(configuration, logger: logger)
    }

    /// Here and not in `validate`, which runs before unknown options are reported.
    private func checkArguments() throws {
        guard ServerLogging.level(option: logLevel, environment: ServerLogging.environmentLevel) != nil else {
            let source = logLevel == nil ? ServerLogging.levelVariable : "--log-level"
            let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("\(source) is none of \(levels)")
        }
        guard !markdown || helpKeys else { throw ValidationError("--markdown belongs to --help-keys") }
        guard !helpKeys else { return }
        switch (configurationFile, standalone) {
        case (nil, false): throw ValidationError("give a configuration file, or --standalone")
        case (.some, true): throw ValidationError("give either a configuration file or --standalone, not both")
        case (nil, true):
            guard dataDir != nil else { throw ValidationError("--standalone needs --data-dir") }
            guard clientPort != nil else { throw ValidationError("--standalone needs --client-port") }
        case (.some, false): break
        }
    }

    private func effectiveConfiguration() throws(ServerStartError) -> ServerConfiguration {
        var parser = ConfigurationParser()
        if let configurationFile { parser.read(file: configurationFile) }
        if let dataDir { parser.override("dataDir", dataDir, option: "--data-dir") }
        if let clientPort { parser.override("clientPort", clientPort, option: "--client-port") }
        for assignment in overrides { parser.override(assignment) }
        do {
            return try parser.finish()
        } catch {
            throw .configuration(error)
        }
    }
}

extension LogFormat: ExpressibleByArgument {}
