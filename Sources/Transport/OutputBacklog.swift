import Jute

/// Bytes that wait behind a connection's output, in pieces of one size. One buffer that grew would be copied whole each
/// time it doubles and each time half of it has been sent: a leader whose follower is 100 MB behind would stand still
/// for that, and everybody with it.
struct OutputBacklog {
    /// Memory of this size the reactor's pool keeps.
    static let chunkBytes = 256 * 1024

    private final class Chunk {
        var buffer: WireBuffer
        var next: Chunk?

        init(capacity: Int) { buffer = WireBuffer(capacity: capacity) }
    }

    private var first: Chunk?
    private var last: Chunk?
    /// In all chunks.
    private(set) var bytes = 0

    var isEmpty: Bool { first == nil }

    mutating func append(_ added: UnsafeRawBufferPointer) {
        var rest = added
        while !rest.isEmpty {
            let tail = roomyTail()
            let count = min(rest.count, Self.chunkBytes - tail.buffer.count)
            tail.buffer.append(raw: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        bytes += added.count
    }

    private mutating func roomyTail() -> Chunk {
        if let last, last.buffer.count < Self.chunkBytes { return last }
        let chunk = Chunk(capacity: Self.chunkBytes)
        if let last { last.next = chunk } else { first = chunk }
        last = chunk
        return chunk
    }

    /// Moves the first piece into a buffer that has no memory of its own.
    mutating func takeFirst(into buffer: UnsafeMutablePointer<WireBuffer>) {
        guard let chunk = first else { return }
        bytes -= chunk.buffer.count
        swap(&buffer.pointee, &chunk.buffer)
        first = chunk.next
        if first == nil { last = nil }
    }

    mutating func removeAll() {
        // Not by the last reference to the first piece: a long chain would be released by recursion.
        while let chunk = first { first = chunk.next }
        last = nil
        bytes = 0
    }
}
