import CPlatform
import ServerCore

/// The machine's clocks.
final class SystemClock: CoreClock, Sendable {
    func monotonicNanos() -> UInt64 { corral_monotonic_nanos() }
    func wallMillis() -> Int64 { corral_wall_millis() }
}
