#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The configuration file of one ClickHouse Keeper server: its packages' own `keeper_config.xml` on other paths and
/// ports, with what its documentation says of production; README.md of Bench lists it.
struct KeeperConfiguration {
    /// A server of the ensemble, as all of them name it.
    struct Server {
        var id: Int
        /// For the others (Raft).
        var port: UInt16
    }

    var id: Int
    var clientPort: UInt16
    /// Gets the log and the snapshots.
    var dataDirectory: String
    var servers: [Server]
    var fsync: Bool

    static let fileName = "keeper_config.xml"

    /// What it sets, by the names of its documentation: parts of a path in the file are joined by dots.
    var settings: [String: String] {
        let coordination = [
            "operation_timeout_ms": "10000", "min_session_timeout_ms": "1000", "max_session_timeout_ms": "100000",
            "raft_logs_level": "warning", "force_sync": fsync ? "true" : "false",
        ]
        var settings = [
            "logger.level": "warning", "logger.console": "true", "max_connections": "4096", "listen_host": "127.0.0.1",
            "keeper_server.tcp_port": "\(clientPort)", "keeper_server.server_id": "\(id)",
            "keeper_server.log_storage_path": "\(dataDirectory)/logs",
            "keeper_server.snapshot_storage_path": "\(dataDirectory)/snapshots",
            "keeper_server.four_letter_word_white_list": "ruok,srvr,mntr",
        ]
        for (name, value) in coordination { settings["keeper_server.coordination_settings.\(name)"] = value }
        return settings
    }

    /// The file.
    var text: String {
        var root = Element()
        for (path, value) in settings { root.set(path.split(separator: ".")[...], value) }
        let servers = servers.map { server in
            "            <server><id>\(server.id)</id><hostname>127.0.0.1</hostname>"
                + "<port>\(server.port)</port></server>\n"
        }
        let raft = "        <raft_configuration>\n\(servers.joined())        </raft_configuration>\n"
        return "<clickhouse>\n" + root.text(indent: 1, within: "keeper_server", raft) + "</clickhouse>\n"
    }

    /// A part of the file, in the order of names.
    private struct Element {
        var value: String?
        var parts: [String: Element] = [:]

        mutating func set(_ path: ArraySlice<Substring>, _ value: String) {
            guard let name = path.first else {
                self.value = value
                return
            }
            parts[String(name), default: Element()].set(path.dropFirst(), value)
        }

        /// - Parameter more: is put at the end of the part `place`.
        func text(indent: Int, within place: String, _ more: String) -> String {
            let space = String(repeating: "    ", count: indent)
            return parts.sorted { $0.key < $1.key }.map { name, part in
                if let value = part.value { return "\(space)<\(name)>\(Self.escaped(value))</\(name)>\n" }
                let inner = part.text(indent: indent + 1, within: place, more) + (name == place ? more : "")
                return "\(space)<\(name)>\n\(inner)\(space)</\(name)>\n"
            }.joined()
        }

        private static func escaped(_ text: String) -> String {
            text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        }
    }
}

extension ManagedServer {
    static func checkKeeper(_ options: ServerOptions) throws(LoadError) {
        guard let path = options.keeperPath else {
            throw .usage(
                "ClickHouse Keeper is measured by path of its program, which is no Debian package: name it with "
                    + "--keeper /path/to/clickhouse-keeper (or /path/to/clickhouse)")
        }
        guard access(path, X_OK) == 0 else {
            throw .environment("no ClickHouse Keeper at \(path): --keeper names its program")
        }
    }

    /// A single server, with its file.
    static func keeper(
        _ options: ServerOptions, directory: String, port: UInt16
    ) throws(LoadError) -> ServerLaunch {
        // A Raft group of one has a port for the others all the same.
        var ports = PortPicker()
        var raftPort = try ports.next()
        if raftPort == port { raftPort = try ports.next() }
        let configuration = KeeperConfiguration(
            id: 1, clientPort: port, dataDirectory: "\(directory)/data",
            servers: [KeeperConfiguration.Server(id: 1, port: raftPort)], fsync: options.fsync)
        let path = "\(directory)/\(KeeperConfiguration.fileName)"
        try ResultFiles.write(configuration.text, to: path)
        return try keeper(options, configurationPath: path, settings: configuration.settings)
    }

    static func keeper(
        _ options: ServerOptions, configurationPath: String, settings: [String: String]
    ) throws(LoadError) -> ServerLaunch {
        try checkKeeper(options)
        let program = options.keeperPath!
        var arguments = [program]
        // ClickHouse's one program for everything takes the part to play as its first argument.
        if program.split(separator: "/").last == "clickhouse" { arguments.append("keeper") }
        arguments.append("--config-file=\(configurationPath)")
        return ServerLaunch(
            description: ServerDescription(
                kind: ServerKind.keeper.rawValue, version: "unknown", commandLine: arguments,
                durability: options.durability, settings: settings),
            startLimitSeconds: 60)
    }
}
