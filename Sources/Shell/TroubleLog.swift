import Foundation
import Logging

/// Keeps what the client said last of its connection, to name the reason when there is none. The shell says all else
/// itself.
final class TroubleLog: Sendable {
    private struct Handler: LogHandler {
        let log: TroubleLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { log.last.withLock { $0 = "\(event.message)" } }
    }

    /// Under a lock.
    private final class Text: @unchecked Sendable {
        private let lock = NSLock()
        private var text: String?

        func withLock<Result>(_ body: (inout String?) -> Result) -> Result { lock.withLock { body(&text) } }
    }

    private let last = Text()

    var text: String? { last.withLock { $0 } }

    var logger: Logger { Logger(label: "corral.shell") { _ in Handler(log: self) } }
}
