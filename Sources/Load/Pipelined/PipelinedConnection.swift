import CPlatform
import Jute

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One session of a `PipelinedLoad`, which alone uses it.
final class PipelinedConnection {
    struct Pending {
        var tag: RequestTag
        /// When it was to be sent; in a closed loop, when it was.
        var plannedNanos: UInt64
    }

    let descriptor: Int32
    let input: UnsafeMutableRawPointer
    let inputCapacity: Int
    /// Bytes at the start of `input` that are no whole frame yet.
    var filled = 0
    /// Bytes of the frame in hand that are still to come, and are of no interest.
    var skipping = 0
    var output = WireBuffer()
    /// Bytes of `output` that the socket has taken.
    var written = 0
    var waitsForRoom = false
    var nextXid: Int32 = 1
    var expectedXid: Int32 = 1
    var lastZxid: Int64 = 0
    private let ring: UnsafeMutablePointer<Pending>
    private let mask: Int
    private var head = 0
    private var tail = 0

    /// - Parameter limit: the most requests outstanding.
    init(_ server: ServerAddress, limit: Int, maximumReplyBytes: Int) throws(LoadError) {
        descriptor = try Handshake.open(server, sessionTimeoutMillis: 30_000).descriptor
        Handshake.makeNonBlocking(descriptor)
        var capacity = 16
        while capacity < limit { capacity *= 2 }
        ring = .allocate(capacity: capacity)
        ring.initialize(repeating: Pending(tag: RequestTag(kind: 0, expected: 0), plannedNanos: 0), count: capacity)
        mask = capacity - 1
        inputCapacity = maximumReplyBytes + (64 << 10)
        input = .allocate(byteCount: inputCapacity, alignment: 16)
    }

    deinit {
        close(descriptor)
        ring.deallocate()
        input.deallocate()
    }

    var outstanding: Int { tail - head }
    var hasRoom: Bool { outstanding <= mask }
    var first: Pending? { head == tail ? nil : ring[head & mask] }

    func push(_ pending: Pending) {
        precondition(hasRoom)
        ring[tail & mask] = pending
        tail += 1
    }

    func pop() { head += 1 }

    /// Writes what the socket takes; false when the connection is broken.
    func flush() -> Bool {
        while written < output.count {
            let count = send(
                descriptor, output.bytes.baseAddress! + written, output.count - written,
                Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            if count < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN
            }
            written += count
        }
        output.removeAll()
        written = 0
        return true
    }
}
