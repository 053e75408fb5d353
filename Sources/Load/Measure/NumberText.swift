#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A number with this many decimals, always with a point.
func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return "nan" }
    let scale = pow(10.0, Double(decimals))
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e17 else { return "\(value)" }
    let whole = UInt64(scaled) / UInt64(scale)
    let sign = value < 0 && scaled > 0 ? "-" : ""
    if decimals == 0 { return "\(sign)\(whole)" }
    let fraction = String(UInt64(scaled) % UInt64(scale))
    return "\(sign)\(whole)." + String(repeating: "0", count: decimals - fraction.count) + fraction
}

/// A rate or count in short: 950, 12.3k, 4.56M.
func short(_ value: Double) -> String {
    switch abs(value) {
    case ..<1000: fixed(value, value == value.rounded() ? 0 : 1)
    case ..<1e6: fixed(value / 1e3, abs(value) < 1e5 ? 1 : 0) + "k"
    default: fixed(value / 1e6, 2) + "M"
    }
}

/// Nanoseconds in the unit that fits.
func shortTime(_ nanos: Double) -> String {
    switch nanos {
    case ..<1e3: fixed(nanos, 0) + " ns"
    case ..<1e6: fixed(nanos / 1e3, nanos < 1e5 ? 1 : 0) + " µs"
    case ..<1e9: fixed(nanos / 1e6, nanos < 1e8 ? 2 : 0) + " ms"
    default: fixed(nanos / 1e9, 2) + " s"
    }
}

/// Text filled with spaces to a width; longer text stays.
func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
    let gap = String(repeating: " ", count: max(0, width - text.count))
    return left ? text + gap : gap + text
}
