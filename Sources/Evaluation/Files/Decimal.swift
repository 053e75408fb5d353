import Foundation

/// Numbers as files have them: with a point, and always the same digits.
enum Decimal {
    static func text(_ value: Double, _ places: Int) -> String {
        String(format: "%.\(places)f", locale: Locale(identifier: "en_US_POSIX"), value)
    }
}
