/// Times of one kind, in milliseconds; negative where something came before what it is counted from.
public struct TimeFigures: Codable, Equatable, Sendable {
    public var count: Int
    public var p50Millis: Double
    public var p99Millis: Double
    public var p999Millis: Double
    public var longestMillis: Double
    /// All of them; those below 0 as 0.
    public var kept: KeptLatencies

    /// - Returns: nil without any.
    init?(nanos: [Int64]) {
        guard !nanos.isEmpty else { return nil }
        let sorted = nanos.sorted()
        func millis(_ share: Double) -> Double {
            Double(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]) / 1e6
        }
        count = sorted.count
        p50Millis = millis(0.5)
        p99Millis = millis(0.99)
        p999Millis = millis(0.999)
        longestMillis = Double(sorted.last!) / 1e6
        kept = KeptLatencies(nanos: sorted)
    }

    /// What distribution has this order.
    public var isInOrder: Bool {
        count > 0 && p50Millis <= p99Millis && p99Millis <= p999Millis && p999Millis <= longestMillis
    }
}
