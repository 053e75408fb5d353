/// A line taken apart into words as zkCli does, so that its scripts write the same data here: blanks separate, and a
/// word that begins with `'` or `"` goes to the next such quote. Within any other word quotes and backslashes are what
/// they are: `{"a":1}` is a word of seven characters.
///
/// Beyond zkCli, which has no way to say these: a backslash before a blank makes it part of the word, and within `"…"`
/// a backslash escapes `"` and `\`.
public struct CommandLineWords: Equatable, Sendable {
    public var words: [String] = []
    /// Whether the line ends inside a word, that is not behind a blank or a closing quote.
    public var endsInWord = false
    /// The quote that is open at the end of the line.
    public var openQuote: Character?

    public var isComplete: Bool { openQuote == nil }

    public init(_ line: some StringProtocol) {
        var rest = line.unicodeScalars[...]
        while let first = rest.first {
            if first.properties.isWhitespace {
                rest.removeFirst()
            } else if first == "'" || first == "\"" {
                takeQuoted(&rest)
            } else {
                takePlain(&rest)
            }
        }
    }

    private mutating func takeQuoted<Scalars: Collection<Unicode.Scalar>>(_ rest: inout Scalars)
    where Scalars.SubSequence == Scalars {
        let quote = rest.removeFirst()
        openQuote = Character(quote)
        endsInWord = true
        var word = String.UnicodeScalarView()
        while let character = rest.popFirst() {
            if character == quote {
                openQuote = nil
                endsInWord = false
                break
            }
            if quote == "\"", character == "\\", let next = rest.first, next == "\"" || next == "\\" {
                word.append(rest.removeFirst())
            } else {
                word.append(character)
            }
        }
        words.append(String(word))
    }

    private mutating func takePlain<Scalars: Collection<Unicode.Scalar>>(_ rest: inout Scalars)
    where Scalars.SubSequence == Scalars {
        var word = String.UnicodeScalarView()
        endsInWord = true
        while let character = rest.first {
            if character.properties.isWhitespace {
                endsInWord = false
                break
            }
            rest.removeFirst()
            if character == "\\", let next = rest.first, next.properties.isWhitespace {
                word.append(rest.removeFirst())
            } else {
                word.append(character)
            }
        }
        words.append(String(word))
    }

    /// The text that, typed behind what is there already of a word, adds these characters to it; nil where a word
    /// cannot have them.
    static func escaped(_ text: some StringProtocol, openQuote: Character?) -> String? {
        switch openQuote {
        case "'": return text.unicodeScalars.contains("'") ? nil : String(text)
        case "\"":
            return text.unicodeScalars.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : "\($1)" }
        default:
            return text.unicodeScalars.reduce(into: "") { result, character in
                if character.properties.isWhitespace { result.unicodeScalars.append("\\") }
                result.unicodeScalars.append(character)
            }
        }
    }
}
