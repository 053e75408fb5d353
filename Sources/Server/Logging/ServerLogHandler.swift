import Glibc
public import Logging

/// Writes each event as one line, with one `write`, to standard error (or wherever `sink` leads).
public struct ServerLogHandler: LogHandler {
    public typealias Sink = @Sendable (String) -> Void

    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    public var logLevel: Logger.Level

    private let label: String
    private let format: LogFormat
    private let redactor: SecretRedactor
    private let sink: Sink

    public init(
        label: String, level: Logger.Level, format: LogFormat, redactor: SecretRedactor = SecretRedactor(),
        sink: @escaping Sink = ServerLogHandler.standardError
    ) {
        self.label = label
        self.logLevel = level
        self.format = format
        self.redactor = redactor
        self.sink = sink
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
        if let own = event.metadata { fields.merge(own) { _, new in new } }
        var pairs = fields.map { ($0.key, redactor.value("\($0.value)", of: $0.key)) }.sorted { $0.0 < $1.0 }
        if let error = event.error { pairs.append(("error", redactor.text("\(error)"))) }
        let line = LogLine(
            timestamp: LogTimestamp.now(), level: event.level, label: label,
            message: redactor.text(event.message.description), fields: pairs)
        sink(format == .json ? line.json : line.text)
    }

    /// Lines that do not fit an unread pipe are lost rather than stop a server's thread.
    public static let standardError: Sink = { line in
        var text = line + "\n"
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = write(STDERR_FILENO, rest.baseAddress, rest.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
