import CPlatform

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One client of the null server: what is left of its input, and what its socket did not take yet.
struct NullConnection {
    let descriptor: Int32
    var hasSession = false
    private var carry: [UInt8] = []
    private var pending: [UInt8] = []
    private var pendingStart = 0

    init(descriptor: Int32) { self.descriptor = descriptor }

    func release() { close(descriptor) }

    var hasPending: Bool { pendingStart < pending.count }

    mutating func takeCarry(into input: UnsafeMutableRawPointer) -> Int {
        let count = carry.count
        if count > 0 { carry.withUnsafeBytes { input.copyMemory(from: $0.baseAddress!, byteCount: count) } }
        carry.removeAll(keepingCapacity: true)
        return count
    }

    mutating func keepCarry(_ bytes: UnsafeRawPointer, _ count: Int) {
        if count > 0 { carry.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: count)) }
    }

    /// Sends, keeping what the socket refuses. False when the connection is gone.
    mutating func send(_ bytes: UnsafeRawPointer, _ count: Int) -> Bool {
        var sent = 0
        if !hasPending {
            sent = Glibc.send(descriptor, bytes, count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            if sent < 0 {
                guard errno == EAGAIN || errno == EINTR else { return false }
                sent = 0
            }
        }
        if sent < count {
            if !hasPending {
                pending.removeAll(keepingCapacity: true)
                pendingStart = 0
            }
            pending.append(contentsOf: UnsafeRawBufferPointer(start: bytes + sent, count: count - sent))
        }
        return true
    }

    /// Sends what is pending. False when the connection is gone.
    mutating func sendPending() -> Bool {
        guard hasPending else { return true }
        let sent = pending.withUnsafeBytes {
            Glibc.send(
                descriptor, $0.baseAddress! + pendingStart, $0.count - pendingStart,
                Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }
        if sent < 0 { return errno == EAGAIN || errno == EINTR }
        pendingStart += sent
        return true
    }
}
