import CPlatform

enum Clock {
    /// The monotonic clock in seconds.
    static var seconds: Double { Double(corral_monotonic_nanos()) / 1e9 }
}
