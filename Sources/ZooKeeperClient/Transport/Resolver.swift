import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Looks up host names, each time anew: names move.
enum Resolver {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// One of an endpoint's addresses, chosen by chance.
    static func address(
        of endpoint: Endpoint, in eventLoop: any EventLoop,
        _ lookUp: @escaping @Sendable (Endpoint) throws -> [SocketAddress]
    ) -> EventLoopFuture<SocketAddress> {
        if let address = try? SocketAddress(ipAddress: endpoint.host, port: endpoint.port) {
            return eventLoop.makeSucceededFuture(address)
        }
        return NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) {
            let addresses = try lookUp(endpoint)
            guard let address = addresses.randomElement() else {
                throw Failure(description: "\(endpoint.host) has no address")
            }
            return address
        }
    }

    /// Blocks.
    @Sendable static func lookUp(_ endpoint: Endpoint) throws -> [SocketAddress] {
        var hints = addrinfo()
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(endpoint.host, String(endpoint.port), &hints, &first)
        guard code == 0 else {
            throw Failure(description: "\(endpoint.host): \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var next = first
        while let entry = next {
            next = entry.pointee.ai_next
            guard let raw = UnsafeRawPointer(entry.pointee.ai_addr) else { continue }
            switch entry.pointee.ai_family {
            case AF_INET: addresses.append(SocketAddress(raw.load(as: sockaddr_in.self), host: endpoint.host))
            case AF_INET6: addresses.append(SocketAddress(raw.load(as: sockaddr_in6.self), host: endpoint.host))
            default: break
            }
        }
        return addresses
    }
}
