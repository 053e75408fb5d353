/// Which four-letter words may run: `4lw.commands.whitelist`.
public struct FourLetterWordWhitelist: Sendable, Equatable {
    public private(set) var words: Set<String>

    /// The value of the key: words separated by commas, `*` for all. `srvr` is always allowed, as in Apache, whose own
    /// scripts rely on it.
    public init(_ text: String) {
        words = ["srvr"]
        for word in text.split(separator: ",") {
            let name = ValueSyntax.trimmed(String(word))
            if name == "*" {
                words.formUnion(FourLetterWord.allCases.map(\.rawValue))
            } else if !name.isEmpty {
                words.insert(name)
            }
        }
    }

    /// Only `srvr`.
    public init() {
        self.init("")
    }

    public mutating func allow(_ word: FourLetterWord) {
        words.insert(word.rawValue)
    }

    public func allows(_ word: FourLetterWord) -> Bool {
        words.contains(word.rawValue)
    }

    /// The list, sorted, comma-separated.
    public var text: String {
        words.sorted().joined(separator: ",")
    }
}
