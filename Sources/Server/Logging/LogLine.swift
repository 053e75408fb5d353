import JSONText
import Logging

/// One event, ready to be printed.
struct LogLine {
    var timestamp: String
    var level: Logger.Level
    var label: String
    var message: String
    var fields: [(key: String, value: String)]

    /// `timestamp LEVEL label message key=value`, never more than one line.
    var text: String {
        var line = "\(timestamp) \(level.rawValue.uppercased()) \(label) \(Self.singleLine(message))"
        for (key, value) in fields { line += " \(key)=\(Self.quotedIfNeeded(value))" }
        return line
    }

    var json: String {
        var line = "{\"timestamp\":\"\(timestamp)\",\"level\":\"\(level.rawValue)\","
        line += "\"label\":\(Self.quoted(label)),\"message\":\(Self.quoted(message))"
        if !fields.isEmpty {
            line += ",\"fields\":{"
            line += fields.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }.joined(separator: ",")
            line += "}"
        }
        return line + "}"
    }

    private static func singleLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return text }
        return String(quoted(text).dropFirst().dropLast())
    }

    private static func quotedIfNeeded(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy {
            $0.value > 0x20 && $0.value != 0x7F && $0 != "\"" && $0 != "=" && $0 != "\\"
        }
        return isPlain && !text.isEmpty ? text : quoted(text)
    }

    /// A JSON string.
    private static func quoted(_ text: String) -> String { JSONValue.string(text).text }
}
