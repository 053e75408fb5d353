/// Gathers settings from files and options, then makes a `ServerConfiguration` of them.
///
/// Later settings win. All errors are gathered and thrown together by `finish()`.
public struct ConfigurationParser {
    private struct Setting {
        var spec: ConfigurationKey
        var value: String
        var origin: ConfigurationOrigin
    }

    private var settings: [String: Setting] = [:]
    private var order: [String] = []
    private var problems: [ConfigurationProblem] = []
    /// A file could not be read: what it did not say proves nothing.
    private var isIncomplete = false
    private var configurationFile: String?

    public init() {}

    /// File and `--set` texts in one step.
    public static func load(file path: String, overrides: [String] = []) throws(ConfigurationError)
        -> ServerConfiguration
    {
        var parser = ConfigurationParser()
        parser.read(file: path)
        for assignment in overrides { parser.override(assignment) }
        return try parser.finish()
    }

    /// Reads a `zoo.cfg`.
    public mutating func read(file path: String) {
        configurationFile = path
        switch FileReading.bytes(of: path) {
        case .success(let bytes): read(bytes, path: path)
        case .failure(let failure):
            fail(.builtIn, "", "cannot read configuration file \(path): \(failure)")
            isIncomplete = true
        }
    }

    /// The content of a `zoo.cfg`; `path` is for messages.
    public mutating func read(_ bytes: [UInt8], path: String) {
        configurationFile = path
        for entry in entries(bytes, path: path) {
            set(entry.key, entry.value, .file(path: path, line: entry.line))
        }
    }

    /// One `key=value`, as given to `--set`.
    public mutating func override(_ assignment: String) {
        guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else {
            fail(.option("--set \(assignment)"), "", "expected key=value")
            return
        }
        let key = String(assignment[..<equals])
        override(key, String(assignment[assignment.index(after: equals)...]), option: "--set \(key)")
    }

    /// A setting that an option of its own makes (`--client-port`).
    public mutating func override(_ key: String, _ value: String, option: String) {
        set(key, value, .option(option))
    }

    private mutating func entries(_ bytes: [UInt8], path: String) -> [PropertyLine] {
        do {
            return try JavaProperties.parse(bytes)
        } catch {
            fail(.file(path: path, line: error.line), "", error.detail)
            isIncomplete = true
            return []
        }
    }

    private mutating func set(_ rawKey: String, _ rawValue: String, _ origin: ConfigurationOrigin) {
        let key = ValueSyntax.trimmed(rawKey)
        let value = ValueSyntax.trimmed(rawValue)
        guard let spec = ConfigurationKeys.find(key) else {
            let hint = ConfigurationKeys.suggestion(for: key).map { "; did you mean \"\($0)\"?" } ?? ""
            problems.append(
                .init(kind: .unknownKey, origin: origin, key: key, text: "unknown key \"\(key)\" is ignored\(hint)"))
            return
        }
        let name = ConfigurationKeys.canonicalName(key, of: spec)
        if let earlier = settings[name] {
            if case .file = origin {
                adjust(origin, name, "\(name) is given again (first at \(earlier.origin)); this value counts")
            }
            order.removeAll { $0 == name }
        }
        if !value.utf8.allSatisfy({ $0 < 0x80 }), case .file = origin {
            adjust(origin, name, "\(name) is read as ISO 8859-1, as Java reads it; write other characters as \\uXXXX")
        }
        order.append(name)
        settings[name] = Setting(spec: spec, value: value, origin: origin)
    }

    /// The effective configuration, its warnings in it.
    public consuming func finish() throws(ConfigurationError) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.file = configurationFile
        for name in order {
            guard let setting = settings[name] else { continue }
            apply(setting, name: name, to: &configuration)
        }
        readDynamicFile(into: &configuration)
        if !isIncomplete {
            var rules = ConfigurationRules(configuration: configuration)
            rules.apply()
            configuration = rules.configuration
            problems += rules.problems
        }
        let errors = problems.filter { $0.kind == .error }
        guard errors.isEmpty else { throw ConfigurationError(errors) }
        configuration.warnings = problems
        return configuration
    }

    private mutating func apply(_ setting: Setting, name: String, to configuration: inout ServerConfiguration) {
        configuration.origins[name] = setting.origin
        switch setting.spec.assign(&configuration, name, setting.value) {
        case .taken: break
        case .adjusted(let text): adjust(setting.origin, name, text)
        case .refused(let expected):
            let shown = setting.spec.isSecret ? "<redacted>" : "\"\(setting.value)\""
            fail(setting.origin, name, "\(name) = \(shown): expected \(expected)")
        case .unserved(let reason):
            let shown = setting.spec.isSecret ? "<redacted>" : "\"\(setting.value)\""
            fail(setting.origin, name, "\(name) = \(shown): \(reason); remove it")
        }
        switch setting.spec.support {
        case .served, .ensemble: break
        case .notYet(let reason, let silentFor):
            guard !silentFor.contains(setting.value.lowercased()) else { break }
            problems.append(
                .init(kind: .notYetSupported, origin: setting.origin, key: name, text: "\(name) is ignored: \(reason)"))
        case .withoutEffect(let reason):
            problems.append(
                .init(kind: .withoutEffect, origin: setting.origin, key: name, text: "\(name) has no effect: \(reason)")
            )
        }
    }

    /// `dynamicConfigFile`: a file that may hold nothing but the ensemble's lines.
    private mutating func readDynamicFile(into configuration: inout ServerConfiguration) {
        guard let path = configuration.dynamicConfigFile else { return }
        let origin = configuration.origins["dynamicConfigFile"] ?? .builtIn
        for name in order where isEnsembleLine(name) {
            fail(
                settings[name]?.origin ?? origin, name,
                "\(name) must stand in the dynamic configuration file \(path), not here")
        }
        (configuration.servers, configuration.groups, configuration.weights) = ([], [:], [:])
        guard case .success(let bytes) = FileReading.bytes(of: path) else {
            fail(origin, "dynamicConfigFile", "dynamicConfigFile = \"\(path)\": the file cannot be read")
            return
        }
        configuration.memberListVersion = Self.version(ofDynamicFile: path)
        if let next = unfinishedReconfiguration() {
            adjust(origin, "dynamicConfigFile", "an unfinished reconfiguration is ignored: \(next)")
        }
        for entry in entries(bytes, path: path) {
            let line = ConfigurationOrigin.file(path: path, line: entry.line)
            let key = ValueSyntax.trimmed(entry.key)
            guard isEnsembleLine(key), let spec = ConfigurationKeys.find(key) else {
                let text =
                    key == "version"
                    ? "the dynamic file must not hold a version; its name ends in it"
                    : "\"\(key)\" may not stand in a dynamic file"
                fail(line, key, text)
                continue
            }
            let setting = Setting(spec: spec, value: ValueSyntax.trimmed(entry.value), origin: line)
            apply(setting, name: key, to: &configuration)
        }
    }

    /// The hexadecimal number behind the last dot (`zoo.cfg.dynamic.100000000`); 0 where there is none.
    static func version(ofDynamicFile path: String) -> Int64 {
        guard let dot = path.lastIndex(of: ".") else { return 0 }
        return Int64(path[path.index(after: dot)...], radix: 16) ?? 0
    }

    /// What Apache leaves beside the configuration file when a `reconfig` was proposed and not yet committed.
    private func unfinishedReconfiguration() -> String? {
        guard let path = configurationFile.map({ $0 + ".dynamic.next" }),
            case .success = FileReading.bytes(of: path)
        else { return nil }
        return path
    }

    private func isEnsembleLine(_ key: String) -> Bool {
        key.hasPrefix("server.") || key.hasPrefix("group.") || key.hasPrefix("weight.")
    }

    private mutating func fail(_ origin: ConfigurationOrigin, _ key: String, _ text: String) {
        problems.append(.init(kind: .error, origin: origin, key: key, text: text))
    }

    private mutating func adjust(_ origin: ConfigurationOrigin, _ key: String, _ text: String) {
        problems.append(.init(kind: .adjusted, origin: origin, key: key, text: text))
    }
}
