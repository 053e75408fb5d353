import Logging

/// Runs one server until it is told to end.
public enum ServerMain {
    /// Returns after a clean shutdown, which SIGTERM or SIGINT begin: nothing new is taken, everything taken is made
    /// durable and answered.
    public static func run(_ configuration: ServerConfiguration, logger: Logger) throws(ServerStartError) {
        let server = try RunningServer(configuration, logger: logger, onFailure: .endsProcess)
        EndingSignals.handle { number in
            logger.info("ending: the pipeline is drained first", metadata: ["signal": "\(number)"])
            server.stop()
        }
        server.run()
    }
}
