import Glibc

/// A loopback port that is nobody else's as long as this object lives, whether a server listens on it or not.
///
/// It is bound and not listened on: whoever connects is refused, whoever looks for a free port passes it over, and a
/// server that allows its address to be reused may listen there meanwhile, as servers do. So a server that is down
/// finds its port free when it comes back. All ports lie outside of the range from which the kernel serves outgoing
/// connections, where any client may hold a port by chance.
final class ReservedPort: Sendable {
    let number: Int
    private let descriptor: Int32

    /// - Throws: when another process has the port.
    init(_ number: Int) throws(CorralTestingError) {
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard made >= 0 else { throw .cannotStart("no socket: \(String(cString: strerror(errno)))") }
        guard Self.bind(made, number) else {
            let code = errno
            close(made)
            throw .portTaken("port \(number) on 127.0.0.1: \(String(cString: strerror(code)))")
        }
        // After binding: nobody else who allows it may have the port, but its server may.
        var on: Int32 = 1
        setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        descriptor = made
        self.number = number
    }

    deinit { close(descriptor) }

    /// Any free one.
    static func any() throws(CorralTestingError) -> ReservedPort {
        for _ in 0..<500 {
            do throws(CorralTestingError) {
                return try ReservedPort(Int.random(in: range))
            } catch {
                guard case .portTaken = error else { throw error }
            }
        }
        throw .portTaken("no free port between \(range.lowerBound) and \(range.upperBound) on 127.0.0.1")
    }

    /// Below the kernel's own range, or above it when that begins too low.
    private static let range: ClosedRange<Int> = {
        let first = firstEphemeral() ?? 32_768
        return first > 12_000 ? 10_000...first - 1 : 61_000...65_500
    }()

    private static func firstEphemeral() -> Int? {
        guard let file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = fread(&bytes, 1, bytes.count, file)
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
    }

    private static func bind(_ descriptor: Int32, _ number: Int) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = UInt16(clamping: number).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
