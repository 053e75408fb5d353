/// Notes in which stretches of a window nothing succeeded; corral-bench keeps the same of ZooKeeper's clients.
public struct SilenceNotes: Sendable {
    /// Shorter ones are the normal space between answers.
    public static let floorNanos: UInt64 = 10_000_000

    private var startNanos: UInt64
    private var lastNanos: UInt64
    /// Pairs of nanoseconds from the window's start: the last success before, and the first after.
    public private(set) var pairs: [[UInt64]] = []

    public init(startNanos: UInt64) {
        self.startNanos = startNanos
        lastNanos = startNanos
    }

    public mutating func success(at nanos: UInt64) {
        // Answers may be noted out of their order.
        guard nanos > lastNanos else { return }
        if nanos - lastNanos >= Self.floorNanos { pairs.append([lastNanos - startNanos, nanos - startNanos]) }
        lastNanos = nanos
    }

    /// A silence that still lasts ends with the window.
    public mutating func end(at nanos: UInt64) { success(at: nanos) }
}
