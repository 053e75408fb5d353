import Foundation

/// What two servers said to one request of a step: what is explained is explained of this and of nothing beside it.
struct Exchange {
    /// The request as a transcript shows it; `events` for what other requests than this step's caused.
    var request: String
    var left: [String]
    var right: [String]

    /// The same with only those lines that differ.
    var unequal: Exchange {
        let (onlyLeft, onlyRight) = Self.unequal(left, right)
        return Exchange(request: request, left: onlyLeft, right: onlyRight)
    }

    var isSame: Bool { left == right }

    /// What the patterns of `explained.txt` are matched with.
    var text: String {
        ([request] + left.map { "left " + $0 } + right.map { "right " + $0 }).joined(separator: "\n")
    }

    /// The lines that differ: by place where both sides said equally much, else those between the common
    /// beginning and the common end.
    static func unequal(_ left: [String], _ right: [String]) -> ([String], [String]) {
        if left.count == right.count {
            let places = left.indices.filter { left[$0] != right[$0] }
            return (places.map { left[$0] }, places.map { right[$0] })
        }
        var start = 0
        while start < left.count, start < right.count, left[start] == right[start] { start += 1 }
        var end = 0
        while end < left.count - start, end < right.count - start,
            left[left.count - 1 - end] == right[right.count - 1 - end]
        { end += 1 }
        return (Array(left[start..<left.count - end]), Array(right[start..<right.count - end]))
    }
}

/// The list of known, reasoned differences between two servers (`explained.txt`).
///
/// A line is `id | kind | pattern | replacement | reason`, its fields separated by " | ". But for `rewrite`, a pattern
/// must match the whole of one request's exchange: its text, then `left …` and `right …` for each line that differs.
/// Kinds:
/// - `rewrite`: on both sides the pattern becomes the replacement before lines are compared;
/// - `accept`: a request whose exchange matches the pattern is no failure;
/// - `stop`: as `accept`, but the servers' states part here: behind it, in its step, zxids and what is said of the
///   paths that it names may differ, and the round ends with its step;
/// - `behind`: a request whose exchange (all of its lines) matches the pattern is the cause of a later one's difference
///   in the same step, if that names one of its paths and matches the replacement as a pattern; then as `stop`.
struct Explanations {
    enum Kind: String { case rewrite, accept, stop, behind }

    enum Verdict: Equatable {
        case same
        /// The states have parted, as explained; up to which exchange all of it was compared.
        case stop(compared: Int)
        /// The exchange that nothing explains.
        case differs(Int)
    }

    struct Rule {
        var id: String
        var kind: Kind
        var pattern: NSRegularExpression
        var replacement: String
        /// For `behind`: what the later request's exchange must match.
        var later: NSRegularExpression?
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
                let pattern = try? NSRegularExpression(pattern: kind == .rewrite ? fields[2] : Self.whole(fields[2]))
            else { throw SyntaxError(line: number + 1) }
            var rule = Rule(
                id: fields[0], kind: kind, pattern: pattern, replacement: fields[3], later: nil, reason: fields[4])
            if kind == .behind {
                guard let later = try? NSRegularExpression(pattern: Self.whole(fields[3])) else {
                    throw SyntaxError(line: number + 1)
                }
                rule.later = later
            }
            rules.append(rule)
        }
    }

    private static func whole(_ pattern: String) -> String { #"\A(?:"# + pattern + #")\z"# }

    func rewritten(_ line: String) -> String {
        var text = line
        for rule in rules where rule.kind == .rewrite {
            text = rule.pattern.stringByReplacingMatches(
                in: text, range: NSRange(text.startIndex..., in: text), withTemplate: rule.replacement)
        }
        return text
    }

    /// Whether everything in a step that differs is explained, request by request.
    mutating func verdict(_ exchanges: [Exchange]) -> Verdict {
        var parted: Int?
        /// The paths named by what made the states part.
        var touched: Set<String> = []
        var causes: [(rule: Rule, paths: Set<String>)] = []
        for (index, exchange) in exchanges.enumerated() {
            let exchange = parted == nil ? exchange : Self.withoutZxids(exchange)
            let difference = exchange.unequal
            if !exchange.isSame {
                let own = rules.first { [.accept, .stop].contains($0.kind) && $0.pattern.matches(difference) }
                if let rule = own {
                    uses[rule.id, default: 0] += 1
                    if rule.kind == .stop {
                        parted = parted ?? index
                        touched.formUnion(Paths.named(in: exchange.request))
                    }
                } else if let cause = causes.first(where: {
                    $0.rule.later?.matches(difference) == true && Paths.areRelated($0.paths, exchange.request)
                }) {
                    uses[cause.rule.id, default: 0] += 1
                    parted = parted ?? index
                    touched.formUnion(cause.paths)
                    touched.formUnion(Paths.named(in: exchange.request))
                } else if parted == nil || !Self.isConsequence(exchange, of: touched) {
                    return .differs(index)
                }
            }
            for rule in rules where rule.kind == .behind && rule.pattern.matches(exchange) {
                causes.append((rule, Paths.named(in: exchange.request)))
            }
        }
        return parted.map { .stop(compared: $0) } ?? .same
    }

    /// Whether what differs in an exchange behind a parting of the states, other than zxids, is said of the paths where
    /// they parted.
    private static func isConsequence(_ exchange: Exchange, of touched: Set<String>) -> Bool {
        if exchange.request != Exchange.events { return Paths.areRelated(touched, exchange.request) }
        let rest = exchange.unequal
        return (rest.left + rest.right).allSatisfy { Paths.areRelated(touched, $0) }
    }

    private static let zxids = [
        (expression(#"zxid=\S+"#), "zxid=_"), (expression(#"\{c\S+ m\S+ "#), "{c_ m_ "),
        (expression(#" p\S+\}"#), " p_}"),
    ]

    private static func expression(_ pattern: String) -> NSRegularExpression {
        do { return try NSRegularExpression(pattern: pattern) } catch { preconditionFailure("\(pattern): \(error)") }
    }

    private static func withoutZxids(_ exchange: Exchange) -> Exchange {
        Exchange(
            request: exchange.request, left: exchange.left.map(withoutZxids), right: exchange.right.map(withoutZxids))
    }

    private static func withoutZxids(_ line: String) -> String {
        zxids.reduce(line) { text, rule in
            rule.0.stringByReplacingMatches(
                in: text, range: NSRange(text.startIndex..., in: text), withTemplate: rule.1)
        }
    }
}

extension NSRegularExpression {
    fileprivate func matches(_ exchange: Exchange) -> Bool {
        let text = exchange.text
        return firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
    }
}

extension Exchange {
    /// The request of what a step shows on connections behind its requests' replies.
    static let events = "events"
}

/// The paths that a request's text names, and how they bear on each other.
enum Paths {
    /// Everything between quotation marks that begins with a slash.
    static func named(in text: String) -> Set<String> {
        var result: Set<String> = []
        for piece in text.split(separator: "\"", omittingEmptySubsequences: false).dropFirst().enumerated()
        where piece.offset % 2 == 0 && piece.element.hasPrefix("/") {
            result.insert(String(piece.element))
        }
        return result
    }

    /// Whether the text names one of the paths, the parent of one, something below one, or a sequential sibling
    /// made of one; a count or list of all that is below a path is also about each of those, and the number in a
    /// sequential znode's name about every sibling.
    static func areRelated(_ paths: Set<String>, _ text: String) -> Bool {
        let ofAll = text.contains("getAllChildrenNumber ") || text.contains("getEphemerals ")
        let isSequential = ["2", "3", "6"].contains { text.contains("flags=\($0) ") }
        for other in named(in: text) {
            for path in paths {
                if isSequential, parent(other) == parent(path) { return true }
                if other == path || other == parent(path) || other.hasPrefix(path + "/") { return true }
                if other.hasPrefix(path), other.dropFirst(path.count).allSatisfy(\.isNumber) { return true }
                if ofAll, other == "/" || path.hasPrefix(other + "/") { return true }
            }
        }
        return false
    }

    private static func parent(_ path: String) -> String {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }
}
