/// A cursor over one protocol buffers message. Every step checks what is left.
struct WireReader {
    enum Failure: Error {
        /// The bytes end in the middle of a field, or are no field.
        case malformed
    }

    /// One field as it is on the wire.
    enum Field {
        case varint(UInt64)
        case bytes(Range<Int>)
        /// Four or eight bytes; no message here has one.
        case fixed
    }

    private let bytes: UnsafeRawBufferPointer
    private var position: Int
    private let end: Int

    init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>? = nil) {
        self.bytes = bytes
        position = range?.lowerBound ?? 0
        end = range?.upperBound ?? bytes.count
    }

    /// The next field and its number; nil at the end.
    mutating func next() throws(Failure) -> (number: UInt64, field: Field)? {
        guard position < end else { return nil }
        let tag = try varint()
        switch tag & 7 {
        case 0: return (tag >> 3, .varint(try varint()))
        case 1:
            try skip(8)
            return (tag >> 3, .fixed)
        case 2:
            let length = try varint()
            guard length <= UInt64(end - position) else { throw .malformed }
            let range = position..<position + Int(length)
            position = range.upperBound
            return (tag >> 3, .bytes(range))
        case 5:
            try skip(4)
            return (tag >> 3, .fixed)
        default: throw .malformed
        }
    }

    private mutating func skip(_ count: Int) throws(Failure) {
        guard count <= end - position else { throw .malformed }
        position += count
    }

    private mutating func varint() throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        throw .malformed
    }
}

/// How many bytes a number takes as a varint.
func varintSize(_ value: Int) -> Int { max(1, (UInt64(value).bitWidth - UInt64(value).leadingZeroBitCount + 6) / 7) }

/// Writes a message into room of exactly its size.
struct WireWriter {
    private let target: UnsafeMutableRawBufferPointer
    private var position = 0

    init(_ target: UnsafeMutableRawBufferPointer) { self.target = target }

    mutating func varint(_ value: Int) {
        var rest = UInt64(value)
        while rest >= 0x80 {
            target[position] = UInt8(truncatingIfNeeded: rest) | 0x80
            position += 1
            rest >>= 7
        }
        target[position] = UInt8(rest)
        position += 1
    }

    mutating func tag(_ number: Int, wireType: Int) { varint(number << 3 | wireType) }

    mutating func bytes(_ number: Int, _ bytes: [UInt8]) {
        tag(number, wireType: 2)
        varint(bytes.count)
        room(bytes.count).copyBytes(from: bytes)
    }

    /// The next `count` bytes, for the caller to fill.
    mutating func room(_ count: Int) -> UnsafeMutableRawBufferPointer {
        defer { position += count }
        return UnsafeMutableRawBufferPointer(rebasing: target[position..<position + count])
    }
}
