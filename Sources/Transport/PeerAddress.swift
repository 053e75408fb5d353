import CPlatform
import Glibc

/// The address of a peer: an IPv4 or IPv6 address and a port. IPv4 in IPv6's clothes counts as IPv4.
///
/// Small and free of references; text is made only when asked for.
public struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address bytes in network order, the first ones first; unused ones are zero.
    private let high: UInt64
    private let low: UInt64
    /// 4, 16, or 0 for a socket that is neither (a socket pair).
    public let byteCount: UInt8
    public let port: UInt16

    init(_ address: corral_address) {
        (high, low) = withUnsafeBytes(of: address.bytes) {
            ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        byteCount = address.length
        port = address.port
    }

    /// An address in digits; nil when the text is something else, a host name for instance.
    public init?(numeric text: String, port: UInt16) {
        var raw = corral_address()
        guard corral_numeric_address(text, port, &raw) == 0 else { return nil }
        self.init(raw)
    }

    /// Looks a host name up, in the resolver's order. Blocks, possibly for many seconds.
    public static func resolve(host: String, port: UInt16) throws(TransportError) -> [PeerAddress] {
        if let numeric = PeerAddress(numeric: host, port: port) { return [numeric] }
        var found = [corral_address](repeating: corral_address(), count: 16)
        var code: Int32 = 0
        let count = corral_resolve(host, port, &found, found.count, &code)
        guard count > 0 else {
            throw .unknownAddress(address: host, detail: String(cString: corral_resolve_message(code)))
        }
        return found[0..<count].map { PeerAddress($0) }
    }

    var raw: corral_address {
        var address = corral_address()
        address.length = byteCount
        address.port = port
        withUnsafeMutableBytes(of: &address.bytes) {
            $0.storeBytes(of: high, as: UInt64.self)
            $0.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
        }
        return address
    }

    /// 0.0.0.0 or ::, which listen on all addresses.
    public var isWildcard: Bool { byteCount > 0 && high == 0 && low == 0 }

    /// The raw address in network order: 4 or 16 bytes, valid for the length of the call.
    public func withAddressBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withUnsafeBytes(of: (high, low)) {
            try body(UnsafeRawBufferPointer(rebasing: $0[0..<Int(byteCount)]))
        }
    }

    /// The address as text, without the port.
    public var ip: String {
        guard byteCount > 0 else { return "unknown" }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            withAddressBytes { bytes in
                let family = byteCount == 4 ? AF_INET : AF_INET6
                guard inet_ntop(family, bytes.baseAddress!, text.baseAddress!, socklen_t(text.count)) != nil else {
                    return "unknown"
                }
                return String(cString: text.baseAddress!)
            }
        }
    }

    public var isLoopback: Bool {
        withAddressBytes { bytes in
            switch bytes.count {
            case 4: bytes[0] == 127
            case 16: bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
            default: false
            }
        }
    }

    public var description: String { byteCount == 16 ? "[\(ip)]:\(port)" : "\(ip):\(port)" }
}

extension PeerAddress {
    /// The same address with another port.
    public func with(port: UInt16) -> PeerAddress {
        var raw = raw
        raw.port = port
        return PeerAddress(raw)
    }
}
