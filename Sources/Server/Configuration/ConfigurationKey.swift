/// One key of `zoo.cfg`: what it means, what it defaults to and how its value reaches `ServerConfiguration`.
public struct ConfigurationKey: Sendable {
    /// The groups in which the keys are listed.
    public enum Section: String, Sendable, CaseIterable {
        case basics = "Basics"
        case limits = "Limits"
        case disk = "Disk"
        case nodes = "Requests and nodes"
        case access = "Access"
        case observation = "Observation"
        case corral = "Corral's own"
        case ensemble = "Ensemble"
        case later = "Known, not supported yet"
        case withoutEffect = "Known, without effect in Corral"
    }

    /// What giving the key does.
    public enum Support: Sendable {
        case served
        /// Parsed and kept; a standalone server, Apache's too, does not use it.
        case ensemble
        /// Warned about unless the value asks for nothing.
        case notYet(reason: String, silentFor: [String])
        /// Noted: it tunes machinery that Corral does not have.
        case withoutEffect(reason: String)
    }

    /// What became of a value.
    enum Assignment {
        case taken
        /// Taken, with something to tell.
        case adjusted(String)
        /// Stops the start; says what would have been right.
        case refused(expected: String)
        /// Stops the start: nothing honours the demand, and to pass over it would be dangerous. Says why.
        case unserved(reason: String)
    }

    typealias Assign =
        @Sendable (_ configuration: inout ServerConfiguration, _ key: String, _ value: String) ->
        Assignment
    typealias Render = @Sendable (ServerConfiguration) -> String?

    /// As written in `zoo.cfg`; a family ends in what varies (`server.N`, `ssl.*`).
    public var name: String
    /// Other spellings: the names of Apache's Java system properties where they differ, without `zookeeper.`.
    public var aliases: [String] = []
    public var section: Section
    public var support: Support = .served
    public var defaultText: String
    /// Unit of the value, or empty.
    public var unit: String = ""
    public var meaning: String
    /// The value must not be printed.
    public var isSecret = false
    /// For a family: what its keys begin with.
    var familyPrefix: String?
    var assign: Assign = { _, _, _ in .taken }
    /// The effective value; nil when unset.
    var render: Render = { _ in nil }

    /// Whether its value changes what this build does, or will do in an ensemble.
    var isUsed: Bool {
        switch support {
        case .served, .ensemble: true
        case .notYet, .withoutEffect: false
        }
    }

    func alias(_ names: String...) -> ConfigurationKey {
        var copy = self
        copy.aliases += names
        return copy
    }

    /// For defaults that follow from other keys.
    func derived(default text: String) -> ConfigurationKey {
        var copy = self
        copy.defaultText = text
        return copy
    }

    /// The value is checked and kept in its field, which nothing reads yet.
    func notYetHonoured(because reason: String) -> ConfigurationKey {
        var copy = self
        copy.section = .later
        copy.support = .notYet(reason: reason, silentFor: [defaultText.lowercased()])
        return copy
    }

    func onlyInEnsembles() -> ConfigurationKey {
        var copy = self
        copy.section = .ensemble
        copy.support = .ensemble
        return copy
    }
}

/// How a key's integer is written.
enum IntegerSyntax {
    /// Read by `Integer.parseInt` or `Long.parseLong`.
    case decimal
    /// Read as a Java system property: `0x…` and octal too.
    case decoded

    func parse(_ text: String) -> Int? {
        switch self {
        case .decimal: ValueSyntax.decimal(text)
        case .decoded: ValueSyntax.decoded(text)
        }
    }
}

extension ConfigurationKey {
    typealias Field<Value> = any WritableKeyPath<ServerConfiguration, Value> & Sendable

    static let int32 = 0...Int(Int32.max)

    static func integer(
        _ name: String, _ section: Section, _ field: Field<Int>, _ range: ClosedRange<Int> = int32,
        syntax: IntegerSyntax = .decimal, unit: String = "", _ meaning: String
    ) -> ConfigurationKey {
        let unitText = unit.isEmpty ? "" : " (\(unit))"
        return ConfigurationKey(
            name: name, section: section, defaultText: String(ServerConfiguration()[keyPath: field]), unit: unit,
            meaning: meaning,
            assign: { configuration, _, value in
                guard let number = syntax.parse(value), range.contains(number) else {
                    return .refused(
                        expected: "an integer from \(range.lowerBound) to \(range.upperBound)\(unitText)")
                }
                configuration[keyPath: field] = number
                return .taken
            },
            render: { String($0[keyPath: field]) })
    }

    static func boolean(
        _ name: String, _ section: Section, _ field: Field<Bool>, _ meaning: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            name: name, section: section, defaultText: String(ServerConfiguration()[keyPath: field]), meaning: meaning,
            assign: { configuration, _, value in
                guard let flag = ValueSyntax.boolean(value) else { return .refused(expected: "true or false") }
                configuration[keyPath: field] = flag
                return .taken
            },
            render: { String($0[keyPath: field]) })
    }

    static func yesOrNo(
        _ name: String, _ section: Section, _ field: Field<Bool>, _ meaning: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            name: name, section: section, defaultText: ServerConfiguration()[keyPath: field] ? "yes" : "no",
            meaning: meaning,
            assign: { configuration, _, value in
                guard let flag = ValueSyntax.yesOrNo(value) else { return .refused(expected: "yes or no") }
                configuration[keyPath: field] = flag
                return .taken
            },
            render: { $0[keyPath: field] ? "yes" : "no" })
    }

    /// A text that may not be empty.
    static func text(
        _ name: String, _ section: Section, _ field: Field<String?>, expected: String, _ meaning: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            name: name, section: section, defaultText: "", meaning: meaning,
            assign: { configuration, _, value in
                guard !value.isEmpty else { return .refused(expected: expected) }
                configuration[keyPath: field] = value
                return .taken
            },
            render: { $0[keyPath: field] })
    }

    /// A directory; the table knows no default for it.
    static func directory(
        _ name: String, _ field: Field<String>, default text: String, _ meaning: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            name: name, section: .basics, defaultText: text, meaning: meaning,
            assign: { configuration, _, value in
                guard !value.isEmpty else { return .refused(expected: "the path of a directory") }
                configuration[keyPath: field] = value
                guard value.hasPrefix("/") || value.hasPrefix("./") else {
                    return .adjusted("\(name) is relative (\(value)); it counts from the working directory")
                }
                return .taken
            },
            render: { $0[keyPath: field] })
    }

    /// What values a key without a field of its own takes.
    enum Shape: Sendable {
        case text
        case integer
        case boolean

        func expected(for value: String) -> String? {
            switch self {
            case .text: nil
            case .integer: ValueSyntax.decoded(value) == nil ? "an integer" : nil
            case .boolean: ValueSyntax.boolean(value) == nil ? "true or false" : nil
            }
        }
    }

    /// A key kept only as text.
    private static func kept(
        _ name: String, _ section: Section, _ support: Support, _ shape: Shape, default text: String, meaning: String
    ) -> ConfigurationKey {
        ConfigurationKey(
            name: name, section: section, support: support, defaultText: text, meaning: meaning,
            assign: { configuration, key, value in
                if let expected = shape.expected(for: value) { return .refused(expected: expected) }
                configuration.otherSettings.append((key, value))
                return .taken
            })
    }

    static func notYet(
        _ name: String, _ shape: Shape = .text, default text: String = "", silentFor: [String] = [],
        because reason: String, _ meaning: String
    ) -> ConfigurationKey {
        kept(
            name, .later, .notYet(reason: reason, silentFor: silentFor.isEmpty ? [text] : silentFor), shape,
            default: text, meaning: meaning)
    }

    static func withoutEffect(
        _ name: String, _ shape: Shape = .text, default text: String = "", because reason: String, _ meaning: String
    ) -> ConfigurationKey {
        kept(name, .withoutEffect, .withoutEffect(reason: reason), shape, default: text, meaning: meaning)
    }

    func family(_ prefix: String) -> ConfigurationKey {
        var copy = self
        copy.familyPrefix = prefix
        return copy
    }

    func secret() -> ConfigurationKey {
        var copy = self
        copy.isSecret = true
        return copy
    }

    /// Ignoring the key with any other value than these would leave the server more open than its operator thinks.
    func refused(unless harmless: [String], because reason: String) -> ConfigurationKey {
        var copy = self
        copy.assign = { [assign] configuration, key, value in
            guard harmless.contains(value.lowercased()) else {
                return .refused(expected: "\(harmless.joined(separator: " or ")): \(reason)")
            }
            return assign(&configuration, key, value)
        }
        return copy
    }

    /// What the value demands is not served, and a server that started all the same would not be what its operator
    /// believes. Other values keep what the key does.
    func stopping(
        because reason: String, when isDemand: @escaping @Sendable (_ key: String, _ value: String) -> Bool
    ) -> ConfigurationKey {
        var copy = self
        copy.assign = { [assign] configuration, key, value in
            let outcome = assign(&configuration, key, value)
            guard case .taken = outcome, isDemand(key.lowercased(), value.lowercased()) else { return outcome }
            return .unserved(reason: reason)
        }
        return copy
    }

    /// The same for a switch.
    func stoppingWhenTrue(because reason: String) -> ConfigurationKey {
        stopping(because: reason) { _, value in value == "true" }
    }
}
