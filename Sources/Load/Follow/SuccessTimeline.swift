/// A stretch of time without a single success, ended by one.
public struct Silence: Codable, Equatable, Sendable {
    /// On the monotonic clock: the last success before, and the first after.
    public var startNanos: UInt64
    public var endNanos: UInt64

    public var nanos: UInt64 { endNanos - startNanos }
}

/// When one generator thread had successes: exact silences, and counts by 10 ms. One owner.
struct SuccessTimeline {
    static let bucketNanos: UInt64 = 10_000_000
    /// Shorter silences are the normal space between replies.
    static let silenceFloorNanos: UInt64 = 10_000_000
    /// More than this are not kept: such a load is too thin to speak of silence.
    static let silenceLimit = 1 << 20

    private(set) var startNanos: UInt64
    private(set) var silences: [Silence] = []
    /// Successes per bucket from the start on; the last bucket may be incomplete.
    private(set) var counts: [UInt32] = []
    private(set) var total: UInt64 = 0
    private var lastNanos: UInt64

    init(startNanos: UInt64) {
        self.startNanos = startNanos
        lastNanos = startNanos
    }

    mutating func note(_ count: UInt64, at now: UInt64) {
        if now >= lastNanos + Self.silenceFloorNanos, silences.count < Self.silenceLimit {
            silences.append(Silence(startNanos: lastNanos, endNanos: now))
        }
        lastNanos = now
        total += count
        let bucket = Int((now - startNanos) / Self.bucketNanos)
        while counts.count <= bucket { counts.append(0) }
        counts[bucket] &+= UInt32(truncatingIfNeeded: count)
    }

    /// A silence that still lasts at the end.
    mutating func close(at now: UInt64) {
        if now >= lastNanos + Self.silenceFloorNanos { silences.append(Silence(startNanos: lastNanos, endNanos: now)) }
        lastNanos = now
    }

    /// Stretches in which every one of several threads was silent: pairwise intersections, in order.
    static func common(_ lists: [[Silence]]) -> [Silence] {
        guard var shared = lists.first else { return [] }
        for list in lists.dropFirst() {
            var next: [Silence] = []
            var left = shared[...]
            var right = list[...]
            while let first = left.first, let second = right.first {
                let start = max(first.startNanos, second.startNanos)
                let end = min(first.endNanos, second.endNanos)
                if end >= start + silenceFloorNanos { next.append(Silence(startNanos: start, endNanos: end)) }
                if first.endNanos < second.endNanos { left = left.dropFirst() } else { right = right.dropFirst() }
            }
            shared = next
        }
        return shared
    }

    /// Counts of several threads added up.
    static func sum(_ lists: [[UInt32]]) -> [UInt32] {
        var sum = [UInt32](repeating: 0, count: lists.map(\.count).max() ?? 0)
        for list in lists { for (index, count) in list.enumerated() { sum[index] &+= count } }
        return sum
    }
}
