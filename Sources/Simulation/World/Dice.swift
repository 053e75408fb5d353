/// The simulation's only source of chance: xoshiro256**, seeded by splitmix64. One seed decides a whole run.
public struct Dice: RandomNumberGenerator, Sendable {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    public init(seed: UInt64) {
        var state = seed
        func draw() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
        s0 = draw()
        s1 = draw()
        s2 = draw()
        s3 = draw()
    }

    public mutating func next() -> UInt64 {
        let product = s1 &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = (s3 << 45) | (s3 >> 19)
        return result
    }

    /// A generator of its own, so that what one part of the world draws does not move the others.
    public mutating func split() -> Dice { Dice(seed: next()) }

    public mutating func chance(_ probability: Double) -> Bool {
        probability > 0 && Double(next() >> 11) * 0x1p-53 < probability
    }

    public mutating func int(_ range: ClosedRange<Int>) -> Int {
        let span = UInt64(range.upperBound - range.lowerBound) + 1
        return range.lowerBound + Int(next().multipliedFullWidth(by: span).high)
    }

    public mutating func pick<Element>(_ list: [Element]) -> Element { list[int(0...list.count - 1)] }

    /// Index of one of the weights, in their proportion.
    public mutating func weighted(_ weights: [Int]) -> Int {
        var left = int(0...max(0, weights.reduce(0, +) - 1))
        for (index, weight) in weights.enumerated() {
            if left < weight { return index }
            left -= weight
        }
        return weights.count - 1
    }

    /// A time around a mean: mostly shorter, sometimes several times as long.
    public mutating func around(_ meanNanos: UInt64) -> UInt64 {
        // The smaller of uniform draws squared gives a long tail without logarithms, whose last bit may differ between
        // libraries.
        let unit = Double(next() >> 11) * 0x1p-53
        return UInt64(Double(meanNanos) * 3 * unit * unit) + 1
    }
}
