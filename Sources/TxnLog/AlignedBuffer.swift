#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Memory aligned for direct I/O, zeroed at creation. One owner.
final class AlignedBuffer {
    let base: UnsafeMutableRawPointer
    let capacity: Int

    /// - Parameter capacity: bytes, a multiple of the block size.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity % DiskBlock.size == 0)
        self.capacity = capacity
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, DiskBlock.size, capacity) == 0, let memory else {
            fatalError("out of memory: \(capacity) aligned bytes")
        }
        base = memory
        memset(base, 0, capacity)
    }

    deinit { free(base) }

    func prefix(_ count: Int) -> UnsafeRawBufferPointer {
        precondition(count <= capacity)
        return UnsafeRawBufferPointer(start: base, count: count)
    }
}
