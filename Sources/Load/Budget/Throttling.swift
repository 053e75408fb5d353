/// How often and how long servers have stood still for want of CPU budget.
public struct Throttling: Codable, Equatable, Sendable {
    /// Periods in which a server ran.
    public var periods: UInt64 = 0
    /// Of these, those in which its budget was used up.
    public var throttledPeriods: UInt64 = 0
    /// How long its threads were held back, all together.
    public var throttledNanos: UInt64 = 0

    static func sum(_ groups: [ControlGroup]) -> Throttling {
        groups.reduce(into: Throttling()) { $0.add($1.throttling) }
    }

    mutating func add(_ other: Throttling) {
        periods += other.periods
        throttledPeriods += other.throttledPeriods
        throttledNanos += other.throttledNanos
    }

    static func - (later: Throttling, earlier: Throttling) -> Throttling {
        Throttling(
            periods: later.periods - earlier.periods,
            throttledPeriods: later.throttledPeriods - earlier.throttledPeriods,
            throttledNanos: later.throttledNanos - earlier.throttledNanos)
    }
}
