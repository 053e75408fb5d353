#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the generator remembers of one request until its reply.
struct PendingRequest {
    /// When it should have been sent; equal to `sentNanos` in a closed loop.
    var plannedNanos: UInt64
    var sentNanos: UInt64
    /// The write sequence a read must find, the version a write must make (of a shared key: its sequence), or the
    /// number of children a listing must find.
    var expected: UInt64
    /// The shared key, the connection's id, or the number of a created node.
    var key: UInt32
    var kind: UInt8
}

/// One session. Lives at a fixed address in its generator's memory; only that generator's thread touches it.
struct ConnectionState {
    /// -1 while there is no connection.
    var descriptor: Int32
    /// Unique over all generators of a run.
    let id: Int
    let sessionTimeoutNanos: UInt64

    /// Requests planned (`tail`), sent (`encoded`) and answered (`head`), counted from the start.
    var head: UInt64 = 0
    var encoded: UInt64 = 0
    var tail: UInt64 = 0
    let ring: UnsafeMutablePointer<PendingRequest>
    let ringMask: UInt64

    var nextXid: Int32 = 1
    var expectedXid: Int32 = 1
    var lastZxid: Int64
    /// Counts this connection's own `setData`, so that each value is its own.
    var sequence: UInt64 = 0
    /// The sequence that its own znode shows, and the version it has, once everything sent is answered.
    var visibleSequence: UInt64 = 0
    var version: UInt64 = 0
    /// Children created and not deleted are `oldestNode ..< nextNode`.
    var oldestNode = 0
    var nextNode = 0
    var lastSendNanos: UInt64 = 0
    var lastReplyNanos: UInt64 = 0

    /// An incomplete frame left from the last read.
    var carry: UnsafeMutableRawPointer
    var carryCount = 0
    var carryCapacity: Int
    /// Bytes the socket did not take.
    var spill: UnsafeMutableRawPointer?
    var spillStart = 0
    var spillEnd = 0
    var spillCapacity = 0
    var stage = ConnectionStage.open

    var isOpen: Bool { stage == .open }

    /// - Parameter outstandingLimit: the most requests planned and not yet answered.
    init(descriptor: Int32, id: Int, sessionTimeoutMillis: Int32, lastZxid: Int64, outstandingLimit: Int) {
        self.descriptor = descriptor
        self.id = id
        self.lastZxid = lastZxid
        sessionTimeoutNanos = UInt64(sessionTimeoutMillis) * 1_000_000
        var capacity = 16
        while capacity < outstandingLimit { capacity *= 2 }
        ring = .allocate(capacity: capacity)
        ring.initialize(
            repeating: PendingRequest(plannedNanos: 0, sentNanos: 0, expected: 0, key: 0, kind: 0), count: capacity)
        ringMask = UInt64(capacity - 1)
        carryCapacity = 4096
        carry = .allocate(byteCount: carryCapacity, alignment: 16)
    }

    func release() {
        if descriptor >= 0 { close(descriptor) }
        ring.deallocate()
        carry.deallocate()
        free(spill)
    }

    var outstanding: Int { Int(tail - head) }
    var liveNodes: Int { nextNode - oldestNode }

    /// Plans one request; the kind and key are chosen when it is sent.
    @inline(__always)
    mutating func plan(at nanos: UInt64) {
        ring[Int(tail & ringMask)].plannedNanos = nanos
        tail += 1
    }

    /// xids run from 1 to Int32.max and start over: negative ones are the server's.
    @inline(__always)
    static func following(_ xid: Int32) -> Int32 { xid == .max ? 1 : xid + 1 }

    mutating func keepCarry(_ bytes: UnsafeRawPointer, count: Int) {
        if count > carryCapacity {
            carry.deallocate()
            carryCapacity = count * 2
            carry = .allocate(byteCount: carryCapacity, alignment: 16)
        }
        if count > 0 { memcpy(carry, bytes, count) }
        carryCount = count
    }

    mutating func keepSpill(_ bytes: UnsafeRawPointer, count: Int) {
        if spillStart == spillEnd {
            spillStart = 0
            spillEnd = 0
        }
        if spillEnd + count > spillCapacity {
            spillCapacity = max(spillEnd + count, spillCapacity * 2)
            spill = realloc(spill, spillCapacity)!
        }
        memcpy(spill! + spillEnd, bytes, count)
        spillEnd += count
    }
}
