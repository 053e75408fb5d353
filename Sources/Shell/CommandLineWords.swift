/// A line taken apart into words, with a POSIX shell's quoting: blanks separate; `'…'` is literal; in `"…"` a
/// backslash escapes `"` and `\`; outside of quotes it escapes anything. Nothing is expanded.
public struct CommandLineWords: Equatable, Sendable {
    public var words: [String] = []
    /// Whether the line ends inside a word, that is not behind a blank.
    public var endsInWord = false
    /// The quote that is open at the end of the line.
    public var openQuote: Character?
    /// Whether the line ends with a backslash that escapes nothing.
    public var endsWithBackslash = false

    public var isComplete: Bool { openQuote == nil && !endsWithBackslash }

    public init(_ line: some StringProtocol) {
        var word = ""
        var isInWord = false
        var escapes = false
        for character in line.unicodeScalars {
            if escapes {
                if openQuote == "\"" && character != "\"" && character != "\\" { word.unicodeScalars.append("\\") }
                word.unicodeScalars.append(character)
                escapes = false
            } else if let quote = openQuote {
                if quote == Character(character) {
                    openQuote = nil
                } else if character == "\\" && quote == "\"" {
                    escapes = true
                } else {
                    word.unicodeScalars.append(character)
                }
            } else if character == "\\" {
                escapes = true
                isInWord = true
            } else if character == "'" || character == "\"" {
                openQuote = Character(character)
                isInWord = true
            } else if character.properties.isWhitespace {
                if isInWord { words.append(word) }
                word = ""
                isInWord = false
            } else {
                word.unicodeScalars.append(character)
                isInWord = true
            }
        }
        endsWithBackslash = escapes
        endsInWord = isInWord
        if isInWord { words.append(word) }
    }

    /// The text that, typed behind what is there already, adds these characters to a word.
    static func escaped(_ text: some StringProtocol, openQuote: Character?) -> String {
        switch openQuote {
        case "'":
            return text.unicodeScalars.reduce(into: "") { $0 += $1 == "'" ? "'\\''" : "\($1)" }
        case "\"":
            return text.unicodeScalars.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : "\($1)" }
        default:
            return text.unicodeScalars.reduce(into: "") { result, character in
                if character.properties.isWhitespace || character == "'" || character == "\"" || character == "\\" {
                    result.unicodeScalars.append("\\")
                }
                result.unicodeScalars.append(character)
            }
        }
    }
}
