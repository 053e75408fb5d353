/// A flag of a verb, with one dash as zkCli has them.
struct Flag: Sendable {
    var name: String
    var takesValue = false
    var summary: String

    init(_ name: String, _ summary: String, takesValue: Bool = false) {
        self.name = name
        self.takesValue = takesValue
        self.summary = summary
    }
}

/// A command's flags and arguments, told apart by the rules of Apache's parser: flags may stand anywhere, `--` ends
/// them, negative numbers are arguments, `-sR` is `-s -R`, `-v3` and `-v=3` are `-v 3`.
struct ParsedFlags: Equatable, Sendable {
    private(set) var values: [String: String] = [:]
    private(set) var arguments: [String] = []

    func has(_ name: String) -> Bool { values[name] != nil }
    subscript(_ name: String) -> String? { values[name] }
    mutating func insert(_ name: String) { values[name] = "" }
    mutating func removeLastArgument() { arguments.removeLast() }

    init(_ words: some Collection<String>, _ flags: [Flag]) throws(ShellError) {
        var rest = Array(words)[...]
        while let word = rest.popFirst() {
            if word == "--" {
                arguments += rest
                return
            }
            guard word.hasPrefix("-"), word.count > 1, !Self.isNumber(word) else {
                arguments.append(word)
                continue
            }
            try take(word.drop { $0 == "-" }, word, flags, &rest)
        }
    }

    private mutating func take(
        _ name: Substring, _ word: String, _ flags: [Flag], _ rest: inout ArraySlice<String>
    ) throws(ShellError) {
        if let flag = flags.first(where: { $0.name == name }) {
            guard flag.takesValue else {
                values[flag.name] = ""
                return
            }
            guard let value = rest.popFirst() else { throw .usage("Missing argument for option: \(flag.name)") }
            values[flag.name] = value
            return
        }
        if let equals = name.firstIndex(of: "="),
            let flag = flags.first(where: { $0.name == name[..<equals] && $0.takesValue })
        {
            values[flag.name] = String(name[name.index(after: equals)...])
            return
        }
        if let flag = flags.first(where: { $0.takesValue && $0.name.count == 1 && name.hasPrefix($0.name) }) {
            values[flag.name] = String(name.dropFirst())
            return
        }
        let single = name.map { letter in flags.first { $0.name == String(letter) && !$0.takesValue } }
        guard !single.isEmpty, single.allSatisfy({ $0 != nil }) else {
            throw .usage("Unrecognized option: \(word) (arguments that begin with a dash go behind --)")
        }
        for flag in single { values[flag!.name] = "" }
    }

    private static func isNumber(_ word: String) -> Bool { Double(word) != nil }
}
