import CPlatform

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A sliding view of a file that is read from front to back. One owner.
///
/// Reads in pieces that keep neither the disk nor the reader's thread for long, and gives way between them: who reads
/// much must not keep other servers of the same machine from their commits until the scheduler's next tick. Grows only
/// when a single item is larger than the view.
final class FileWindow {
    let file: any DiskFile
    private(set) var fileSize: Int
    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    /// The view holds the file's bytes `start..<start + count`.
    private var start = 0
    private var count = 0

    private var ahead = ReadAhead(bytes: 1 << 20)

    init(_ file: any DiskFile, capacity: Int = 128 << 10) throws(DiskError) {
        self.file = file
        self.capacity = capacity
        fileSize = try file.size()
        memory = malloc(capacity)!
    }

    deinit { free(memory) }

    /// Forgets what was read: the file is being written to.
    func refresh() throws(DiskError) {
        fileSize = try file.size()
        count = 0
    }

    /// The bytes at `offset`: at least `wanted`, or all that the file still has; more if they are at hand.
    /// Valid until the next call.
    func view(at offset: Int, wanted: Int) throws(DiskError) -> UnsafeRawBufferPointer {
        precondition(offset >= 0 && wanted >= 0)
        let end = min(offset + wanted, fileSize)
        if offset < start || end > start + count { try load(offset, max(0, end - offset)) }
        let skipped = offset - start
        return UnsafeRawBufferPointer(start: memory + min(skipped, count), count: max(0, count - skipped))
    }

    private func load(_ offset: Int, _ needed: Int) throws(DiskError) {
        if needed > capacity {
            free(memory)
            capacity = needed + capacity
            memory = malloc(capacity)!
            count = 0
        }
        if offset >= start && offset < start + count {
            count -= offset - start
            memmove(memory, memory + (offset - start), count)
        } else {
            count = 0
        }
        start = offset
        let room = min(capacity - count, max(0, fileSize - offset - count))
        let free = UnsafeMutableRawBufferPointer(start: memory + count, count: room)
        count += try file.read(into: free, at: offset + count)
        corral_give_way()
        ahead.advance(to: start + count, of: file)
    }

    /// Where the first byte other than zero lies at or after `offset`; nil when there are only zeros.
    func firstNonZero(from offset: Int) throws(DiskError) -> Int? {
        var position = offset
        while position < fileSize {
            let bytes = try view(at: position, wanted: min(64 << 10, fileSize - position))
            if bytes.isEmpty { return nil }
            if let index = bytes.firstNonZeroIndex { return position + index }
            position += bytes.count
        }
        return nil
    }
}

extension UnsafeRawBufferPointer {
    /// The index of the first byte other than zero.
    var firstNonZeroIndex: Int? {
        guard count > 0, let base = baseAddress else { return nil }
        if base.load(as: UInt8.self) != 0 { return 0 }
        // All bytes equal their neighbour and the first is zero: one library call over the whole.
        if count == 1 || memcmp(base, base + 1, count - 1) == 0 { return nil }
        var index = 1
        while base.load(fromByteOffset: index, as: UInt8.self) == 0 { index += 1 }
        return index
    }
}
