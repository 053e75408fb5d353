public import Logging

/// Runs one server until it is told to end.
public enum ServerMain {
    /// Returns after a clean shutdown.
    public static func run(_ configuration: ServerConfiguration, logger: Logger) throws(ServerStartError) {
        throw .cannotStart("not wired")
    }
}
