import ZooKeeperClient

/// What Tab may add to a line.
struct Completion: Equatable, Sendable {
    /// To be inserted at the cursor.
    var insertion = ""
    /// The candidates, when there is nothing to insert that all share.
    var candidates: [String] = []
}

extension Shell {
    /// Completes the last word of a line: a verb, a flag or a path.
    func complete(_ line: String) async -> Completion {
        let parsed = CommandLineWords(line)
        let word = parsed.endsInWord ? parsed.words.last ?? "" : ""
        let isFirst = parsed.words.count - (parsed.endsInWord ? 1 : 0) == 0
        if isFirst { return Self.among(Verb.all.map(\.name), word, shown: \.self, after: " ", parsed) }
        if word.hasPrefix("-"), let verb = Verb.named(parsed.words[0]) {
            return Self.among(verb.flags.map { "-\($0.name)" }, word, shown: \.self, after: " ", parsed)
        }
        if parsed.words.first == "help" {
            return Self.among(Verb.all.map(\.name), word, shown: \.self, after: " ", parsed)
        }
        if word.isEmpty { return Completion(insertion: "/") }
        guard word.utf8.first == UInt8(ascii: "/"), let slash = word.lastSlash else { return Completion() }
        let directory = slash == word.startIndex ? "/" : String(word[..<slash])
        guard let client, client.state.isConnected, let names = try? await client.getChildren(directory) else {
            return Completion()
        }
        let paths = names.map { Subtree.child($0, of: directory) }.filter { $0.hasPrefix(word) }.sortedByBytes()
        var completion = Self.among(
            paths, word, shown: { $0.pathNames.last ?? $0 }, after: "", parsed)
        if paths.count == 1, let stat = try? await client.exists(paths[0]) {
            let isLeaf = stat.numChildren == 0
            completion.insertion += isLeaf ? (parsed.openQuote.map { "\($0) " } ?? " ") : "/"
        }
        return completion
    }

    private static func among(
        _ all: [String], _ word: String, shown: (String) -> String, after: String, _ line: CommandLineWords
    ) -> Completion {
        let matches = all.filter { $0.hasPrefix(word) }
        guard let first = matches.first else { return Completion() }
        let shared = matches.dropFirst().reduce(first) { $0.commonPrefix(with: $1) }
        guard let rest = CommandLineWords.escaped(shared.dropFirst(word.count), openQuote: line.openQuote) else {
            return Completion(candidates: matches.map(shown))
        }
        if matches.count == 1 { return Completion(insertion: rest + after) }
        return rest.isEmpty ? Completion(candidates: matches.map(shown)) : Completion(insertion: rest)
    }
}

extension String {
    fileprivate func commonPrefix(with other: String) -> String {
        String(zip(self, other).prefix { $0 == $1 }.map(\.0))
    }
}

/// Names in columns, down and then across, as `ls` shows files.
enum Columns {
    static let maximumShown = 300

    static func text(_ names: [String], width: Int) -> String {
        let shown = names.prefix(maximumShown)
        let column = (shown.map(\.count).max() ?? 0) + 2
        let across = max(1, width / column)
        let down = (shown.count + across - 1) / across
        var text = ""
        for row in 0..<down {
            var line = ""
            for place in stride(from: row, to: shown.count, by: down) {
                line += shown[place] + String(repeating: " ", count: column - shown[place].count)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            text += line + "\n"
        }
        return shown.count < names.count ? text + "... and \(names.count - shown.count) more\n" : text
    }
}
