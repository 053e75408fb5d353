/// The correctness rules that a measured server must keep; breaking one makes the run invalid.
public enum ViolationKind: Int, CaseIterable, Codable, Sendable {
    /// A frame whose length cannot be right.
    case framing
    /// A reply out of request order, or one nobody asked for.
    case replyOrder
    /// A zxid below one seen before on the connection.
    case zxidOrder
    /// A reply or value of the wrong length.
    case payloadLength
    /// A value with a broken stamp, of another znode, or older or newer than the connection's own last write.
    case contentStamp
    /// An error code that this workload can never cause.
    case unexpectedError
    /// The server closed a connection.
    case connectionLost
    /// Requests without a reply when the run ended.
    case unanswered
    /// A write that was acknowledged is gone, or one happened twice.
    case acknowledgedLost

    public var name: String { String(describing: self) }
}

/// How often each rule was broken, and the first case of each in words.
public struct Violations: Codable, Equatable, Sendable {
    public private(set) var counts: [String: UInt64] = [:]
    public private(set) var firstExamples: [String: String] = [:]

    public init() {}

    public var isEmpty: Bool { counts.isEmpty }
    public var total: UInt64 { counts.values.reduce(0, +) }

    mutating func add(_ kind: ViolationKind, count: UInt64 = 1, example: @autoclosure () -> String) {
        counts[kind.name, default: 0] += count
        if firstExamples[kind.name] == nil { firstExamples[kind.name] = example() }
    }

    mutating func add(_ other: Violations) {
        counts.merge(other.counts, uniquingKeysWith: +)
        firstExamples.merge(other.firstExamples) { first, _ in first }
    }

    /// One line per broken rule.
    public var lines: [String] {
        counts.keys.sorted().map { "\($0): \(counts[$0]!) times, first: \(firstExamples[$0] ?? "")" }
    }
}
