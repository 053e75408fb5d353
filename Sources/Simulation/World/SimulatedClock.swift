import ServerCore

/// One server's clock: its rate differs a little from true time, and its wall time may jump.
final class SimulatedClock: CoreClock {
    private let world: World
    /// Parts per million by which it is fast.
    let driftPartsPerMillion: Int64
    /// What the monotonic clock showed when the world began.
    private let offsetNanos: UInt64
    var wallJumpMillis: Int64 = 0

    /// The wall time at which every world begins.
    private static let wallStartMillis: Int64 = 1_700_000_000_000

    init(_ world: World, driftPartsPerMillion: Int64, offsetNanos: UInt64) {
        self.world = world
        self.driftPartsPerMillion = driftPartsPerMillion
        self.offsetNanos = offsetNanos
    }

    func monotonicNanos() -> UInt64 {
        let drift = Int64(world.now / 1_000_000) * driftPartsPerMillion
        return offsetNanos &+ UInt64(bitPattern: Int64(world.now) + drift)
    }

    func wallMillis() -> Int64 { Self.wallStartMillis + Int64(world.now / Span.millisecond) + wallJumpMillis }
}
