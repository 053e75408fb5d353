import Foundation

/// The list of known, reasoned differences between two servers (`explained.txt`).
///
/// A line is `id | kind | pattern | replacement | reason`, its fields separated by " | ". Kinds:
/// - `rewrite`: on both sides the pattern becomes the replacement before lines are compared;
/// - `accept`: a step that differs and whose transcript matches the pattern is no failure;
/// - `stop`: as `accept`, but the servers' states part here, so the round ends.
struct Explanations {
    enum Kind: String { case rewrite, accept, stop }

    struct Rule {
        var id: String
        var kind: Kind
        var pattern: NSRegularExpression
        var replacement: String
        var reason: String
    }

    struct SyntaxError: Error, CustomStringConvertible {
        var line: Int
        var description: String { "explained.txt line \(line): expected 'id | kind | pattern | replacement | reason'" }
    }

    var rules: [Rule] = []
    /// How often each rule was used, by id.
    private(set) var uses: [String: Int] = [:]

    static let none = Explanations()

    private init() {}

    init(text: String) throws {
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.hasPrefix("#") || line.allSatisfy(\.isWhitespace) { continue }
            let fields = line.components(separatedBy: " | ")
            guard fields.count == 5, let kind = Kind(rawValue: fields[1]), !fields[4].isEmpty,
                let pattern = try? NSRegularExpression(pattern: fields[2], options: [.dotMatchesLineSeparators])
            else { throw SyntaxError(line: number + 1) }
            rules.append(
                Rule(id: fields[0], kind: kind, pattern: pattern, replacement: fields[3], reason: fields[4]))
        }
    }

    func rewritten(_ line: String) -> String {
        var text = line
        for rule in rules where rule.kind == .rewrite {
            text = rule.pattern.stringByReplacingMatches(
                in: text, range: NSRange(text.startIndex..., in: text), withTemplate: rule.replacement)
        }
        return text
    }

    /// How a step's difference is explained: as a whole, or else line by line where each has its counterpart.
    mutating func explanation(step: String, left: [String], right: [String]) -> Kind? {
        if let rule = rule(step: step, left: left, right: right) { return rule.kind }
        guard left.count == right.count else { return nil }
        for index in left.indices {
            guard let rule = rule(step: step, left: [left[index]], right: [right[index]]) else { return nil }
            // The states part here: what differs behind it may be its consequence.
            if rule.kind == .stop { return .stop }
        }
        return .accept
    }

    private mutating func rule(step: String, left: [String], right: [String]) -> Rule? {
        let text =
            "step " + step + "\nleft " + left.joined(separator: "\nleft ") + "\nright "
            + right.joined(separator: "\nright ")
        for rule in rules where rule.kind != .rewrite {
            if rule.pattern.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil {
                uses[rule.id, default: 0] += 1
                return rule
            }
        }
        return nil
    }
}
