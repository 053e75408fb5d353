import Logging
import Server

/// What a server is told at each of its starts.
struct ServerPlan: Sendable {
    /// N of its `server.N` line; nil when it stands alone.
    let id: Int?
    let directory: String
    let clientPort: Int
    /// The `server.N` lines of all members.
    let members: [(key: String, line: String)]
    let options: ServerOptions

    /// What a test cannot set, because the library does.
    private static let reserved = ["dataDir", "clientPort", "clientPortAddress", "dynamicConfigFile"]

    func configuration() throws(CorralTestingError) -> ServerConfiguration {
        var parser = ConfigurationParser()
        for (key, value) in ServerOptions.defaults { parser.override(key, value, option: "default \(key)") }
        if id != nil {
            // A busy port is the library's business, not one to wait for.
            parser.override("electionPortBindRetry", "1", option: "CorralTesting")
            // An ensemble of one is an ensemble too.
            parser.override("standaloneEnabled", "false", option: "CorralTesting")
        }
        for (key, value) in options.settings.sorted(by: { $0.key < $1.key }) {
            let name = ConfigurationKeys.find(key).map { ConfigurationKeys.canonicalName(key, of: $0) } ?? key
            guard !Self.reserved.contains(name), !name.hasPrefix("server.") else {
                throw .settings("\(key) is decided by the library")
            }
            parser.override(key, value, option: key)
        }
        parser.override("dataDir", directory, option: "CorralTesting")
        parser.override("clientPort", "\(clientPort)", option: "CorralTesting")
        parser.override("clientPortAddress", "127.0.0.1", option: "CorralTesting")
        for member in members { parser.override(member.key, member.line, option: "CorralTesting") }
        do throws(ConfigurationError) {
            let configuration = try parser.finish()
            // A server goes on without a key it does not know; a test that misspells one tests something else.
            let unknown = configuration.warnings.filter { $0.kind == .unknownKey }
            guard unknown.isEmpty else { throw ConfigurationError(unknown) }
            return configuration
        } catch {
            throw .settings("\(error)")
        }
    }

    var logger: Logger {
        var logger = options.logger
        logger[metadataKey: "server"] = "\(id.map { "\($0)" } ?? "127.0.0.1:\(clientPort)")"
        return logger
    }
}
