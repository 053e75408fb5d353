/// Every key Corral knows, in one table: `corral server --help-keys` prints it.
public enum ConfigurationKeys {
    public static let all: [ConfigurationKey] =
        basics + limits + disk + nodes + access + observation + corral + ensemble + later + tuning

    private static let byName: [String: ConfigurationKey] = {
        var table: [String: ConfigurationKey] = [:]
        for key in all where key.familyPrefix == nil {
            for name in [key.name] + key.aliases {
                precondition(table.updateValue(key, forKey: name) == nil, "two keys are named \(name)")
            }
        }
        return table
    }()

    private static let families: [(prefix: String, key: ConfigurationKey)] =
        all.compactMap { key in key.familyPrefix.map { ($0, key) } }.sorted { $0.0.utf8.count > $1.0.utf8.count }

    /// The key of this name, with or without `zookeeper.` before it.
    public static func find(_ name: String) -> ConfigurationKey? {
        let bare = withoutPrefix(name)
        return byName[bare]
            ?? families.first { bare.hasPrefix($0.prefix) && bare.utf8.count > $0.prefix.utf8.count }?.key
    }

    /// The spelling under which two settings of one key meet.
    public static func canonicalName(_ name: String, of key: ConfigurationKey) -> String {
        key.familyPrefix == nil ? key.name : withoutPrefix(name)
    }

    static func suggestion(for name: String) -> String? {
        KeySuggestion.nearest(to: withoutPrefix(name), among: byName.keys.sorted())
    }

    private static func withoutPrefix(_ name: String) -> String {
        name.hasPrefix("zookeeper.") ? String(name.dropFirst("zookeeper.".count)) : name
    }

    /// The table as plain text, one key after the other.
    public static func helpText() -> String {
        var text = ""
        for section in ConfigurationKey.Section.allCases {
            text += "\(section.rawValue)\n\n"
            for key in all where key.section == section {
                text += "  \(key.name)\(key.defaultText.isEmpty ? "" : " = \(key.defaultText)")"
                text += key.unit.isEmpty ? "\n" : " (\(key.unit))\n"
                text += wrap(key.meaning, indent: "      ", width: 100)
                if !key.aliases.isEmpty { text += "      Also: \(key.aliases.joined(separator: ", "))\n" }
                if let remark = remark(key) { text += wrap(remark, indent: "      ", width: 100) }
            }
            text += "\n"
        }
        return text + "Each key may carry the prefix \"zookeeper.\", as Apache's Java system properties do.\n"
    }

    /// The table in Markdown, for the handbook.
    public static func markdown() -> String {
        var text = ""
        for section in ConfigurationKey.Section.allCases {
            text += "### \(section.rawValue)\n\n| key | default | unit | meaning |\n|---|---|---|---|\n"
            for key in all where key.section == section {
                let names = ([key.name] + key.aliases).map { "`\($0)`" }.joined(separator: ", ")
                let meaning = [key.meaning, remark(key)].compactMap { $0 }.joined(separator: " ")
                text += "| \(names) | \(key.defaultText) | \(key.unit) | "
                text +=
                    meaning.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") + " |\n"
            }
            text += "\n"
        }
        return text
    }

    private static func remark(_ key: ConfigurationKey) -> String? {
        switch key.support {
        case .served, .ensemble: nil
        case .notYet(let reason, _), .withoutEffect(let reason): "(\(reason).)"
        }
    }

    private static func wrap(_ text: String, indent: String, width: Int) -> String {
        var lines = [indent]
        for word in text.split(separator: " ") {
            if lines[lines.count - 1].count + word.count + 1 > width { lines.append(indent) }
            if lines[lines.count - 1].count > indent.count { lines[lines.count - 1] += " " }
            lines[lines.count - 1] += word
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
