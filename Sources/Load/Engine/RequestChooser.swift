/// Draws the next request's kind and key, from a seed.
struct RequestChooser {
    private let thresholds: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
    private let keyCount: UInt32
    private let zipf: AliasTable?
    private var random: RandomSource

    init(configuration: RunConfiguration, seed: UInt64, zipf: AliasTable?) {
        let list = configuration.mix.thresholds
        thresholds = (list[0], list[1], list[2], list[3], list[4], list[5])
        keyCount = UInt32(configuration.keyCount)
        self.zipf = zipf
        random = RandomSource(seed: seed)
    }

    @inline(__always)
    mutating func nextKind() -> OperationKind {
        let bits = UInt32(truncatingIfNeeded: random.next() >> 32)
        // The threshold before an operation without weight equals its own, so it is never picked, except that the
        // topmost one is inclusive: 32 bits cannot express "all".
        if bits < thresholds.0 || thresholds.0 == .max { return .read }
        if bits < thresholds.1 || thresholds.1 == .max { return .set }
        if bits < thresholds.2 || thresholds.2 == .max { return .create }
        if bits < thresholds.3 || thresholds.3 == .max { return .delete }
        if bits < thresholds.4 || thresholds.4 == .max { return .exists }
        return .children
    }

    @inline(__always)
    mutating func nextKey() -> Int {
        if let zipf { return zipf.draw(&random) }
        return Int(random.below(keyCount))
    }
}
