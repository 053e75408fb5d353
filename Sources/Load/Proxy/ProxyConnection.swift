import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One direction of a proxied connection: what was read from one side and not yet written to the other.
/// Only the proxy's thread touches it.
final class ProxyFlow {
    static let capacity = 128 << 10

    private let storage = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
    private(set) var start = 0
    private(set) var end = 0
    /// The reading side has said that nothing more comes.
    var hasEnded = false
    /// That was passed on.
    var hasShutDown = false

    deinit { storage.deallocate() }

    var isEmpty: Bool { start == end }
    var hasRoom: Bool { end < Self.capacity }
    var bytes: UnsafeMutableRawBufferPointer { .init(start: storage + start, count: end - start) }

    enum Progress {
        case some, none, end, failed
    }

    /// Reads what there is, as far as there is room.
    func fill(from descriptor: Int32) -> Progress {
        if isEmpty {
            start = 0
            end = 0
        }
        guard hasRoom else { return .none }
        let count = recv(descriptor, storage + end, Self.capacity - end, Int32(MSG_DONTWAIT))
        if count > 0 {
            end += count
            return .some
        }
        if count == 0 { return .end }
        return errno == EAGAIN || errno == EINTR ? .none : .failed
    }

    /// Writes what there is, as far as the socket takes it.
    func drain(to descriptor: Int32) -> Progress {
        guard !isEmpty else { return .none }
        let count = send(descriptor, storage + start, end - start, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        if count > 0 {
            start += count
            return .some
        }
        return errno == EAGAIN || errno == EINTR ? .none : .failed
    }
}

/// A connection that one server opened to another through the proxy. Only the proxy's thread touches it.
final class ProxyConnection {
    /// Who opened it, and to whom.
    let from: Int
    let to: Int
    let targetPort: UInt16
    /// In the opener's first message its own election port is exchanged for the way back through the proxy.
    let rewrite: (own: UInt16, proxied: UInt16)?
    let openerSide: Int32
    /// -1 until connected.
    var targetSide: Int32 = -1
    var isConnecting = false
    var hasRewritten: Bool
    /// From the opener to the target, and back.
    let forward = ProxyFlow()
    let backward = ProxyFlow()
    /// A side that broke while the other must not learn of it.
    var isOpenerDead = false
    var isTargetDead = false
    /// What epoll was last told, per side; nil when it was told to forget the descriptor.
    var openerInterest: UInt32?
    var targetInterest: UInt32?

    init(from: Int, to: Int, targetPort: UInt16, rewrite: (own: UInt16, proxied: UInt16)?, descriptor: Int32) {
        self.from = from
        self.to = to
        self.targetPort = targetPort
        self.rewrite = rewrite
        openerSide = descriptor
        hasRewritten = rewrite == nil
    }

    /// Whether the first message is there as a whole, with the address in it exchanged; until then nothing goes on.
    func passFirstMessage() -> Bool {
        guard !hasRewritten, let rewrite else { return true }
        switch ElectionGreeting.rewrite(forward.bytes, own: rewrite.own, proxied: rewrite.proxied) {
        case .incomplete: return false
        case .done:
            hasRewritten = true
            return true
        }
    }
}

/// The first message on an election connection: protocol version (negative), the sender's id, and its election
/// addresses as text, to which the receiver may connect back:
///
///     version (8)   id (8)   length (4)   "host:port|host:port" (length)
enum ElectionGreeting {
    enum Outcome {
        case incomplete, done
    }

    private static let longestAddress = 1024

    /// Exchanges a port in the message's text for another of as many digits.
    static func rewrite(_ bytes: UnsafeMutableRawBufferPointer, own: UInt16, proxied: UInt16) -> Outcome {
        guard bytes.count >= 8 else { return .incomplete }
        // Older servers send their id alone.
        guard Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)) < 0 else { return .done }
        guard bytes.count >= 20 else { return .incomplete }
        let length = Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: Int32.self)))
        guard (1...longestAddress).contains(length) else { return .done }
        guard bytes.count >= 20 + length else { return .incomplete }
        let wanted = Array(":\(own)".utf8)
        let replacement = Array(":\(proxied)".utf8)
        precondition(wanted.count == replacement.count, "ports of one length")
        var position = 20
        while position + wanted.count <= 20 + length {
            let isHere = wanted.indices.allSatisfy { bytes[position + $0] == wanted[$0] }
            let after = position + wanted.count
            let endsHere = after == 20 + length || bytes[after] < 48 || bytes[after] > 57
            if isHere, endsHere {
                for (offset, byte) in replacement.enumerated() { bytes[position + offset] = byte }
            }
            position += 1
        }
        return .done
    }
}
