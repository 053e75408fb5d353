import Foundation

#if canImport(Glibc)
    import Glibc
#endif

public enum SocketError: Error, Equatable {
    case refused(Int32)
    case timedOut
}

/// A blocking loopback connection with deadlines.
///
/// Used by one thread at a time; `shutdown` may come from another.
public final class Socket: @unchecked Sendable {
    private var descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    private let arrival = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
    /// The peer has closed, or the connection is broken.
    public private(set) var isAtEnd = false

    public init(port: Int, receiveBufferBytes: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError.refused(errno) }
        if var bytes = receiveBufferBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, 4)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            descriptor = -1
            throw SocketError.refused(code)
        }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    }

    deinit {
        disconnect()
        arrival.deallocate()
    }

    public func disconnect() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        isAtEnd = true
    }

    /// Closes with a reset instead of an orderly end.
    public func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        disconnect()
    }

    /// No more bytes will be sent; replies can still be read.
    public func endSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends both directions; a thread waiting for input sees the end of the stream.
    public func endBoth() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Sends all of it, or marks the connection as ended.
    public func send(_ bytes: [UInt8], within seconds: Double = 20) throws {
        let deadline = Date().addingTimeInterval(seconds)
        var sent = 0
        while sent < bytes.count && descriptor >= 0 {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress! + sent, bytes.count - sent,
                    Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                guard wait(Int16(POLLOUT), until: deadline) else { throw SocketError.timedOut }
            } else if errno != EINTR {
                isAtEnd = true
                return
            }
        }
    }

    /// Bytes that fit without waiting; the rest stays with the caller.
    public func sendWithoutWaiting(_ bytes: ArraySlice<UInt8>) -> Int {
        let count = bytes.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        if count < 0 && errno != EAGAIN && errno != EINTR { isAtEnd = true }
        return max(0, count)
    }

    private func wait(_ events: Int16, until deadline: Date) -> Bool {
        while true {
            let left = deadline.timeIntervalSinceNow
            var entry = pollfd(fd: descriptor, events: events, revents: 0)
            let ready = poll(&entry, 1, Int32(max(0, min(left * 1000 + 1, 60_000))))
            if ready > 0 { return true }
            if left <= 0 { return false }
        }
    }

    private var available: Int { buffer.count - start }

    /// Waits for more bytes; false at the end of the stream.
    private func fill(until deadline: Date) throws -> Bool {
        guard descriptor >= 0 else { return false }
        if start > 65_536 || start == buffer.count {
            buffer.removeFirst(start)
            start = 0
        }
        while true {
            guard wait(Int16(POLLIN), until: deadline) else { throw SocketError.timedOut }
            let count = recv(descriptor, arrival.baseAddress!, arrival.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: arrival[0..<count]))
                return true
            }
            if count == 0 || (errno != EAGAIN && errno != EINTR) {
                isAtEnd = true
                return false
            }
        }
    }

    /// Exactly so many bytes; nil when the stream ends before them.
    public func receive(_ count: Int, until deadline: Date) throws -> [UInt8]? {
        while available < count {
            guard try fill(until: deadline) else { return nil }
        }
        defer { start += count }
        return Array(buffer[start..<start + count])
    }

    /// Everything up to the end of the stream.
    public func receiveAll(within seconds: Double) throws -> [UInt8] {
        let deadline = Date().addingTimeInterval(seconds)
        while try fill(until: deadline) {}
        defer { start = buffer.count }
        return Array(buffer[start...])
    }

    /// Throws away what has arrived, without waiting for more.
    public func discardInput() {
        start = buffer.count
        while descriptor >= 0 {
            let count = recv(descriptor, arrival.baseAddress!, arrival.count, Int32(MSG_DONTWAIT))
            if count > 0 || (count < 0 && errno == EINTR) { continue }
            if count == 0 || errno != EAGAIN { isAtEnd = true }
            return
        }
    }

    /// Whether input, or the end of the stream, comes within so many seconds.
    public func waitForInput(seconds: Double) -> Bool {
        available > 0 || wait(Int16(POLLIN), until: Date().addingTimeInterval(seconds))
    }

    /// Whether a read would not wait.
    public var hasInput: Bool { available > 0 || wait(Int16(POLLIN), until: Date()) }
}

/// A port that was free a moment ago, below the range the kernel hands out by itself.
public func freePort() -> Int {
    for _ in 0..<200 {
        let port = Int.random(in: 20_000...32_000)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result == 0 { return port }
    }
    fatalError("no free port")
}

/// Sends a four-letter word and returns all of the answer.
public func fourLetterWord(_ word: String, port: Int, within seconds: Double = 10) throws -> String {
    let socket = try Socket(port: port)
    try socket.send(Array(word.utf8))
    do {
        return String(decoding: try socket.receiveAll(within: seconds), as: UTF8.self)
    } catch SocketError.timedOut {
        throw UnansweredWord(word: word, port: port, seconds: seconds)
    }
}

/// A four-letter word that a server took and did not answer to its end.
public struct UnansweredWord: Error, CustomStringConvertible {
    let word: String
    let port: Int
    let seconds: Double

    public var description: String { "'\(word)' at port \(port) was not answered within \(seconds) s" }
}
