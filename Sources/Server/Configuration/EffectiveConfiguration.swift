extension ServerConfiguration {
    /// The effective settings in the syntax of `zoo.cfg`: first what was given, each under a comment saying where,
    /// then the defaults. Secrets are redacted and commented out.
    public func effectiveText() -> String {
        var given = "# Given\n"
        var defaults = "\n# Defaults\n"
        for key in ConfigurationKeys.all {
            guard let value = key.render(self) else { continue }
            let line = Self.line(key.name, key.isSecret ? nil : value)
            if let origin = origins[key.name] {
                given += "# \(origin)\(key.isUsed ? "" : ", not used")\n\(line)\n"
            } else if key.isUsed {
                defaults += "\(line)\n"
            }
        }
        for (key, value) in otherSettings {
            let isSecret = ConfigurationKeys.find(key)?.isSecret ?? true
            given += "# \(origins[key] ?? .builtIn), not used\n\(Self.line(key, isSecret ? nil : value))\n"
        }
        return given + memberList() + defaults
    }

    /// The lines of the ensemble; commented out when a file of their own holds them.
    private func memberList() -> String {
        let lines =
            servers.map { ("server.\($0.id)", $0.text) }
            + groups.sorted { $0.key < $1.key }.map { group in
                ("group.\(group.key)", group.value.map(String.init).joined(separator: ":"))
            }
            + weights.sorted { $0.key < $1.key }.map { ("weight.\($0.key)", String($0.value)) }
        return lines.map { key, value in
            let origin = origins[key].map { "# \($0)\n" } ?? ""
            return origin + (dynamicConfigFile == nil ? "" : "# ") + Self.line(key, value) + "\n"
        }.joined()
    }

    /// `key=value` escaped for a properties file; a comment when the value is withheld.
    private static func line(_ key: String, _ value: String?) -> String {
        guard let value else { return "# \(key)=<redacted>" }
        var text = "\(key)="
        for unit in value.utf16 {
            switch unit {
            case UInt16(UInt8(ascii: "\\")): text += "\\\\"
            case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            default:
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return text
    }
}
