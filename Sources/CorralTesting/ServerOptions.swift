import Logging
import TxnLog

/// How the servers of a test are set up.
public struct ServerOptions: Sendable {
    /// Keys of `zoo.cfg` (and those that Apache takes as Java properties) with their values, over `defaults`. An
    /// unknown key is an error. What the library decides itself (`dataDir`, `clientPort`, `clientPortAddress`,
    /// `server.N`, `dynamicConfigFile`) cannot be set here.
    public var settings: [String: String]
    /// Takes the servers' log lines; they carry the metadata `server`.
    public var logger: Logger
    /// Where a server that stands alone keeps its data, and what it begins with; it stays there. Nil: a fresh temporary
    /// directory, which goes with `close`.
    public var dataDirectory: String?
    /// Where a server that stands alone listens; nil: a free port.
    public var clientPort: Int?
    /// The disk of the server with this id, in place of the machine's: to let it fail.
    package var disk: (@Sendable (_ id: Int?) -> any Disk)?

    public init(
        settings: [String: String] = [:], logger: Logger = Self.silence, dataDirectory: String? = nil,
        clientPort: Int? = nil
    ) {
        self.settings = settings
        self.logger = logger
        self.dataDirectory = dataDirectory
        self.clientPort = clientPort
    }

    /// Says nothing.
    public static let silence = Logger(label: "corral.testing") { _ in SwiftLogNoOpLogHandler() }

    /// Where a test's server differs from a server's own defaults: short ticks, sessions between half a second and a
    /// minute, any number of connections, TTL znodes, all four-letter words, one reactor, small log files. Writes are
    /// not forced to the disk: they outlive the server, even a killed one, but not the machine.
    public static let defaults: [String: String] = [
        "tickTime": "500", "minSessionTimeout": "500", "maxSessionTimeout": "60000", "initLimit": "20",
        "syncLimit": "8", "maxClientCnxns": "0", "extendedTypesEnabled": "true", "4lw.commands.whitelist": "*",
        "forceSync": "no", "preAllocSize": "1024", "corral.reactors": "1",
    ]
}
