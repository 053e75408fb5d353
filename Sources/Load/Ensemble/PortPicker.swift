import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Picks loopback ports outside the range from which the kernel serves outgoing connections: a server that restarts
/// must find its port free, whatever connected to whomever meanwhile.
struct PortPicker {
    private var random = SystemRandomNumberGenerator()
    private var taken: Set<UInt16> = []
    private let range: ClosedRange<UInt16>

    /// All ports have five digits: a proxy exchanges one for another within a message.
    private static let lowest: UInt16 = 10_000

    init() {
        let text = TextFile.read("/proc/sys/net/ipv4/ip_local_port_range")
        let first = text.split(whereSeparator: \.isWhitespace).first.flatMap { UInt16($0) } ?? 32_768
        range = first > Self.lowest + 2000 ? Self.lowest...first - 1 : 61_000...65_500
    }

    /// A port nobody listens on now, and not given out before.
    mutating func next() throws(LoadError) -> UInt16 {
        for _ in 0..<2000 {
            let port = UInt16.random(in: range, using: &random)
            if !taken.contains(port), Self.isFree(port) {
                taken.insert(port)
                return port
            }
        }
        throw .environment("found no free loopback port between \(range.lowerBound) and \(range.upperBound)")
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = LoopbackAddress.make(port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

enum LoopbackAddress {
    /// 127.0.0.1 with a port.
    static func make(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return address
    }
}
