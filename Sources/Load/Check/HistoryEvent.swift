/// One operation on one znode, as a client saw it. Times are on one monotonic clock.
public struct HistoryEvent: Equatable, Sendable {
    public enum Kind: UInt8, Sendable {
        /// A write of a unique value; an answered one knows the version it made.
        case write
        /// A read that must show the latest value: of the leader, behind a barrier.
        case read
        /// A read that may lag: it shows which value a version had, and never goes back for its client.
        case observation
    }

    public enum Outcome: UInt8, Sendable {
        case succeeded
        /// Surely without effect.
        case failed
        /// May have happened, at any time since it was sent, or never.
        case unknown
    }

    public var kind: Kind
    public var outcome: Outcome
    public var key: UInt32
    /// Who asked.
    public var client: UInt32
    public var value: HistoryValue
    /// The version the write made or the read found; meaningless unless the operation succeeded.
    public var version: Int32
    public var invokedNanos: UInt64
    /// Meaningless for an unknown outcome.
    public var returnedNanos: UInt64

    public init(
        kind: Kind, outcome: Outcome, key: UInt32, client: UInt32, value: HistoryValue, version: Int32,
        invokedNanos: UInt64, returnedNanos: UInt64
    ) {
        self.kind = kind
        self.outcome = outcome
        self.key = key
        self.client = client
        self.value = value
        self.version = version
        self.invokedNanos = invokedNanos
        self.returnedNanos = returnedNanos
    }
}

/// A value, told apart from every other of its znode: who wrote it, as which of its writes.
public struct HistoryValue: Hashable, Sendable, CustomStringConvertible {
    public var writer: UInt32
    public var sequence: UInt64

    public init(writer: UInt32, sequence: UInt64) {
        self.writer = writer
        self.sequence = sequence
    }

    public var description: String { "\(writer)/\(sequence)" }
}
