#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The adapters: how each kind of server is started, and what a result says about it.
struct ServerLaunch {
    var description: ServerDescription
    var startLimitSeconds: Double
}

extension ManagedServer {
    static func launch(
        _ kind: ServerKind, options: ServerOptions, directory: String, address: ServerAddress
    ) throws(LoadError) -> ServerLaunch {
        switch kind {
        case .corral: corral(options, directory: directory, address: address)
        case .apache: try apache(options, directory: directory, address: address)
        case .etcd: throw .usage("etcd's servers are started as a cluster")
        case .keeper: try keeper(options, directory: directory, port: address.port)
        case .null: nullServer(options, port: address.port)
        }
    }

    /// Refuses, before anything is measured, a server whose program is missing.
    static func checkStartable(_ kind: ServerKind, options: ServerOptions) throws(LoadError) {
        switch kind {
        case .corral:
            guard access(options.corralPath, X_OK) == 0 else {
                throw .environment(
                    "no Corral server at \(options.corralPath): build it with "
                        + "'swift build -c release --product corral', "
                        + "or name it with --corral")
            }
        case .apache:
            let missing = missingForApache(options.apacheClassPath)
            guard missing.isEmpty else {
                throw .environment(
                    "Apache ZooKeeper cannot be started, missing: \(missing.joined(separator: ", ")). On Debian: "
                        + "apt-get install zookeeper libzookeeper-java default-jre-headless; "
                        + "another release: --apache-jars")
            }
        case .etcd:
            guard ChildProcess.capture([options.etcdPath, "--version"]) != nil else {
                throw .environment(
                    "etcd cannot be started, '\(options.etcdPath)' is missing: on Debian "
                        + "'apt-get install etcd-server', or run Bench/etcd/build, "
                        + "which installs it and builds its load generator")
            }
            guard access(options.etcdLoadPath, X_OK) == 0 else {
                throw .environment(
                    "no load generator for etcd at \(options.etcdLoadPath): build it with Bench/etcd/build, or name it "
                        + "with --etcd-load")
            }
        case .keeper: try checkKeeper(options)
        case .null:
            return
        }
    }

    private static func corral(
        _ options: ServerOptions, directory: String, address: ServerAddress
    ) -> ServerLaunch {
        var settings = [
            "clientPortAddress": address.host, "maxClientCnxns": "0", "forceSync": options.fsync ? "yes" : "no",
        ]
        settings.merge(options.extraSettings ?? [:]) { _, extra in extra }
        var arguments = [
            options.corralPath, "server", "--standalone", "--data-dir", "\(directory)/data", "--client-port",
            "\(address.port)",
        ]
        for key in settings.keys.sorted() { arguments += ["--set", "\(key)=\(settings[key]!)"] }
        return ServerLaunch(
            description: ServerDescription(
                kind: ServerKind.corral.rawValue, version: "unknown", commandLine: arguments,
                durability: options.durability, settings: settings),
            startLimitSeconds: 20)
    }

    /// Whether Apache's server and a Java runtime are there; the missing parts otherwise.
    static func missingForApache(_ classPath: String = ServerOptions.debianClassPath) -> [String] {
        // A directory's jars (`lib/*`) are Java's to find.
        let jars = classPath.split(separator: ":").map(String.init).filter { !$0.hasSuffix("*") }
        var missing = jars.filter { access($0, R_OK) != 0 }
        if ChildProcess.capture(["java", "-version"]) == nil { missing.append("a Java runtime ('java' in PATH)") }
        return missing
    }

    private static func apache(
        _ options: ServerOptions, directory: String, address: ServerAddress
    ) throws(LoadError) -> ServerLaunch {
        // Apache's defaults stand (tickTime as in its sample, snapCount 100000, preAllocSize 64 MB,
        // globalOutstandingLimit 1000), except the limit on connections from one host and the admin server's port.
        let settings = [
            "tickTime": "2000", "dataDir": "\(directory)/data", "clientPort": "\(address.port)",
            "clientPortAddress": address.host, "maxClientCnxns": "0", "admin.enableServer": "false",
            "forceSync": options.fsync ? "yes" : "no", "4lw.commands.whitelist": "srvr,mntr",
        ]
        let text = settings.keys.sorted().map { "\($0)=\(settings[$0]!)" }.joined(separator: "\n") + "\n"
        try ResultFiles.write(text, to: "\(directory)/zoo.cfg")
        return apache(options, configurationPath: "\(directory)/zoo.cfg", settings: settings)
    }

    /// A member of an ensemble, whose configuration file is written already.
    ///
    /// - Parameter settings: what that file says.
    static func launch(
        _ kind: ServerKind, options: ServerOptions, configurationPath: String, settings: [String: String]
    ) throws(LoadError) -> ServerLaunch {
        switch kind {
        case .apache: return apache(options, configurationPath: configurationPath, settings: settings)
        case .corral:
            let arguments = [options.corralPath, "server", configurationPath]
            return ServerLaunch(
                description: ServerDescription(
                    kind: kind.rawValue, version: "unknown", commandLine: arguments, durability: options.durability,
                    settings: settings),
                startLimitSeconds: 20)
        case .keeper: return try keeper(options, configurationPath: configurationPath, settings: settings)
        case .etcd, .null: throw .usage("\(kind.title) cannot be a member of a ZooKeeper ensemble")
        }
    }

    private static func apache(
        _ options: ServerOptions, configurationPath: String, settings: [String: String]
    ) -> ServerLaunch {
        var arguments = ["java", "-server", "-Xmx\(options.apacheHeap)"]
        if options.apacheFixedHeap { arguments.append("-Xms\(options.apacheHeap)") }
        arguments += [
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", options.apacheClassPath,
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", configurationPath,
        ]
        return ServerLaunch(
            description: ServerDescription(
                kind: ServerKind.apache.rawValue, version: "unknown", commandLine: arguments,
                durability: options.durability, settings: settings),
            startLimitSeconds: 60)
    }

    private static func nullServer(_ options: ServerOptions, port: UInt16) -> ServerLaunch {
        let arguments = [
            options.benchPath, "null-server", "--port", "\(port)", "--value-bytes", "\(options.valueBytes)",
        ]
        var description = ServerDescription.null
        description.commandLine = arguments
        return ServerLaunch(description: description, startLimitSeconds: 10)
    }
}
