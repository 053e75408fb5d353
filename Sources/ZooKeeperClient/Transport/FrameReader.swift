import Jute

/// Cuts a stream of bytes into frames. A frame within one read is not copied.
struct FrameReader: ~Copyable {
    enum Failure: Error, Equatable {
        case tooLong(bytes: Int)
    }

    private let maximumFrameBytes: Int
    /// The start of a frame whose end has not come, its length before it.
    private var partial = WireBuffer()

    init(maximumFrameBytes: Int) {
        self.maximumFrameBytes = maximumFrameBytes
    }

    /// Hands on the content of each frame that is whole now. The bytes are valid during the call only.
    mutating func read(_ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) throws(Failure) {
        var rest = bytes
        if !partial.isEmpty {
            rest = try completePartial(rest, body)
        }
        while rest.count >= 4 {
            let length = try length(rest)
            guard rest.count - 4 >= length else { break }
            body(UnsafeRawBufferPointer(rebasing: rest[4..<4 + length]))
            rest = UnsafeRawBufferPointer(rebasing: rest[(4 + length)...])
        }
        partial.append(raw: rest)
    }

    /// Moves over what the partial frame lacks; answers what is behind it.
    private mutating func completePartial(
        _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(Failure) -> UnsafeRawBufferPointer {
        var rest = bytes
        func take(_ wanted: Int, _ partial: inout WireBuffer) -> Bool {
            let count = min(wanted, rest.count)
            partial.append(raw: UnsafeRawBufferPointer(rebasing: rest[..<count]))
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            return count == wanted
        }
        if partial.count < 4, !take(4 - partial.count, &partial) { return rest }
        let length = try length(partial.bytes)
        partial.reserve(length)
        guard take(4 + length - partial.count, &partial) else { return rest }
        body(UnsafeRawBufferPointer(rebasing: partial.bytes[4...]))
        // The memory of an exceptional reply is not kept.
        if partial.capacity > 1 << 20 { partial.release() } else { partial.removeAll() }
        return rest
    }

    private func length(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Int {
        let length = Int(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        guard (0...maximumFrameBytes).contains(length) else { throw .tooLong(bytes: length) }
        return length
    }
}
