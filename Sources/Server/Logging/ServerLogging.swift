import Glibc
public import Logging

/// Sets swift-log up for a server process.
public enum ServerLogging {
    /// The environment variable that sets the level when no option does.
    public static let levelVariable = "CORRAL_LOG_LEVEL"

    /// Level by option, else by environment, else `info`; nil when the text names no level.
    public static func level(option: String?, environment: String?) -> Logger.Level? {
        guard let text = option ?? environment, !text.isEmpty else { return .info }
        let name = text.lowercased()
        return Logger.Level(rawValue: name == "warn" ? "warning" : name)
    }

    /// The value of `CORRAL_LOG_LEVEL`.
    public static var environmentLevel: String? {
        getenv(levelVariable).map { String(cString: $0) }
    }

    /// Every logger of the process writes through `ServerLogHandler` from now on. Call once.
    public static func bootstrap(level: Logger.Level, format: LogFormat, secrets: [String] = []) {
        let redactor = SecretRedactor(secrets: secrets)
        LoggingSystem.bootstrap { label in
            ServerLogHandler(label: label, level: level, format: format, redactor: redactor)
        }
    }
}
