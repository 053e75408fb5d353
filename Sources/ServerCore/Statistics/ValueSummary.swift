/// Last, least and greatest of some sizes in bytes; -1 before the first, as Apache prints it.
public struct SizeSummary: Sendable, Equatable {
    public private(set) var last = -1
    public private(set) var least = -1
    public private(set) var greatest = -1

    public init() {}

    /// The sizes of a batch: its last, smallest and largest.
    public mutating func record(last: Int, least: Int, greatest: Int) {
        self.last = last
        if self.least == -1 || least < self.least { self.least = least }
        if greatest > self.greatest { self.greatest = greatest }
    }

    public mutating func record(_ size: Int) {
        record(last: size, least: size, greatest: size)
    }

    public mutating func merge(_ other: SizeSummary) {
        guard other.last != -1 else { return }
        record(last: other.last, least: other.least, greatest: other.greatest)
    }
}

/// Count, sum, least and greatest of some numbers (batch sizes, queue lengths): plain counters, owned by one thread.
public struct NumberSummary: Sendable, Equatable {
    public private(set) var count: UInt64 = 0
    public private(set) var sum: UInt64 = 0
    private var lowest = UInt64.max
    public private(set) var greatest: UInt64 = 0

    public init() {}

    public var least: UInt64 { count == 0 ? 0 : lowest }

    public mutating func record(_ value: UInt64) {
        count &+= 1
        sum &+= value
        if value < lowest { lowest = value }
        if value > greatest { greatest = value }
    }

    public mutating func merge(_ other: NumberSummary) {
        count += other.count
        sum += other.sum
        lowest = min(lowest, other.lowest)
        greatest = max(greatest, other.greatest)
    }

    /// Mean, rounded half up to four decimals.
    public var average: Double {
        count == 0 ? 0 : (Double(sum) / Double(count) * 10_000).rounded(.toNearestOrAwayFromZero) / 10_000
    }
}
