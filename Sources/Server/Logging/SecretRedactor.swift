/// Keeps secrets out of log lines: metadata under telling names, and known secret texts anywhere.
public struct SecretRedactor: Sendable {
    static let replacement = "<redacted>"
    private static let tellingNames = ["superdigest", "password", "passwd", "secret", "credential", "token"]

    private let secrets: [String]

    /// Texts that must not appear; very short ones are left alone, they would blot out innocent words.
    public init(secrets: [String] = []) {
        self.secrets = secrets.filter { $0.utf8.count >= 4 }
    }

    func value(_ value: String, of key: String) -> String {
        let name = key.lowercased()
        return Self.tellingNames.contains { name.contains($0) } ? Self.replacement : text(value)
    }

    func text(_ text: String) -> String {
        var result = text
        for secret in secrets { result = Self.replace(secret, in: result) }
        return result
    }

    private static func replace(_ secret: String, in text: String) -> String {
        let needle = Array(secret.utf8)
        let bytes = Array(text.utf8)
        guard bytes.count >= needle.count else { return text }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if index + needle.count <= bytes.count, bytes[index..<index + needle.count].elementsEqual(needle) {
                result += replacement.utf8
                index += needle.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
