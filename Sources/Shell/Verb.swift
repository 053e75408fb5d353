import JSONText

/// A command of the shell: how it is called, and what it does.
struct Verb: Sendable {
    typealias Body = @Sendable (Call, isolated Shell) async throws -> Void

    var name: String
    /// Of the arguments and flags, as in `help`.
    var usage: String
    var summary: String
    var flags: [Flag]
    /// How many arguments there may be.
    var arguments: ClosedRange<Int>
    /// Whether an argument too many that zkCli once took means `-w` (`ls path watch`).
    var takesOldWatch: Bool
    var body: Body

    init(
        _ name: String, _ usage: String, _ summary: String, flags: [Flag] = [], arguments: ClosedRange<Int>,
        takesOldWatch: Bool = false, body: @escaping Body
    ) {
        self.name = name
        self.usage = usage
        self.summary = summary
        self.flags = flags
        self.arguments = arguments
        self.takesOldWatch = takesOldWatch
        self.body = body
    }

    var fullUsage: String { usage.isEmpty ? name : "\(name) \(usage)" }

    /// All there are, by name.
    static let all: [Verb] = [reads, writes, control, watching, quotas, ensemble, housekeeping].flatMap(\.self)
        .sorted { $0.name.lowercased() < $1.name.lowercased() }

    static func named(_ name: String) -> Verb? { table[name] }
    private static let table = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
}

/// One use of a verb.
struct Call: Sendable {
    let verb: Verb
    var flags: ParsedFlags

    init(_ verb: Verb, _ words: some Collection<String>, console: Console) throws(ShellError) {
        self.verb = verb
        flags = try ParsedFlags(words, verb.flags)
        if verb.takesOldWatch && flags.arguments.count == verb.arguments.upperBound + 1 {
            console.note("'\(verb.name) path [watch]' has been deprecated. Please use '\(verb.fullUsage)' instead.")
            flags.removeLastArgument()
            flags.insert("w")
        }
        guard verb.arguments.contains(flags.arguments.count) else {
            let isTooMany = flags.arguments.count > verb.arguments.upperBound
            throw .usage(verb.fullUsage + (isTooMany ? "\n(too many arguments: text with blanks goes in quotes)" : ""))
        }
    }

    func has(_ flag: String) -> Bool { flags.has(flag) }
    var path: String { flags.arguments[0] }
    func argument(_ index: Int) -> String? { flags.arguments.indices.contains(index) ? flags.arguments[index] : nil }

    /// The value of `-v`, or of another flag that takes a number.
    func integer<Number: FixedWidthInteger>(_ flag: String = "v", of type: Number.Type) throws(ShellError) -> Number? {
        guard let text = flags[flag] else { return nil }
        guard let value = Number(text) else { throw .usage("-\(flag) takes a whole number, not '\(text)'") }
        return value
    }

    /// The version that `-v` demands; nil for any, as is -1.
    func version() throws(ShellError) -> Int32? { try integer(of: Int32.self).flatMap { $0 == -1 ? nil : $0 } }
}

/// What a command says of itself in JSON.
struct Report {
    private(set) var members: [JSONValue.Member] = []

    mutating func set(_ name: String, _ value: JSONValue) { members.append(.init(name, value)) }
    mutating func set(_ member: JSONValue.Member) { members.append(member) }
}
