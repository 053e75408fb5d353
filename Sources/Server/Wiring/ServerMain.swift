import Logging

/// Runs one server until it is told to end.
public enum ServerMain {
    /// Returns after a clean shutdown, which SIGTERM or SIGINT begin: nothing new is taken, everything taken is made
    /// durable and answered.
    public static func run(_ configuration: ServerConfiguration, logger: Logger) throws(ServerStartError) {
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
}
