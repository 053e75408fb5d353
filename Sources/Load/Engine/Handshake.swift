import CPlatform
import Jute

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A session just opened: what the server granted.
struct OpenedSession {
    let descriptor: Int32
    var sessionId: Int64
    var timeoutMillis: Int32
    var password: [UInt8]

    /// No session yet: what asks for a new one.
    static func none(timeoutMillis: Int32) -> OpenedSession {
        OpenedSession(
            descriptor: -1, sessionId: 0, timeoutMillis: timeoutMillis, password: [UInt8](repeating: 0, count: 16))
    }
}

/// Connecting and the session handshake, blocking with a deadline. Not on the hot path.
enum Handshake {
    static let deadlineSeconds = 10.0

    /// Opens a TCP connection and a session on it. The descriptor is left in blocking mode.
    static func open(_ server: ServerAddress, sessionTimeoutMillis: Int32) throws(LoadError) -> OpenedSession {
        let descriptor = try connect(server)
        do {
            return try openSession(descriptor, server: server, sessionTimeoutMillis: sessionTimeoutMillis)
        } catch {
            close(descriptor)
            throw error
        }
    }

    static func connect(_ server: ServerAddress) throws(LoadError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(server.host, String(server.port), &hints, &list)
        guard status == 0, let first = list else {
            throw .connection("cannot resolve '\(server.host)': \(String(cString: gai_strerror(status)))")
        }
        defer { freeaddrinfo(list) }
        var lastError: Int32 = 0
        var candidate: UnsafeMutablePointer<addrinfo>? = first
        while let address = candidate {
            let descriptor = socket(
                address.pointee.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            if descriptor >= 0 {
                var limit = timeval(tv_sec: Int(deadlineSeconds), tv_usec: 0)
                let size = socklen_t(MemoryLayout<timeval>.size)
                setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
                setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
                var on: Int32 = 1
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
                if Glibc.connect(descriptor, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0 {
                    let status = corral_connected(descriptor)
                    if status == 0 { return descriptor }
                    lastError = -status
                } else {
                    lastError = errno
                }
                close(descriptor)
            } else {
                lastError = errno
                if lastError == EMFILE {
                    throw .environment("out of file descriptors: raise the limit with 'ulimit -n'")
                }
            }
            candidate = address.pointee.ai_next
        }
        var reason = String(cString: strerror(lastError))
        if lastError == ECONNREFUSED {
            reason += " (nothing listens there; start the server, or name another with --servers)"
        }
        throw .connection("cannot connect to \(server): \(reason)")
    }

    private static func openSession(
        _ descriptor: Int32, server: ServerAddress, sessionTimeoutMillis: Int32
    ) throws(LoadError) -> OpenedSession {
        var request = WireBuffer()
        encodeRequest(.none(timeoutMillis: sessionTimeoutMillis), lastZxid: 0, to: &request)
        try writeAll(descriptor, request.bytes, server: server)

        let foreign = "\(server) does not speak ZooKeeper's client protocol"
        var prefix = [UInt8](repeating: 0, count: 4)
        let got = prefix.withUnsafeMutableBytes { readAll(descriptor, $0) }
        guard got == 4 else {
            if got == 0 {
                throw .connection(
                    "\(server) closed the connection during the handshake: no quorum yet, too many connections from "
                        + "this host (maxClientCnxns), or no ZooKeeper server")
            }
            throw .connection("\(foreign): no handshake reply within \(Int(deadlineSeconds)) s")
        }
        let length = prefix.reduce(0) { $0 << 8 | Int($1) }
        guard length == 36 || length == 37 else {
            throw .connection("\(foreign): its first bytes announce a reply of \(length) bytes, not 36 or 37")
        }
        var reply = [UInt8](repeating: 0, count: length)
        guard reply.withUnsafeMutableBytes({ readAll(descriptor, $0) }) == length else {
            throw .connection("\(foreign): it broke off during the handshake")
        }
        guard let session = reply.withUnsafeBytes({ decodeReply($0, descriptor: descriptor) }) else {
            throw .connection("\(foreign): odd handshake reply")
        }
        guard session.timeoutMillis > 0, session.sessionId != 0 else {
            throw .connection("\(server) refused the session")
        }
        return session
    }

    /// The request that opens a session, or attaches one that has an id. With its frame's length.
    static func encodeRequest(_ session: OpenedSession, lastZxid: Int64, to request: inout WireBuffer) {
        request.append(int32: 45)
        request.append(int32: 0)  // protocol version
        request.append(int64: lastZxid)
        request.append(int32: session.timeoutMillis)
        request.append(int64: session.sessionId)
        session.password.withUnsafeBytes { request.append(buffer: $0) }
        request.append(bool: false)  // no read-only server
    }

    /// The reply without its frame's length, 36 or 37 bytes; nil when it is none. An expired session has no time.
    static func decodeReply(_ reply: UnsafeRawBufferPointer, descriptor: Int32) -> OpenedSession? {
        guard reply.count == 36 || reply.count == 37 else { return nil }
        func integer(_ offset: Int, _ count: Int) -> Int64 {
            reply[offset..<offset + count].reduce(0) { $0 << 8 | Int64($1) }
        }
        guard integer(0, 4) == 0, integer(16, 4) == 16 else { return nil }
        return OpenedSession(
            descriptor: descriptor, sessionId: integer(8, 8), timeoutMillis: Int32(truncatingIfNeeded: integer(4, 4)),
            password: [UInt8](reply[20..<36]))
    }

    static func writeAll(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, server: ServerAddress
    ) throws(LoadError) {
        var sent = 0
        while sent < bytes.count {
            let count = send(descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            if count < 0 {
                if errno == EINTR { continue }
                throw .connection("writing to \(server) failed: \(String(cString: strerror(errno)))")
            }
            sent += count
        }
    }

    /// Reads until the buffer is full, the peer closes (fewer bytes) or nothing comes in time (-1).
    static func readAll(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = recv(descriptor, buffer.baseAddress! + filled, buffer.count - filled, 0)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == ECONNRESET { break }
                return -1
            }
            filled += count
        }
        return filled
    }

    static func makeNonBlocking(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }
}
