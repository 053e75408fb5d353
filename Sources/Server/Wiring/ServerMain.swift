import Logging

/// Runs one server until it is told to end.
public enum ServerMain {
    /// Returns after a clean shutdown, which SIGTERM or SIGINT begin: nothing new is taken, everything taken is made
    /// durable and answered.
    public static func run(_ configuration: ServerConfiguration, logger: Logger) throws(ServerStartError) {
        // Started alone, a member would go its own way beside its ensemble.
        guard configuration.ensemble == nil else {
            throw .configuration(ConfigurationError([Self.replicationRefused(configuration)]))
        }
        let server = try RunningServer(configuration, logger: logger)
        EndingSignals.handle { number in
            logger.info("ending: the pipeline is drained first", metadata: ["signal": "\(number)"])
            server.stop()
        }
        logger.info(
            "serving clients",
            metadata: [
                "address": "\(configuration.clientPortAddress ?? "*"):\(server.clientPort)",
                "zxid": "0x\(String(server.lastZxid, radix: 16))", "znodes": "\(server.znodeCount)",
                "reactors": "\(configuration.reactors)",
            ])
        server.run()
        logger.info("ended cleanly")
    }

    private static func replicationRefused(_ configuration: ServerConfiguration) -> ConfigurationProblem {
        let count = configuration.ensemble?.members.count ?? 0
        return ConfigurationProblem(
            kind: .error, origin: .builtIn, key: "server.",
            text: "replicated ensembles are not served by this build (\(count) servers given)")
    }
}
