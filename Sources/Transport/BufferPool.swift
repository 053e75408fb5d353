import Jute

/// Spare memory for outputs and kept remainders, last in first out, so that the memory used next is still in the cache.
///
/// Owned by one reactor's thread.
struct BufferPool: ~Copyable {
    /// What a fresh buffer holds.
    static let freshBytes = 16 * 1024
    /// A buffer that has grown beyond this is freed rather than kept.
    static let largestKeptBytes = 512 * 1024
    /// The most bytes kept in all.
    static let keptBytesLimit = 8 * 1024 * 1024

    private static let slots = 64
    private let spares = UnsafeMutablePointer<WireBuffer>.allocate(capacity: slots)
    private var count = 0
    private(set) var keptBytes = 0

    deinit {
        spares.deinitialize(count: count)
        spares.deallocate()
    }

    /// Puts memory into an empty buffer without any.
    mutating func lend(to buffer: UnsafeMutablePointer<WireBuffer>) {
        guard count > 0 else {
            buffer.pointee = WireBuffer(capacity: Self.freshBytes)
            return
        }
        count -= 1
        keptBytes -= spares[count].capacity
        buffer.pointee = (spares + count).move()
    }

    /// Takes the memory of a buffer back; its content is forgotten.
    mutating func takeBack(_ buffer: UnsafeMutablePointer<WireBuffer>) {
        let bytes = buffer.pointee.capacity
        guard bytes > 0 else { return }
        guard bytes <= Self.largestKeptBytes, count < Self.slots, keptBytes + bytes <= Self.keptBytesLimit else {
            buffer.pointee.release()
            return
        }
        buffer.pointee.removeAll()
        (spares + count).initialize(to: buffer.move())
        buffer.initialize(to: WireBuffer())
        keptBytes += bytes
        count += 1
    }
}
