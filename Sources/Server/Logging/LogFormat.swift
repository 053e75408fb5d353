/// How log lines look.
public enum LogFormat: String, Sendable, CaseIterable {
    /// `2026-11-21T04:00:00.123Z INFO corral.log message key=value`
    case text
    /// One JSON object a line.
    case json
}
