import Glibc

/// Addresses as Java prints them.
enum SocketAddressText {
    /// IPv4 unchanged; IPv6 as eight hexadecimal groups without `::`, its zone kept.
    static func java(_ address: String) -> String {
        guard address.contains(":") else { return address }
        let halves = address.split(separator: "%", maxSplits: 1)
        var binary = in6_addr()
        guard let bare = halves.first, inet_pton(AF_INET6, String(bare), &binary) == 1 else { return address }
        let groups = withUnsafeBytes(of: &binary) { bytes in
            stride(from: 0, to: 16, by: 2).map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
        }
        return groups.joined(separator: ":") + (halves.count == 2 ? "%\(halves[1])" : "")
    }
}
