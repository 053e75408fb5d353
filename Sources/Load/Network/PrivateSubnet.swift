/// Addresses `10.x.y.0/24` that lead nowhere else on this machine.
struct PrivateSubnet: Equatable {
    private let prefix: UInt32

    static let outside: UInt8 = 1
    private static let mask: UInt32 = 0xffff_ff00

    /// The first that no route covers, or nil when all are taken.
    ///
    /// - Parameters:
    ///   - routes: `/proc/net/route`.
    ///   - start: where to begin, so that programs that begin at once do not meet.
    init?(routes: String, start: UInt32) {
        let taken = Self.parse(routes)
        let count: UInt32 = 1 << 16
        let free = (0..<count).lazy.map { 0x0a00_0000 | ((start &+ $0) % count) << 8 }.first { candidate in
            !taken.contains { ($0.destination ^ candidate) & $0.mask & Self.mask == 0 }
        }
        guard let free else { return nil }
        prefix = free
    }

    /// Destinations and masks, the default route left out. Both are written as the machine's words hold them.
    private static func parse(_ routes: String) -> [(destination: UInt32, mask: UInt32)] {
        routes.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(whereSeparator: \.isWhitespace)
            guard fields.count > 7, let destination = UInt32(fields[1], radix: 16),
                let mask = UInt32(fields[7], radix: 16), mask != 0
            else { return nil }
            return (UInt32(bigEndian: destination), UInt32(bigEndian: mask))
        }
    }

    /// - Parameter number: the last of its four.
    func address(_ number: UInt8) -> String {
        "\(prefix >> 24).\(prefix >> 16 & 0xff).\(prefix >> 8 & 0xff).\(number)"
    }
}
