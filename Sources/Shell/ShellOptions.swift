import ZooKeeperClient

/// How a shell behaves.
public struct ShellOptions: Sendable {
    public enum Format: String, CaseIterable, Sendable {
        case text
        case json
    }

    /// `host:port,host:port/chroot`.
    public var server = "localhost:2181"
    /// The session's, asked for.
    public var timeoutMillis = 30_000
    /// For how long a command waits for a connection.
    public var connectTimeoutMillis = 10_000
    public var isReadOnly = false
    /// Nil: connections are not encrypted.
    public var tls: TLS?
    public var format = Format.text
    /// Whether output is coloured where it is a terminal.
    public var usesColor = true
    /// Whether commands from a pipe go on after one that failed.
    public var keepsGoing = false
    /// Whether, once the commands are done, events of watches are awaited and printed.
    public var follows = false
    /// `scheme:secret`, presented on every connection.
    public var credentials: [Credential] = []
    /// What `version` says.
    public var version = ""

    public init() {}
}
